package manifest

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// width is how many nodes make a child of a collection.
func width(in *yaml.Node) int {
	if in.Kind == yaml.MappingNode {
		return 2
	}
	return 1
}

// child is the bytes of the child with that index in a collection's nodes, its
// dash included.
func (s *source) child(in *yaml.Node, i int) (from, to int) {
	to = s.end(in.Content[i+width(in)-1], s.indent(in))
	switch {
	case in.Kind == yaml.MappingNode || isFlow(in):
		return s.offset(in.Content[i]), to
	case i == 0:
		return s.content(in), to
	}
	return s.skipBlank(s.end(in.Content[i-1], s.indent(in))), to
}

// remove removes a child of a collection, with the lines that it fills. The only
// field of a mapping leaves empty braces.
func (s *source) remove(in *yaml.Node, i int) changes {
	if isFlow(in) {
		return s.removeFlow(in, i)
	}
	from, to := s.child(in, i)
	next := i + width(in)
	switch {
	case in.Kind == yaml.MappingNode && len(in.Content) == width(in):
		return changes{{from: from, to: to, text: "{}"}}
	case s.firstOnLine(from):
		return changes{s.removeLines(from, to)}
	case next < len(in.Content):
		// It shares its line with the dash of what it is in. The next one takes
		// its place, unless there is a comment in between.
		start, _ := s.child(in, next)
		if len(bytes.TrimSpace(s.data[to:start])) == 0 {
			to = start
		}
	}
	return changes{{from: from, to: to}}
}

// removeLines removes bytes with the lines that they fill.
func (s *source) removeLines(from, to int) change {
	from, to = s.lineStart(from), s.lineEnd(to)
	n := breakLen(s.data[to:])
	if n == 0 {
		// The last line of a file without a final line break: the one in front
		// of it goes.
		for from > 0 && breakLen(s.data[from-1:to]) > 0 {
			from--
		}
	}
	return change{from: from, to: to + n}
}

// removeFlow removes a child of a flow collection, with one comma, and with its
// line where it has one for itself.
func (s *source) removeFlow(in *yaml.Node, i int) changes {
	from, to := s.child(in, i)
	var all changes
	if comma := s.skipBlank(to); comma < len(s.data) && s.data[comma] == ',' {
		to = comma + 1
		if !s.firstOnLine(from) {
			to = s.skipBlanks(to)
		}
	} else if i > 0 {
		comma := s.skipBlank(s.end(in.Content[i-1], 0))
		if len(bytes.TrimLeft(s.data[comma+1:from], " \t")) == 0 {
			from = comma
		} else {
			all = append(all, change{from: comma, to: comma + 1})
		}
	}
	if s.firstOnLine(from) && s.restIsBlank(to) {
		from, to = s.lineStart(from), s.lineEnd(to)
		to += breakLen(s.data[to:])
	}
	return append(all, change{from: from, to: to})
}
