package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// change is one change of a Lease or of a run's phase, as the API server has ordered them.
type change struct {
	version uint64
	lease   string // name, for a change of a Lease
	holder  string // its holder; empty when it was deleted
	run     string // name, for a change of a run
	phase   string // its phase; empty when it is done or deleted
}

// history collects every change of Leases and runs in a namespace.
type history struct {
	mu      sync.Mutex
	changes []change
	broken  string
}

// record begins to collect. It ends with the test.
func (n *tenant) recordHistory() *history {
	n.t.Helper()
	h := &history{}
	ctx, cancel := context.WithCancel(n.t.Context())
	n.t.Cleanup(cancel)
	from, err := n.Client.CoordinationV1().Leases(n.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	options := metav1.ListOptions{ResourceVersion: from.ResourceVersion}
	leases, err := n.Client.CoordinationV1().Leases(n.Namespace).Watch(ctx, options)
	if err != nil {
		n.t.Fatal(err)
	}
	runs, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).Watch(ctx, options)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, w := range []watch.Interface{leases, runs} {
		go h.follow(ctx, w)
	}
	return h
}

func (h *history) follow(ctx context.Context, w watch.Interface) {
	defer w.Stop()
	for e := range w.ResultChan() {
		h.mu.Lock()
		switch o := e.Object.(type) {
		case *coordinationv1.Lease:
			c := change{version: version(o.ResourceVersion), lease: o.Name}
			if e.Type != watch.Deleted && o.Spec.HolderIdentity != nil {
				c.holder = *o.Spec.HolderIdentity
			}
			h.changes = append(h.changes, c)
		case *v1beta1.CustomRun:
			c := change{version: version(o.ResourceVersion), run: o.Name}
			if e.Type != watch.Deleted && !o.IsDone() {
				c.phase = reason(o)
			}
			h.changes = append(h.changes, c)
		default:
			h.broken = fmt.Sprintf("unexpected event %s %T", e.Type, e.Object)
		}
		h.mu.Unlock()
	}
	if ctx.Err() == nil {
		h.mu.Lock()
		h.broken = "a watch ended early"
		h.mu.Unlock()
	}
}

func version(s string) uint64 {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err) // etcd's revisions are numbers
	}
	return v
}

// until waits until the history shows a run's end, and returns all changes up to there in their order.
func (h *history) until(n *tenant, runs ...string) []change {
	n.t.Helper()
	var all []change
	n.poll("the history shows the end of all runs", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.broken != "" {
			n.t.Fatal(h.broken)
		}
		all = slices.SortedFunc(slices.Values(h.changes), func(a, b change) int { return cmp.Compare(a.version, b.version) })
		for _, run := range runs {
			last := change{phase: "unseen"}
			for _, c := range all {
				if c.run == run {
					last = c
				}
			}
			if last.phase != "" {
				return false
			}
		}
		return true
	})
	return all
}

// leaseChanges counts what happened to Leases so far. The event of the last write may be on its way, so the caller has
// something later to compare with, or asks for none at all after a while.
func (h *history) leases() []change {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.changes), func(c change) bool { return c.lease == "" })
}

// mutualExclusion checks a history: whoever writes, syncs or verifies holds the Lease at that moment.
func mutualExclusion(lock string, changes []change) error {
	holder := ""
	phases := map[string]string{}
	for _, c := range changes {
		switch {
		case c.lease == lock && c.holder != "" && holder != "":
			return fmt.Errorf("at version %d the Lease passed from %s to %s without a release", c.version, holder, c.holder)
		case c.lease == lock:
			holder = c.holder
		case c.run != "":
			phases[c.run] = c.phase
		}
		busy := []string{}
		for run, phase := range phases {
			if slices.Contains([]string{"Publishing", "Syncing", "Verifying", "Reverting"}, phase) {
				busy = append(busy, run)
			}
		}
		if len(busy) > 1 {
			return fmt.Errorf("at version %d these are at work at the same time: %v", c.version, busy)
		}
		if c.run != "" && len(busy) == 1 && busy[0] == c.run && !slices.Contains(splitHolder(holder), c.run) {
			return fmt.Errorf("at version %d run %s is in %s, but the Lease is held by %q", c.version, c.run, c.phase, holder)
		}
	}
	return nil
}

// soon is how long a test watches that something does not happen.
const soon = 1500 * time.Millisecond

// splitHolder gives the parts of namespace/name/uid.
func splitHolder(identity string) []string { return strings.Split(identity, "/") }
