package lock

import (
	"context"
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Proof is what a live read shows about a holder.
type Proof int

const (
	// Unknown: the identity says nothing that could be looked up.
	Unknown Proof = iota
	// Alive: the object exists and is not done. It keeps the lock, however long.
	Alive
	// Absent: no object of that name and, for a Holder, of that UID exists.
	Absent
	// Done: the object exists and has ended.
	Done
)

// Evidence is a proof, and what was found in words ("CustomRun r41 is done").
type Evidence struct {
	Proof Proof
	Why   string
}

// Prover looks a holder up by a live read, never in a cache: a cache that lags
// would let two runs hold the lock. An error means that nothing is known; nothing
// is then taken over.
type Prover interface {
	// Holder looks up a run that locked through this package.
	Holder(ctx context.Context, h Holder) (Evidence, error)
	// Named looks up the PipelineRun of that name: pipelines that lock by hand
	// usually sign with it. The name may just as well be something else, which is
	// Absent here.
	Named(ctx context.Context, namespace, name string) (Evidence, error)
}

// Seen is how long a foreign Lease has been observed without a change. It is a
// duration and not a point in time, so that another replica, whose clock may be
// wrong by an hour, can go on from it.
type Seen struct {
	UID             types.UID     `json:"uid,omitempty"`
	ResourceVersion string        `json:"resourceVersion,omitempty"`
	For             time.Duration `json:"for,omitempty"`
	// Alive: the holder's PipelineRun was alive under this Lease at some time, so
	// that its absence is now a proof.
	Alive bool `json:"alive,omitempty"`
}

// sighting is a Seen that grows: its time is credit plus the time since then.
type sighting struct {
	seen Seen
	from time.Time
	last time.Time
}

// keepSighting is how long an observation is kept that nobody asks about any more.
// Losing one costs a new start of the wait, never the lock.
const keepSighting = time.Hour

// Remember hands in what an earlier process, or another replica, has seen of the
// lock's Lease. It is used if the Lease is still the same, and only ever shortens
// the wait by time that has really passed. Call it before Acquire when resuming.
func (m *Mutex) Remember(namespace, name string, seen Seen) {
	if seen.UID == "" || seen.ResourceVersion == "" || seen.For < 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key, now := types.NamespacedName{Namespace: namespace, Name: name}, m.clock.Now()
	known, ok := m.sight[key]
	if ok && known.same(seen) {
		seen.For = max(seen.For, known.elapsed(now))
		seen.Alive = seen.Alive || known.seen.Alive
	} else if ok {
		// What this process saw itself is newer than anything handed in.
		return
	}
	m.sight[key] = sighting{seen: seen, from: now, last: now}
}

func (s sighting) elapsed(now time.Time) time.Duration {
	return s.seen.For + max(0, now.Sub(s.from))
}

func (s sighting) same(seen Seen) bool {
	return s.seen.UID == seen.UID && s.seen.ResourceVersion == seen.ResourceVersion
}

// observe notes that the Lease is there and returns what is known about it.
func (m *Mutex) observe(key types.NamespacedName, lease *coordinationv1.Lease, alive bool) Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	seen := Seen{UID: lease.UID, ResourceVersion: lease.ResourceVersion}
	known, ok := m.sight[key]
	switch {
	case !ok:
		m.prune(now)
		known = sighting{seen: seen, from: now}
	case !known.same(seen):
		// Any change starts the wait anew, but the holder's life was seen under a UID.
		seen.Alive = known.seen.Alive && known.seen.UID == seen.UID
		known = sighting{seen: seen, from: now}
	}
	known.seen.Alive = known.seen.Alive || alive
	known.last = now
	m.sight[key] = known
	seen = known.seen
	seen.For = known.elapsed(now)
	return seen
}

// prune drops what nobody has asked about for long. The caller holds the mutex.
func (m *Mutex) prune(now time.Time) {
	for key, s := range m.sight {
		if now.Sub(s.last) > keepSighting {
			delete(m.sight, key)
		}
	}
}

func (m *Mutex) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sight, key)
}

// challenge decides about a Lease that is not ours: wait for it, or delete it
// because its holder is proven gone.
func (m *Mutex) challenge(ctx context.Context, key types.NamespacedName, lease *coordinationv1.Lease) (Result, error) {
	if lease.Spec.RenewTime != nil || lease.Spec.Strategy != nil {
		return Result{}, fmt.Errorf("acquire lock %s: %w (holder %q, with a renewTime or a strategy): choose another lock name",
			key, ErrLeaderElection, clip(identity(lease)))
	}
	r := Result{State: Busy, Holder: clip(identity(lease)), Since: lease.CreationTimestamp.Time, UID: lease.UID}
	since := r.Since.UTC().Format(time.RFC3339)
	if lease.DeletionTimestamp != nil {
		r.Wake, r.Why = pollForeign, fmt.Sprintf("Lease %s of %q is being deleted; a finalizer still holds it", key.Name, r.Holder)
		return r, nil
	}
	if run, ok := ParseHolder(identity(lease)); ok && run.Namespace == key.Namespace {
		return m.challengeRun(ctx, key, lease, run, r, since)
	}
	return m.challengeForeign(ctx, key, lease, r, since)
}

// challengeRun handles a holder that locked through this package: it holds the
// lock for exactly as long as its run exists and is not done.
func (m *Mutex) challengeRun(ctx context.Context, key types.NamespacedName, lease *coordinationv1.Lease, run Holder, r Result, since string) (Result, error) {
	m.forget(key)
	e, err := m.prover.Holder(ctx, run)
	if err != nil {
		return Result{}, fmt.Errorf("acquire lock %s: look up its holder %s: %w", key, run.Name, err)
	}
	if e.Proof == Absent || e.Proof == Done {
		return m.remove(ctx, key, lease, r, e.Why)
	}
	r.Wake, r.Why = pollOwn, fmt.Sprintf("held by CustomRun %s since %s", run.Name, since)
	return r, nil
}

// challengeForeign handles a Lease made by something else.
func (m *Mutex) challengeForeign(ctx context.Context, key types.NamespacedName, lease *coordinationv1.Lease, r Result, since string) (Result, error) {
	var e Evidence
	if name := identity(lease); len(validation.IsDNS1123Subdomain(name)) == 0 {
		var err error
		if e, err = m.prover.Named(ctx, key.Namespace, name); err != nil {
			return Result{}, fmt.Errorf("acquire lock %s: look up its holder %s: %w", key, name, err)
		}
	}
	r.Seen = m.observe(key, lease, e.Proof == Alive)
	r.Wake = pollForeign
	switch {
	// A bare name may be anything, so that no PipelineRun of that name proves nothing
	// unless there was one under this very Lease.
	case e.Proof == Done, e.Proof == Absent && r.Seen.Alive:
		return m.remove(ctx, key, lease, r, e.Why)
	case e.Proof == Alive:
		r.Why = fmt.Sprintf("held by PipelineRun %s since %s", r.Holder, since)
		return r, nil
	case lease.Spec.LeaseDurationSeconds == nil:
		r.Why = fmt.Sprintf("held by %q since %s; its Lease has no duration and never expires: "+
			"if nothing uses it any more, free the lock with `kubectl delete lease %s -n %s`", r.Holder, since, key.Name, key.Namespace)
		return r, nil
	}
	duration := time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second
	if r.Seen.For >= duration {
		return m.remove(ctx, key, lease, r, fmt.Sprintf("its Lease was seen unchanged for the %s that it states", duration))
	}
	r.Wake = min(pollForeign, duration-r.Seen.For)
	r.Why = fmt.Sprintf("held by %q since %s; taken over when its Lease has been seen unchanged for %s", r.Holder, since, duration)
	return r, nil
}

// remove deletes the Lease as it was judged.
func (m *Mutex) remove(ctx context.Context, key types.NamespacedName, lease *coordinationv1.Lease, r Result, why string) (Result, error) {
	err := m.delete(ctx, lease)
	switch {
	case apierrors.IsConflict(err):
		// It changed since it was read, so the judgement is void.
		r.Wake, r.Why = time.Second, fmt.Sprintf("the Lease of %q has just changed", r.Holder)
		return r, nil
	case err != nil && !apierrors.IsNotFound(err):
		return Result{}, failure("take over", key, err)
	}
	m.forget(key)
	r.State, r.Wake, r.Seen = Removed, 0, Seen{}
	r.Why = fmt.Sprintf("took the lock from %q: %s", r.Holder, why)
	return r, nil
}

// clip bounds text that others chose. A Holder fits: its parts have at most 63, 253
// and 36 bytes.
func clip(s string) string {
	const limit = 400
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
