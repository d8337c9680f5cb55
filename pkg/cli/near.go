package cli

import (
	"cmp"
	"slices"
	"strings"
)

const maxNear = 3

// near are the names that somebody may have meant, the best first: those that contain what was typed, and those that
// differ in few letters.
func near(typed string, names []string) []string {
	type guess struct {
		name string
		far  int
	}
	var guesses []guess
	for _, name := range names {
		far := distance(typed, name)
		switch {
		case typed != "" && strings.Contains(name, typed):
			far = 0
		case far > max(2, len(typed)/4):
			continue
		}
		guesses = append(guesses, guess{name, far})
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, g := range guesses[:min(len(guesses), maxNear)] {
		out = append(out, g.name)
	}
	return out
}

// distance is that of Levenshtein: how many letters have to be added, taken out or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
