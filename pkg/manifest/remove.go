package manifest

import "bytes"

// removeLines removes a pair of a block mapping, with the lines that it fills.
func (k *kustomization) removeLines(e *entry, p pair) change {
	from := k.lineStart(k.offset(p.key))
	to := k.lineEnd(k.end(p.value, e.indent()))
	n := breakLen(k.data[to:])
	if n == 0 {
		// The last line of a file without a final line break: the one in front
		// of it goes.
		for from > 0 && breakLen(k.data[from-1:to]) > 0 {
			from--
		}
	}
	return change{from: from, to: to + n}
}

// removeFlow removes a pair of a flow mapping, with one comma, and with its
// line where it has one for itself.
func (k *kustomization) removeFlow(e *entry, p pair) changes {
	from, to := k.offset(p.key), k.end(p.value, 0)
	var all changes
	if comma := k.skipBlank(to); comma < len(k.data) && k.data[comma] == ',' {
		to = comma + 1
		if !k.firstOnLine(from) {
			to = k.skipBlanks(to)
		}
	} else if before := k.commaBefore(e, p); before >= 0 {
		if len(bytes.TrimLeft(k.data[before+1:from], " \t")) == 0 {
			from = before
		} else {
			all = append(all, change{from: before, to: before + 1})
		}
	}
	if k.firstOnLine(from) && k.restIsBlank(to) {
		from, to = k.lineStart(from), k.lineEnd(to)
		to += breakLen(k.data[to:])
	}
	return append(all, change{from: from, to: to})
}

// commaBefore is the offset of the comma between a pair of a flow mapping and
// the one before it, or -1.
func (k *kustomization) commaBefore(e *entry, p pair) int {
	last := -1
	for _, other := range pairs(e.node) {
		if other.key == p.key {
			break
		}
		last = k.skipBlank(k.end(other.value, 0))
	}
	return last
}
