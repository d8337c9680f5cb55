package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/test/monitoring"
	"github.com/tekton-gitops/tekton-gitops/test/otlp"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// tracing points the controller at the tests' collector.
func tracing(endpoint string) []byte {
	return []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: config-tracing}, data: {enabled: 'true', endpoint: '" + endpoint + "'}}")
}

// series are the values on the controller's page of metrics, by name and labels.
func series(t *testing.T) (values map[string]string, types map[string]string) {
	t.Helper()
	page, err := shownMetrics(t.Context(), bed.controller)
	if err != nil {
		t.Fatal(err)
	}
	values, types = map[string]string{}, map[string]string{}
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			types[name] = kind
		} else if at := strings.LastIndex(line, " "); at > 0 && !strings.HasPrefix(line, "#") {
			values[line[:at]] = line[at+1:]
		}
	}
	return values, types
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.deploy("good", "1.0.1"))
	bad := n.deploy("bad", "1.0.2", param("nonsense", "x"))
	n.finish("good")
	n.create(bad)
	n.finish("bad")
	// What was stored a moment ago is counted a moment later.
	var values, types map[string]string
	failed := metrics.Prefix + `phase_duration_seconds_count{ended="failed",kind="GitOpsDeploy",phase="Preparing"}`
	n.poll("the end of both runs is counted", func() bool {
		values, types = series(t)
		return values[failed] != ""
	})
	for _, d := range metrics.Definitions() {
		if got := types[d.FullName()]; got != string(d.Type) {
			t.Errorf("%s is a %q, want a %s", d.FullName(), got, d.Type)
		}
	}
	p := metrics.Prefix
	for _, name := range []string{
		p + `runs_total{kind="GitOpsDeploy",reason="Succeeded"}`, p + `runs_total{kind="GitOpsDeploy",reason="InvalidParameters"}`,
		p + `run_duration_seconds_count{kind="GitOpsDeploy",outcome="succeeded"}`, p + `run_duration_seconds_count{kind="GitOpsDeploy",outcome="failed"}`,
		failed,
		p + `phase_duration_seconds_count{ended="done",kind="GitOpsDeploy",phase="Verifying"}`,
		p + `phase_duration_seconds_sum{ended="done",kind="GitOpsDeploy",phase="Syncing"}`,
		p + `lock_wait_seconds_count{ended="done"}`, p + `pushes_total{kind="GitOpsDeploy",purpose="update"}`,
		p + `syncs_total{reason="Succeeded"}`, p + `git_received_bytes_total`,
	} {
		if v := values[name]; v == "" || v == "0" {
			t.Errorf("%s is %q", name, v)
		}
	}
	for name := range values {
		family, labels, _ := strings.Cut(strings.TrimPrefix(name, p), "{")
		ours := slices.ContainsFunc(metrics.Definitions(), func(d metrics.Definition) bool { return strings.HasPrefix(family, d.Name) })
		if ours && (strings.Contains(labels, n.Namespace) || strings.Contains(labels, `"other"`)) {
			t.Errorf("%s has a value that is not bounded", name)
		}
	}
}

// What the alerts and the dashboard name is what the controller shows, the framework's metrics included.
func TestMonitoringNamesWhatIsShown(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.deploy("first", "1.0.1"))
	n.finish("first")
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	expressions, err := monitoring.Expressions(root)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := monitoring.Parse(t.Context(), root, expressions)
	if err != nil {
		t.Fatal(err)
	}
	var values, types map[string]string
	n.poll("the framework has looked at its memory, which it does every 30s", func() bool {
		values, types = series(t)
		return types[metrics.Prefix+"go_heap_in_use"] != ""
	})
	for where, p := range parsed {
		if p.Error != "" {
			t.Errorf("%s: %s", where, p.Error)
		}
		for _, s := range p.Selectors {
			family := s.Metric
			for _, part := range []string{"_bucket", "_count", "_sum"} {
				if base, ok := strings.CutSuffix(family, part); ok && types[base] == "histogram" {
					family = base
				}
			}
			if types[family] == "" {
				t.Errorf("%s: %s is not shown", where, s.Metric)
				continue
			}
			for label := range s.Labels {
				if !slices.ContainsFunc(slices.Collect(maps.Keys(values)), func(name string) bool {
					return strings.HasPrefix(name, s.Metric+"{") && strings.Contains(name, label+`="`)
				}) {
					t.Errorf("%s: %s has no label %s", where, s.Metric, label)
				}
			}
		}
	}
}

const (
	ownTrace  = "0af7651916cd43dd8448eb211c80319c"
	ownParent = "b7ad6b7169203331"
)

// startTraced starts a PipelineRun that deploys, as part of a trace where annotations say so.
func (n *tenant) startTraced(name, tag string, annotations map[string]string) *v1beta1.CustomRun {
	n.t.Helper()
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace, Annotations: annotations}}
	spec := "pipelineSpec: {tasks: [{name: deploy, taskRef: {" + deployTask + "}, params: " + n.byParametersText("dev", tag) + "}]}"
	if err := yaml.UnmarshalStrict([]byte(spec), &pr.Spec); err != nil {
		n.t.Fatalf("%v in\n%s", err, spec)
	}
	if _, err := n.tekton.TektonV1().PipelineRuns(n.Namespace).Create(n.t.Context(), pr, metav1.CreateOptions{}); err != nil {
		n.t.Fatal(err)
	}
	n.finishPipelineRun(name, pipelinev1.PipelineRunReasonSuccessful)
	return n.child(name, "deploy")
}

// wantTrace waits for the spans of a run and compares them with what its status says.
func (n *tenant) wantTrace(traceID, parent string, cr *v1beta1.CustomRun) {
	n.t.Helper()
	var ours []otlp.Span
	n.poll("the trace of "+cr.Name, func() bool {
		ours = slices.DeleteFunc(bed.traces.Spans(traceID), func(s otlp.Span) bool { return s.Attributes["customrun"] != cr.Name && s.Attributes["namespace"] != "" })
		return slices.ContainsFunc(ours, func(s otlp.Span) bool { return s.Name == "GitOpsDeploy" })
	})
	root := ours[slices.IndexFunc(ours, func(s otlp.Span) bool { return s.Name == "GitOpsDeploy" })]
	if parent != "" && root.Parent != parent {
		n.t.Errorf("the parent is %s, want %s", root.Parent, parent)
	}
	for name, want := range map[string]string{
		"namespace": n.Namespace, "customrun": cr.Name, "pipelinetask": "deploy", "reason": "Succeeded", "commit": result(cr, "commit"),
		"revision": result(cr, "revision"), "application": n.App("dev"),
	} {
		if got := root.Attributes[name]; got != want {
			n.t.Errorf("attribute %s is %q, want %q", name, got, want)
		}
	}
	if started := cr.Status.StartTime.Time; root.Start.Before(started) || root.Start.Sub(started) > time.Second ||
		root.End.Truncate(time.Second) != cr.Status.CompletionTime.UTC() {
		n.t.Errorf("the span is from %s to %s, the run from %s to %s", root.Start, root.End, started.UTC(), cr.Status.CompletionTime.UTC())
	}
	var phases []string
	at := root.Start
	for _, s := range ours {
		if s.Parent != root.ID {
			continue
		}
		phases = append(phases, s.Name)
		if !s.Start.Equal(at) {
			n.t.Errorf("%s begins at %s, %s after the phase before", s.Name, s.Start, s.Start.Sub(at))
		}
		at = s.End
	}
	if d := cmp.Diff([]string{"Preparing", "Locking", "Publishing", "Syncing", "Verifying", "Releasing"}, phases); d != "" || !at.Equal(root.End) {
		n.t.Errorf("phases until %s of %s: %s", at, root.End, d)
	}
}

// A run continues the trace that its PipelineRun was given.
func TestTraceContinuesThatOfThePipelineRun(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	cr := n.startTraced("given", "1.0.1", map[string]string{
		"tekton.dev/pipelinerunSpanContext": `{"traceparent":"00-` + ownTrace + `-` + ownParent + `-01"}`,
	})
	if got := n.pipelineRun("given").Status.SpanContext["traceparent"]; !strings.Contains(got, ownTrace) {
		t.Errorf("Tekton has noted the span %q", got)
	}
	n.wantTrace(ownTrace, ownParent, cr)
}

// Where Tekton itself traces, the run is below Tekton's span of the PipelineRun.
func TestTraceContinuesTektonsOwn(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	if err := bed.Apply(t.Context(), "tekton-pipelines", tracing(bed.traces.Endpoint)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		off := bytes.Replace(tracing(bed.traces.Endpoint), []byte("'true'"), []byte("'false'"), 1)
		if err := bed.Apply(background(), "tekton-pipelines", off); err != nil {
			t.Error(err)
		}
	})
	n.poll("Tekton traces", func() bool {
		name := fmt.Sprintf("probe-%d", time.Now().UnixNano())
		pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace}}
		pr.Spec.PipelineRef = &pipelinev1.PipelineRef{Name: "there-is-none"}
		if _, err := n.tekton.TektonV1().PipelineRuns(n.Namespace).Create(t.Context(), pr, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		n.poll("the end of "+name, func() bool { return n.pipelineRun(name).IsDone() })
		return len(n.pipelineRun(name).Status.SpanContext) > 0
	})
	cr := n.startTraced("traced", "1.0.1", nil)
	parts := strings.Split(n.pipelineRun("traced").Status.SpanContext["traceparent"], "-")
	if len(parts) != 4 {
		t.Fatalf("Tekton has noted no span: %v", parts)
	}
	n.wantTrace(parts[1], parts[2], cr)
	n.poll("Tekton's spans", func() bool {
		return slices.ContainsFunc(bed.traces.Spans(parts[1]), func(s otlp.Span) bool { return s.Name == "PipelineRun:Reconciler" && s.ID == parts[2] })
	})
}

// frameworkKeys are those that the framework adds to a line.
var frameworkKeys = []string{"severity", "timestamp", "logger", "caller", "message", "stacktrace", "commit"}

// The log tells the story of a run in JSON lines, each key once and none but the documented ones.
func TestLogOfARun(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.deploy("first", "1.0.1"))
	cr := n.finish("first")
	known := slices.Clone(frameworkKeys)
	for _, k := range logkey.Keys() {
		known = append(known, k.Name)
	}
	var told []string
	n.poll("the end is in the log", func() bool {
		told = nil
		for _, line := range n.logged("first") {
			if line["severity"] == "INFO" && line[logkey.Phase] != nil {
				told = append(told, fmt.Sprint(line[logkey.Phase]))
			}
			if line[logkey.Reason] == "Succeeded" && line["severity"] == "INFO" {
				told = append(told, fmt.Sprint(line[logkey.Reason], " ", line[logkey.Commit], " ", line[logkey.Application], " ", line[logkey.Changed]))
			}
			for key := range line {
				if !slices.Contains(known, key) && !strings.HasPrefix(key, "knative.dev/") {
					t.Errorf("key %s is not documented: %v", key, line)
				}
			}
		}
		return len(told) == 7
	})
	want := []string{"Preparing", "Locking", "Publishing", "Syncing", "Verifying", "Releasing", "Succeeded " + result(cr, "commit") + " " + n.App("dev") + " true"}
	if d := cmp.Diff(want, told); d != "" {
		t.Error(d)
	}
}

// logged are the lines of a run.
func (n *tenant) logged(run string) []map[string]any {
	n.t.Helper()
	text, err := os.ReadFile(bed.controller.Log)
	if err != nil {
		n.t.Fatal(err)
	}
	var found []map[string]any
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(`"knative.dev/key":"`+n.Namespace+"/"+run+`"`)) {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			n.t.Errorf("%v: %s", err, line)
			continue
		}
		if top := keysIn(n.t, line); top != len(fields) {
			n.t.Errorf("a key twice: %s", line)
		}
		if caller, _ := fields["caller"].(string); strings.HasPrefix(caller, "customrun/") {
			found = append(found, fields)
		}
	}
	return found
}

// keysIn counts the keys of an object, repeated ones as often as they stand there.
func keysIn(t *testing.T, object []byte) (count int) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	for decoder.More() {
		if _, err := decoder.Token(); err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		count++
	}
	return count
}
