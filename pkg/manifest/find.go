package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// spot is a value of a file, and what leads to it.
type spot struct {
	// node is the value as it stands: an alias is not followed.
	node *yaml.Node
	// name is what messages call it.
	name string
	// key is its key, where it has one of its own.
	key *yaml.Node
	// up is the spot of what holds it; nil at the root.
	up *spot
	// refusal says why it cannot be set: it stands in another place, and an
	// alias or a merge key leads there. Nil: it can.
	refusal *Error
}

// text is the value where that is a scalar with a value, else "".
func (s spot) text() string { return pair{value: s.node}.text() }

// inFlow reports whether it is inside brackets or braces.
func (s spot) inFlow() bool {
	for up := s.up; up != nil; up = up.up {
		if isFlow(resolve(up.node)) {
			return true
		}
	}
	return false
}

// below is the spot of a value that this one holds.
func (s *source) below(at spot, n *yaml.Node, name string) spot {
	holder := resolve(at.node)
	sub := spot{node: n, name: name, up: &at, refusal: at.refusal}
	if at.node != holder && sub.refusal == nil {
		sub.refusal = s.failAt(at.node, "%s is an alias (*%s): write the value out", at.name, at.node.Value)
	}
	return sub
}

// indent is the column of a collection's keys or dashes, counted from 0.
func (s *source) indent(collection *yaml.Node) int {
	if collection.Kind == yaml.MappingNode && len(collection.Content) > 0 {
		return collection.Content[0].Column - 1
	}
	_, column := s.position(s.content(collection))
	return column - 1
}

// holderIndent is the column of the collection that holds a spot.
func (s *source) holderIndent(at spot) int {
	if at.up == nil {
		return 0
	}
	return s.indent(resolve(at.up.node))
}

// root is the spot of a document.
func root(doc *yaml.Node) spot { return spot{node: doc.Content[0], name: "the document"} }

// missingError is that a path leads nowhere: there were depth steps to go.
type missingError struct {
	place *Error
	depth int
}

func (m *missingError) Error() string { return m.place.Error() }
func (m *missingError) Unwrap() error { return m.place }

// find follows a path from the root of a document. The error is a missingError
// where the path leads nowhere.
func (s *source) find(doc *yaml.Node, path ValuePath) (spot, error) {
	at := root(doc)
	for i, one := range path.steps {
		name := joinSteps(path.steps[:i+1])
		next, err := s.step(at, one, name)
		if err != nil {
			return spot{}, err
		}
		if next.node == nil {
			return spot{}, &missingError{s.missing(at, one, path.String()), i}
		}
		at = next
	}
	return at, nil
}

// step goes from a collection to a value of it. Its node is nil where there is
// none.
func (s *source) step(at spot, one step, name string) (spot, error) {
	holder := resolve(at.node)
	switch {
	case one.isItem && holder.Kind == yaml.SequenceNode && one.index < len(holder.Content):
		return s.below(at, holder.Content[one.index], name), nil
	case !one.isItem && holder.Kind == yaml.MappingNode:
		return s.under(at, one.key, name)
	}
	return spot{}, nil
}

// under is the value of a key of a mapping. Its node is nil where there is none.
func (s *source) under(at spot, key, name string) (spot, error) {
	holder := resolve(at.node)
	own, err := s.own(holder, key)
	if err != nil {
		return spot{}, err
	}
	merge, value := merged(holder, key)
	switch {
	case own.key != nil && value != nil && s.offset(merge) > s.offset(own.key):
		return spot{}, s.failAt(merge, "the merge key (<<) has %s too, and parsers differ on which counts: put it first", clip(key))
	case own.key != nil:
		sub := s.of(at, own)
		sub.name = name
		return sub, nil
	case value == nil:
		return spot{}, nil
	}
	sub := s.below(at, value, name)
	if sub.refusal == nil {
		sub.refusal = s.failAt(merge, "%s comes from a merge key (<<): write the value out", name)
	}
	return sub, nil
}

// own is the pair that a mapping has itself for a key. A key that is there twice
// is an error: YAML forbids it, and parsers differ on which of the two counts.
func (s *source) own(mapping *yaml.Node, key string) (pair, error) {
	var found pair
	for _, p := range pairs(mapping) {
		if !isKey(p.key, key) {
			continue
		}
		if found.key != nil {
			return pair{}, s.duplicate(p.key, found.key)
		}
		found = p
	}
	return found, nil
}

func (s *source) duplicate(key, first *yaml.Node) *Error {
	return s.failAt(key, "duplicate key %s, first on line %d: keep one", clip(resolve(key).Value), first.Line)
}

// isKey reports whether a node is that key. A number or a boolean is as it is
// written: JSON has no other keys than strings.
func isKey(n *yaml.Node, key string) bool {
	n = resolve(n)
	return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!merge" && n.Value == key
}

// merged is the value that a mapping has for a key through a merge key, and
// that one.
func merged(mapping *yaml.Node, key string) (merge, value *yaml.Node) {
	for _, p := range pairs(mapping) {
		if p.key.ShortTag() != "!!merge" {
			continue
		}
		only := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{p.key, p.value}}
		if value := inherited(only, func(name string) bool { return name == key }); value != nil {
			return p.key, value
		}
	}
	return nil, nil
}

// missing says which part of a path is not there, and what is.
func (s *source) missing(at spot, one step, path string) *Error {
	holder := resolve(at.node)
	switch {
	case holder.Kind == yaml.ScalarNode:
		what := "a value"
		if holder.ShortTag() == "!!null" {
			what = "empty"
		}
		return s.failAt(at.node, "%s is missing: %s is %s and has nothing below it", path, at.name, what)
	case one.isItem && holder.Kind == yaml.SequenceNode:
		return s.failAt(at.node, "%s is missing: %s has %s, the first is [0]", path, at.name, items(holder))
	case one.isItem:
		return s.failAt(at.node, "%s is missing: %s is no list; its keys are: %s", path, at.name, listKeys(holder))
	case holder.Kind == yaml.SequenceNode:
		return s.failAt(at.node, "%s is missing: %s is a list of %s: say which, the first is [0]", path, at.name, items(holder))
	default:
		return s.failAt(at.node, "%s is missing: %s has no key %s; its keys are: %s", path, at.name, clip(one.key), listKeys(holder))
	}
}

// listKeys lists the keys of a mapping for a message.
func listKeys(mapping *yaml.Node) string {
	const limit = 12
	var keys []string
	for _, p := range pairs(mapping) {
		key := resolve(p.key)
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			continue
		}
		if len(keys) == limit {
			keys = append(keys, fmt.Sprintf("and %d more", len(mapping.Content)/2-limit))
			break
		}
		keys = append(keys, clip(key.Value))
	}
	if len(keys) == 0 {
		return "none"
	}
	return strings.Join(keys, ", ")
}
