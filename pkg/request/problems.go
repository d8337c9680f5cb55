package request

import (
	"fmt"
	"strings"
)

// maxProblems bounds how many problems one error tells, and maxClip how much of a value.
const (
	maxProblems = 5
	maxClip     = 80
	maxKnown    = 64
)

// problems collects what is wrong, so that a person can correct all of it at once.
type problems struct {
	kind error
	// subject names a field for a person: it depends on the form of the run. Nil: the path itself.
	subject func(path string) string
	list    []string
}

func (p *problems) add(path, format string, args ...any) {
	if p.subject != nil {
		path = p.subject(path)
	}
	p.list = append(p.list, path+": "+fmt.Sprintf(format, args...))
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	shown := p.list
	more := ""
	if len(shown) > maxProblems {
		shown = shown[:maxProblems]
		more = fmt.Sprintf("; and %d more", len(p.list)-maxProblems)
	}
	return fmt.Errorf("%w: %s%s", p.kind, strings.Join(shown, "; "), more)
}

// clip bounds a value that goes into a message.
func clip(s string) string {
	if len(s) <= maxClip {
		return s
	}
	return strings.ToValidUTF8(s[:maxClip], "") + "…"
}

// known lists names for a message.
func known(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) > maxKnown {
		names = append(names[:maxKnown:maxKnown], "…")
	}
	return strings.Join(names, ", ")
}
