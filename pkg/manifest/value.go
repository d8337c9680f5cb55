package manifest

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// SetValue sets the scalar at a value path (see ParsePath) of a YAML file.
//
// The value is a string to every parser: it gets quotes where it needs them,
// and the ones that the old value had. It is written without quotes where the
// old value was
//
//   - a number, and the value is a number that every parser prints like that
//     (3, 0.5; not 1.10, which is 1.1, nor 1e3 or 007);
//   - a boolean, and the value is true or false; in place of yes, no, on or off
//     any of these words.
//
// So replicas: 2 stays a number, and a tag such as 1.10 does not become one. A
// value that already is what was asked for is left alone, however it is written.
//
// The path must lead to a scalar, to an empty value, or to an alias of one,
// which gives way to the value. It must do so in exactly one of the file's
// documents. Nothing is created: a missing key is an error that says what is
// there. Errors are an *Error that wraps ErrInvalid or ErrTooLarge; path is for
// their messages only. Previous and Image of the Edit are empty.
func SetValue(path string, data []byte, at, value string, options ...Option) (Edit, error) {
	r, err := open(path, data, options)
	if err != nil {
		return Edit{}, err
	}
	if !utf8.ValidString(value) {
		return Edit{}, r.fail(0, 0, "%s: the value is not text in UTF-8", at)
	}
	way, err := r.way(at)
	if err != nil {
		return Edit{}, err
	}
	place, err := r.findAnywhere(way)
	if err != nil {
		return Edit{}, err
	}
	if l := replacement(place.node, value); !says(place.node, l) {
		if err := r.put(place, l); err != nil {
			return Edit{}, err
		}
	}
	return r.finish(Edit{Places: 1})
}

func (s *source) way(text string) (ValuePath, error) {
	way, err := ParsePath(text)
	if err != nil {
		return ValuePath{}, s.fail(0, 0, "%v", err)
	}
	return way, nil
}

// findAnywhere follows a path that exactly one document has.
func (s *source) findAnywhere(way ValuePath) (spot, error) {
	var found spot
	var nearest *missingError
	for _, doc := range s.docs {
		place, err := s.find(doc, way)
		var gone *missingError
		switch {
		case errors.As(err, &gone):
			if nearest == nil || gone.depth > nearest.depth {
				nearest = gone
			}
		case err != nil:
			return spot{}, err
		case found.node != nil:
			return spot{}, s.failAt(place.node, "more than one document of the file has %s, the first on line %d: which is meant?", way, found.node.Line)
		default:
			found = place
		}
	}
	switch {
	case found.node != nil:
		return found, nil
	case nearest != nil:
		return spot{}, nearest.place
	}
	return spot{}, s.fail(0, 0, "%s is missing: the file holds no YAML document", way)
}

// replacement is how a value is written in the place of a node.
func replacement(old *yaml.Node, value string) literal {
	plain := func(tag string) literal { return literal{tag: tag, value: value, raw: value, isRaw: true} }
	old = resolve(old)
	if old.Kind != yaml.ScalarNode || !isPlain(old) {
		return text(value)
	}
	switch tag := old.ShortTag(); {
	case tag == "!!int" || tag == "!!float":
		if tag := numberTag(value); tag != "" {
			return plain(tag)
		}
	case tag == "!!bool" && isBoolean(value):
		return plain("!!bool")
	case tag == "!!str" && oldBoolean.MatchString(old.Value) && isBoolean(value):
		return plain("!!bool")
	case tag == "!!str" && oldBoolean.MatchString(old.Value) && oldBoolean.MatchString(value):
		return plain("!!str")
	}
	return text(value)
}

func isBoolean(s string) bool { return s == "true" || s == "false" }

// oldBoolean are the words that YAML 1.1, which Helm and kubectl read, takes for
// booleans, and YAML 1.2 for strings.
var oldBoolean = regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$`)

// safeInteger is the largest number up to which a parser of JSON that reads
// numbers as floats is exact.
const safeInteger = 1 << 53

// numberTag is the type of a number that every parser prints as it is written;
// "" for any other text.
func numberTag(s string) string {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if strconv.FormatInt(n, 10) == s && -safeInteger <= n && n <= safeInteger {
			return "!!int"
		}
		return ""
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || strconv.FormatFloat(f, 'g', -1, 64) != s || strings.ContainsAny(s, "eIN") {
		return ""
	}
	return "!!float"
}

// says reports whether a node already is the literal to every parser.
func says(n *yaml.Node, l literal) bool {
	if isString(n, l.value) {
		return true
	}
	n = resolve(n)
	return l.isRaw && n.Kind == yaml.ScalarNode && isPlain(n) && n.ShortTag() == l.tag && n.Value == l.value
}
