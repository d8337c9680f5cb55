package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// addList adds the list of images with one entry, at the end of the document.
func (k *kustomization) addList(want image.Want) changes {
	if isFlow(k.root) {
		style := yaml.DoubleQuotedStyle
		if len(k.root.Content) > 0 {
			style = k.root.Content[0].Style
		}
		text := scalar(fieldImages, style) + ": [" + flowEntry(want, style) + "]"
		return changes{k.insertFlow(k.root, len(k.root.Content)-2, text)}
	}
	at := k.documentEnd()
	broken := at == k.lineStart(at)
	if !broken && k.endsInBlockScalar() {
		// A line break at the end of the file would become part of the scalar.
		last := k.root.Content[len(k.root.Content)-2]
		at = k.aboveComments(k.offset(last))
		broken = true
	}
	newline := k.lineBreak(at)
	base := k.root.Content[0].Column - 1
	indent, dash := k.listStyle()
	text := strings.Repeat(" ", base) + fieldImages + ":" + newline + blockEntry(want, base+indent, dash, newline)
	if broken {
		return changes{{from: at, to: at, text: text + newline}}
	}
	return changes{{from: at, to: at, text: newline + text}}
}

// documentEnd is the offset of the marker that ends the first document ("---"
// or "..."), or the end of the file.
func (k *kustomization) documentEnd() int {
	line := k.line(k.end(k.root, 0))
	for _, start := range k.lines[line:] {
		text := k.data[start:]
		if bytes.HasPrefix(text, []byte("---")) || bytes.HasPrefix(text, []byte("...")) {
			return start
		}
	}
	return len(k.data)
}

func (k *kustomization) endsInBlockScalar() bool {
	n := k.root
	for len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// insertFlow adds an item to a flow list, or a pair to a flow mapping, behind
// the child with that index (a pair's key); first where index is negative. It
// gets a line of its own where that child has one.
func (s *source) insertFlow(in *yaml.Node, index int, text string) change {
	if index < 0 {
		at := s.content(in) + 1
		return change{from: at, to: at, text: text}
	}
	last := index
	if in.Kind == yaml.MappingNode {
		last++
	}
	start, end := s.offset(in.Content[index]), s.end(in.Content[last], 0)
	if !s.firstOnLine(start) {
		return change{from: end, to: end, text: s.flowComma(in, last) + text}
	}
	newline := s.lineBreak(end) + strings.Repeat(" ", start-s.lineStart(start))
	comma := s.skipBlanks(end)
	switch {
	case comma < len(s.data) && s.data[comma] == ',' && s.restIsBlank(comma+1):
		at := s.lineEnd(comma)
		return change{from: at, to: at, text: newline + text + ","}
	case s.restIsBlank(end):
		at := s.lineEnd(end)
		return change{from: end, to: at, text: "," + string(s.data[end:at]) + newline + text}
	default:
		return change{from: end, to: end, text: "," + newline + text}
	}
}

// flowComma is the comma as the collection writes it behind its children.
func (s *source) flowComma(in *yaml.Node, last int) string {
	step := 1
	if in.Kind == yaml.MappingNode {
		step = 2
	}
	if len(in.Content) < 2*step {
		return ", "
	}
	comma := s.skipBlank(s.end(in.Content[step-1], 0))
	if comma+1 < len(s.data) && !isBlank(s.data[comma+1]) && breakLen(s.data[comma+1:]) == 0 {
		return ","
	}
	return ", "
}
