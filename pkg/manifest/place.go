package manifest

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// lineStarts splits lines where the parser does: a carriage return and the
// Unicode line breaks end a line too.
func lineStarts(data []byte) []int {
	first := 0
	if bytes.HasPrefix(data, []byte(byteOrderMark)) {
		first = len(byteOrderMark)
	}
	starts := []int{first}
	for i := first; i < len(data); {
		if n := breakLen(data[i:]); n > 0 {
			i += n
			starts = append(starts, i)
			continue
		}
		i++
	}
	return starts
}

// breakLen is the length of the line break that data starts with, or 0.
func breakLen(data []byte) int {
	for _, b := range [...]string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasPrefix(data, []byte(b)) {
			return len(b)
		}
	}
	return 0
}

// offset is the place of a node's first byte, its anchor and tag included. The
// parser counts columns in characters.
func (s *source) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(s.lines) {
		return len(s.data)
	}
	at, characters := s.lines[n.Line-1], n.Column-1
	if stops := s.lineStops(n.Line, characters); len(stops) > 0 {
		last := min(characters/stopWidth, len(stops)-1)
		at, characters = stops[last], characters-last*stopWidth
	}
	for range characters {
		_, size := utf8.DecodeRune(s.data[at:])
		at += size
	}
	return at
}

// stopWidth is how many characters of a long line lie between two stops.
const stopWidth = 256

// lineStops are the offsets of every stopWidth-th character of a line. They save
// counting from its start again and again: a file may be a single line.
func (s *source) lineStops(line, characters int) []int {
	if characters < stopWidth || s.stops[line] != nil {
		return s.stops[line]
	}
	var stops []int
	at, end := s.lines[line-1], len(s.data)
	if line < len(s.lines) {
		end = s.lines[line]
	}
	for i := 0; at < end; i++ {
		if i%stopWidth == 0 {
			stops = append(stops, at)
		}
		_, size := utf8.DecodeRune(s.data[at:])
		at += size
	}
	s.stops[line] = stops
	return stops
}

// position is the line and column of an offset.
func (s *source) position(at int) (line, column int) {
	line = s.line(at)
	start := s.lines[line-1]
	return line, 1 + utf8.RuneCount(s.data[start:max(start, at)])
}

// line is the line of an offset, from 1.
func (s *source) line(at int) int {
	line, found := slices.BinarySearch(s.lines, at)
	if found || line == 0 {
		line++
	}
	return line
}

// lineStart is the offset of the first byte of the line that holds at.
func (s *source) lineStart(at int) int {
	return s.lines[s.line(at)-1]
}

// lineEnd is the offset behind the last byte of the line that holds at, in
// front of its line break.
func (s *source) lineEnd(at int) int {
	for at < len(s.data) && breakLen(s.data[at:]) == 0 {
		at++
	}
	return at
}

// lineBreak is the line break to use for a line that is added near at: that of
// at's line, else of the line before, else a line feed.
func (s *source) lineBreak(at int) string {
	end := s.lineEnd(at)
	if n := breakLen(s.data[end:]); n > 0 {
		return string(s.data[end : end+n])
	}
	if line := s.line(at); line > 1 {
		end = s.lineEnd(s.lines[line-2])
		return string(s.data[end : end+breakLen(s.data[end:])])
	}
	return "\n"
}

// firstOnLine reports whether only blanks stand in front of at on its line.
func (s *source) firstOnLine(at int) bool {
	return len(bytes.Trim(s.data[s.lineStart(at):at], " ")) == 0
}

// restIsBlank reports whether only blanks and a comment follow at on its line.
func (s *source) restIsBlank(at int) bool {
	rest := bytes.TrimLeft(s.data[at:s.lineEnd(at)], " \t")
	return len(rest) == 0 || rest[0] == '#'
}
