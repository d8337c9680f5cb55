package lock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
)

// TestModel plays several runs on two replicas whose clocks differ, pipelines that
// lock by hand, a leader election, crashes, lost answers, and other people's moves
// between our read and our delete, in any order, and checks after each move that
//
//   - no two holders hold the lock at once;
//   - no Lease of a holder that may still be at work is deleted;
//   - a call changes at most one thing.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"acquire":           w.acquire,
			"release":           w.release,
			"end run":           w.endRun,
			"crash replica":     w.crash,
			"time passes":       w.pass,
			"pipeline locks":    w.foreignCreate,
			"pipeline releases": w.foreignRelease,
			"pipeline ends":     w.foreignEnd,
			"Lease is touched":  w.touch,
			"garbage collector": w.collect,
			"deleted by hand":   w.deleteByHand,
			"":                  w.check,
		})
	})
}

// run is a run of ours.
type run struct {
	holder lock.Holder
	proof  lock.Proof // Alive, Done or Absent
	holds  bool       // it was told so, and neither released nor lost it since
	seen   lock.Seen  // what its status would keep
}

type world struct {
	t        *rapid.T
	s        *server
	now      time.Time // true time
	replicas [2]*replica
	runs     []*run
	// pipelines are the PipelineRuns whose names foreign holders may use.
	pipelines map[string]lock.Proof
	// since is when the Lease was last changed, in true time.
	since map[types.UID]time.Time
	n     int
}

// replica is one process; its clock is off by skew but goes at the right speed.
type replica struct {
	w     *world
	skew  time.Duration
	mutex *lock.Mutex
}

func (r *replica) Now() time.Time                  { return r.w.now.Add(r.skew) }
func (r *replica) Since(t time.Time) time.Duration { return r.Now().Sub(t) }

var _ clock.PassiveClock = (*replica)(nil)

func newWorld(t *rapid.T) *world {
	w := &world{
		t: t, s: newServer(), now: t0, since: map[types.UID]time.Time{},
		pipelines: map[string]lock.Proof{"pr-0": lock.Alive, "pr-1": lock.Alive, "pr-2": lock.Absent},
	}
	for i, skew := range []time.Duration{0, time.Hour} {
		w.replicas[i] = &replica{w: w, skew: skew}
		w.replicas[i].mutex = lock.New(w.s.leases(), w, w.replicas[i])
	}
	for range 3 {
		w.addRun()
	}
	w.s.deleting = w.judge
	return w
}

func (w *world) addRun() {
	w.n++
	w.runs = append(w.runs, &run{
		holder: lock.Holder{Namespace: team, Name: fmt.Sprintf("run-%d", w.n%2), UID: types.UID(fmt.Sprint(w.n))},
		proof:  lock.Alive,
	})
}

// Holder and Named are the live reads.
func (w *world) Holder(_ context.Context, h lock.Holder) (lock.Evidence, error) {
	for _, r := range w.runs {
		if r.holder == h {
			return lock.Evidence{Proof: r.proof, Why: "as it is"}, nil
		}
	}
	return lock.Evidence{Proof: lock.Absent, Why: "it is not there"}, nil
}

func (w *world) Named(_ context.Context, _, name string) (lock.Evidence, error) {
	proof, ok := w.pipelines[name]
	if !ok {
		proof = lock.Absent
	}
	return lock.Evidence{Proof: proof, Why: "as it is"}, nil
}

func (w *world) stored() *coordinationv1.Lease {
	return w.s.stored[types.NamespacedName{Namespace: team, Name: name}]
}

func (w *world) put(lease *coordinationv1.Lease) {
	w.since[w.s.put(lease).UID] = w.now
}

// judge looks at each Lease that the code under test deletes.
func (w *world) judge(lease *coordinationv1.Lease) {
	id := ""
	if lease.Spec.HolderIdentity != nil {
		id = *lease.Spec.HolderIdentity
	}
	if lease.Spec.RenewTime != nil {
		w.t.Fatalf("deleted the leader election of %q", id)
	}
	if h, ok := lock.ParseHolder(id); ok {
		for _, r := range w.runs {
			if r.holder == h && r.proof == lock.Alive && r.holds {
				w.t.Fatalf("deleted the lock of %s, which is alive and holds it", h)
			}
		}
		return
	}
	proof, known := w.pipelines[id]
	switch {
	case known && proof == lock.Alive:
		w.t.Fatalf("deleted the lock of PipelineRun %s, which is alive", id)
	case known && proof == lock.Done, w.everAlive(id):
		return
	case lease.Spec.LeaseDurationSeconds == nil:
		w.t.Fatalf("deleted the lock of %q, which has no duration", id)
	case w.now.Sub(w.since[lease.UID]) < time.Duration(*lease.Spec.LeaseDurationSeconds)*time.Second:
		w.t.Fatalf("deleted the lock of %q %s after its last change", id, w.now.Sub(w.since[lease.UID]))
	}
}

// everAlive: pr-0 and pr-1 begin alive, so that they may have been seen so.
func (w *world) everAlive(id string) bool { return id == "pr-0" || id == "pr-1" }

func (w *world) acquire(t *rapid.T) {
	r := rapid.SampledFrom(w.runs).Draw(t, "run")
	p := rapid.SampledFrom(w.replicas[:]).Draw(t, "replica")
	if r.proof != lock.Alive {
		t.Skip("it has ended")
	}
	switch rapid.IntRange(0, 9).Draw(t, "trouble") {
	case 0:
		w.s.before["create"] = func() { w.tryForeignCreate("build", ptrTo(60)) }
	case 1:
		w.s.before["delete"] = func() { w.replaceByForeign() }
	case 2:
		w.s.before["delete"] = func() { w.touchStored() }
	case 3:
		// The create reaches the server, its answer does not reach us.
		w.s.before["create"] = func() {
			if w.stored() == nil {
				w.put(held(r.holder.String()))
			}
		}
		w.s.fail["create"] = errAny
	}
	p.mutex.Remember(team, name, r.seen)
	w.s.calls = nil
	got, err := p.mutex.Acquire(context.Background(), name, r.holder, owner(r.holder))
	w.s.before, w.s.fail = map[string]func(){}, map[string]error{}
	w.countEffects(t)
	if err != nil {
		return
	}
	r.seen = got.Seen
	if got.State == lock.Held {
		r.holds = true
		if lease := w.stored(); lease == nil || *lease.Spec.HolderIdentity != r.holder.String() {
			t.Fatalf("%s was told that it holds the lock, but the Lease is %v", r.holder, lease)
		}
	}
	if _, ok := w.since[got.UID]; !ok && got.UID != "" {
		w.since[got.UID] = w.now
	}
}

func (w *world) countEffects(t *rapid.T) {
	effects := 0
	for _, verb := range w.s.calls {
		if verb != "get" {
			effects++
		}
	}
	if effects > 1 {
		t.Fatalf("one call made %v", w.s.calls)
	}
}

func (w *world) release(t *rapid.T) {
	r := rapid.SampledFrom(w.runs).Draw(t, "run")
	p := rapid.SampledFrom(w.replicas[:]).Draw(t, "replica")
	r.holds = false // it gives up the lock before it asks, as the reconciler does
	_, err := p.mutex.Release(context.Background(), name, r.holder)
	if err != nil {
		t.Fatal(err)
	}
	if lease := w.stored(); lease != nil && lease.Spec.HolderIdentity != nil && *lease.Spec.HolderIdentity == r.holder.String() {
		t.Fatalf("%s still has its Lease after Release", r.holder)
	}
}

// endRun ends or deletes a run, whether it released its lock or not, and starts
// another, whose name may be the same.
func (w *world) endRun(t *rapid.T) {
	r := rapid.SampledFrom(w.runs).Draw(t, "run")
	if r.proof != lock.Alive {
		t.Skip("it has ended")
	}
	r.proof = rapid.SampledFrom([]lock.Proof{lock.Done, lock.Absent}).Draw(t, "end")
	r.holds = false
	w.addRun()
}

func (w *world) crash(t *rapid.T) {
	p := rapid.SampledFrom(w.replicas[:]).Draw(t, "replica")
	p.mutex = lock.New(w.s.leases(), w, p)
}

func (w *world) pass(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(1, 50).Draw(t, "seconds")) * time.Second)
}

func ptrTo(seconds int32) *int32 { return &seconds }

func (w *world) tryForeignCreate(id string, duration *int32) {
	if w.stored() != nil {
		return
	}
	lease := held(id)
	lease.Spec.LeaseDurationSeconds = duration
	w.put(lease)
}

func (w *world) foreignCreate(t *rapid.T) {
	id := rapid.SampledFrom([]string{"pr-0", "pr-1", "pr-2", "Alice", "", "elsewhere/run-0/1"}).Draw(t, "identity")
	duration := rapid.SampledFrom([]*int32{nil, ptrTo(5), ptrTo(30)}).Draw(t, "duration")
	w.tryForeignCreate(id, duration)
	if lease := w.stored(); rapid.IntRange(0, 9).Draw(t, "election") == 0 && !w.ours(lease) {
		lease = lease.DeepCopy()
		lease.Spec.RenewTime = &metav1.MicroTime{Time: w.now}
		w.put(lease)
	}
}

func (w *world) ours(lease *coordinationv1.Lease) bool {
	if lease.Spec.HolderIdentity == nil {
		return false
	}
	h, ok := lock.ParseHolder(*lease.Spec.HolderIdentity)
	return ok && h.Namespace == team
}

func (w *world) replaceByForeign() {
	if lease := w.stored(); lease == nil || !w.ours(lease) {
		delete(w.s.stored, types.NamespacedName{Namespace: team, Name: name})
		w.tryForeignCreate("pr-0", nil)
	}
}

func (w *world) foreignRelease(*rapid.T) {
	if lease := w.stored(); lease != nil && !w.ours(lease) {
		delete(w.s.stored, key(lease))
	}
}

func (w *world) foreignEnd(t *rapid.T) {
	id := rapid.SampledFrom([]string{"pr-0", "pr-1"}).Draw(t, "PipelineRun")
	w.pipelines[id] = rapid.SampledFrom([]lock.Proof{lock.Alive, lock.Done, lock.Absent}).Draw(t, "end")
}

func (w *world) touch(*rapid.T) { w.touchStored() }

func (w *world) touchStored() {
	if lease := w.stored(); lease != nil {
		w.put(lease)
	}
}

// collect deletes a Lease whose owner does not exist any more.
func (w *world) collect(*rapid.T) {
	lease := w.stored()
	if lease == nil || len(lease.OwnerReferences) == 0 {
		return
	}
	for _, r := range w.runs {
		if r.holder.UID == lease.OwnerReferences[0].UID && r.proof != lock.Absent {
			return
		}
	}
	delete(w.s.stored, key(lease))
}

// deleteByHand is a person, or the release task of another pipeline. The run that
// held the lock has lost it; it finds out by Holds.
func (w *world) deleteByHand(t *rapid.T) {
	lease := w.stored()
	if lease == nil {
		return
	}
	delete(w.s.stored, key(lease))
	for _, r := range w.runs {
		if !r.holds {
			continue
		}
		r.holds = false
		p := rapid.SampledFrom(w.replicas[:]).Draw(t, "replica")
		if holds, err := p.mutex.Holds(context.Background(), name, r.holder); holds || err != nil {
			t.Fatalf("%s holds a lock that is gone: %v, %v", r.holder, holds, err)
		}
	}
}

func (w *world) check(t *rapid.T) {
	var holders []string
	for _, r := range w.runs {
		if r.holds {
			holders = append(holders, r.holder.String())
		}
	}
	if lease := w.stored(); lease != nil && !w.ours(lease) && len(holders) > 0 {
		holders = append(holders, "a pipeline")
	}
	if len(holders) > 1 {
		t.Fatalf("holders at once: %v", holders)
	}
}
