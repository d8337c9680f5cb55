package manifest

import (
	"cmp"
	"slices"
)

// change replaces the bytes from..to of a file.
type change struct {
	from, to int
	text     string
}

type changes []change

// apply makes the changes. Insertions at one place keep their order. The bytes
// that came in are returned when there is nothing to change.
func (c changes) apply(data []byte) []byte {
	if len(c) == 0 {
		return data
	}
	sorted := slices.Clone(c)
	slices.SortStableFunc(sorted, func(a, b change) int { return cmp.Compare(a.from, b.from) })
	var out []byte
	at := 0
	for _, ch := range sorted {
		out = append(out, data[at:max(at, ch.from)]...)
		out = append(out, ch.text...)
		at = max(at, ch.to)
	}
	return append(out, data[at:]...)
}
