package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The parser says where a node starts, not where it ends. The functions of this
// file find the end in the bytes. They may be wrong only for YAML that no
// emitter writes; the comparison after the edit then refuses the result.

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// skipBlank skips blanks, line breaks and comments.
func (s *source) skipBlank(at int) int {
	for at < len(s.data) {
		switch n := breakLen(s.data[at:]); {
		case n > 0:
			at += n
		case isBlank(s.data[at]):
			at++
		case s.data[at] == '#':
			at = s.lineEnd(at)
		default:
			return at
		}
	}
	return at
}

// content is where a node's own text starts, behind its anchor and tag.
func (s *source) content(n *yaml.Node) int {
	at := s.offset(n)
	for at < len(s.data) && (s.data[at] == '&' || s.data[at] == '!') {
		for at < len(s.data) && !isBlank(s.data[at]) && breakLen(s.data[at:]) == 0 {
			at++
		}
		if isEmpty(n) {
			if next := s.skipBlanks(at); next < len(s.data) && (s.data[next] == '&' || s.data[next] == '!') {
				at = next
			}
			continue
		}
		at = s.skipBlank(at)
	}
	return at
}

func (s *source) skipBlanks(at int) int {
	for at < len(s.data) && isBlank(s.data[at]) {
		at++
	}
	return at
}

// blanksBefore removes the blanks in front of an offset.
func (s *source) blanksBefore(at int) change {
	from := at
	for from > 0 && isBlank(s.data[from-1]) {
		from--
	}
	return change{from: from, to: at}
}

// isEmpty reports whether a node has no text of its own: "key:" without a value.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// end is the offset behind the last byte of a node. indent is the column,
// counted from 0, of the collection that holds it.
func (s *source) end(n *yaml.Node, indent int) int {
	at := s.content(n)
	switch {
	case n.Kind == yaml.AliasNode:
		return at + len("*") + len(n.Value)
	case n.Kind == yaml.ScalarNode:
		return s.scalarEnd(n, at, indent)
	case isFlow(n):
		return s.flowEnd(n, at)
	default:
		_, column := s.position(at)
		return s.end(n.Content[len(n.Content)-1], column-1)
	}
}

func (s *source) flowEnd(n *yaml.Node, at int) int {
	at++ // the opening bracket
	for _, child := range n.Content {
		if !isEmpty(child) {
			at = s.end(child, 0)
		}
	}
	for at = s.skipBlank(at); at < len(s.data); at = s.skipBlank(at + 1) {
		if s.data[at] == ']' || s.data[at] == '}' {
			return at + 1
		}
	}
	return at
}

func (s *source) scalarEnd(n *yaml.Node, at, indent int) int {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return s.quotedEnd(at, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return s.quotedEnd(at, '\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return s.blockEnd(n, at, indent)
	default:
		return s.plainEnd(n, at)
	}
}

func (s *source) quotedEnd(at int, quote byte) int {
	for at++; at < len(s.data); at++ {
		switch {
		case s.data[at] == '\\' && quote == '"':
			at++
		case s.data[at] != quote:
		case quote == '\'' && bytes.HasPrefix(s.data[at:], []byte("''")):
			at++
		default:
			return at + 1
		}
	}
	return len(s.data)
}

// plainEnd follows a plain scalar's value through the bytes. Where the value
// has white space, the bytes may have a folded line break.
func (s *source) plainEnd(n *yaml.Node, at int) int {
	words := strings.Fields(n.Value)
	for i, word := range words {
		if i > 0 {
			for at < len(s.data) && (isBlank(s.data[at]) || breakLen(s.data[at:]) > 0) {
				at += max(1, breakLen(s.data[at:]))
			}
		}
		if !bytes.HasPrefix(s.data[at:], []byte(word)) {
			break
		}
		at += len(word)
	}
	return at
}

// blockEnd is the end of the last line of a literal or folded scalar that is
// not blank; without any, the end of its header.
func (s *source) blockEnd(n *yaml.Node, at, indent int) int {
	header := s.blockHeaderEnd(at)
	end := header
	if strings.TrimSpace(n.Value) == "" {
		return end
	}
	deep := -1
	if digit := bytes.IndexAny(s.data[at:header], "123456789"); digit >= 0 {
		deep = indent + int(s.data[at+digit]-'0')
	}
	line := s.line(at)
	for _, start := range s.lines[line:] {
		stop := s.lineEnd(start)
		text := s.data[start:stop]
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		depth := len(text) - len(bytes.TrimLeft(text, " "))
		if deep < 0 {
			deep = depth
		}
		if depth < deep {
			break
		}
		end = stop
	}
	return end
}

// blockHeaderEnd is the end of a block scalar's indicators, such as ">2-".
func (s *source) blockHeaderEnd(at int) int {
	for at < len(s.data) && strings.IndexByte("|>+-0123456789", s.data[at]) >= 0 {
		at++
	}
	return at
}
