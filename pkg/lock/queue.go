package lock

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Waiter is a run that waits for a lock.
type Waiter struct {
	UID     types.UID
	Name    string
	Created metav1.Time
}

// Place says where a run stands among the waiters: first come, first served, by
// creation time, then by UID, since creation times have whole seconds.
//
// place counts from 1, total counts the waiters, ahead is the name of the run just
// before, empty for the first. A run that is not among the waiters (the cache that
// they come from may lag behind its own write) has place 0 and must not acquire.
func Place(me types.UID, waiters []Waiter) (place, total int, ahead string) {
	i := slices.IndexFunc(waiters, func(w Waiter) bool { return w.UID == me })
	if i < 0 {
		return 0, len(waiters), ""
	}
	place = 1
	var before *Waiter
	for j := range waiters {
		w := &waiters[j]
		if byArrival(*w, waiters[i]) >= 0 {
			continue
		}
		place++
		if before == nil || byArrival(*before, *w) < 0 {
			before, ahead = w, w.Name
		}
	}
	return place, len(waiters), ahead
}

// Heads are the first n waiters, in the order of their turns.
func Heads(n int, waiters []Waiter) []Waiter {
	line := slices.Clone(waiters)
	slices.SortFunc(line, byArrival)
	return line[:min(n, len(line))]
}

// Newest is the waiter that came last, by creation and then by UID; false when nobody waits.
func Newest(waiters []Waiter) (Waiter, bool) {
	if len(waiters) == 0 {
		return Waiter{}, false
	}
	return slices.MaxFunc(waiters, byArrival), true
}

func byArrival(a, b Waiter) int {
	return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.UID, b.UID))
}
