package customrun

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"
	"knative.dev/pkg/apis"
)

func TestOrdinals(t *testing.T) {
	for n, want := range map[int]string{
		1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 10: "10th", 11: "11th", 12: "12th", 13: "13th", 20: "20th", 21: "21st", 22: "22nd", 23: "23rd", 101: "101st", 111: "111th", 112: "112th", 1013: "1013th",
	} {
		if got := ordinal(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestWaitingMessageNamesPlaceAndHolder(t *testing.T) {
	if got, want := waitingMessage("catalog", 2, 3, "CustomRun r41"), "waiting for lock catalog: 2nd of 3, behind CustomRun r41"; got != want {
		t.Errorf("got %q", got)
	}
	if got, want := waitingMessage("catalog", 1, 1, ""), "waiting for lock catalog: 1st of 1"; got != want {
		t.Errorf("got %q", got)
	}
}

// queued stores a run that waits for the lock since some time before now.
func (h *harness) queued(name string, since time.Duration, timeout time.Duration) *v1beta1.CustomRun {
	h.t.Helper()
	cr := byParameters()
	cr.Name = name
	at := h.now.Now().Add(-since)
	cr.CreationTimestamp = metav1.NewTime(at)
	started := metav1.NewTime(at)
	cr.Status.StartTime = &started
	cr.Status.Conditions = append(cr.Status.Conditions, apis.Condition{
		Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "Locking", Message: enteringQueue("catalog"),
	})
	d := data{Request: &request.Request{Lock: request.Lock{Name: "catalog", Timeout: metav1.Duration{Duration: timeout}}}}
	d.enter(Locking, at)
	return h.create(withState(h.t, cr, checkpoint{Version: checkpointVersion, Phase: Locking, Lock: "catalog", Attempt: 1}, d))
}

func TestLockIsTakenFirstComeFirstServed(t *testing.T) {
	h := newHarness(t)
	for i := range 5 {
		h.queued(fmt.Sprint("run-", i+1), time.Duration(10-i)*time.Minute, time.Hour)
	}
	for i := 5; i >= 1; i-- {
		cr := h.reconcile(fmt.Sprint("run-", i))
		want := fmt.Sprintf("waiting for lock catalog: %s of 5, behind CustomRun run-%d", ordinal(i), i-1)
		if i == 1 {
			want = "lock catalog is held by this run"
		}
		if got := messageOf(cr); got != want {
			t.Errorf("run %d: message %q, want %q", i, got, want)
		}
	}
	if d := cmp.Diff(map[string]string{"catalog": "team/run-1/uid-of-run-1"}, h.leases()); d != "" {
		t.Error(d)
	}
	// The next one asks the Lease itself.
	if got := messageOf(h.reconcile("run-2")); !strings.HasPrefix(got, "waiting for lock catalog: 1st of 4: ") || !strings.Contains(got, "run-1") {
		t.Errorf("message is %q", got)
	}
}

func TestLeaseIsOwnedByItsRun(t *testing.T) {
	h := newHarness(t)
	h.queued(testRun, 0, time.Hour)
	if got := reasonOf(h.reconcile(testRun)); got != "Publishing" {
		t.Fatalf("phase is %s: %s", got, messageOf(h.get(testRun)))
	}
	lease, err := h.kube.CoordinationV1().Leases(testNamespace).Get(t.Context(), "catalog", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	want := []metav1.OwnerReference{{APIVersion: "tekton.dev/v1beta1", Kind: "CustomRun", Name: testRun, UID: "uid-of-deploy", Controller: &yes}}
	if d := cmp.Diff(want, lease.OwnerReferences); d != "" {
		t.Error(d)
	}
}

// Tekton creates a deleted CustomRun again under the same name: the Lease of the first is not the second's.
func TestLockOfARunOfTheSameNameIsNotOurs(t *testing.T) {
	h := newHarness(t)
	old := byParameters()
	old.Namespace, old.Name, old.UID = testNamespace, testRun, "uid-of-the-first"
	h.lockFor(old, "catalog")
	h.queued(testRun, 0, time.Hour)
	cr := h.reconcile(testRun)
	if reasonOf(cr) != "Locking" || !strings.Contains(messageOf(cr), "another of the same name") {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	if cr = h.reconcile(testRun); reasonOf(cr) != "Publishing" {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	if d := cmp.Diff(map[string]string{"catalog": "team/deploy/uid-of-deploy"}, h.leases()); d != "" {
		t.Error(d)
	}
}

func TestLeaseThatAppearsMeanwhileIsLookedAt(t *testing.T) {
	for name, tc := range map[string]struct {
		holder types.UID
		phase  string
	}{
		"our own, from before a crash": {"uid-of-deploy", "Publishing"},
		"another's":                    {"uid-of-other", "Locking"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.queued(testRun, 0, time.Hour)
			h.kube.PrependReactor("create", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
				holder := "team/deploy/" + string(tc.holder)
				other := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "catalog", UID: "l", ResourceVersion: "1"}}
				other.Spec.HolderIdentity = &holder
				_ = h.kube.Tracker().Add(other)
				return true, nil, apierrors.NewAlreadyExists(coordinationv1.Resource("leases"), "catalog")
			})
			if got := h.reconcile(testRun); reasonOf(got) != tc.phase {
				t.Errorf("the run is %s: %s", reasonOf(got), messageOf(got))
			}
		})
	}
}

// A cache that is behind must not lead to a second effect.
func TestStaleRunTakesNoLock(t *testing.T) {
	h := newHarness(t)
	stale := h.queued(testRun, 0, time.Hour)
	h.cancel(testRun, "")
	h.refreshCache()
	h.reconcileVersion(stale)
	if got := h.leases(); len(got) != 0 {
		t.Errorf("locked: %v", got)
	}
	if got := h.writes; got != 0 {
		t.Errorf("%d writes", got)
	}
}

func TestLockTimesOut(t *testing.T) {
	for name, tc := range map[string]struct {
		timeout, since time.Duration
		ahead          bool
		ends           bool
		says           string
	}{
		"behind another run":                 {time.Minute, time.Minute, true, true, "lock catalog was not free within 1m0s"},
		"just before":                        {time.Minute, 59 * time.Second, true, false, ""},
		"zero does not wait behind a run":    {0, 0, true, true, "lock.timeout is 0: CustomRun ahead is ahead"},
		"zero does not wait for the holder":  {0, 0, false, true, "lock.timeout is 0: "},
		"the head of the queue times out as": {time.Minute, 2 * time.Minute, false, true, "lock catalog was not free within 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.queued(testRun, tc.since, tc.timeout)
			holder := byParameters()
			holder.Name = "holder"
			h.lockFor(h.create(holder), "catalog")
			if tc.ahead {
				h.queued("ahead", time.Hour, 2*time.Hour)
			}
			cr := h.reconcile(testRun)
			if !tc.ends {
				if wait, _ := h.wake(testRun); reasonOf(cr) != "Locking" || wait > time.Second {
					t.Errorf("the run is %s, looked at again after %s", reasonOf(cr), wait)
				}
				return
			}
			wantFailed(t, h.finish(testRun), v1alpha1.ReasonLockTimeout, tc.says)
			if got := h.leases()["catalog"]; got != "team/holder/uid-of-holder" {
				t.Errorf("the lock is held by %q", got)
			}
		})
	}
}

// Every write goes to every watcher of CustomRuns: a long queue does not tell each run of each step.
func TestPlaceFarBackIsShownOnceAMinute(t *testing.T) {
	h := newHarness(t)
	for i := range 9 {
		h.queued(fmt.Sprint("run-", i+1), time.Duration(60-i)*time.Minute, 5*time.Hour)
	}
	last := "run-9"
	if got := messageOf(h.reconcile(last)); !strings.Contains(got, "9th of 9") {
		t.Fatalf("message is %q", got)
	}
	drop := func(name string) {
		if err := h.tekton.Tracker().Delete(customRunsGVR, testNamespace, name); err != nil {
			t.Fatal(err)
		}
	}
	drop("run-1")
	h.now.Step(30 * time.Second)
	if got := messageOf(h.reconcile(last)); !strings.Contains(got, "9th of 9") {
		t.Errorf("half a minute later: %q", got)
	}
	h.now.Step(31 * time.Second)
	if got := messageOf(h.reconcile(last)); !strings.Contains(got, "8th of 8") {
		t.Errorf("a minute later: %q", got)
	}
	for _, name := range []string{"run-2", "run-3", "run-4", "run-5", "run-6"} {
		drop(name)
	}
	if got := messageOf(h.reconcile(last)); !strings.Contains(got, "3rd of 3, behind CustomRun run-8") {
		t.Errorf("near the head: %q", got)
	}
}

func TestRunsThatDoNotWait(t *testing.T) {
	h := newHarness(t)
	deleted := h.queued("deleted", 0, time.Hour)
	at := metav1.NewTime(testStart)
	deleted.DeletionTimestamp = &at
	done := h.queued("done", 0, time.Hour)
	done.Status.Conditions[0].Status = corev1.ConditionFalse
	foreign := h.queued("foreign", 0, time.Hour)
	foreign.Spec.CustomRef.Kind = "Other"
	waiting := h.queued("waiting", 0, time.Hour)
	for cr, want := range map[*v1beta1.CustomRun]bool{deleted: false, done: false, foreign: false, waiting: true, byParameters(): false} {
		if got := waitsFor(cr, "catalog"); got != want {
			t.Errorf("run %s waits: %v", cr.Name, got)
		}
	}
	if waitsFor(waiting, "other") {
		t.Error("it waits for a lock that it has not asked for")
	}
	// A deleted run is not reconciled into the lock.
	h.store(deleted)
	if got := h.reconcile("deleted"); reasonOf(got) != "Locking" || len(h.leases()) != 0 {
		t.Errorf("the deleted run is %s, locks %v", reasonOf(got), h.leases())
	}
}

func TestHoldersAreProvenByLiveReads(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters())
	done := h.releasing(byParameters(), v1alpha1.ReasonSucceeded, "")
	done.Name = "done"
	done.Status.Conditions[0].Status = corev1.ConditionTrue
	h.create(done)
	p := prover{h.tekton}
	for name, tc := range map[string]struct {
		holder lock.Holder
		want   lock.Proof
		why    string
	}{
		"running":          {lock.Holder{Namespace: testNamespace, Name: testRun, UID: "uid-of-deploy"}, lock.Alive, "is running"},
		"of another UID":   {lock.Holder{Namespace: testNamespace, Name: testRun, UID: "older"}, lock.Absent, "another of the same name"},
		"done":             {lock.Holder{Namespace: testNamespace, Name: "done", UID: "uid-of-done"}, lock.Done, "is done"},
		"absent":           {lock.Holder{Namespace: testNamespace, Name: "absent", UID: "x"}, lock.Absent, "does not exist any more"},
		"in another place": {lock.Holder{Namespace: "other", Name: testRun, UID: "uid-of-deploy"}, lock.Absent, "does not exist any more"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Holder(t.Context(), tc.holder)
			if err != nil || got.Proof != tc.want || !strings.Contains(got.Why, tc.why) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	pipelineRun(t, h, "running", corev1.ConditionUnknown)
	pipelineRun(t, h, "done", corev1.ConditionFalse)
	for name, want := range map[string]lock.Proof{"running": lock.Alive, "done": lock.Done, "absent": lock.Absent} {
		if got, err := p.Named(t.Context(), testNamespace, name); err != nil || got.Proof != want {
			t.Errorf("PipelineRun %s: %+v, %v", name, got, err)
		}
	}
	h.tekton.PrependReactor("get", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewServiceUnavailable("away")
	})
	if _, err := p.Named(t.Context(), testNamespace, "absent"); err == nil {
		t.Error("an API server that is away proves that a PipelineRun is gone")
	}
	if _, err := p.Holder(t.Context(), lock.Holder{Namespace: testNamespace, Name: "absent"}); err == nil {
		t.Error("an API server that is away proves that a CustomRun is gone")
	}
}

func pipelineRun(t *testing.T, h *harness, name string, status corev1.ConditionStatus) {
	t.Helper()
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name}}
	pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: status})
	if err := h.tekton.Tracker().Add(pr); err != nil {
		t.Fatal(err)
	}
}
