package manifest

import (
	"bytes"
	"fmt"
	"strings"
)

const diffContext = 3 // lines around a change, as in diff -u

// Diff returns the unified diff from before to after, with three lines of
// context and paths "a/path" and "b/path", as git apply takes it; "" when they
// are equal.
//
// The result is at most maxBytes long: a longer one is cut behind a whole line
// and ends with a line that says so, or is empty where not even that fits.
// maxBytes 0 or less means no limit.
func Diff(path string, before, after []byte, maxBytes int) string {
	if bytes.Equal(before, after) {
		return ""
	}
	lines := compare(splitLines(before), splitLines(after))
	out := []string{
		"--- " + diffPath("a/"+path) + "\n",
		"+++ " + diffPath("b/"+path) + "\n",
	}
	for from := 0; ; {
		start, end := nextHunk(lines, from)
		if start == end {
			return truncate(out, maxBytes)
		}
		out = append(out, hunkHeader(lines, start, end))
		for _, l := range lines[start:end] {
			text := string(l.op) + l.text
			if !strings.HasSuffix(text, "\n") {
				text += "\n\\ No newline at end of file\n"
			}
			out = append(out, text)
		}
		from = end
	}
}

// diffLine is a line of both files (' '), of the first (-) or of the second (+).
type diffLine struct {
	op   byte
	text string
}

func splitLines(data []byte) []string {
	lines := strings.SplitAfter(string(data), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// compare lines up two files by a longest common subsequence of what is between
// their common head and tail. Where that is too large it is replaced as a whole.
func compare(a, b []string) []diffLine {
	var head, tail []diffLine
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, diffLine{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, diffLine{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	const maxCells = 4 << 20 // of 4 bytes each
	if len(a)*len(b) > maxCells {
		for _, l := range a {
			head = append(head, diffLine{'-', l})
		}
		for _, l := range b {
			head = append(head, diffLine{'+', l})
		}
	} else {
		head = append(head, common(a, b)...)
	}
	for i := len(tail) - 1; i >= 0; i-- {
		head = append(head, tail[i])
	}
	return head
}

func common(a, b []string) []diffLine {
	width := len(b) + 1
	length := make([]int32, (len(a)+1)*width) // of the common lines of a[i:] and b[j:]
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i*width+j] = length[(i+1)*width+j+1] + 1
			} else {
				length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
			}
		}
	}
	var out []diffLine
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, diffLine{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[(i+1)*width+j] >= length[i*width+j+1]:
			out = append(out, diffLine{'-', a[i]})
			i++
		default:
			out = append(out, diffLine{'+', b[j]})
			j++
		}
	}
	return out
}

// nextHunk finds the next change at or behind from, with its context and every
// change whose context touches it. start equals end when there is none.
func nextHunk(lines []diffLine, from int) (start, end int) {
	first := from
	for first < len(lines) && lines[first].op == ' ' {
		first++
	}
	if first == len(lines) {
		return first, first
	}
	last := first
	for i := first; i < len(lines) && i-last <= 2*diffContext+1; i++ {
		if lines[i].op != ' ' {
			last = i
		}
	}
	return max(from, first-diffContext), min(len(lines), last+1+diffContext)
}

func hunkHeader(lines []diffLine, start, end int) string {
	count := func(from, to int, op byte) int {
		n := 0
		for _, l := range lines[from:to] {
			if l.op == ' ' || l.op == op {
				n++
			}
		}
		return n
	}
	span := func(op byte) string {
		first, n := count(0, start, op), count(start, end, op)
		if n > 0 {
			first++
		}
		if n == 1 {
			return fmt.Sprint(first)
		}
		return fmt.Sprintf("%d,%d", first, n)
	}
	return fmt.Sprintf("@@ -%s +%s @@\n", span('-'), span('+'))
}

// diffPath writes a path as git does: quoted where it has control characters,
// quotes or backslashes, with a tab behind it where it has blanks.
func diffPath(path string) string {
	var b strings.Builder
	quoted := false
	for _, c := range []byte(path) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
			quoted = true
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
			quoted = true
		default:
			b.WriteByte(c)
		}
	}
	switch {
	case quoted:
		return `"` + b.String() + `"`
	case strings.Contains(path, " "):
		return path + "\t"
	default:
		return path
	}
}

func truncate(lines []string, maxBytes int) string {
	all := strings.Join(lines, "")
	if maxBytes <= 0 || len(all) <= maxBytes {
		return all
	}
	for n, left := len(lines)-1, 0; n >= 0; n-- {
		all = all[:len(all)-len(lines[n])]
		left += strings.Count(lines[n], "\n")
		note := fmt.Sprintf("... diff truncated: %d more lines\n", left)
		if len(all)+len(note) <= maxBytes {
			return all + note
		}
	}
	return ""
}
