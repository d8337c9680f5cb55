package crash

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
)

var listAll = metav1.ListOptions{}

// stored is the part of a run's checkpoint whose meaning never changes, and the timeline of version 1.
type stored struct {
	Version int    `json:"version"`
	Phase   string `json:"phase"`
	Lock    string `json:"lock"`
	Data    struct {
		Timeline []struct {
			Phase string `json:"phase"`
		} `json:"timeline"`
	} `json:"data"`
}

func checkpointOf(cr *v1beta1.CustomRun) (stored, error) {
	var extra struct {
		GitOps stored `json:"gitops"`
	}
	if len(cr.Status.ExtraFields.Raw) == 0 {
		return stored{}, nil
	}
	err := json.Unmarshal(cr.Status.ExtraFields.Raw, &extra)
	return extra.GitOps, err
}

func timeline(t *testing.T, cr *v1beta1.CustomRun) []string {
	t.Helper()
	cp, err := checkpointOf(cr)
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	for _, p := range cp.Data.Timeline {
		phases = append(phases, p.Phase)
	}
	return phases
}

// event is one version of a run or of a Lease, or the end of a Lease. Versions of both kinds are in one order: that of
// the API server's store.
type event struct {
	version int64
	// run and phase of a run's version; done once its condition is final.
	run   string
	uid   types.UID
	phase string
	done  bool
	// lock of a run's version, and of a Lease.
	lock string
	// holder of a Lease; gone at its end.
	holder string
	gone   bool
}

// history is all that has happened to the runs and Leases of a namespace.
type history struct {
	mu     sync.Mutex
	events []event
	err    string
	// news gets each version of a run as it comes; slow readers miss some.
	news chan event
}

// record begins to listen. It ends with the test.
func record(t *testing.T, n *scenario.Tenant) *history {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	runs, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).Watch(ctx, listAll)
	if err != nil {
		t.Fatal(err)
	}
	leases, err := n.Client.CoordinationV1().Leases(n.Namespace).Watch(ctx, listAll)
	if err != nil {
		t.Fatal(err)
	}
	h := &history{news: make(chan event, 1024)}
	var listening sync.WaitGroup
	for _, w := range []watch.Interface{runs, leases} {
		listening.Go(func() {
			for e := range w.ResultChan() {
				h.note(e)
			}
			if ctx.Err() == nil {
				h.broke("a watch ended early")
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		listening.Wait()
	})
	return h
}

func (h *history) note(e watch.Event) {
	object, ok := e.Object.(metav1.Object)
	if !ok {
		h.broke("a watch broke")
		return
	}
	version, err := strconv.ParseInt(object.GetResourceVersion(), 10, 64)
	if err != nil {
		h.broke(err.Error())
		return
	}
	seen := event{version: version}
	switch o := e.Object.(type) {
	case *v1beta1.CustomRun:
		cp, err := checkpointOf(o)
		if err != nil {
			h.broke(err.Error())
			return
		}
		seen.run, seen.uid, seen.phase, seen.lock, seen.done = o.Name, o.UID, cp.Phase, cp.Lock, o.IsDone()
		select {
		case h.news <- seen:
		default:
		}
	case *coordinationv1.Lease:
		seen.lock, seen.holder, seen.gone = o.Name, *o.Spec.HolderIdentity, e.Type == watch.Deleted
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, seen)
}

// drain forgets the news so far.
func (h *history) drain() {
	for {
		select {
		case <-h.news:
		default:
			return
		}
	}
}

func (h *history) broke(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = why
}

// sorted gives the events so far in the order of the store.
func (h *history) sorted(t *testing.T) []event {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != "" {
		t.Fatal(h.err)
	}
	events := slices.Clone(h.events)
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.version, b.version) })
	return events
}

// working are the phases in which a run relies on its lock.
var working = []string{"Publishing", "Syncing", "Verifying", "Reverting"}

// checkOneHolder replays the history: whoever works holds the Lease, and nobody else works under the same lock.
func checkOneHolder(t *testing.T, events []event) {
	t.Helper()
	holder, works := map[string]string{}, map[string]string{}
	for _, e := range events {
		switch {
		case e.run == "" && e.gone:
			delete(holder, e.lock)
		case e.run == "":
			holder[e.lock] = e.holder
		case slices.Contains(working, e.phase) && !e.done:
			if !strings.HasSuffix(holder[e.lock], string(e.uid)) {
				t.Errorf("version %d: run %s is %s, but lock %s is held by %q", e.version, e.run, e.phase, e.lock, holder[e.lock])
			}
			if other := works[e.lock]; other != "" && other != e.run {
				t.Errorf("version %d: run %s is %s while run %s works under lock %s", e.version, e.run, e.phase, other, e.lock)
			}
			works[e.lock] = e.run
		case works[e.lock] == e.run:
			delete(works, e.lock)
		}
	}
}

// served are the holders of a lock in their order, without those that are not runs.
func served(events []event, lock string) []types.UID {
	var uids []types.UID
	for _, e := range events {
		if e.run != "" || e.gone || e.lock != lock {
			continue
		}
		if part := strings.Split(e.holder, "/"); len(part) == 3 {
			uids = append(uids, types.UID(part[2]))
		}
	}
	return uids
}

// sees tells whether the next news are of a run in a phase.
func (h *history) sees(phase string) bool {
	for {
		select {
		case e := <-h.news:
			if e.phase == phase && !e.done {
				return true
			}
		default:
			return false
		}
	}
}
