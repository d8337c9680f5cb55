package customrun

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"go.opencensus.io/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/logging"
	logtesting "knative.dev/pkg/logging/testing"
)

// counted are the series that are not 0 of the metrics whose name begins so: a histogram's count and sum, for the others
// the value.
func (h *harness) counted(prefix string) map[string]string {
	h.t.Helper()
	found := map[string]string{}
	for _, m := range h.metrics.Read() {
		if !strings.HasPrefix(m.Descriptor.Name, prefix) {
			continue
		}
		for _, series := range m.TimeSeries {
			var labels []string
			for _, v := range series.LabelValues {
				labels = append(labels, v.Value)
			}
			value := fmt.Sprint(series.Points[0].Value)
			if d, ok := series.Points[0].Value.(*metricdata.Distribution); ok {
				value = fmt.Sprintf("%d in %gs", d.Count, d.Sum)
			}
			if value != "0" {
				found[m.Descriptor.Name+"{"+strings.Join(labels, ",")+"}"] = value
			}
		}
	}
	return found
}

func TestDeployIsCounted(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.finish(testRun)
	took := s.get(testRun).Status.CompletionTime.Sub(testStart)
	for prefix, want := range map[string]map[string]string{
		"runs_total": {"runs_total{GitOpsDeploy,Succeeded}": "1"},
		"pushes":     {"pushes_total{GitOpsDeploy,update}": "1"},
		"push_c":     {},
		"syncs":      {"syncs_total{Succeeded}": "1"},
		"argocd_op":  {"argocd_operations_total{sync}": "1"},
		"retries":    {},
	} {
		if d := cmp.Diff(want, s.counted(prefix)); d != "" {
			t.Errorf("%s: %s", prefix, d)
		}
	}
	// The phases are counted once each, and their times add up to that of the run.
	phases := s.counted("phase_duration_seconds")
	var sum float64
	for _, phase := range []Phase{Preparing, Locking, Publishing, Syncing, Verifying, Releasing} {
		var count int
		var seconds float64
		_, err := fmt.Sscanf(phases["phase_duration_seconds{GitOpsDeploy,"+string(phase)+",done}"], "%d in %gs", &count, &seconds)
		if err != nil || count != 1 {
			t.Errorf("%s: %d, %v", phase, count, err)
		}
		sum += seconds
	}
	if got := s.counted("run_duration")["run_duration_seconds{GitOpsDeploy,succeeded}"]; len(phases) != 6 || got != fmt.Sprintf("1 in %gs", sum) || sum-took.Seconds() > 1 {
		t.Errorf("phases %v, run %s", phases, got)
	}
	if got := s.counted("git_received_bytes_total")["git_received_bytes_total{}"]; len(got) < 3 {
		t.Errorf("%s bytes were received", got)
	}
}

// How a phase and the run end, in the labels.
func TestEndsAreCountedByReason(t *testing.T) {
	for name, tc := range map[string]struct {
		phase   Phase
		reason  v1alpha1.Reason
		retries int
		want    map[string]string
	}{
		"a failure while syncing": {Syncing, v1alpha1.ReasonSyncFailed, 0, map[string]string{
			"phase_duration_seconds{GitOpsDeploy,Syncing,failed}": "1 in 20s", "syncs_total{SyncFailed}": "1",
			"phase_duration_seconds{GitOpsDeploy,Releasing,done}": "1 in 5s",
			"runs_total{GitOpsDeploy,SyncFailed}":                 "1", "run_duration_seconds{GitOpsDeploy,failed}": "1 in 65s",
		}},
		"a cancellation while waiting for the lock": {Locking, v1alpha1.ReasonCancelled, 0, map[string]string{
			"phase_duration_seconds{GitOpsDeploy,Locking,interrupted}": "1 in 20s", "lock_wait_seconds{interrupted}": "1 in 20s",
			"phase_duration_seconds{GitOpsDeploy,Releasing,done}": "1 in 5s",
			"runs_total{GitOpsDeploy,CustomRunCancelled}":         "1", "run_duration_seconds{GitOpsDeploy,interrupted}": "1 in 65s",
		}},
		"a success": {Verifying, v1alpha1.ReasonSucceeded, 0, map[string]string{
			"phase_duration_seconds{GitOpsDeploy,Verifying,done}": "1 in 20s",
			"phase_duration_seconds{GitOpsDeploy,Releasing,done}": "1 in 5s",
			"runs_total{GitOpsDeploy,Succeeded}":                  "1", "run_duration_seconds{GitOpsDeploy,succeeded}": "1 in 65s",
		}},
		"a failure with a retry": {Verifying, v1alpha1.ReasonVerifyTimeout, 1, map[string]string{
			"phase_duration_seconds{GitOpsDeploy,Verifying,failed}": "1 in 20s",
			"phase_duration_seconds{GitOpsDeploy,Releasing,done}":   "1 in 5s",
			"retries_total{GitOpsDeploy,VerifyTimeout}":             "1",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			cr := byParameters(resolvable()...)
			cr.Spec.Retries = tc.retries
			d := data{}
			d.enter(Preparing, testStart)
			d.enter(tc.phase, testStart.Add(40*time.Second))
			cp := checkpoint{Version: checkpointVersion, Phase: tc.phase, Lock: "catalog", Attempt: 1}
			began := metav1.NewTime(testStart)
			cr.Status.StartTime = &began
			h.create(withState(t, cr, cp, d))
			for _, step := range []struct {
				after time.Duration
				move  move
			}{{60 * time.Second, move{kind: moveVerdict, verdict: verdict{Reason: tc.reason, Message: "over"}}}, {5 * time.Second, end()}} {
				h.now.Step(step.after)
				h.moves(h.get(testRun), step.move)
			}
			got := map[string]string{}
			for _, prefix := range []string{"phase_", "lock_wait_", "syncs_", "runs_", "run_", "retries_"} {
				for k, v := range h.counted(prefix) {
					got[k] = v
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// moves makes a move of a run as it is stored.
func (h *harness) moves(cr *v1beta1.CustomRun, m move) {
	h.t.Helper()
	cp, d := stateOf(h.t, cr)
	r := &run{CustomRun: cr, key: types.NamespacedName{Namespace: cr.Namespace, Name: cr.Name}, cp: cp, data: &d}
	if err := h.apply(logtesting.TestContextWithLogger(h.t), r, m); err != nil {
		h.t.Fatal(err)
	}
}

// What is not stored is not counted: the reconcile that follows sees it again.
func TestWhatIsNotStoredIsNotCounted(t *testing.T) {
	h := newHarness(t)
	cr := byParameters(resolvable()...)
	d := data{}
	d.enter(Publishing, testStart)
	stored := h.create(withState(t, cr, checkpoint{Version: checkpointVersion, Phase: Publishing, Lock: "catalog", Attempt: 1}, d))
	h.store(stored) // Somebody has written since.
	cp, stale := stateOf(t, stored)
	r := &run{CustomRun: stored, cp: cp, data: &stale}
	r.tally.pushes++
	if err := h.apply(logtesting.TestContextWithLogger(t), r, next(Syncing, "pushed")); err == nil {
		t.Fatal("a stale status was stored")
	}
	if got := h.counted(""); len(got) != len(h.counted("build_info")) {
		t.Errorf("counted: %v", got)
	}
}

func TestTakeOversAreCountedByHolder(t *testing.T) {
	r := &run{}
	r.tookOver("team/other/uid-of-other")
	r.tookOver("release-7")
	r.tookOver("")
	if r.tally.takenFromRuns != 1 || r.tally.takenFromOthers != 2 {
		t.Errorf("%+v", r.tally)
	}
}

func TestGaugesShowTheCache(t *testing.T) {
	h := newHarness(t)
	h.metrics.ReadFrom(h.gauges)
	for _, name := range []string{"first", "second"} {
		h.create(h.queuedSince(name, 2*time.Minute))
	}
	alone := h.queuedSince("alone", 30*time.Second)
	cp, d := stateOf(t, alone)
	cp.Lock = "other"
	h.create(withState(t, alone, cp, d))
	fresh := byParameters()
	fresh.Name, fresh.CreationTimestamp = "fresh", metav1.NewTime(testStart.Add(-7*time.Second))
	h.create(fresh)
	newer := h.queuedSince("newer", 0)
	newer.Status.ExtraFields.Raw, newer.Status.Conditions[0].Reason = nil, "Flying"
	h.create(newer)
	h.refreshCache()
	want := map[string]string{
		"active_runs{GitOpsDeploy,Locking}": "3", "active_runs{GitOpsDeploy,Unstarted}": "1", "active_runs{GitOpsDeploy,other}": "1", "unstarted_run_age_seconds{}": "7",
		"lock_waiting_runs{}": "3", "lock_longest_queue{}": "2", "lock_longest_wait_seconds{}": "120",
	}
	got := map[string]string{}
	for _, prefix := range []string{"active_runs", "unstarted", "lock_"} {
		for k, v := range h.counted(prefix) {
			got[k] = v
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// queuedSince is a run that has been waiting for the lock catalog.
func (h *harness) queuedSince(name string, ago time.Duration) *v1beta1.CustomRun {
	cr := byParameters()
	cr.Name = name
	began := metav1.NewTime(testStart.Add(-ago))
	cr.Status.StartTime = &began
	h.now.SetTime(began.Time)
	h.setCondition(&cr.Status, "Unknown", string(Locking), "waiting")
	h.now.SetTime(testStart)
	return withState(h.t, cr, checkpoint{Version: checkpointVersion, Phase: Locking, Lock: "catalog", Attempt: 1}, data{})
}

// One info line for each phase and one for the end, no key twice in a line, and none but the documented ones.
func TestLogTellsTheStory(t *testing.T) {
	s := newSite(t)
	core, lines := observer.New(zapcore.InfoLevel)
	s.logger = zap.New(core).Sugar()
	cr := s.deploy("1.0.1")
	cr.Labels = map[string]string{"tekton.dev/pipelineRun": "release-7"}
	s.create(cr)
	s.finish(testRun)
	var told []string
	for _, line := range lines.All() {
		fields := line.ContextMap()
		if len(fields) != len(line.Context) {
			t.Errorf("%s: a key twice in %v", line.Message, line.Context)
		}
		for key := range fields {
			if !isKey(key) {
				t.Errorf("%s: key %s is not documented", line.Message, key)
			}
		}
		told = append(told, fmt.Sprint(line.Message, " ", fields[logkey.Phase], " ", fields[logkey.Reason], " ", fields[logkey.PipelineRun]))
		if line.Message == "the run has ended" {
			if fields[logkey.Commit] != s.git.tip() || fields[logkey.Lock] != "catalog" || fields[logkey.Application] != "catalog" || len(fields[logkey.Phases].(map[string]float64)) != 6 {
				t.Errorf("the end says %v", fields)
			}
		}
	}
	want := []string{"the run has ended <nil> Succeeded release-7"}
	for i, phase := range []Phase{Preparing, Locking, Publishing, Syncing, Verifying, Releasing} {
		want = append(want[:i], append([]string{"the run has entered a phase " + string(phase) + " <nil> release-7"}, want[i:]...)...)
	}
	if d := cmp.Diff(want, told); d != "" {
		t.Error(d)
	}
}

func isKey(name string) bool {
	for _, k := range logkey.Keys() {
		if k.Name == name {
			return true
		}
	}
	return false
}

func TestPollsAreCountedByAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		answer pollAnswer
		want   string
	}{
		"something has changed": {pollAnswer{changes: pullrequest.Changes{Numbers: []int{7}}}, metrics.PollChanged},
		"too much has changed":  {pollAnswer{changes: pullrequest.Changes{More: true}}, metrics.PollChanged},
		"nothing has changed":   {pollAnswer{}, metrics.PollUnchanged},
		"the budget is used up": {pollAnswer{err: fmt.Errorf("poll: %w", &pullrequest.LimitError{})}, metrics.PollLimited},
		"no answer":             {pollAnswer{err: errors.New("connection refused")}, metrics.PollFailed},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPollBench(t, tc.answer)
			h := &harness{t: t, Reconciler: &Reconciler{metrics: metrics.New(b.now, metrics.Build{})}}
			b.metrics = h.metrics
			if _, err := b.ask(t.Context(), b.host, pullrequest.Cursor{}); !errors.Is(err, tc.answer.err) {
				t.Fatal(err)
			}
			if d := cmp.Diff(map[string]string{"pull_request_polls_total{" + tc.want + "}": "1"}, h.counted("pull_request_polls")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWatchesAreCounted(t *testing.T) {
	b := newWatchBench(t)
	h := &harness{t: t, Reconciler: &Reconciler{metrics: metrics.New(b.now, metrics.Build{})}}
	b.metrics = h.metrics
	h.metrics.ReadFrom(b.gauges)
	b.subscribe(catalog, runA, b.argo.dial)
	s := b.argo.opened(t, 1)
	if d := cmp.Diff(map[string]string{"argocd_watches{}": "1"}, h.counted("argocd_watch")); d != "" {
		t.Errorf("while it is open: %s", d)
	}
	s.end <- errors.New("cut by a proxy")
	eventually(t, "the pause begins", b.now.HasWaiters)
	b.now.Step(watchPause)
	b.argo.opened(t, 2)
	if d := cmp.Diff(map[string]string{"argocd_watches{}": "1", "argocd_watch_reconnects_total{}": "1"}, h.counted("argocd_watch")); d != "" {
		t.Errorf("opened again: %s", d)
	}
	b.unsubscribe(runA)
	if d := cmp.Diff(map[string]string{"argocd_watch_reconnects_total{}": "1"}, h.counted("argocd_watch")); d != "" {
		t.Errorf("at the end: %s", d)
	}
}

func TestEveryPhaseHasAMetric(t *testing.T) {
	known := map[string]bool{}
	for _, p := range metrics.Phases() {
		known[p] = true
	}
	for p := range (&Reconciler{}).steps() {
		if !known[string(p)] {
			t.Errorf("phase %s is no value of the label", p)
		}
		delete(known, string(p))
	}
	if len(known) > 0 {
		t.Errorf("no phases: %v", known)
	}
}

// context is that of a reconcile, with the logger that a test looks at.
func (h *harness) context() context.Context {
	if h.logger == nil {
		return logtesting.TestContextWithLogger(h.t)
	}
	return logging.WithLogger(h.t.Context(), h.logger)
}
