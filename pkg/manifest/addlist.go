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
	line, _ := k.position(k.end(k.root, 0))
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
func (k *kustomization) insertFlow(in *yaml.Node, index int, text string) change {
	if index < 0 {
		at := k.content(in) + 1
		return change{from: at, to: at, text: text}
	}
	last := index
	if in.Kind == yaml.MappingNode {
		last++
	}
	start, end := k.offset(in.Content[index]), k.end(in.Content[last], 0)
	if !k.firstOnLine(start) {
		return change{from: end, to: end, text: k.flowComma(in, last) + text}
	}
	newline := k.lineBreak(end) + strings.Repeat(" ", start-k.lineStart(start))
	comma := k.skipBlanks(end)
	switch {
	case comma < len(k.data) && k.data[comma] == ',' && k.restIsBlank(comma+1):
		at := k.lineEnd(comma)
		return change{from: at, to: at, text: newline + text + ","}
	case k.restIsBlank(end):
		at := k.lineEnd(end)
		return change{from: end, to: at, text: "," + string(k.data[end:at]) + newline + text}
	default:
		return change{from: end, to: end, text: "," + newline + text}
	}
}

// flowComma is the comma as the collection writes it behind its children.
func (k *kustomization) flowComma(in *yaml.Node, last int) string {
	step := 1
	if in.Kind == yaml.MappingNode {
		step = 2
	}
	if len(in.Content) < 2*step {
		return ", "
	}
	comma := k.skipBlank(k.end(in.Content[step-1], 0))
	if comma+1 < len(k.data) && !isBlank(k.data[comma+1]) && breakLen(k.data[comma+1:]) == 0 {
		return ","
	}
	return ", "
}
