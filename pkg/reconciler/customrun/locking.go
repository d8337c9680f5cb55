package customrun

import (
	"context"
	"fmt"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// queuePoll is the back-stop of a run that waits behind others; events come first.
	queuePoll = 30 * time.Second
	// nearHead is the place up to which every change of the place is shown; further back it is once a queueNews.
	nearHead  = 3
	queueNews = time.Minute
)

// locking takes the lock, first come first served. Only the run at the head of the queue looks at the Lease, but for the
// one look of holdsAlready.
func (r *Reconciler) locking(ctx context.Context, run *run) (move, error) {
	name := run.cp.Lock
	waiters := r.waiters(run.Namespace, name)
	place, total, ahead := lock.Place(run.UID, waiters)
	if place == 0 {
		// The cache does not show our own phase yet.
		return stay(waitingMessage(name, 1, 1, ""), 50*time.Millisecond), nil
	}
	if m, gives := r.givesWay(ctx, run, waiters); gives {
		return m, nil
	}
	over := r.clock.Since(run.data.since()) >= run.data.Request.Lock.Timeout.Duration
	if place > 1 {
		if held, err := r.holdsAlready(ctx, run); err != nil {
			return move{}, err
		} else if held {
			return next(Publishing, holding(name)), nil
		}
		if over {
			return lockTimeout(run, "CustomRun "+ahead+" is ahead"), nil
		}
		return r.inQueue(run, place, waitingMessage(name, place, total, "CustomRun "+ahead)), nil
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	m := r.memories.of(run.UID, r.clock.Now())
	m.notHolder = false
	failpoint.Here(failpoint.LockCreateBefore)
	result, err := r.mutex().Acquire(ctx, name, holderOf(run), ownerOf(run))
	failpoint.Here(failpoint.LockCreateAfter)
	if err != nil {
		return move{}, err
	}
	switch result.State {
	case lock.Held:
		return next(Publishing, holding(name)), nil
	case lock.Removed:
		run.tookOver(result.Holder)
		return again(result.Why), nil
	default:
		m.notHolder = true
		if over {
			return lockTimeout(run, result.Why), nil
		}
		wait := r.untilLockTimeout(run, result.Wake)
		return stay(waitingMessage(name, place, total, "")+": "+result.Why, wait), nil
	}
}

// givesWay ends a waiting run of a queue that only wants the latest, once a newer one has joined it. A run that holds the
// lock already, and just could not write so, does not wait any more.
func (r *Reconciler) givesWay(ctx context.Context, run *run, waiters []lock.Waiter) (move, bool) {
	if !run.data.Request.Lock.Latest {
		return move{}, false
	}
	newest, ok := lock.Newest(waiters)
	if !ok || newest.UID == run.UID {
		return move{}, false
	}
	if held, err := r.holdsAlready(ctx, run); err != nil || held {
		return move{}, false
	}
	return fail(v1alpha1.ReasonSuperseded, fmt.Sprintf("CustomRun %s came later for lock %s, and lock.queue is Latest", newest.Name, run.cp.Lock)), true
}

// lockTimeout ends a run that has waited long enough. Its last look at the Lease comes before, so that the message tells
// what it was waiting for.
func lockTimeout(run *run, why string) move {
	timeout := run.data.Request.Lock.Timeout.Duration
	if timeout == 0 {
		return fail(v1alpha1.ReasonLockTimeout, fmt.Sprintf("lock %s is taken and lock.timeout is 0: %s", run.cp.Lock, why))
	}
	return fail(v1alpha1.ReasonLockTimeout, fmt.Sprintf("lock %s was not free within %s: %s", run.cp.Lock, timeout, why))
}

// holdsAlready tells whether a run behind the head has the lock. It was the head when it made the Lease, its process
// could not write so, and an older run has joined the queue since: without this look, the two would wait for each other.
// One look for each waiting run and process is enough.
func (r *Reconciler) holdsAlready(ctx context.Context, run *run) (bool, error) {
	m := r.memories.of(run.UID, r.clock.Now())
	if m.notHolder {
		return false, nil
	}
	held, err := r.mutex().Holds(ctx, run.cp.Lock, holderOf(run))
	m.notHolder = err == nil && !held
	return held, err
}

// inQueue waits behind other runs. The place is written when it matters to somebody: near the head, or once a minute.
func (r *Reconciler) inQueue(run *run, place int, message string) move {
	wait := r.untilLockTimeout(run, queuePoll)
	if place > nearHead {
		shown := run.Status.GetCondition(conditionSucceeded)
		if shown != nil && shown.Message != enteringQueue(run.cp.Lock) && r.clock.Since(run.data.Queue.Shown.Time) < queueNews {
			return stay(shown.Message, wait)
		}
	}
	if message != currentMessage(run) {
		run.data.Queue.Shown = metav1.NewTime(r.clock.Now())
	}
	return stay(message, wait)
}

// untilLockTimeout shortens a wait to the end of the lock's timeout.
func (r *Reconciler) untilLockTimeout(run *run, wait time.Duration) time.Duration {
	left := run.data.since().Add(run.data.Request.Lock.Timeout.Duration).Sub(r.clock.Now())
	return max(min(wait, left), time.Millisecond)
}

// waitsFor tells whether a run stands in the queue of a lock.
func waitsFor(cr *v1beta1.CustomRun, name string) bool {
	if !isOurs(cr) || cr.IsDone() || cr.IsCancelled() || cr.DeletionTimestamp != nil {
		return false
	}
	cp, _, _ := decodeCheckpoint(cr)
	return cp != nil && cp.Phase == Locking && cp.Lock == name
}

// joined wakes all who wait for a lock when a run joins them that wants only the latest to wait. Runs that disagree about
// the queue notice each other at their next look.
func (r *Reconciler) joined(old, now any) {
	before, ok := old.(*v1beta1.CustomRun)
	after, ok2 := now.(*v1beta1.CustomRun)
	if !ok || !ok2 {
		return
	}
	name := lockOf(after)
	if name == "" || !waitsFor(after, name) || waitsFor(before, name) {
		return
	}
	_, d, err := decodeCheckpoint(after)
	if err != nil || d.Request == nil || !d.Request.Lock.Latest {
		return
	}
	for _, w := range r.waiters(after.Namespace, name) {
		r.wakeAfter(types.NamespacedName{Namespace: after.Namespace, Name: w.Name}, 0)
	}
}

// lockOf is the lock that a run holds or waits for, as its status says.
func lockOf(cr *v1beta1.CustomRun) string {
	cp, _, _ := decodeCheckpoint(cr)
	if cp == nil {
		return ""
	}
	return cp.Lock
}

func (r *Reconciler) mutex() *lock.Mutex { return r.backends.mutex }

func holderOf(run *run) lock.Holder {
	return lock.Holder{Namespace: run.Namespace, Name: run.Name, UID: run.UID}
}

// ownerOf makes the garbage collector release the lock of a run that was deleted.
func ownerOf(run *run) metav1.OwnerReference {
	controller := true
	return metav1.OwnerReference{
		APIVersion: v1beta1.SchemeGroupVersion.String(), Kind: "CustomRun",
		Name: run.Name, UID: run.UID, Controller: &controller,
	}
}

func holding(name string) string { return "lock " + name + " is held by this run" }

func enteringQueue(name string) string { return "waiting for lock " + name }

func waitingMessage(name string, place, total int, behind string) string {
	message := fmt.Sprintf("waiting for lock %s: %s of %d", name, ordinal(place), total)
	if behind != "" {
		message += ", behind " + behind
	}
	return message
}

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

func currentMessage(run *run) string {
	if c := run.Status.GetCondition(conditionSucceeded); c != nil {
		return c.Message
	}
	return ""
}
