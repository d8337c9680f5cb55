package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
)

const (
	// watchTime is how long one watch lasts before everything is listed again, which also mends what a watch may miss.
	watchTime = 5 * time.Minute
	// maxFailures in a row end a feed. With feedPause and maxPause that is about two minutes without an answer.
	maxFailures = 12
	// feedPause is the shortest time between two lists. It doubles with each failure, up to maxPause.
	feedPause = time.Second
	maxPause  = 15 * time.Second
)

// feed tells the state of a selection of objects, and from then on each change: it lists, watches, and lists again when
// the watch ends, has missed too much, or fails. Who listens sees each object's latest state, some states perhaps twice,
// and never an old one after a newer one.
type feed struct {
	what    string
	options metav1.ListOptions
	list    func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch   func(context.Context, metav1.ListOptions) (watch.Interface, error)
	clock   clock.Clock
}

// batch is what a feed tells at once.
type batch struct {
	objects []runtime.Object
	// gone are the names of objects that were deleted.
	gone []string
	// trouble: the cluster could not be asked, and will be again. The next batch without it ends the trouble.
	trouble error
	// err ends the feed.
	err error
}

// run tells batches until ctx is done or an error that another try would not mend.
func (f feed) run(ctx context.Context, out chan<- batch) {
	known := map[string]bool{}
	pause := feedPause
	for failures := 0; ; {
		listed, err := f.round(ctx, known, out)
		if listed {
			failures, pause = 0, feedPause
		}
		if err != nil {
			failures++
			b := batch{trouble: err}
			if lasting(err) || failures == maxFailures {
				b = batch{err: ofTekton("watch "+f.what, err)}
			}
			if !send(ctx, out, b) || b.err != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-f.clock.After(pause):
		}
		if err != nil {
			pause = min(2*pause, maxPause)
		}
	}
}

// lasting errors are answers that do not change by themselves.
func lasting(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) ||
		apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsMethodNotSupported(err)
}

func send(ctx context.Context, out chan<- batch, b batch) bool {
	select {
	case out <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// round lists once and watches from there.
func (f feed) round(ctx context.Context, known map[string]bool, out chan<- batch) (listed bool, err error) {
	version, err := f.listAll(ctx, known, out)
	if err != nil {
		return false, err
	}
	return true, f.watchFrom(ctx, version, known, out)
}

func (f feed) listAll(ctx context.Context, known map[string]bool, out chan<- batch) (version string, err error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	list, err := f.list(call, f.options)
	if err != nil {
		return "", err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return "", err
	}
	b := batch{objects: items}
	there := map[string]bool{}
	for _, item := range items {
		if m, err := meta.Accessor(item); err == nil {
			there[m.GetName()] = true
		}
	}
	for name := range known {
		if !there[name] {
			b.gone = append(b.gone, name)
			delete(known, name)
		}
	}
	for name := range there {
		known[name] = true
	}
	send(ctx, out, b)
	m, err := meta.ListAccessor(list)
	if err != nil {
		return "", err
	}
	return m.GetResourceVersion(), nil
}

func (f feed) watchFrom(ctx context.Context, version string, known map[string]bool, out chan<- batch) error {
	seconds := int64(watchTime / time.Second)
	o := f.options
	o.ResourceVersion, o.TimeoutSeconds = version, &seconds
	// The server ends the watch; this is for a connection that has died without a sign.
	ctx, cancel := context.WithTimeout(ctx, watchTime+callTimeout)
	defer cancel()
	w, err := f.watch(ctx, o)
	if err != nil {
		return unlessExpired(err)
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-w.ResultChan():
			if !open {
				return nil
			}
			if err := f.pass(ctx, event, known, out); err != nil {
				return unlessExpired(err)
			}
		}
	}
}

// unlessExpired: a version that the server has forgotten is no failure, the next list has a newer one.
func unlessExpired(err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return nil
	}
	return err
}

func (f feed) pass(ctx context.Context, event watch.Event, known map[string]bool, out chan<- batch) error {
	switch event.Type {
	case watch.Error:
		return apierrors.FromObject(event.Object)
	case watch.Added, watch.Modified, watch.Deleted:
	default:
		return nil
	}
	m, err := meta.Accessor(event.Object)
	if err != nil {
		return errors.Join(fmt.Errorf("watch %s: not an object", f.what), err)
	}
	if event.Type == watch.Deleted {
		delete(known, m.GetName())
		send(ctx, out, batch{gone: []string{m.GetName()}})
		return nil
	}
	known[m.GetName()] = true
	send(ctx, out, batch{objects: []runtime.Object{event.Object}})
	return nil
}
