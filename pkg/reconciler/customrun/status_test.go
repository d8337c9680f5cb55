package customrun

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
	"knative.dev/pkg/apis"
)

// writingActions are the calls of a client that change something.
func writingActions(all []clienttesting.Action) []string {
	var writes []string
	for _, a := range all {
		switch a.GetVerb() {
		case "get", "list", "watch":
		default:
			writes = append(writes, a.GetVerb()+" "+a.GetResource().Resource+"/"+a.GetSubresource())
		}
	}
	return writes
}

func TestFirstReconcileSaysWhoWorksOnTheRun(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters(resolvable()...))
	cr := h.reconcile(testRun)
	want := apis.Condition{
		Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "Preparing",
		Message:            "checking the repository and the application",
		LastTransitionTime: apis.VolatileTime{Inner: metav1.NewTime(testStart)},
	}
	if d := cmp.Diff([]apis.Condition{want}, []apis.Condition(cr.Status.Conditions)); d != "" {
		t.Error(d)
	}
	if got := cr.Status.StartTime; got == nil || !got.Time.Equal(testStart) {
		t.Errorf("start time is %v, want %v", got, testStart)
	}
	if cr.Status.ObservedGeneration != 1 || cr.Status.CompletionTime != nil || cr.Status.Results != nil {
		t.Errorf("status is %+v", cr.Status)
	}
	if d := cmp.Diff([]string{"update customruns/status"}, writingActions(h.tekton.Actions())); d != "" {
		t.Errorf("writes: %s", d)
	}
	if len(cr.Finalizers) != 0 {
		t.Errorf("finalizers: %v: removing the controller would strand the run", cr.Finalizers)
	}
	if got := h.leases(); len(got) != 0 {
		t.Errorf("the first reconcile has locked %v", got)
	}
	if d := cmp.Diff([]string{"Normal Preparing checking the repository and the application"}, h.recorded()); d != "" {
		t.Errorf("events: %s", d)
	}
	if wait, ok := h.wake(testRun); !ok || wait > time.Second {
		t.Errorf("looked at again after %s, %v", wait, ok)
	}
}

func TestFinishedRunKeepsItsStatus(t *testing.T) {
	for name, end := range map[string]func(*harness){
		"succeeded": func(h *harness) { h.finishWith(v1alpha1.ReasonSucceeded, "done") },
		"failed":    func(h *harness) { h.finishWith(v1alpha1.ReasonSyncFailed, "no") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			end(h)
			before := h.get(testRun)
			h.recorded()
			h.cancel(testRun, v1beta1.CustomRunCancelledByPipelineMsg)
			h.now.Step(48 * time.Hour)
			after := h.reconcile(testRun)
			want := before.Status
			want.ObservedGeneration = before.Generation + 1
			if d := cmp.Diff(want, after.Status); d != "" {
				t.Errorf("more than observedGeneration changed: %s", d)
			}
			again := h.reconcile(testRun)
			if again.ResourceVersion != after.ResourceVersion {
				t.Error("it is written although nothing has changed")
			}
			if got := h.recorded(); len(got) != 0 {
				t.Errorf("events: %v", got)
			}
		})
	}
}

// finishWith stores a run that is about to write its end, and lets it.
func (h *harness) finishWith(reason v1alpha1.Reason, message string) *v1beta1.CustomRun {
	h.t.Helper()
	h.create(h.releasing(byParameters(resolvable()...), reason, message))
	return h.reconcile(testRun)
}

// releasing gives a run the state in which only its end is left to be written.
func (h *harness) releasing(cr *v1beta1.CustomRun, reason v1alpha1.Reason, message string) *v1beta1.CustomRun {
	h.t.Helper()
	now := metav1.NewMicroTime(h.now.Now())
	started := metav1.NewTime(h.now.Now())
	cr.Status.StartTime = &started
	cr.Status.ObservedGeneration = 1
	cr.Status.Conditions = append(cr.Status.Conditions, apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionUnknown, Reason: "Releasing"})
	return withState(h.t, cr, checkpoint{
		Version: checkpointVersion, Phase: Releasing, Attempt: len(cr.Status.RetriesStatus) + 1, Verdict: &verdict{Reason: reason, Message: message},
	}, data{Release: releaseState{Since: &now}, Outcome: outcome{Changed: true, Commit: "c0ffee"}})
}

func TestConditionIsTheOnlyOne(t *testing.T) {
	h := newHarness(t)
	cr := h.releasing(byParameters(), v1alpha1.ReasonSucceeded, "done")
	cr.Status.Conditions = append(cr.Status.Conditions, apis.Condition{Type: "Ready", Status: corev1.ConditionTrue})
	h.create(cr)
	done := h.reconcile(testRun)
	if len(done.Status.Conditions) != 1 || done.Status.Conditions[0].Type != apis.ConditionSucceeded || !done.IsSuccessful() {
		t.Errorf("conditions are %+v", done.Status.Conditions)
	}
}

func TestTransitionTimeMovesWithTheReasonOnly(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters(resolvable()...))
	run := &run{CustomRun: h.reconcile(testRun)}
	h.now.Step(time.Minute)
	h.setCondition(&run.Status, corev1.ConditionUnknown, "Preparing", "another message")
	if got := run.Status.Conditions[0].LastTransitionTime.Inner.Time; !got.Equal(testStart) {
		t.Errorf("a new message moves the transition time to %v", got)
	}
	h.setCondition(&run.Status, corev1.ConditionUnknown, "Locking", "another message")
	if got := run.Status.Conditions[0].LastTransitionTime.Inner.Time; !got.Equal(testStart.Add(time.Minute)) {
		t.Errorf("a new phase leaves the transition time at %v", got)
	}
}

func TestCancelledRunEndsWithTektonsReason(t *testing.T) {
	for name, tc := range map[string]struct {
		message v1beta1.CustomRunSpecStatusMessage
		started bool
		want    string
	}{
		"by its PipelineRun":                   {v1beta1.CustomRunCancelledByPipelineMsg, true, string(v1beta1.CustomRunCancelledByPipelineMsg)},
		"by its PipelineRun's timeout":         {v1beta1.CustomRunCancelledByPipelineTimeoutMsg, true, string(v1beta1.CustomRunCancelledByPipelineTimeoutMsg)},
		"by a user without a message":          {"", true, "CustomRun deploy was cancelled"},
		"before it has started":                {v1beta1.CustomRunCancelledByPipelineMsg, false, string(v1beta1.CustomRunCancelledByPipelineMsg)},
		"before it has started, by a timeout":  {v1beta1.CustomRunCancelledByPipelineTimeoutMsg, false, string(v1beta1.CustomRunCancelledByPipelineTimeoutMsg)},
		"with a message that is a format text": {"100% of %s", true, "100% of %s"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.create(byParameters(append(resolvable(), param("lock", "catalog"))...))
			if tc.started {
				h.reconcile(testRun)
			}
			h.edit(testRun, func(cr *v1beta1.CustomRun) { cr.Spec.Retries = 3 })
			h.cancel(testRun, tc.message)
			cr := h.reconcile(testRun)
			wantFailed(t, cr, "CustomRunCancelled")
			if got := messageOf(cr); got != tc.want {
				t.Errorf("message is %q, want %q", got, tc.want)
			}
			if cr.Status.StartTime == nil || len(cr.Status.RetriesStatus) != 0 {
				t.Errorf("start %v, retries %v", cr.Status.StartTime, cr.Status.RetriesStatus)
			}
			if len(cr.Status.Results) != len(v1alpha1.Results()) {
				t.Errorf("results: %v", cr.Status.Results)
			}
			events := h.recorded()
			if want := "Warning CustomRunCancelled " + tc.want; len(events) == 0 || events[len(events)-1] != want {
				t.Errorf("events are %q, want %q at the end", events, want)
			}
			if _, woken := h.wake(testRun); woken {
				t.Error("a run that has ended is looked at again")
			}
		})
	}
}

func TestConflictEndsTheReconcileAndLeavesTheNewerStatus(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters(resolvable()...))
	h.reconcile(testRun)
	h.beforeWrite = func() {
		newer := h.get(testRun)
		cp, d := stateOf(t, newer)
		cp.Phase, d.Publish.Commit = Publishing, "an intent that must not be lost"
		h.store(withState(t, newer, cp, d))
	}
	h.cancel(testRun, "")
	writes := h.writes
	cr := h.reconcile(testRun)
	if cp, d := stateOf(t, cr); cp.Phase != Publishing || d.Publish.Commit != "an intent that must not be lost" {
		t.Errorf("the newer checkpoint was overwritten: %+v", cp)
	}
	if h.writes != writes {
		t.Errorf("%d writes after the conflict", h.writes-writes)
	}
	if wait, ok := h.wake(testRun); !ok || wait > 2*time.Second {
		t.Errorf("looked at again after %s, %v", wait, ok)
	}
	wantFailed(t, h.reconcile(testRun), v1alpha1.ReasonCancelled)
}

func TestStatusThatCannotBeWrittenIsTriedAgainSilently(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters(resolvable()...))
	h.tekton.PrependReactor("update", "customruns", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInternalError(fmt.Errorf("etcd is away"))
	})
	for range 3 {
		h.reconcile(testRun)
		if wait, ok := h.wake(testRun); !ok || wait != time.Second {
			t.Errorf("looked at again after %s, %v", wait, ok)
		}
	}
	if got := h.recorded(); len(got) != 0 {
		t.Errorf("events: %v", got)
	}
}

func TestRunThatIsGoneIsNotWritten(t *testing.T) {
	h := newHarness(t)
	old := h.create(byParameters(resolvable()...))
	if err := h.tekton.Tracker().Delete(customRunsGVR, testNamespace, testRun); err != nil {
		t.Fatal(err)
	}
	h.reconcileVersion(old)
	if got := h.recorded(); len(got) != 0 {
		t.Errorf("events: %v", got)
	}
}

func TestPercentSignsSurvive(t *testing.T) {
	h := newHarness(t)
	cr := h.finishWith(v1alpha1.ReasonRolloutFailed, "100% of %s pods %!d(failed)")
	wantFailed(t, cr, v1alpha1.ReasonRolloutFailed)
	if got := messageOf(cr); got != "100% of %s pods %!d(failed)" {
		t.Errorf("message is %q", got)
	}
	if d := cmp.Diff([]string{"Warning RolloutFailed 100% of %s pods %!d(failed)"}, h.recorded()); d != "" {
		t.Error(d)
	}
}

func TestMessagesAreBoundedAtWholeRunes(t *testing.T) {
	for name, text := range map[string]string{
		"ascii": strings.Repeat("a", 10000), "umlauts": strings.Repeat("ä", 5000), "three bytes": strings.Repeat("€", 5000), "four bytes": "x" + strings.Repeat("😀", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			for limit := 40; limit < 48; limit++ {
				got := bounded(text, limit)
				if len(got) > limit || len(got) < limit-6 || !utf8.ValidString(got) || !strings.HasSuffix(got, "...") {
					t.Errorf("bounded to %d: %q (%d)", limit, got, len(got))
				}
			}
		})
	}
	if got := bounded("short", 5); got != "short" {
		t.Errorf("a text that fits becomes %q", got)
	}
}

func TestTextOfOthersIsBounded(t *testing.T) {
	for name, started := range map[string]bool{"before the start": false, "under way": true} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.create(byParameters(resolvable()...))
			if started {
				h.reconcile(testRun)
			}
			h.cancel(testRun, v1beta1.CustomRunSpecStatusMessage(strings.Repeat("é", 50000)))
			cr := h.reconcile(testRun)
			wantFailed(t, cr, v1alpha1.ReasonCancelled)
			if got := len(messageOf(cr)); got > maxMessageBytes || got < maxMessageBytes-10 {
				t.Errorf("the message has %d bytes", got)
			}
			for _, e := range h.recorded() {
				if len(e) > 1100 {
					t.Errorf("an event of %d bytes", len(e))
				}
			}
		})
	}
}

func TestNoSecretLeavesInAMessage(t *testing.T) {
	run := &run{secrets: []string{"hunter2-hunter2"}}
	if got := run.clean("the server says: bad password hunter2-hunter2, go away"); strings.Contains(got, "hunter2") || !strings.Contains(got, "go away") {
		t.Errorf("message is %q", got)
	}
	if got := errorText(run, fmt.Errorf("token hunter2-hunter2")); strings.Contains(got, "hunter2") {
		t.Errorf("error text is %q", got)
	}
	if got := errorText(run, nil); got != "" {
		t.Errorf("no error reads %q", got)
	}
}

// forbidden is the API server's refusal.
func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", fmt.Errorf("no RoleBinding"))
}
