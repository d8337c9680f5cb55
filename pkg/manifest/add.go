package manifest

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// fields are the entry's fields in the order that kustomize writes.
func fields(want image.Want) [][2]string {
	all := [][2]string{
		{fieldDigest, want.Digest}, {fieldName, want.Name}, {fieldNewName, want.NewName}, {fieldNewTag, want.NewTag},
	}
	return slices.DeleteFunc(all, func(f [2]string) bool { return f[1] == "" })
}

// flowEntry writes a new entry in braces; like JSON where style quotes.
func flowEntry(want image.Want, style yaml.Style) string {
	var all []string
	for _, f := range fields(want) {
		all = append(all, scalar(f[0], style)+": "+scalar(f[1], style))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// blockEntry writes a new entry as lines, without a final line break.
func blockEntry(want image.Want, indent int, dash, newline string) string {
	var b strings.Builder
	prefix := strings.Repeat(" ", indent) + dash
	for _, f := range fields(want) {
		if b.Len() > 0 {
			b.WriteString(newline)
		}
		b.WriteString(prefix + f[0] + ": " + scalar(f[1], 0))
		prefix = strings.Repeat(" ", indent+len(dash))
	}
	return b.String()
}

// add returns the changes that add an entry for the image, and the list where
// that is missing.
func (k *kustomization) add(want image.Want) (changes, error) {
	list, ok, err := k.field(k.root, fieldImages)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return k.addList(want), nil
	case list.value.Kind == yaml.AliasNode:
		return nil, k.failAt(list.value, "%s is an alias (*%s): write the list out", list.key.Value, list.value.Value)
	}
	if err := k.checkShared(list.value, list.key.Value); err != nil {
		return nil, err
	}
	switch {
	case list.value.Kind == yaml.ScalarNode:
		return k.fillList(list, want), nil
	case !isFlow(list.value):
		return changes{k.addToBlock(list.value, want)}, nil
	case len(list.value.Content) == 0 && !isFlow(k.root) && k.isBareBrackets(list.value):
		return k.fillList(list, want), nil
	default:
		return changes{k.insertFlow(list.value, len(list.value.Content)-1, flowEntry(want, list.key.Style))}, nil
	}
}

// isBareBrackets reports whether an empty list is "[]", at the end of its line.
func (k *kustomization) isBareBrackets(list *yaml.Node) bool {
	from, to := k.content(list), k.end(list, 0)
	return len(bytes.Trim(k.data[from:to], "[] ")) == 0 && k.restIsBlank(to)
}

// fillList replaces the value of a list that is null or [].
func (k *kustomization) fillList(list pair, want image.Want) changes {
	from, to := k.content(list.value), k.end(list.value, 0)
	if isFlow(k.root) {
		return changes{{from: from, to: to, text: "[" + flowEntry(want, list.key.Style) + "]"}}
	}
	end := k.lineEnd(to)
	for from > 0 && isBlank(k.data[from-1]) && !isEmpty(list.value) {
		from--
	}
	indent, dash := k.listStyle()
	newline := k.lineBreak(end)
	text := newline + blockEntry(want, list.key.Column-1+indent, dash, newline)
	return changes{{from: from, to: to}, {from: end, to: end, text: text}}
}

// addToBlock adds an entry to a block list that has some: in its place when
// they are in order, else at the end.
func (k *kustomization) addToBlock(list *yaml.Node, want image.Want) change {
	_, column := k.position(k.content(list))
	indent, dash := column-1, k.dash(list)
	names := make([]string, len(list.Content))
	for i, item := range list.Content {
		value, _, _ := k.value(resolve(item), fieldName)
		names[i] = pair{value: value}.text()
	}
	place := len(names)
	if slices.IsSorted(names) {
		place, _ = slices.BinarySearch(names, want.Name)
	}
	write := func(newline string) string {
		if !slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return !isFlow(n) }) {
			return strings.Repeat(" ", indent) + dash + flowEntry(want, 0)
		}
		return blockEntry(want, indent, dash, newline)
	}
	if place == 0 {
		at := k.aboveComments(k.content(list))
		newline := k.lineBreak(at)
		return change{from: at, to: at, text: write(newline) + newline}
	}
	at := k.belowComments(k.end(list.Content[place-1], indent), indent)
	newline := k.lineBreak(at)
	return change{from: at, to: at, text: newline + write(newline)}
}

// aboveComments is the start of at's line, or of the comments right above it.
func (k *kustomization) aboveComments(at int) int {
	line := k.line(at)
	for line > 1 && bytes.HasPrefix(bytes.TrimLeft(k.data[k.lines[line-2]:], " "), []byte("#")) {
		line--
	}
	return k.lines[line-1]
}

// belowComments is the end of at's line, or of the comments right below it that
// are indented deeper than the list's dashes: they belong to the entry.
func (k *kustomization) belowComments(at, indent int) int {
	line := k.line(at)
	for ; line < len(k.lines); line++ {
		text := k.data[k.lines[line]:k.lineEnd(k.lines[line])]
		trimmed := bytes.TrimLeft(text, " ")
		if !bytes.HasPrefix(trimmed, []byte("#")) || len(text)-len(trimmed) <= indent {
			break
		}
		at = k.lines[line]
	}
	return k.lineEnd(at)
}

// dash is the dash of a block list's items and the blanks behind it.
func (k *kustomization) dash(list *yaml.Node) string {
	from, to := k.content(list), k.offset(list.Content[0])
	if text := k.data[from+1 : max(to, from+1)]; len(text) > 0 && len(bytes.Trim(text, " ")) == 0 {
		return "-" + string(text)
	}
	return "- "
}

// listStyle is how the file writes lists: how much deeper than its key the dash
// stands, and the dash. A file without a list gets kustomize's own style.
func (k *kustomization) listStyle() (indent int, dash string) {
	for _, p := range pairs(k.root) {
		if p.value.Kind != yaml.SequenceNode || isFlow(p.value) {
			continue
		}
		_, column := k.position(k.content(p.value))
		return max(0, column-p.key.Column), k.dash(p.value)
	}
	return 0, "- "
}
