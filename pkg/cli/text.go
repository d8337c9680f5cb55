package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
	"k8s.io/apimachinery/pkg/util/duration"
)

// clean takes out of a text what could control a terminal. Texts of servers are shown, and not obeyed.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case controls(r):
			return -1
		}
		return r
	}, text)
}

// controls tells whether a terminal obeys a rune instead of showing it.
func controls(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) }

// oneLine is a text without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// took is a duration as people read it: tenths below a minute, whole seconds and minutes above.
func took(d time.Duration) string {
	d = max(d, 0)
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	}
	return roughly(d)
}

// roughly is a duration that has, or needs, whole seconds only.
func roughly(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// ago is how long ago something was, as kubectl says ages.
func ago(t, now time.Time) string { return duration.HumanDuration(max(now.Sub(t), 0)) + " ago" }

// columns is how wide a text is on a terminal.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// cut shortens a text to a number of columns, with a sign that it was.
func cut(text string, limit int) string {
	if columns(text) <= limit {
		return text
	}
	if limit < 1 {
		return ""
	}
	at, n := 0, 0
	for i, r := range text {
		if n += columnsOf(r); n > limit-1 {
			break
		}
		at = i + len(string(r))
	}
	return strings.TrimRight(text[:at], " :,;") + "…"
}

// wrap breaks a text at spaces into lines of at most limit columns; a word that is longer has a line of its own, so that
// it can be copied.
func wrap(text string, limit int) []string {
	var lines []string
	for paragraph := range strings.Lines(clean(text)) {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case columns(line)+1+columns(word) > limit:
				lines, line = append(lines, line), word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}
