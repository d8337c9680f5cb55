package manifest

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// change replaces the bytes from..to of a file.
type change struct {
	from, to int
	text     string
}

type changes []change

// apply makes the changes. Insertions at one place keep their order. The bytes
// that came in are returned when there is nothing to change.
func (c changes) apply(data []byte) []byte {
	if len(c) == 0 {
		return data
	}
	sorted := slices.Clone(c)
	slices.SortStableFunc(sorted, func(a, b change) int { return cmp.Compare(a.from, b.from) })
	var out []byte
	at := 0
	for _, ch := range sorted {
		out = append(out, data[at:max(at, ch.from)]...)
		out = append(out, ch.text...)
		at = max(at, ch.to)
	}
	return append(out, data[at:]...)
}

// replaceScalar returns the changes that replace a scalar's own text, or an
// alias, by what write gives for the style of the old one. indent is the
// column, counted from 0, of the collection that holds it. A block scalar
// becomes one line; a comment behind its header stays.
func (s *source) replaceScalar(n *yaml.Node, indent int, write func(yaml.Style) string) changes {
	from, to := s.content(n), s.end(n, indent)
	switch {
	case n.Kind == yaml.AliasNode:
		return changes{{from: from, to: to, text: write(0)}}
	case isEmpty(n):
		text := write(0)
		if from > 0 && !isBlank(s.data[from-1]) {
			text = " " + text
		}
		return changes{{from: from, to: from, text: text}}
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		header := s.blockHeaderEnd(from)
		return changes{
			{from: from, to: header, text: write(0)},
			{from: s.lineEnd(header), to: max(to, s.lineEnd(header))},
		}
	default:
		return changes{{from: from, to: to, text: write(n.Style)}}
	}
}
