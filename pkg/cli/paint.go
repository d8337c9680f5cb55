package cli

import (
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// colour is an SGR parameter of ECMA-48. The eight basic ones are those that every theme of a terminal makes readable.
type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	faint  colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
)

// paint colours texts, or does not.
type paint bool

func (s *session) paint() paint {
	return paint(s.terminal() && !s.noColor && !s.streams.NoColor)
}

func (p paint) text(text string, c colour) string {
	if !p || c == plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Marks of what is over, well or not, and of what goes on.
const (
	markDone    = "✓"
	markFailed  = "✗"
	markRunning = "·"
)

// status is a run's reason or phase with the colour of its state.
func status(run progress.Run) (string, colour) {
	switch run.State {
	case progress.Succeeded:
		return orElse(run.Reason, string(run.State)), green
	case progress.Failed:
		if run.Reason == string(v1alpha1.ReasonCancelled) {
			return run.Reason, yellow
		}
		return orElse(run.Reason, string(run.State)), red
	case progress.Running:
		return orElse(run.Phase, orElse(run.Reason, string(run.State))), cyan
	}
	return string(run.State), faint
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// cell is one field of a table.
type cell struct {
	text   string
	colour colour
}

func cells(texts ...string) []cell {
	row := make([]cell, 0, len(texts))
	for _, text := range texts {
		row = append(row, cell{text: text})
	}
	return row
}

// table aligns its columns with at least three spaces between them. A field never has line breaks, and the last column
// no spaces at its end.
func (p paint) table(indent string, rows ...[]cell) string {
	var widths []int
	for _, row := range rows {
		for i := range row {
			row[i].text = oneLine(row[i].text)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(row[i].text))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		line := indent
		for i, c := range row {
			line += p.text(c.text, c.colour)
			if i < len(row)-1 {
				line += strings.Repeat(" ", widths[i]-columns(c.text)+3)
			}
		}
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return out.String()
}

// heading is the first row of a table.
func heading(texts ...string) []cell {
	row := cells(texts...)
	for i := range row {
		row[i].colour = faint
	}
	return row
}
