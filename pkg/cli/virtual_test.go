package cli

import (
	"strconv"
	"strings"
	"testing"
)

// virtual is as much of a terminal as this package asks for: it wraps lines, moves up, clears below, and knows colours
// and the cursor. It fails on anything else.
type virtual struct {
	t      *testing.T
	width  int
	lines  [][]rune
	row    int
	column int
	hidden bool
}

func (v *virtual) write(text string) {
	v.t.Helper()
	for text != "" {
		if rest, found := strings.CutPrefix(text, "\x1b["); found {
			text = v.control(rest)
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch r {
		case '\n':
			v.row, v.column = v.row+1, 0
		case '\r':
			v.column = 0
		default:
			v.put(r)
		}
	}
}

func (v *virtual) put(r rune) {
	if v.column+columnsOf(r) > v.width {
		v.row, v.column = v.row+1, 0
	}
	for len(v.lines) <= v.row {
		v.lines = append(v.lines, nil)
	}
	for len(v.lines[v.row]) <= v.column {
		v.lines[v.row] = append(v.lines[v.row], ' ')
	}
	v.lines[v.row] = append(v.lines[v.row][:v.column], r)
	v.column += columnsOf(r)
}

func (v *virtual) control(sequence string) (rest string) {
	v.t.Helper()
	end := strings.IndexFunc(sequence, func(r rune) bool { return r >= '@' && r <= '~' })
	if end < 0 {
		v.t.Fatalf("a control sequence without an end: %q", sequence)
	}
	argument, rest := sequence[:end], sequence[end+1:]
	switch sequence[end] {
	case 'm':
	case 'A':
		n, err := strconv.Atoi(argument)
		if err != nil || v.row < n {
			v.t.Fatalf("up by %s from row %d", argument, v.row)
		}
		v.row -= n
	case 'J':
		if argument != "" || v.column != 0 {
			v.t.Fatalf("clear %q at column %d", argument, v.column)
		}
		v.lines = v.lines[:min(v.row, len(v.lines))]
	case 'h', 'l':
		if argument != "?25" {
			v.t.Fatalf("mode %q", argument)
		}
		v.hidden = sequence[end] == 'l'
	default:
		v.t.Fatalf("control sequence %q", sequence[:end+1])
	}
	return rest
}

func (v *virtual) String() string {
	var out strings.Builder
	for _, line := range v.lines {
		out.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return out.String()
}
