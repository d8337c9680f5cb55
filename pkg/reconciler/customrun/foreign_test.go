package customrun

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestRunOfAnotherVersionIsLeftAlone(t *testing.T) {
	newer := func(h *harness, raw string) *v1beta1.CustomRun {
		cr := byParameters(resolvable()...)
		started := metav1.NewTime(testStart)
		cr.Status.StartTime = &started
		cr.Status.ExtraFields = runtime.RawExtension{Raw: []byte(raw)}
		return h.create(cr)
	}
	const stored = `{"gitops":{"version":99,"phase":"Flying","lock":"catalog","attempt":1,"data":{"shape":"unknown"}}}`
	t.Run("with a message", func(t *testing.T) {
		h := newHarness(t)
		newer(h, stored)
		cr := h.reconcile(testRun)
		if cr.IsDone() || reasonOf(cr) != "Flying" || !strings.Contains(messageOf(cr), "another version of the controller") {
			t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
		}
		var kept, want any
		if err := json.Unmarshal(cr.Status.ExtraFields.Raw, &kept); err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal([]byte(stored), &want)
		if d := cmp.Diff(want, kept); d != "" {
			t.Errorf("its state was changed: %s", d)
		}
		if wait, ok := h.wake(testRun); !ok || wait < 59*time.Minute {
			t.Errorf("looked at again after %s: only its timeout is left to be seen to", wait)
		}
	})
	for name, interrupt := range map[string]struct {
		do     func(*harness)
		reason v1alpha1.Reason
	}{
		"until it is cancelled": {func(h *harness) { h.cancel(testRun, "enough") }, v1alpha1.ReasonCancelled},
		"until it times out":    {func(h *harness) { h.now.Step(61 * time.Minute) }, v1alpha1.ReasonTimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			cr := newer(h, stored)
			h.lockFor(cr, "catalog")
			interrupt.do(h)
			done := h.until(testRun, "the end", (*v1beta1.CustomRun).IsDone)
			wantFailed(t, done, interrupt.reason)
			if got := h.recorded(); len(got) != 1 || !strings.HasPrefix(got[0], "Warning "+string(interrupt.reason)) {
				t.Errorf("events: %q", got)
			}
			if got := h.counted("runs_total"); got["runs_total{GitOpsDeploy,"+string(interrupt.reason)+"}"] != "1" || len(got) != 1 {
				t.Errorf("counted: %v", got)
			}
			if got := h.leases(); len(got) != 0 {
				t.Errorf("locks left: %v", got)
			}
		})
	}
	t.Run("when its state cannot be read at all", func(t *testing.T) {
		h := newHarness(t)
		newer(h, `{"gitops":"rubbish"}`)
		if cr := h.reconcile(testRun); cr.IsDone() || !strings.Contains(messageOf(cr), "another version") {
			t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
		}
	})
}

// lockFor makes a stored run the holder of a lock.
func (h *harness) lockFor(cr *v1beta1.CustomRun, name string) {
	h.t.Helper()
	r := &run{CustomRun: cr}
	result, err := h.mutex().Acquire(h.t.Context(), name, holderOf(r), ownerOf(r))
	if err != nil || result.State != lock.Held {
		h.t.Fatalf("%v %v", result.State, err)
	}
}

func TestPhaseThatNobodyKnowsFailsTheRun(t *testing.T) {
	h := newHarness(t)
	started := metav1.NewTime(testStart)
	cr := byParameters(resolvable()...)
	cr.Status.StartTime = &started
	h.create(withState(t, cr, checkpoint{Version: checkpointVersion, Phase: "Flying", Attempt: 1}, data{}))
	wantFailed(t, h.reconcile(testRun), v1alpha1.ReasonInvalidSpec, "phase Flying")
}

func TestStateThatDoesNotFitEndsTheRunAndReleasesItsLock(t *testing.T) {
	big := func() data {
		return data{Request: &request.Request{Definition: strings.Repeat("x", 20<<10)}, Publish: publishState{Diff: strings.Repeat("y", 11<<10)}}
	}
	for name, locked := range map[string]bool{"before the lock": false, "under the lock": true} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			started := metav1.NewTime(testStart)
			cr := byParameters()
			cr.Status.StartTime, cr.Spec.Retries = &started, 3
			cp := checkpoint{Version: checkpointVersion, Phase: Preparing, Attempt: 1}
			if locked {
				cp.Phase, cp.Lock = Publishing, "catalog"
			}
			cr = h.create(withState(t, cr, cp, big()))
			if locked {
				h.lockFor(cr, "catalog")
			}
			d := big()
			run := &run{CustomRun: h.get(testRun), key: keyOf(cr), cp: cp, data: &d}
			run.data.Publish.Encoded = []byte(strings.Repeat("z", 8<<10))
			if err := h.apply(t.Context(), run, stay("more than fits", time.Second)); err != nil {
				t.Fatal(err)
			}
			done := h.finish(testRun)
			wantFailed(t, done, v1alpha1.ReasonInvalidSpec, "too large")
			if got := h.leases(); len(got) != 0 {
				t.Errorf("locks left: %v", got)
			}
			if len(done.Status.ExtraFields.Raw) > maxCheckpointBytes || len(done.Status.RetriesStatus) != 0 {
				t.Errorf("%d bytes of state, %d attempts", len(done.Status.ExtraFields.Raw), len(done.Status.RetriesStatus))
			}
			for series, value := range h.counted("phase_duration") {
				if !strings.HasSuffix(value, " in 0s") {
					t.Errorf("%s: %s", series, value)
				}
			}
			if done.Spec.Retries != 3 {
				t.Errorf("the spec was changed: retries %d", done.Spec.Retries)
			}
		})
	}
}
