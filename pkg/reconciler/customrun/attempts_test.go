package customrun

import (
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRunTimesOutCountingFromItsStartTime(t *testing.T) {
	minutes := func(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Minute} }
	for name, tc := range map[string]struct {
		timeout *metav1.Duration
		after   time.Duration
		ends    bool
		says    string
	}{
		"none given is sixty minutes":      {nil, 60*time.Minute + time.Second, true, "within 1h0m0s"},
		"none given, just before the hour": {nil, 59 * time.Minute, false, ""},
		"its own":                          {minutes(2), 2*time.Minute + time.Second, true, "within 2m0s; it was in phase Locking"},
		"its own, just before":             {minutes(2), 2*time.Minute - time.Second, false, ""},
		"zero is never":                    {minutes(0), 1000 * time.Hour, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			run := byParameters(resolvable()...)
			run.Spec.Timeout = tc.timeout
			h.create(run)
			h.reconcile(testRun)
			h.waitForever(testRun)
			h.now.Step(tc.after)
			cr := h.reconcile(testRun)
			if !tc.ends {
				if cr.IsDone() {
					t.Fatalf("it has ended: %s", messageOf(cr))
				}
				return
			}
			cr = h.reconcile(testRun)
			wantFailed(t, cr, "CustomRunTimedOut", tc.says)
			if h.leases()["catalog"] != "" {
				t.Error("the lock is held")
			}
		})
	}
}

// waitForever puts a run into the queue behind another one, where nothing but time passes.
func (h *harness) waitForever(name string) {
	h.t.Helper()
	ahead := byParameters()
	ahead.Name = "ahead"
	ahead.CreationTimestamp = metav1.NewTime(testStart.Add(-time.Hour))
	h.create(withState(h.t, ahead, checkpoint{Version: checkpointVersion, Phase: Locking, Lock: "catalog", Attempt: 1}, data{}))
	cr := h.get(name)
	cp, d := stateOf(h.t, cr)
	cp.Phase, cp.Lock = Preparing, "catalog"
	if d.Request == nil {
		h.t.Fatal("the run has no request")
	}
	cp.Phase = Locking
	d.Request.Lock.Timeout = metav1.Duration{Duration: 2000 * time.Hour}
	d.enter(Locking, h.now.Now())
	h.store(withState(h.t, cr, cp, d))
}

func TestWaitingRunAsksForTheRestOfItsTime(t *testing.T) {
	h := newHarness(t)
	run := byParameters(resolvable()...)
	run.Spec.Timeout = &metav1.Duration{Duration: 2 * time.Minute}
	h.create(run)
	h.reconcile(testRun)
	h.waitForever(testRun)
	h.reconcile(testRun)
	h.now.Step(110 * time.Second)
	h.reconcile(testRun)
	// A new process knows nothing but the status: what remains counts from the start time that stands there.
	if wait, ok := h.wake(testRun); !ok || wait != 10*time.Second+time.Millisecond {
		t.Errorf("looked at again after %s, want the 10s that are left", wait)
	}
	h.now.Step(-70 * time.Second)
	h.reconcile(testRun)
	if wait, _ := h.wake(testRun); wait != queuePoll {
		t.Errorf("looked at again after %s, want the queue's %s, which comes first", wait, queuePoll)
	}
}

func TestRetriesBeginAgainUntilTheyAreUsedUp(t *testing.T) {
	h := newHarness(t)
	run := byParameters(resolvable()...)
	run.Spec.Retries = 2
	h.create(h.releasing(run, v1alpha1.ReasonSyncFailed, "attempt failed"))
	for attempt := 1; attempt <= 2; attempt++ {
		h.now.Step(time.Minute)
		cr := h.reconcile(testRun)
		if cr.IsDone() {
			t.Fatalf("attempt %d of 3 has ended the run: %s", attempt, messageOf(cr))
		}
		if reasonOf(cr) != "Preparing" || messageOf(cr) != "trying again after SyncFailed: attempt failed" {
			t.Errorf("condition is %s: %s", reasonOf(cr), messageOf(cr))
		}
		if len(cr.Status.RetriesStatus) != attempt {
			t.Fatalf("%d attempts are filed, want %d", len(cr.Status.RetriesStatus), attempt)
		}
		past := cr.Status.RetriesStatus[attempt-1]
		if past.RetriesStatus != nil || past.ExtraFields.Raw != nil {
			t.Errorf("the filed attempt repeats what the status has: %+v", past)
		}
		if past.Conditions[0].Reason != "SyncFailed" || past.CompletionTime == nil || len(past.Results) != len(v1alpha1.Results()) {
			t.Errorf("the filed attempt is %+v", past)
		}
		if !cr.Status.StartTime.Time.Equal(h.now.Now()) || cr.Status.CompletionTime != nil || cr.Status.Results != nil {
			t.Errorf("start %v, completion %v, results %v", cr.Status.StartTime, cr.Status.CompletionTime, cr.Status.Results)
		}
		cp, d := stateOf(t, cr)
		if cp.Attempt != attempt+1 || cp.Verdict != nil || cp.Lock != "" || !d.Outcome.Changed || d.Outcome.Commit != "c0ffee" {
			t.Errorf("attempt %d, verdict %v, lock %q, outcome %+v", cp.Attempt, cp.Verdict, cp.Lock, d.Outcome)
		}
		cr.Status.Conditions = nil
		h.store(h.releasing(cr, v1alpha1.ReasonSyncFailed, "attempt failed"))
	}
	cr := h.reconcile(testRun)
	wantFailed(t, cr, v1alpha1.ReasonSyncFailed, "attempt failed")
	if len(cr.Status.RetriesStatus) != 2 {
		t.Errorf("%d attempts are filed", len(cr.Status.RetriesStatus))
	}
	if got := resultOf(cr, "changed"); got != "true" {
		t.Errorf("changed is %q: an earlier attempt has pushed", got)
	}
}

func TestSomeEndsAreNotRetried(t *testing.T) {
	for _, info := range v1alpha1.Reasons() {
		if !info.Terminal {
			continue
		}
		t.Run(string(info.Reason), func(t *testing.T) {
			h := newHarness(t)
			run := byParameters(resolvable()...)
			run.Spec.Retries = 1
			h.create(h.releasing(run, info.Reason, "over"))
			cr := h.reconcile(testRun)
			if got := len(cr.Status.RetriesStatus) == 1; got != info.Retryable {
				t.Errorf("retried: %v, documented: %v", got, info.Retryable)
			}
			if cr.IsDone() == info.Retryable {
				t.Errorf("the run is %s", reasonOf(cr))
			}
		})
	}
}

func TestFailureOfACancelledRunIsNotRetried(t *testing.T) {
	h := newHarness(t)
	run := byParameters(resolvable()...)
	run.Spec.Retries = 5
	run.Spec.Status = v1beta1.CustomRunSpecStatusCancelled
	h.create(h.releasing(run, v1alpha1.ReasonSyncFailed, "failed before the cancellation"))
	wantFailed(t, h.reconcile(testRun), v1alpha1.ReasonSyncFailed)
}
