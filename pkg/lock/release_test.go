package lock_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
)

func TestReleaseAndHolds(t *testing.T) {
	for behaviour, tc := range map[string]struct {
		lease        *coordinationv1.Lease
		fail         map[string]error
		wantHolds    bool
		wantReleased bool
		wantErr      error
		wantLeft     bool
	}{
		"ours":                   {lease: held(me.String()), wantHolds: true, wantReleased: true},
		"gone":                   {},
		"another run's":          {lease: held(other.String()), wantLeft: true},
		"of a run of our name":   {lease: held("team/r42-deploy/another-uid"), wantLeft: true},
		"somebody's":             {lease: held("r42-deploy"), wantLeft: true},
		"nobody's":               {lease: nameless(held("")), wantLeft: true},
		"deleted by others":      {lease: held(me.String()), wantHolds: true, fail: map[string]error{"delete": apierrors.NewNotFound(leases, name)}, wantLeft: true},
		"changed at that moment": {lease: held(me.String()), wantHolds: true, fail: map[string]error{"delete": apierrors.NewConflict(leases, name, errAny)}, wantErr: errAny, wantLeft: true},
		"no right to delete":     {lease: held(me.String()), wantHolds: true, fail: map[string]error{"delete": apierrors.NewForbidden(leases, name, errAny)}, wantErr: lock.ErrForbidden, wantLeft: true},
	} {
		t.Run(behaviour, func(t *testing.T) {
			s := newServer()
			if tc.lease != nil {
				s.put(tc.lease)
			}
			m := lock.New(s.leases(), proofs{}, clocktesting.NewFakePassiveClock(t0))
			holds, err := m.Holds(t.Context(), name, me)
			if holds != tc.wantHolds || err != nil {
				t.Errorf("Holds = %v, %v", holds, err)
			}
			for verb, err := range tc.fail {
				s.fail[verb] = err
			}
			released, err := m.Release(t.Context(), name, me)
			checkError(t, err, tc.wantErr, "")
			if d := cmp.Diff([]any{tc.wantReleased, tc.wantLeft}, []any{released, len(s.stored) > 0}); d != "" {
				t.Error(d)
			}
			// Twice is as good as once.
			if again, err := m.Release(t.Context(), name, me); tc.wantReleased && (again || err != nil) {
				t.Errorf("the second Release = %v, %v", again, err)
			}
		})
	}
}

func TestReadFailures(t *testing.T) {
	s := newServer()
	m := lock.New(s.leases(), proofs{}, clocktesting.NewFakePassiveClock(t0))
	s.fail["get"] = apierrors.NewForbidden(leases, name, errAny)
	_, err := m.Holds(t.Context(), name, me)
	checkError(t, err, lock.ErrForbidden, "read lock team/catalog-dev")
	s.fail["get"] = apierrors.NewForbidden(leases, name, errAny)
	_, err = m.Release(t.Context(), name, me)
	checkError(t, err, lock.ErrForbidden, "release lock team/catalog-dev")
}

func TestHolder(t *testing.T) {
	for identity, want := range map[string]bool{
		"team/r42-deploy/42": true, "team/r42.deploy/u": true,
		"": false, "r42-deploy": false, "team/r42-deploy": false, "team/r42/1/2": false,
		"/r/1": false, "team//1": false, "team/r/": false, "team/R 42/1": false, "a.b/r/1": false,
	} {
		h, ok := lock.ParseHolder(identity)
		if ok != want || (ok && h.String() != identity) {
			t.Errorf("ParseHolder(%q) = %v, %v", identity, h, ok)
		}
	}
}

func TestStateString(t *testing.T) {
	got := []string{lock.Busy.String(), lock.Held.String(), lock.Removed.String(), lock.State(7).String()}
	if d := cmp.Diff([]string{"Busy", "Held", "Removed", "State(7)"}, got); d != "" {
		t.Error(d)
	}
}

func TestPlace(t *testing.T) {
	at := func(s int) metav1.Time { return metav1.Time{Time: t0.Add(time.Duration(s) * time.Second)} }
	waiters := []lock.Waiter{
		{UID: "c", Name: "third", Created: at(5)},
		{UID: "b", Name: "second", Created: at(5)},
		{UID: "a", Name: "last", Created: at(9)},
		{UID: "z", Name: "first", Created: at(1)},
	}
	for me, want := range map[types.UID][]any{
		"z": {1, 4, ""}, "b": {2, 4, "first"}, "c": {3, 4, "second"}, "a": {4, 4, "third"}, "nobody": {0, 4, ""},
	} {
		place, total, ahead := lock.Place(me, waiters)
		if d := cmp.Diff(want, []any{place, total, ahead}); d != "" {
			t.Errorf("%s: %s", me, d)
		}
	}
	if place, total, _ := lock.Place("a", nil); place != 0 || total != 0 {
		t.Errorf("no waiters: %d of %d", place, total)
	}
	for n, want := range map[int][]string{0: nil, 2: {"first", "second"}, 9: {"first", "second", "third", "last"}} {
		var heads []string
		for _, w := range lock.Heads(n, waiters) {
			heads = append(heads, w.Name)
		}
		if d := cmp.Diff(want, heads); d != "" {
			t.Errorf("the first %d: %s", n, d)
		}
	}
	if waiters[0].UID != "c" {
		t.Error("the caller's slice was sorted")
	}
}
