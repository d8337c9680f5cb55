package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// No two files of the corpus are alike: their shapes differ. A shape keeps what
// an edit has to find its way in, and drops what anybody could change without
// making another test of it:
//
//   - a scalar is its type and its quotes, so names, images, tags, digests and
//     numbers are all the same; only the value of kind stays;
//   - a key is kept, but for labels and the like, and for keys that no other
//     file has: those are names;
//   - neighbours of a list that have one shape are one;
//   - comments are there or not, at the places where the parser sees them;
//   - of the bytes stay the byte order mark, the kind of line break, the final
//     one, the indentation of lists, and the markers of documents.

func TestCorpusHasNoTwoAlike(t *testing.T) {
	all := corpus(t)
	users := map[string]int{}
	for _, c := range all {
		for key := range keysOf(c.in) {
			users[key]++
		}
	}
	first := map[string]string{}
	for _, c := range all {
		shape := shapeOf(c.in, func(key string) bool { return users[key] > 1 })
		if c.Refused != "" {
			shape = c.style + " refuses " + shape // each style has a refusal of its own
		}
		if other, ok := first[shape]; ok {
			t.Errorf("%s and %s are alike:\n%s", other, c.id(), shape)
			continue
		}
		first[shape] = c.id()
	}
}

func TestShapeDropsNamesAndKeepsForm(t *testing.T) {
	const base = "a: # c\n- name: x/y\n  tag: '1'\n"
	same := []string{
		"a: # d\n- name: reg:5000/z\n  tag: '22'\n",
		"a: # c\n- name: x/y\n  tag: '1'\n- name: p\n  tag: '2'\n",
		"a: # c\n\n- name: x/y\n  tag: '1'\n",
	}
	other := []string{
		"a:\n- name: x/y\n  tag: '1'\n",
		"a: # c\n  - name: x/y\n    tag: '1'\n",
		"a: # c\n- name: x/y\n  tag: \"1\"\n",
		"a: # c\n- name: x/y\n  tag: 1\n",
		"a: # c\n- tag: '1'\n  name: x/y\n",
		"a: # c\n- {name: x/y, tag: '1'}\n",
		"a: # c\n- name: x/y\n  tag: '1'",
		"a: # c\r\n- name: x/y\r\n  tag: '1'\r\n",
		byteOrderMark + base,
		"---\n" + base,
		"a: # c\n- name: x/y\n  tag: &t '1'\n",
		"b: # c\n- name: x/y\n  tag: '1'\n",
	}
	known := func(string) bool { return true }
	for _, text := range same {
		if shapeOf([]byte(text), known) != shapeOf([]byte(base), known) {
			t.Errorf("not alike: %q", text)
		}
	}
	for _, text := range other {
		if shapeOf([]byte(text), known) == shapeOf([]byte(base), known) {
			t.Errorf("alike: %q", text)
		}
	}
	if onlyHere := func(string) bool { return false }; shapeOf([]byte("a: 1\n"), onlyHere) != shapeOf([]byte("b: 2\n"), onlyHere) {
		t.Error("keys that no other file has make a difference")
	}
}

// documentsOf parses what can be parsed.
func documentsOf(data []byte) ([]*yaml.Node, error) {
	var all []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		doc := new(yaml.Node)
		if err := decoder.Decode(doc); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		all = append(all, doc)
	}
}

func keysOf(data []byte) map[string]bool {
	keys := map[string]bool{}
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			for _, p := range pairs(n) {
				keys[p.key.Value] = true
			}
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	docs, _ := documentsOf(data)
	for _, doc := range docs {
		walk(doc)
	}
	return keys
}

// freeKeys are fields whose own keys anybody chooses.
var freeKeys = []string{
	"labels", "annotations", "matchLabels", "commonLabels", "commonAnnotations", "pairs", "selector", "nodeSelector",
	"data", "stringData",
}

// shaper writes a shape; known says which keys are no names.
type shaper struct{ known func(key string) bool }

func shapeOf(data []byte, known func(key string) bool) string {
	docs, err := documentsOf(data)
	s := shaper{known: known}
	var b strings.Builder
	fmt.Fprintf(&b, "mark=%v crlf=%v final=%v", bytes.HasPrefix(data, []byte(byteOrderMark)), bytes.Contains(data, []byte("\r\n")),
		bytes.HasSuffix(data, []byte("\n")))
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "---" || line == "..." || strings.HasPrefix(line, "%") {
			b.WriteString(" " + line[:1])
		}
	}
	if err != nil {
		// The parser's complaint without its place.
		text := err.Error()
		b.WriteString(" broken: " + text[strings.LastIndex(text, ": ")+1:])
	}
	for _, doc := range docs {
		b.WriteString("\n" + s.node(doc, 1))
	}
	return b.String()
}

// node writes a node; column is that of the collection that holds it.
func (s shaper) node(n *yaml.Node, column int) string {
	var b strings.Builder
	if n.Anchor != "" {
		b.WriteString("&")
	}
	if n.Style&yaml.TaggedStyle != 0 {
		b.WriteString("!")
	}
	switch n.Kind {
	case yaml.AliasNode:
		b.WriteString("*")
	case yaml.ScalarNode:
		fmt.Fprintf(&b, "%s%d", strings.TrimPrefix(n.ShortTag(), "!!"), n.Style&^yaml.TaggedStyle)
	case yaml.MappingNode:
		b.WriteString(s.mapping(n))
	default:
		b.WriteString(s.list(n, column))
	}
	for i, comment := range []string{n.HeadComment, n.LineComment, n.FootComment} {
		if comment != "" {
			b.WriteString("#" + "HLF"[i:i+1])
		}
	}
	return b.String()
}

func (s shaper) list(n *yaml.Node, column int) string {
	items := make([]string, len(n.Content))
	for i, item := range n.Content {
		items[i] = s.node(item, n.Column)
	}
	text := strings.Join(slices.Compact(items), ", ")
	if isFlow(n) {
		return "[" + text + "]"
	}
	return fmt.Sprintf("-%d(%s)", min(n.Column-column, 9), text)
}

func (s shaper) mapping(n *yaml.Node) string {
	var fields []string
	for _, p := range pairs(n) {
		key, value := p.key.Value, s.node(p.value, p.key.Column)
		switch {
		case key == "kind":
			value += "=" + p.value.Value
		case slices.Contains(freeKeys, key):
			value = s.free(p.value)
		case !s.known(key):
			key = "name"
		}
		fields = append(fields, fmt.Sprintf("%s(%s)%s", key, s.node(p.key, 1), value))
	}
	text := strings.Join(fields, ", ")
	if isFlow(n) {
		return "{" + text + "}"
	}
	return "<" + text + ">"
}

// free is the shape of a mapping whose keys are names.
func (s shaper) free(n *yaml.Node) string {
	return shaper{known: func(string) bool { return false }}.node(n, 1)
}
