package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
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
	// stops are offsets in long lines: see offset.
	stops map[int][]int
}

func parse(path string, data []byte) (*source, error) {
	s := &source{path: path, data: data, lines: lineStarts(data), stops: map[int][]int{}}
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

const controlCharacter = "control characters are not allowed"

var (
	syntaxLine = regexp.MustCompile(`^yaml: line ([0-9]+): `)
	// parserError are the complaints whose line the parser counts from 0.
	parserError   = regexp.MustCompile(`^did not find expected (?:node content|'-' indicator|key|',' or|<)`)
	unknownAnchor = regexp.MustCompile(`unknown anchor '(.+)' referenced`)
)

// syntaxError finds the place of the parser's complaint. The parser has it only
// as text, and without a column: the column is that of the line's first
// character that is not blank.
func (s *source) syntaxError(err error) error {
	text := err.Error()
	if m := syntaxLine.FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[1])
		if parserError.MatchString(text[len(m[0]):]) {
			line++
		}
		line = min(max(line, 1), len(s.lines))
		start := s.lines[line-1]
		return s.fail(line, 1+len(s.data[start:])-len(bytes.TrimLeft(s.data[start:], " \t")),
			"not valid YAML: %s", text[len(m[0]):])
	}
	text = strings.TrimPrefix(text, "yaml: ")
	if text == controlCharacter {
		line, column := s.position(bytes.IndexFunc(s.data, isForbidden))
		return s.fail(line, column, "not valid YAML: %s", text)
	}
	if m := unknownAnchor.FindStringSubmatch(text); m != nil {
		if at := bytes.Index(s.data, []byte("*"+m[1])); at >= 0 {
			line, column := s.position(at)
			return s.fail(line, column, "not valid YAML: %s", text)
		}
	}
	return s.fail(1, 1, "not valid YAML: %s", text) // the parser leaves out the first line
}

// isForbidden reports what the parser calls a control character.
func isForbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
}

func (s *source) fail(line, column int, format string, args ...any) *Error {
	return &Error{File: s.path, Line: line, Column: column, Msg: fmt.Sprintf(format, args...), Err: ErrInvalid}
}

func (s *source) failAt(n *yaml.Node, format string, args ...any) *Error {
	return s.fail(n.Line, n.Column, format, args...)
}
