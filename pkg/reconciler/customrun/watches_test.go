package customrun

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

// streams plays the Argo CD server: each watch stays open until the test ends it or its context ends.
type streams struct {
	mu       sync.Mutex
	open     []*stream
	refuse   bool
	dialled  int
	released int
}

type stream struct {
	ctx     context.Context
	app     argocd.App
	changed func()
	end     chan error
}

func (s *streams) dial() (watcher, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	if s.refuse {
		return nil, nil, errors.New("connection refused")
	}
	return s, func() { s.mu.Lock(); s.released++; s.mu.Unlock() }, nil
}

func (s *streams) Watch(ctx context.Context, app argocd.App, changed func()) error {
	opened := &stream{ctx: ctx, app: app, changed: changed, end: make(chan error, 1)}
	s.mu.Lock()
	s.open = append(s.open, opened)
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-opened.end:
		return err
	}
}

// opened waits for the n-th stream.
func (s *streams) opened(t *testing.T, n int) *stream {
	t.Helper()
	eventually(t, "a stream is open", func() bool { return s.count() >= n })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[n-1]
}

func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *streams) releases() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.released
}

type watchBench struct {
	*watches
	now   *clocktesting.FakeClock
	argo  streams
	mu    sync.Mutex
	woken map[string]int
}

func newWatchBench(t *testing.T) *watchBench {
	b := &watchBench{now: clocktesting.NewFakeClock(testStart), woken: map[string]int{}}
	b.watches = newWatches(t.Context(), b.now, func(key types.NamespacedName) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.woken[key.Name]++
	})
	return b
}

func (b *watchBench) wakes(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.woken[name]
}

func (b *watchBench) openStreams() int {
	b.watches.mu.Lock()
	defer b.watches.mu.Unlock()
	return len(b.open)
}

var (
	catalog = watchKey{server: "argocd:443", credential: "a", app: argocd.App{Name: "catalog"}}
	runA    = types.NamespacedName{Namespace: "team", Name: "a"}
	runB    = types.NamespacedName{Namespace: "team", Name: "b"}
)

func TestRunsOfOneApplicationShareAStream(t *testing.T) {
	b := newWatchBench(t)
	b.subscribe(catalog, runA, b.argo.dial)
	s := b.argo.opened(t, 1)
	b.subscribe(catalog, runB, b.argo.dial)
	b.subscribe(catalog, runA, b.argo.dial)
	s.changed()
	if s.app.Name != "catalog" || b.wakes("a") != 1 || b.wakes("b") != 1 || b.argo.count() != 1 {
		t.Errorf("app %s, woken %v, %d streams", s.app, b.woken, b.argo.count())
	}
	// Another credential may see another application: it has a stream of its own.
	other := catalog
	other.credential = "b"
	b.subscribe(other, runB, b.argo.dial)
	b.argo.opened(t, 2).changed()
	if b.wakes("a") != 1 || b.wakes("b") != 2 {
		t.Errorf("woken %v", b.woken)
	}
}

func TestStreamEndsWithItsLastSubscriber(t *testing.T) {
	b := newWatchBench(t)
	b.subscribe(catalog, runA, b.argo.dial)
	b.subscribe(catalog, runB, b.argo.dial)
	s := b.argo.opened(t, 1)
	b.unsubscribe(runA)
	if s.ctx.Err() != nil {
		t.Fatal("the stream has ended although a run needs it")
	}
	b.unsubscribe(types.NamespacedName{Name: "nobody"})
	b.unsubscribe(runB)
	eventually(t, "the stream is given back", func() bool { return b.argo.releases() == 1 })
	if s.ctx.Err() == nil || b.openStreams() != 0 {
		t.Errorf("context %v, %d streams", s.ctx.Err(), b.openStreams())
	}
	s.changed()
	if b.wakes("a")+b.wakes("b") != 0 {
		t.Errorf("woken after the end: %v", b.woken)
	}
}

func TestStreamIsOpenedAgainAfterAPause(t *testing.T) {
	b := newWatchBench(t)
	b.subscribe(catalog, runA, b.argo.dial)
	b.argo.opened(t, 1).end <- errors.New("cut by a proxy")
	eventually(t, "the pause begins", b.now.HasWaiters)
	b.now.Step(watchPause - time.Millisecond)
	if b.argo.count() != 1 {
		t.Fatal("opened again before the pause is over")
	}
	b.argo.mu.Lock()
	b.argo.refuse = true
	b.argo.mu.Unlock()
	b.now.Step(time.Millisecond)
	eventually(t, "a try that is refused", func() bool {
		b.argo.mu.Lock()
		defer b.argo.mu.Unlock()
		return b.argo.dialled == 2
	})
	b.argo.mu.Lock()
	b.argo.refuse = false
	b.argo.mu.Unlock()
	eventually(t, "the next pause", b.now.HasWaiters)
	b.now.Step(watchPause)
	b.argo.opened(t, 2).changed()
	if b.wakes("a") != 1 {
		t.Errorf("woken %v", b.woken)
	}
}

func TestSubscriptionEndsUnlessItIsRenewed(t *testing.T) {
	b := newWatchBench(t)
	b.subscribe(catalog, runA, b.argo.dial)
	b.subscribe(catalog, runB, b.argo.dial)
	s := b.argo.opened(t, 1)
	b.now.Step(subscriptionLifetime - time.Second)
	b.subscribe(catalog, runA, b.argo.dial)
	b.now.Step(2 * time.Second)
	s.changed()
	if b.wakes("a") != 1 || b.wakes("b") != 0 {
		t.Errorf("woken %v: b has not renewed", b.woken)
	}
	b.now.Step(subscriptionLifetime)
	s.changed()
	eventually(t, "the stream is given back", func() bool { return b.argo.releases() == 1 })
	if b.wakes("a") != 1 || b.openStreams() != 0 {
		t.Errorf("woken %v, %d streams", b.woken, b.openStreams())
	}
}
