package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ValuePath leads to a value of a YAML file: see ParsePath. The zero value
// leads nowhere.
type ValuePath struct{ steps []step }

// step is a key of a mapping, or the index of an item of a list.
type step struct {
	key    string
	index  int
	isItem bool
}

// maxIndexDigits bounds an index: a longer list is no list of places to set.
const maxIndexDigits = 4

// ParsePath reads a value path: keys with dots between them (image.tag), items
// of a list by their index from 0 (servers[0].image), and in double quotes a
// key that has dots, blanks, quotes' or brackets' meaning ("app.io/server".tag).
// Nothing is escaped inside quotes, so a key cannot have a double quote; an
// unquoted key has none of ][.$(){}, no blank and no control character either.
// Errors wrap ErrPath.
func ParsePath(s string) (ValuePath, error) {
	var p ValuePath
	for rest := s; ; {
		one, after, err := nextStep(rest)
		if err != nil {
			return ValuePath{}, fmt.Errorf("%w %s: %w", ErrPath, clip(s), err)
		}
		p.steps = append(p.steps, one)
		switch {
		case after == "":
			return p, nil
		case after[0] == '[':
			rest = after
		case after[0] == '.' && !strings.HasPrefix(after, ".["):
			rest = after[1:]
		default:
			return ValuePath{}, fmt.Errorf("%w %s: want '.' and a key, or '[', instead of %s", ErrPath, clip(s), clip(after))
		}
	}
}

// nextStep reads the step that s begins with.
func nextStep(s string) (one step, rest string, err error) {
	switch {
	case strings.HasPrefix(s, "["):
		digits, rest, closed := strings.Cut(s[1:], "]")
		index, err := strconv.ParseUint(digits, 10, 32)
		if !closed || err != nil || len(digits) > maxIndexDigits {
			return step{}, "", fmt.Errorf("%s is no index: want one such as [0], of at most %d digits", clip(s), maxIndexDigits)
		}
		return step{index: int(index), isItem: true}, rest, nil
	case strings.HasPrefix(s, `"`):
		key, rest, closed := strings.Cut(s[1:], `"`)
		if !closed || key == "" || strings.ContainsFunc(key, isControl) {
			return step{}, "", fmt.Errorf(`%s is no quoted key: want one such as "app.io/server"`, clip(s))
		}
		return step{key: key}, rest, nil
	}
	end := strings.IndexFunc(s, func(r rune) bool { return isControl(r) || strings.ContainsRune(reserved, r) })
	if end < 0 {
		end = len(s)
	}
	if end == 0 {
		return step{}, "", fmt.Errorf("want a key instead of %s; a key with any of %s or a blank goes into double quotes", clip(s), strings.TrimSpace(reserved))
	}
	return step{key: s[:end]}, s[end:], nil
}

// reserved are the characters that only a quoted key may have.
const reserved = `][."$(){} `

// isControl is what the schema of the API calls a control character.
func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// String is the path in the form that ParsePath reads.
func (p ValuePath) String() string { return joinSteps(p.steps) }

func joinSteps(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		switch {
		case s.isItem:
			fmt.Fprintf(&b, "[%d]", s.index)
			continue
		case i > 0:
			b.WriteByte('.')
		}
		if strings.ContainsAny(s.key, reserved) {
			b.WriteString(`"` + s.key + `"`)
		} else {
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// clip quotes text of a file or a path for a message, at a bounded length.
func clip(s string) string {
	const limit = 80
	if len(s) <= limit {
		return strconv.Quote(s)
	}
	cut := limit
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}
