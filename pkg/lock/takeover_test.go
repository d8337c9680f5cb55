package lock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
)

// A step lets time pass, perhaps changes something, and then tries to acquire.
type step struct {
	after time.Duration
	// put replaces the Lease by another one; touch changes it in place.
	put   *coordinationv1.Lease
	touch bool
	// proof is what is known about the holder from now on.
	proof lock.Proof
	// restart loses what the process has seen; remember hands it to the next one.
	restart, remember bool
	// clock sets the wall clock of the process by that much.
	clock time.Duration
	want  lock.State
	wake  time.Duration
}

func TestForeignDuration(t *testing.T) {
	const s = time.Second
	for behaviour, steps := range map[string][]step{
		"passes": {
			{want: lock.Busy, wake: 5 * s},
			{after: 57 * s, want: lock.Busy, wake: 3 * s},
			{after: 2900 * time.Millisecond, want: lock.Busy, wake: 100 * time.Millisecond},
			{after: 100 * time.Millisecond, want: lock.Removed},
			{want: lock.Held},
		},
		"starts anew when the Lease changes": {
			{want: lock.Busy, wake: 5 * s},
			{after: 59 * s, touch: true, want: lock.Busy, wake: 5 * s},
			{after: 59 * s, want: lock.Busy, wake: s},
			{after: s, want: lock.Removed},
		},
		"starts anew when the Lease is another one": {
			{want: lock.Busy, wake: 5 * s},
			{after: 59 * s, put: held("build-8", 60), want: lock.Busy, wake: 5 * s},
			{after: 59 * s, want: lock.Busy, wake: s},
			{after: s, want: lock.Removed},
		},
		"starts anew after a restart": {
			{want: lock.Busy, wake: 5 * s},
			{after: 59 * s, want: lock.Busy, wake: s},
			{after: s, restart: true, want: lock.Busy, wake: 5 * s},
			{after: 60 * s, want: lock.Removed},
		},
		"goes on after a restart when it is remembered": {
			{want: lock.Busy, wake: 5 * s},
			{after: 30 * s, want: lock.Busy, wake: 5 * s},
			{after: 10 * s, restart: true, remember: true, want: lock.Busy, wake: 5 * s},
			{after: 29 * s, want: lock.Busy, wake: s},
			{after: s, want: lock.Removed},
		},
		"goes on in a process whose clock is an hour ahead": {
			{want: lock.Busy, wake: 5 * s},
			{after: 30 * s, want: lock.Busy, wake: 5 * s},
			{restart: true, remember: true, clock: time.Hour, want: lock.Busy, wake: 5 * s},
			{after: 29 * s, want: lock.Busy, wake: s},
			{after: s, want: lock.Removed},
		},
		"goes on in a process whose clock is an hour behind": {
			{want: lock.Busy, wake: 5 * s},
			{after: 30 * s, want: lock.Busy, wake: 5 * s},
			{restart: true, remember: true, clock: -time.Hour, want: lock.Busy, wake: 5 * s},
			{after: 30 * s, want: lock.Removed},
		},
		"is not shortened by what was seen of another Lease": {
			{want: lock.Busy, wake: 5 * s},
			{after: 50 * s, want: lock.Busy, wake: 5 * s},
			{restart: true, remember: true, touch: true, want: lock.Busy, wake: 5 * s},
			{after: 59 * s, want: lock.Busy, wake: s},
			{after: s, want: lock.Removed},
		},
		"does not end a PipelineRun that lives": {
			{proof: lock.Alive, want: lock.Busy, wake: 5 * s},
			{after: time.Hour, proof: lock.Alive, want: lock.Busy, wake: 5 * s},
			{proof: lock.Done, want: lock.Removed},
		},
		"is not waited for once the PipelineRun that was there is gone": {
			{proof: lock.Alive, want: lock.Busy, wake: 5 * s},
			{after: s, touch: true, proof: lock.Absent, want: lock.Removed},
		},
		"is waited for when the PipelineRun was there under another Lease only": {
			{proof: lock.Alive, want: lock.Busy, wake: 5 * s},
			{after: s, put: held("build-7", 60), proof: lock.Absent, want: lock.Busy, wake: 5 * s},
			{after: 60 * s, proof: lock.Absent, want: lock.Removed},
		},
		"is not waited for after a restart that remembers the PipelineRun": {
			{proof: lock.Alive, want: lock.Busy, wake: 5 * s},
			{restart: true, remember: true, proof: lock.Absent, want: lock.Removed},
		},
	} {
		t.Run(behaviour, func(t *testing.T) { runSteps(t, held("build-7", 60), steps) })
	}
}

func TestForeignWithoutDurationNeverExpires(t *testing.T) {
	runSteps(t, held("build-7"), []step{
		{want: lock.Busy, wake: 5 * time.Second},
		{after: 1000 * time.Hour, want: lock.Busy, wake: 5 * time.Second},
		{after: 1000 * time.Hour, want: lock.Busy, wake: 5 * time.Second},
	})
}

func runSteps(t *testing.T, lease *coordinationv1.Lease, steps []step) {
	t.Helper()
	s := newServer(lease)
	wall := clocktesting.NewFakePassiveClock(t0)
	p := proofs{}
	m := lock.New(s.leases(), p, wall)
	var last lock.Result
	for i, step := range steps {
		wall.SetTime(wall.Now().Add(step.after + step.clock))
		stored := s.stored[types.NamespacedName{Namespace: team, Name: name}]
		if step.touch {
			s.put(stored)
		}
		if step.put != nil {
			s.put(step.put)
		}
		for _, name := range []string{"build-7", "build-8"} {
			p[name] = lock.Evidence{Proof: step.proof, Why: fmt.Sprintf("PipelineRun %s is proven", name)}
		}
		if step.restart {
			m = lock.New(s.leases(), p, wall)
		}
		if step.remember {
			m.Remember(team, name, last.Seen)
		}
		got, err := m.Acquire(t.Context(), name, me, owner(me))
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if d := cmp.Diff([]any{step.want, step.wake}, []any{got.State, got.Wake}); d != "" {
			t.Fatalf("step %d: %s", i, d)
		}
		last = got
	}
}

func TestRemember(t *testing.T) {
	seen := lock.Seen{UID: "lease-1", ResourceVersion: "1", For: 40 * time.Second}
	for behaviour, tc := range map[string]struct {
		looked time.Duration // how long this process has seen the Lease itself; 0: not at all
		handed []lock.Seen
		want   lock.Seen
	}{
		"used when this process has seen nothing": {handed: []lock.Seen{seen}, want: seen},
		"used when it is more":                    {looked: 10 * time.Second, handed: []lock.Seen{seen}, want: seen},
		"not used when it is less":                {looked: 50 * time.Second, handed: []lock.Seen{seen}, want: lock.Seen{UID: "lease-1", ResourceVersion: "1", For: 50 * time.Second}},
		"not counted twice":                       {handed: []lock.Seen{seen, seen}, want: seen},
		"not used for another version":            {looked: 10 * time.Second, handed: []lock.Seen{{UID: "lease-1", ResourceVersion: "0", For: time.Hour}}, want: lock.Seen{UID: "lease-1", ResourceVersion: "1", For: 10 * time.Second}},
		"not used when it says nothing":           {handed: []lock.Seen{{}}, want: lock.Seen{UID: "lease-1", ResourceVersion: "1"}},
		"not used when it is negative":            {handed: []lock.Seen{{UID: "lease-1", ResourceVersion: "1", For: -time.Hour}}, want: lock.Seen{UID: "lease-1", ResourceVersion: "1"}},
		"the PipelineRun's life adds to our wait": {looked: 50 * time.Second, handed: []lock.Seen{{UID: "lease-1", ResourceVersion: "1", Alive: true}}, want: lock.Seen{UID: "lease-1", ResourceVersion: "1", For: 50 * time.Second, Alive: true}},
	} {
		t.Run(behaviour, func(t *testing.T) {
			s := newServer(held("build-7", 3600))
			wall := clocktesting.NewFakePassiveClock(t0)
			m := lock.New(s.leases(), proofs{"build-7": {Proof: lock.Unknown}}, wall)
			if tc.looked > 0 {
				if _, err := m.Acquire(t.Context(), name, me, owner(me)); err != nil {
					t.Fatal(err)
				}
				wall.SetTime(wall.Now().Add(tc.looked))
			}
			for _, seen := range tc.handed {
				m.Remember(team, name, seen)
			}
			got, err := m.Acquire(t.Context(), name, me, owner(me))
			if d := cmp.Diff(tc.want, got.Seen); d != "" || err != nil {
				t.Error(d, err)
			}
		})
	}
}

// What nobody asks about any more is dropped: the process does not grow with every
// lock that it ever saw.
func TestSightingsAreDropped(t *testing.T) {
	s := newServer(held("build-7", 7200))
	wall := clocktesting.NewFakePassiveClock(t0)
	m := lock.New(s.leases(), proofs{"build-7": {Proof: lock.Unknown}}, wall)
	try := func(lockName string) lock.Result {
		t.Helper()
		got, err := m.Acquire(t.Context(), lockName, me, owner(me))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	try(name)
	wall.SetTime(wall.Now().Add(61 * time.Minute))
	second := held("build-7", 7200)
	second.Name = "another"
	s.put(second)
	try("another")
	if got := try(name).Seen.For; got != 0 {
		t.Errorf("still seen for %s", got)
	}
	wall.SetTime(wall.Now().Add(time.Minute))
	if got := try(name).Seen.For; got != time.Minute {
		t.Errorf("seen for %s after a minute", got)
	}
}
