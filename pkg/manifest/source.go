package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const byteOrderMark = "\ufeff"

// source is a YAML file: its bytes, and its documents as the parser sees them.
type source struct {
	path  string
	data  []byte
	docs  []*yaml.Node
	lines []int // offset of each line's first byte, the byte order mark left out
}

func parse(path string, data []byte) (*source, error) {
	s := &source{path: path, data: data, lines: lineStarts(data)}
	if bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) {
		return nil, s.fail(0, 0, "not a text file in UTF-8")
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		doc := new(yaml.Node)
		err := decoder.Decode(doc)
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, s.syntaxError(err)
		}
		s.docs = append(s.docs, doc)
	}
}

var (
	syntaxLine    = regexp.MustCompile(`^yaml: line ([0-9]+): `)
	unknownAnchor = regexp.MustCompile(`unknown anchor '(.+)' referenced`)
)

// syntaxError finds the place of the parser's complaint. The parser has it only
// as text, and without a column: the column is that of the line's first
// character that is not blank.
func (s *source) syntaxError(err error) error {
	text := err.Error()
	if m := syntaxLine.FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[1])
		line = min(max(line, 1), len(s.lines))
		start := s.lines[line-1]
		return s.fail(line, 1+len(s.data[start:])-len(bytes.TrimLeft(s.data[start:], " \t")),
			"not valid YAML: %s", text[len(m[0]):])
	}
	text = strings.TrimPrefix(text, "yaml: ")
	if m := unknownAnchor.FindStringSubmatch(text); m != nil {
		if at := bytes.Index(s.data, []byte("*"+m[1])); at >= 0 {
			line, column := s.position(at)
			return s.fail(line, column, "not valid YAML: %s", text)
		}
	}
	return s.fail(0, 0, "not valid YAML: %s", text)
}

func (s *source) fail(line, column int, format string, args ...any) *Error {
	return &Error{File: s.path, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Err: ErrInvalid}
}

func (s *source) failAt(n *yaml.Node, format string, args ...any) *Error {
	return s.fail(n.Line, n.Column, format, args...)
}

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
	at := s.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(s.data[at:])
		at += size
	}
	return at
}

// position is the line and column of an offset.
func (s *source) position(at int) (line, column int) {
	line, found := slices.BinarySearch(s.lines, at)
	if found || line == 0 {
		line++
	}
	start := s.lines[line-1]
	return line, 1 + utf8.RuneCount(s.data[start:max(start, at)])
}

// lineStart is the offset of the first byte of the line that holds at.
func (s *source) lineStart(at int) int {
	line, _ := s.position(at)
	return s.lines[line-1]
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
	if line, _ := s.position(at); line > 1 {
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
