package customrun

import (
	"context"
	"sync"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// watches keeps one Argo CD watch for each (server, credential, application) that runs of this replica wait for. Only
// the wake-up is shared: a woken run reads the application with its own credential.
//
// A subscription ends unless its run renews it, so that a run which ended, was deleted or went to another replica
// leaves nothing behind.
type watches struct {
	ctx   context.Context
	clock clock.WithTicker
	wake  func(types.NamespacedName)
	// metrics counts the streams that are opened again.
	metrics *metrics.Metrics

	mu   sync.Mutex
	open map[watchKey]*appWatch
}

// watchKey says which stream is shared. Credential is a hash, never the credential.
type watchKey struct {
	server     string
	credential string
	app        argocd.App
}

type appWatch struct {
	cancel      context.CancelFunc
	subscribers map[types.NamespacedName]time.Time
}

const (
	// subscriptionLifetime is how long a run hears of an application without renewing.
	subscriptionLifetime = 2 * time.Minute
	// watchPause is waited before a stream that ended is opened again. Proxies cut long streams.
	watchPause = 2 * time.Second
)

func newWatches(ctx context.Context, c clock.WithTicker, wake func(types.NamespacedName)) *watches {
	return &watches{ctx: ctx, clock: c, wake: wake, open: map[watchKey]*appWatch{}}
}

// watcher is what a watch needs of a connection.
type watcher interface {
	Watch(ctx context.Context, app argocd.App, changed func()) error
}

// subscribe wakes the run on every change of the application, for subscriptionLifetime.
func (w *watches) subscribe(key watchKey, run types.NamespacedName, dial func() (watcher, func(), error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	until := w.clock.Now().Add(subscriptionLifetime)
	if a, ok := w.open[key]; ok {
		a.subscribers[run] = until
		return
	}
	ctx, cancel := context.WithCancel(w.ctx)
	a := &appWatch{cancel: cancel, subscribers: map[types.NamespacedName]time.Time{run: until}}
	w.open[key] = a
	go w.follow(ctx, key, dial)
}

// unsubscribe ends a run's interest at once; the stream ends with its last subscriber.
func (w *watches) unsubscribe(run types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, a := range w.open {
		if _, ok := a.subscribers[run]; !ok {
			continue
		}
		delete(a.subscribers, run)
		if len(a.subscribers) == 0 {
			a.cancel()
			delete(w.open, key)
		}
	}
}

// follow keeps one stream open while it has subscribers.
func (w *watches) follow(ctx context.Context, key watchKey, dial func() (watcher, func(), error)) {
	for again := false; w.alive(key); again = true {
		if again {
			w.metrics.WatchReconnected()
		}
		if conn, release, err := dial(); err == nil {
			// The error does not matter: whatever ended the stream, the runs poll, and their own calls report causes.
			_ = conn.Watch(ctx, key.app, func() { w.notify(key) })
			release()
		}
		select {
		case <-ctx.Done():
			return
		case <-w.clock.After(watchPause):
		}
	}
}

// alive drops expired subscribers and ends the stream when none is left.
func (w *watches) alive(key watchKey) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, ok := w.open[key]
	if !ok {
		return false
	}
	now := w.clock.Now()
	for run, until := range a.subscribers {
		if now.After(until) {
			delete(a.subscribers, run)
		}
	}
	if len(a.subscribers) == 0 {
		a.cancel()
		delete(w.open, key)
		return false
	}
	return true
}

func (w *watches) notify(key watchKey) {
	if !w.alive(key) {
		return
	}
	w.mu.Lock()
	var runs []types.NamespacedName
	if a, ok := w.open[key]; ok {
		for run := range a.subscribers {
			runs = append(runs, run)
		}
	}
	w.mu.Unlock()
	for _, run := range runs {
		w.wake(run)
	}
}
