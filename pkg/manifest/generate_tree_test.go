package manifest

import (
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// leaf is a scalar of a random file.
type leaf struct {
	path ValuePath
	// value is what it is to a parser of YAML 1.2; text is that as a path's
	// value is given.
	value any
	text  string
	// from and to are the bytes that it may fill, block lines included.
	from, to int
	// lines is set for a scalar of several lines.
	lines bool
}

// treeFile is a random YAML file with one document, and its scalars.
type treeFile struct {
	text   string
	leaves []leaf
}

func (f treeFile) leaf(t *rapid.T, what string) leaf {
	return rapid.SampledFrom(f.leaves).Draw(t, what)
}

var treeKeys = []string{"image", "tag", "replicas", "app.io/server", "two words", "1", "true", "näme", "a-b", "x"}

// drawText is the text of a scalar: simple, or one that needs quotes.
func drawText() *rapid.Generator[string] {
	return rapid.OneOf(
		drawTag(),
		rapid.SampledFrom([]string{
			"", " ", "it's", `say "hi"`, `back\slash`, "a: b", "a #b", "#b", "- x", "?", "multi word text", "ünd 🚢", "{x}", "[", "*a", "&b", "!c",
			"%d", "@e", "`", "a,b", "key:", ":", "-", "--- x", "...", "| x", "> y", "{{ .Values.x }}", "trailing ", " leading", "a\tb", "~", "=", "<<",
			"quay.io/a/b:v1", "reg:5000/a@sha256:0", "-1", "+1", ".5", "1.", "12:30", "2026-11-22 10:00:00", "no", "on", "0o7", "\u00a0",
		}),
	)
}

// drawTree is a random file of nested mappings and lists in random styles.
func drawTree(t *rapid.T) treeFile {
	tw := &treeWriter{writer: writer{T: t, eol: rapid.SampledFrom([]string{"\n", "\n", "\r\n"}).Draw(t, "eol")}}
	if tw.chance("byte order mark", 10) {
		tw.b.WriteString(byteOrderMark)
	}
	if tw.chance("header", 20) {
		tw.b.WriteString("---" + tw.eol)
	}
	tw.mapping(0, nil, 3, true)
	f := treeFile{text: tw.b.String(), leaves: tw.leaves}
	last := f.leaves[len(f.leaves)-1]
	if !last.lines && tw.chance("no final line break", 20) {
		f.text = strings.TrimRight(f.text, "\r\n")
	}
	return f
}

type treeWriter struct {
	writer
	leaves []leaf
}

// mapping writes the lines of a mapping; the blanks of the first one are there
// already where own is false.
func (w *treeWriter) mapping(indent int, steps []step, depth int, own bool) {
	keys := rapid.Permutation(treeKeys).Draw(w.T, "keys")[:rapid.IntRange(1, 3).Draw(w.T, "size")]
	for i, key := range keys {
		if i > 0 || own {
			w.between(indent)
			w.b.WriteString(strings.Repeat(" ", indent))
		}
		w.key(key)
		w.b.WriteByte(':')
		w.value(indent, append(slices.Clone(steps), step{key: key}), depth)
	}
}

func (w *treeWriter) key(key string) {
	quote := rapid.SampledFrom([]string{"", "", `"`, "'"}).Draw(w.T, "quote")
	w.b.WriteString(quote + key + quote)
}

// value writes what follows a colon or a dash, with the line break.
func (w *treeWriter) value(indent int, steps []step, depth int) {
	kind := rapid.IntRange(0, 9).Draw(w.T, "kind")
	deeper := indent + rapid.SampledFrom([]int{2, 2, 3, 4}).Draw(w.T, "deeper")
	switch {
	case depth == 0 || kind < 5:
		w.b.WriteByte(' ')
		w.scalar(indent, steps, false)
	case kind < 7:
		w.line(0, "")
		w.mapping(deeper, steps, depth-1, true)
	case kind < 9:
		w.line(0, "")
		w.list(deeper, steps, depth-1)
	default:
		w.b.WriteByte(' ')
		w.flow(steps, depth-1)
		w.line(0, "")
	}
}

func (w *treeWriter) list(indent int, steps []step, depth int) {
	for i := range rapid.IntRange(1, 3).Draw(w.T, "items") {
		w.between(indent)
		w.b.WriteString(strings.Repeat(" ", indent) + "-")
		below := append(slices.Clone(steps), step{index: i, isItem: true})
		if depth > 0 && w.chance("mapping behind the dash", 40) {
			w.b.WriteByte(' ')
			w.mapping(indent+2, below, depth-1, false)
			continue
		}
		w.value(indent, below, depth)
	}
}

// flow writes a collection in brackets or braces.
func (w *treeWriter) flow(steps []step, depth int) {
	isList := w.chance("list", 40)
	brackets := "{}"
	if isList {
		brackets = "[]"
	}
	w.b.WriteString(brackets[:1])
	keys := rapid.Permutation(treeKeys).Draw(w.T, "keys")
	for i := range rapid.IntRange(1, 3).Draw(w.T, "size") {
		if i > 0 {
			w.b.WriteString(rapid.SampledFrom([]string{", ", " , ", "," + w.eol + "              "}).Draw(w.T, "comma"))
		}
		one := step{index: i, isItem: true}
		if !isList {
			one = step{key: keys[i]}
			w.key(keys[i])
			w.b.WriteString(": ")
		}
		below := append(slices.Clone(steps), one)
		if depth > 0 && w.chance("nested", 30) {
			w.flow(below, depth-1)
		} else {
			w.scalar(0, below, true)
		}
	}
	w.b.WriteString(brackets[1:])
}

// scalar writes a scalar, with its line break outside of brackets.
func (w *treeWriter) scalar(indent int, steps []step, flow bool) {
	l := leaf{path: ValuePath{steps}, from: w.b.Len()}
	style := rapid.IntRange(0, 9).Draw(w.T, "style")
	text := drawText().Draw(w.T, "text")
	simple := text != "" && !strings.ContainsAny(text, "\t\u00a0") && strings.TrimSpace(text) == text
	written := strconv.Quote(text)
	l.value, l.text = any(text), text
	switch {
	case style < 3 && staysString(text):
		written = text
	case style < 3:
		written, l.value, l.text = w.typed(flow)
	case style == 3:
		written = "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case style == 4 && simple && !flow:
		blanks := w.eol + strings.Repeat(" ", indent+2)
		header := rapid.SampledFrom([]string{"|-", ">-", "|2-", ">2-", "|-  # c"}).Draw(w.T, "header")
		if indent == 0 || !strings.Contains(header, "2") {
			l.lines = true
			written = header + blanks + text + blanks + blanks + "more"
			l.text = text + "\n\nmore"
			if strings.HasPrefix(header, ">") {
				l.text = text + "\nmore"
			}
			l.value = l.text
		}
	case style == 5:
		written = "!!str " + written
	}
	w.b.WriteString(written)
	l.to = w.b.Len()
	w.leaves = append(w.leaves, l)
	switch {
	case flow:
	case l.lines:
		w.b.WriteString(w.eol)
	default:
		w.line(0, "")
	}
}

// typed is a scalar that is no string.
func (w *treeWriter) typed(flow bool) (written string, value any, text string) {
	all := []struct {
		written string
		value   any
	}{{"3", 3}, {"-7", -7}, {"0.5", 0.5}, {"1.10", 1.1}, {"true", true}, {"false", false}, {"null", nil}, {"~", nil}, {"", nil}}
	if flow {
		all = all[:len(all)-1]
	}
	one := rapid.SampledFrom(all).Draw(w.T, "typed")
	return one.written, one.value, one.written
}
