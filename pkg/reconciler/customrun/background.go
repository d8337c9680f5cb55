package customrun

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// background makes calls that may take long, so that no worker waits for them. A finished call wakes the run, whose
// next reconcile takes the result. Results live in memory only: a lost one is asked for again.
type background struct {
	ctx   context.Context
	clock clock.PassiveClock
	wake  func(types.NamespacedName)

	mu   sync.Mutex
	jobs map[jobKey]*job
}

// jobKey names one call of one attempt. The UID keeps a recreated run of the same name apart.
type jobKey struct {
	uid     types.UID
	attempt int
	call    string
}

type job struct {
	started time.Time
	done    bool
	value   any
	err     error
}

// jobLifetime is how long an unclaimed result is kept; the run may have been deleted meanwhile.
const jobLifetime = 5 * time.Minute

func newBackground(ctx context.Context, c clock.PassiveClock, wake func(types.NamespacedName)) *background {
	return &background{ctx: ctx, clock: c, wake: wake, jobs: map[jobKey]*job{}}
}

// call starts fn unless it runs already, and reports its result once. While it runs, done is false.
func call[T any](b *background, r *run, name string, timeout time.Duration, fn func(context.Context) (T, error)) (value T, done bool, err error) {
	key := jobKey{uid: r.UID, attempt: r.cp.Attempt, call: name}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	if j, ok := b.jobs[key]; ok {
		if !j.done {
			return value, false, nil
		}
		delete(b.jobs, key)
		value, _ = j.value.(T)
		return value, true, j.err
	}
	j := &job{started: b.clock.Now()}
	b.jobs[key] = j
	go func() {
		ctx, cancel := context.WithTimeout(b.ctx, timeout)
		defer cancel()
		v, err := fn(ctx)
		b.mu.Lock()
		j.value, j.err, j.done = v, err, true
		b.mu.Unlock()
		b.wake(r.key)
	}()
	return value, false, nil
}

// running tells whether a call is under way or its result waits.
func (b *background) running(r *run, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.jobs[jobKey{uid: r.UID, attempt: r.cp.Attempt, call: name}]
	return ok
}

// pending tells whether any call of the run is under way or its result waits.
func (b *background) pending(r *run) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.jobs {
		if key.uid == r.UID {
			return true
		}
	}
	return false
}

// expire drops results that nobody came for. The caller holds mu.
func (b *background) expire() {
	for k, j := range b.jobs {
		if j.done && b.clock.Since(j.started) > jobLifetime {
			delete(b.jobs, k)
		}
	}
}
