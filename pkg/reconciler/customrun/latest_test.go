package customrun

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// queuedAs stores a run that waits for the lock, in a queue of one kind or the other.
func (h *harness) queuedAs(name string, since time.Duration, latest bool) {
	h.t.Helper()
	h.queued(name, since, time.Hour)
	cr := h.get(name)
	cp, d := stateOf(h.t, cr)
	d.Request.Lock.Latest = latest
	h.store(withState(h.t, cr, cp, d))
}

func TestOnlyTheLatestRunKeepsWaiting(t *testing.T) {
	h := newHarness(t)
	holder := byParameters()
	holder.Name = "holder"
	h.lockFor(h.create(holder), "catalog")
	for i, name := range []string{"one", "two", "three"} {
		h.queuedAs(name, time.Duration(10-i)*time.Minute, true)
	}
	for _, name := range []string{"one", "two"} {
		cr := h.reconcile(name)
		if reasonOf(cr) != string(Releasing) {
			t.Errorf("%s is %s: %s", name, reasonOf(cr), messageOf(cr))
		}
		cr = h.finish(name)
		wantFailed(t, cr, v1alpha1.ReasonSuperseded, "CustomRun three came later for lock catalog, and lock.queue is Latest")
	}
	if cr := h.reconcile("three"); reasonOf(cr) != string(Locking) {
		t.Errorf("three is %s: %s", reasonOf(cr), messageOf(cr))
	}
	if d := cmp.Diff(map[string]string{"catalog": "team/holder/uid-of-holder"}, h.leases()); d != "" {
		t.Error(d)
	}
	if err := h.kube.CoordinationV1().Leases(testNamespace).Delete(t.Context(), "catalog", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	h.now.Step(10 * time.Second)
	if cr := h.reconcile("three"); reasonOf(cr) != string(Publishing) {
		t.Errorf("three is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

func TestWhoGivesWayInTheQueue(t *testing.T) {
	for name, tc := range map[string]struct {
		latest, newer bool // the queue of the run, and of the one that came later
		change        func(*v1beta1.CustomRun)
		givesWay      bool
	}{
		"a Latest run to a Latest run":              {true, true, nil, true},
		"a Latest run to a FIFO run":                {true, false, nil, true},
		"a FIFO run to nobody":                      {false, true, nil, false},
		"nobody to a run that is being cancelled":   {true, true, func(cr *v1beta1.CustomRun) { cr.Spec.Status = v1beta1.CustomRunSpecStatusCancelled }, false},
		"nobody to a run that is being deleted":     {true, true, func(cr *v1beta1.CustomRun) { at := metav1.NewTime(testStart); cr.DeletionTimestamp = &at }, false},
		"nobody to a run that waits for other lock": {true, true, func(cr *v1beta1.CustomRun) { cr.Status.ExtraFields.Raw = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			holder := byParameters()
			holder.Name = "holder"
			h.lockFor(h.create(holder), "catalog")
			h.queuedAs(testRun, 10*time.Minute, tc.latest)
			h.queuedAs("newer", time.Minute, tc.newer)
			if tc.change != nil {
				h.edit("newer", tc.change)
			}
			cr := h.reconcile(testRun)
			if got := reasonOf(cr) == string(Releasing); got != tc.givesWay {
				t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
			}
			if d := cmp.Diff(map[string]string{"catalog": "team/holder/uid-of-holder"}, h.leases()); d != "" {
				t.Error(d)
			}
		})
	}
}

// A run made the Lease, and its process could not write so. It holds the lock, whoever came later.
func TestHolderGivesNoWay(t *testing.T) {
	h := newHarness(t)
	h.queuedAs(testRun, 10*time.Minute, true)
	h.lockFor(h.get(testRun), "catalog")
	h.queuedAs("newer", time.Minute, true)
	if cr := h.reconcile(testRun); reasonOf(cr) != string(Publishing) {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	// The newer one waits for it.
	if cr := h.reconcile("newer"); reasonOf(cr) != string(Locking) {
		t.Errorf("the newer run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

// A lost create request: the API server has the Lease, and the run does not know. It was not the holder when it looked
// before that request.
func TestHolderThatDoesNotKnowItGivesNoWay(t *testing.T) {
	h := newHarness(t)
	h.queuedAs(testRun, 10*time.Minute, true)
	other := byParameters()
	other.Name = "other"
	h.lockFor(h.create(other), "catalog")
	h.reconcile(testRun)
	if err := h.kube.CoordinationV1().Leases(testNamespace).Delete(t.Context(), "catalog", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	h.now.Step(10 * time.Second)
	// The write after the creation meets a conflict.
	h.beforeWrite = func() { h.store(h.get(testRun)) }
	h.reconcile(testRun)
	if got := h.leases()["catalog"]; got != "team/deploy/uid-of-deploy" {
		t.Fatalf("the lock is held by %q", got)
	}
	h.queuedAs("newer", 0, true)
	if cr := h.reconcile(testRun); reasonOf(cr) != string(Publishing) {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

// Giving way is at once: whoever joins the queue wakes those who wait.
func TestRunThatJoinsWakesTheQueue(t *testing.T) {
	h := newHarness(t)
	for i, name := range []string{"one", "two", "three", "four", "five"} {
		h.queuedAs(name, time.Duration(10-i)*time.Minute, true)
	}
	h.refreshCache()
	now := h.get("five")
	before := now.DeepCopy()
	before.Status.ExtraFields.Raw = nil
	h.joined(before, now)
	for _, name := range []string{"one", "two", "three", "four"} {
		if wait, ok := h.wake(name); !ok || wait != 0 {
			t.Errorf("%s is not woken", name)
		}
	}
	// An update of a run that was there already wakes nobody.
	h.wakes = map[string]time.Duration{}
	h.joined(now, now)
	if len(h.wakes) != 0 {
		t.Errorf("woken: %v", h.wakes)
	}
}
