package githubdouble

import (
	_ "embed" // the schema
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/scanner"
)

//go:embed testdata/graphql.json
var graphqlDescription []byte

// schema is the part of GitHub's GraphQL schema that the double has: the fields of types and of inputs with their types,
// the arguments of the mutations, and the values of enumerations.
type schema struct {
	Fields    map[string]map[string]string
	Arguments map[string]map[string]string
	Enums     map[string][]string
}

func loadSchema() (*schema, error) {
	var s schema
	return &s, decode(graphqlDescription, &s)
}

// mutation is what a document asks for.
type mutation struct {
	name  string
	input map[string]any
}

// document is a GraphQL document while it is read.
type document struct {
	*schema
	left      []string // tokens
	declared  map[string]string
	variables map[string]any
	used      map[string]bool
}

// parse reads a document with one mutation with one argument, and holds it to the schema. It knows as much of the language
// as such a document needs.
func (s *schema) parse(text string, variables map[string]any) (mutation, error) {
	d := &document{schema: s, left: tokens(text), declared: map[string]string{}, variables: variables, used: map[string]bool{}}
	if err := d.declarations(); err != nil {
		return mutation{}, err
	}
	m := mutation{name: d.next()}
	payload, known := s.Fields["Mutation"][m.name]
	if !known {
		return m, fmt.Errorf("mutation %s is not one that the double has", m.name)
	}
	if err := d.expect("(", "input", ":"); err != nil {
		return m, err
	}
	input, err := d.value(s.Arguments[m.name]["input"])
	if err != nil {
		return m, err
	}
	m.input, _ = input.(map[string]any)
	if err := d.expect(")"); err != nil {
		return m, err
	}
	if err := d.selection(payload); err != nil {
		return m, err
	}
	for name := range d.declared {
		if !d.used[name] {
			return m, fmt.Errorf("$%s is declared and not used", name)
		}
	}
	return m, d.expect("}", "")
}

// declarations reads what is before the mutation's own name: mutation Name($a: ID!) {.
func (d *document) declarations() error {
	if err := d.expect("mutation"); err != nil {
		return err
	}
	if d.peek() != "(" {
		d.next()
	}
	if err := d.expect("("); err != nil {
		return err
	}
	for d.peek() == "$" {
		d.next()
		name := d.next()
		if err := d.expect(":"); err != nil {
			return err
		}
		if d.declared[name] = d.next(); d.peek() == "!" {
			d.declared[name] += d.next()
		}
	}
	return d.expect(")", "{")
}

// value reads a value of a type: a variable, or an object of values.
func (d *document) value(of string) (any, error) {
	name := strings.TrimSuffix(of, "!")
	switch word := d.next(); word {
	case "$":
		variable := d.next()
		d.used[variable] = true
		// One that must be given may stand where nothing need be.
		if declared := d.declared[variable]; declared != of && declared != of+"!" {
			return nil, fmt.Errorf("$%s is declared as %q, not %q", variable, declared, of)
		}
		given, exists := d.variables[variable]
		if !exists {
			return nil, fmt.Errorf("variable %s is not given", variable)
		}
		return given, d.check(name, given)
	case "{":
		fields := map[string]any{}
		for d.peek() != "}" {
			field := d.next()
			kind, known := d.Fields[name][field]
			if !known {
				return nil, fmt.Errorf("%s has no field %q", name, field)
			}
			if err := d.expect(":"); err != nil {
				return nil, err
			}
			var err error
			if fields[field], err = d.value(kind); err != nil {
				return nil, err
			}
		}
		return fields, errors.Join(d.expect("}"), d.check(name, fields))
	default:
		return nil, fmt.Errorf("%q where the double expects a variable or an object", word)
	}
}

// check holds a value to a type.
func (s *schema) check(of string, value any) error {
	fields, isInput := s.Fields[of]
	if !isInput {
		text, isText := value.(string)
		if values := s.Enums[of]; !isText || values != nil && !slices.Contains(values, text) {
			return fmt.Errorf("%v is no %s", value, of)
		}
		return nil
	}
	given, isObject := value.(map[string]any)
	if !isObject {
		return fmt.Errorf("%v is no %s", value, of)
	}
	for name, v := range given {
		kind, known := fields[name]
		if !known {
			return fmt.Errorf("%s has no field %s", of, name)
		}
		if err := s.check(strings.TrimSuffix(kind, "!"), v); err != nil {
			return err
		}
	}
	for name, kind := range fields {
		if _, exists := given[name]; !exists && strings.HasSuffix(kind, "!") {
			return fmt.Errorf("%s.%s is missing", of, name)
		}
	}
	return nil
}

// selection reads the fields that are wanted of a type.
func (d *document) selection(of string) error {
	if err := d.expect("{"); err != nil {
		return err
	}
	for d.peek() != "}" {
		name := d.next()
		kind, known := d.Fields[of][name]
		if !known {
			return fmt.Errorf("%s has no field %q that the double knows", of, name)
		}
		if inner := strings.Trim(kind, "[]!"); d.Fields[inner] != nil {
			if err := d.selection(inner); err != nil {
				return err
			}
		}
	}
	return d.expect("}")
}

// tokens takes a text apart. Commas are blanks in GraphQL.
func tokens(text string) []string {
	var s scanner.Scanner
	s.Init(strings.NewReader(text))
	s.Error = func(*scanner.Scanner, string) {}
	var out []string
	for token := s.Scan(); token != scanner.EOF; token = s.Scan() {
		if s.TokenText() != "," {
			out = append(out, s.TokenText())
		}
	}
	return out
}

func (d *document) peek() string {
	if len(d.left) == 0 {
		return ""
	}
	return d.left[0]
}

func (d *document) next() string {
	word := d.peek()
	if len(d.left) > 0 {
		d.left = d.left[1:]
	}
	return word
}

func (d *document) expect(words ...string) error {
	for _, want := range words {
		if got := d.next(); got != want {
			return fmt.Errorf("%q where the double expects %q", got, want)
		}
	}
	return nil
}
