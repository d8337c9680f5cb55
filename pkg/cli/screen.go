package cli

import (
	"io"
	"strings"
)

// Control sequences of ECMA-48 and, for the cursor, of DEC's terminals; every terminal program knows them.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	cursorUp   = "\x1b[1A"
	// clearBelow clears from the cursor to the end of the screen.
	clearBelow = "\x1b[J"
)

// screen is a terminal with a log above and a few lines below it that are drawn again and again. Each change is one
// write, so that nothing half drawn is ever seen.
type screen struct {
	out io.Writer
	// drawn is how wide each of the lines below was.
	drawn []int
	// hidden: the cursor is.
	hidden bool
}

// draw adds lines to the log, and replaces those below it. The lines below must be narrower than the terminal.
func (s *screen) draw(width int, log []string, below []string) error {
	var frame strings.Builder
	if !s.hidden && len(below) > 0 {
		s.hidden = true
		frame.WriteString(hideCursor)
	}
	s.erase(&frame, width)
	for _, text := range log {
		frame.WriteString(text + "\n")
	}
	for _, text := range below {
		frame.WriteString(text + "\n")
		s.drawn = append(s.drawn, columns(uncoloured(text)))
	}
	return writeTo(s.out, frame.String())
}

// erase moves to the first of the lines below and clears them. A window that has become narrower since has broken them
// into more lines than were written.
func (s *screen) erase(frame *strings.Builder, width int) {
	up := 0
	for _, wide := range s.drawn {
		up += max(1, (wide+width-1)/max(width, 1))
	}
	frame.WriteString(strings.Repeat(cursorUp, up))
	if up > 0 {
		frame.WriteString("\r" + clearBelow)
	}
	s.drawn = nil
}

// close takes the lines below away and leaves the terminal as it was.
func (s *screen) close(width int) error {
	if !s.hidden {
		return nil
	}
	var frame strings.Builder
	s.erase(&frame, width)
	frame.WriteString(showCursor)
	s.hidden = false
	return writeTo(s.out, frame.String())
}

// uncoloured is a text of ours without the sequences of paint.
func uncoloured(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "\x1b[")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		_, text, _ = strings.Cut(rest, "m")
	}
}
