package customrun

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tekton-gitops/tekton-gitops/pkg/tracing"
	"github.com/tekton-gitops/tekton-gitops/test/otlp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	testTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	testParent = "00-" + testTrace + "-00f067aa0ba902b7-01"
)

// collect switches tracing on.
func (h *harness) collect() *otlp.Receiver {
	h.t.Helper()
	collector := otlp.Listen()
	h.t.Cleanup(collector.Close)
	h.tracer = tracing.New(agentName, "test", func(err error) { h.t.Error(err) })
	if err := h.tracer.Configure(tracing.Config{Enabled: true, Endpoint: collector.Endpoint}); err != nil {
		h.t.Fatal(err)
	}
	return collector
}

func (h *harness) flush() {
	h.t.Helper()
	if err := h.tracer.Shutdown(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// spanContext gives a PipelineRun a span, in its status, as Tekton has it, or in its annotation.
func (h *harness) spanContext(name string, status, annotation string) {
	h.t.Helper()
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name}}
	if status != "" {
		pr.Status.SpanContext = map[string]string{"traceparent": status}
	}
	if annotation != "" {
		pr.Annotations = map[string]string{spanContextAnnotation: annotation}
	}
	if _, err := h.tekton.TektonV1().PipelineRuns(testNamespace).Create(h.t.Context(), pr, metav1.CreateOptions{}); err != nil {
		h.t.Fatal(err)
	}
}

func TestRunContinuesTheTraceOfItsPipelineRun(t *testing.T) {
	s := newSite(t)
	collector := s.collect()
	s.spanContext("release-7", testParent, "")
	cr := s.deploy("1.0.1")
	cr.Labels = map[string]string{"tekton.dev/pipelineRun": "release-7", "tekton.dev/pipelineTask": "deploy-dev"}
	s.create(cr)
	cr = s.finish(testRun)
	s.flush()
	spans := collector.Spans(testTrace)
	if len(spans) != 7 {
		t.Fatalf("%d spans: %+v", len(spans), spans)
	}
	root := spanNamed(spans, "GitOpsDeploy")
	want := map[string]string{
		"namespace": testNamespace, "customrun": testRun, "pipelinerun": "release-7", "pipelinetask": "deploy-dev", "kind": "GitOpsDeploy",
		"reason": "Succeeded", "lock": "catalog", "application": "catalog", "commit": s.git.tip(), "revision": s.git.tip(), "attempt": "1", "changed": "true",
	}
	if d := cmp.Diff(want, root.Attributes); d != "" || root.Parent != "00f067aa0ba902b7" || root.Failed != "" {
		t.Errorf("%+v: %s", root, d)
	}
	_, d := stateOf(t, cr)
	for i, p := range d.Timeline {
		end := root.End
		if i+1 < len(d.Timeline) {
			end = d.Timeline[i+1].Since.UTC()
		}
		phase := spanNamed(spans, string(p.Phase))
		if phase.Parent != root.ID || !phase.Start.Equal(p.Since.Time) || !phase.End.Equal(end) {
			t.Errorf("%s: %+v, want from %s to %s", p.Phase, phase, p.Since.UTC(), end)
		}
	}
	if !root.Start.Equal(testStart) || root.End.Truncate(time.Second) != cr.Status.CompletionTime.UTC() {
		t.Errorf("from %s to %s", root.Start, root.End)
	}
	for _, secret := range []string{gitPassword, argoToken} {
		if strings.Contains(collector.Text(), secret) {
			t.Error("a secret is in the trace")
		}
	}
}

func spanNamed(spans []otlp.Span, name string) otlp.Span {
	for _, s := range spans {
		if s.Name == name {
			return s
		}
	}
	return otlp.Span{}
}

// The phase in which the attempt failed is marked, not those that clean up; each attempt is a span of its own.
func TestFailedAttemptsAreSpans(t *testing.T) {
	h := newHarness(t)
	collector := h.collect()
	cr := byParameters(resolvable()...)
	cr.Spec.Retries = 1
	began := metav1.NewTime(testStart)
	cr.Status.StartTime = &began
	d := data{}
	d.enter(Preparing, testStart)
	d.enter(Syncing, testStart.Add(time.Second))
	h.create(withState(t, cr, checkpoint{Version: checkpointVersion, Phase: Syncing, Lock: "catalog", Attempt: 1}, d))
	h.now.Step(3 * time.Second)
	h.moves(h.get(testRun), fail("SyncFailed", "a hook failed"))
	h.now.Step(time.Second)
	h.moves(h.get(testRun), end())
	h.now.Step(time.Second)
	h.moves(h.get(testRun), fail("ImageNotInManifest", "no such image"))
	h.flush()
	at := func(seconds int) time.Time { return testStart.Add(time.Duration(seconds) * time.Second) }
	want := []otlp.Span{
		{Name: "GitOpsDeploy", Start: at(0), End: at(4), Failed: "SyncFailed"},
		{Name: "Preparing", Start: at(0), End: at(1)},
		{Name: "Syncing", Start: at(1), End: at(3), Failed: "SyncFailed"},
		{Name: "Releasing", Start: at(3), End: at(4)},
		{Name: "GitOpsDeploy", Start: at(4), End: at(5), Failed: "ImageNotInManifest"},
		{Name: "Preparing", Start: at(4), End: at(5), Failed: "ImageNotInManifest"},
	}
	got := collector.Spans("")
	inOrder := cmpopts.SortSlices(func(a, b otlp.Span) bool { return a.Name+a.End.String() < b.Name+b.End.String() })
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(otlp.Span{}, "ID", "Trace", "Parent", "Attributes"), inOrder); d != "" {
		t.Error(d)
	}
}

func TestWhereTheParentIsFound(t *testing.T) {
	other := strings.Replace(testParent, "4bf9", "aaaa", 1)
	carrier := func(parent string) string { return `{"traceparent":"` + parent + `"}` }
	for name, tc := range map[string]struct {
		status, annotation, own string
		want                    string
	}{
		"the status of the PipelineRun":  {testParent, carrier(other), carrier(other), testTrace},
		"its annotation":                 {"", carrier(testParent), carrier(other), testTrace},
		"the run's own":                  {"", "", carrier(testParent), testTrace},
		"a status that is none":          {"nonsense", carrier(testParent), "", testTrace},
		"an annotation that is no JSON":  {"", "nonsense", carrier(testParent), testTrace},
		"nowhere":                        {"", "", "", strings.Repeat("0", 32)},
		"nothing but what is not a span": {"", "{}", "[]", strings.Repeat("0", 32)},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.spanContext("release-7", tc.status, tc.annotation)
			cr := byParameters()
			cr.Namespace, cr.Labels = testNamespace, map[string]string{"tekton.dev/pipelineRun": "release-7"}
			cr.Annotations = map[string]string{spanContextAnnotation: tc.own}
			if got := h.parentSpan(h.context(), &run{CustomRun: cr}).TraceID().String(); got != tc.want {
				t.Errorf("trace %s, want %s", got, tc.want)
			}
		})
	}
	h := newHarness(t)
	h.spanContext("release-7", testParent, "")
	older := &v1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: testNamespace, Labels: map[string]string{"tekton.dev/pipelineRun": "release-7", "tekton.dev/pipelineRunUID": "of-an-earlier-one"},
	}}
	if got := h.parentSpan(h.context(), &run{CustomRun: older}); got.IsValid() {
		t.Errorf("of another PipelineRun of that name: %+v", got)
	}
	gone := &v1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: testNamespace, Labels: map[string]string{"tekton.dev/pipelineRun": "gone"}, Annotations: map[string]string{spanContextAnnotation: carrier(testParent)},
	}}
	if got := h.parentSpan(h.context(), &run{CustomRun: gone}); got.TraceID().String() != testTrace || !got.IsRemote() {
		t.Errorf("of a PipelineRun that is gone: %+v", got)
	}
}

// While tracing is off, the end of a run asks the API server for nothing.
func TestNothingIsReadWhileTracingIsOff(t *testing.T) {
	h := newHarness(t)
	cr := byParameters(resolvable()...)
	cr.Labels = map[string]string{"tekton.dev/pipelineRun": "release-7"}
	h.create(h.releasing(cr, "Succeeded", "done"))
	if cr := h.reconcile(testRun); !cr.IsDone() {
		t.Fatalf("the run is %s", reasonOf(cr))
	}
	for _, a := range h.tekton.Actions() {
		if a.GetResource().Resource == "pipelineruns" {
			t.Errorf("%s pipelineruns", a.GetVerb())
		}
	}
}
