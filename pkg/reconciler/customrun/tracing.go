package customrun

import (
	"context"
	"encoding/json"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/tracing"
	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/logging"
)

// spanContextAnnotation is where a PipelineRun may be given a parent (SpanContextAnnotation in
// pkg/reconciler/pipelinerun/tracing.go of Tekton): a JSON object with traceparent. A CustomRun has the annotations of its
// PipelineRun.
const spanContextAnnotation = "tekton.dev/pipelinerunSpanContext"

// pipelineRunUID is the label by which Tekton tells PipelineRuns of one name apart.
const pipelineRunUID = "tekton.dev/pipelineRunUID"

// trace sends the attempt as a span with one for each phase, below that of the PipelineRun.
func (r *Reconciler) trace(ctx context.Context, run *run, was stage, reason v1alpha1.Reason, end time.Time) {
	if !r.tracer.On() {
		return
	}
	r.tracer.Send(r.parentSpan(ctx, run), attemptSpan(run, was, reason, end))
}

// parentSpan is the span of the PipelineRun that the run is part of: as the PipelineRun has it, else as the run itself has
// been given it. Where neither tells, the run is the root of a trace.
func (r *Reconciler) parentSpan(ctx context.Context, run *run) oteltrace.SpanContext {
	if parent := r.pipelineRunSpan(ctx, run); parent.IsValid() {
		return parent
	}
	return annotatedParent(run.Annotations)
}

func (r *Reconciler) pipelineRunSpan(ctx context.Context, run *run) oteltrace.SpanContext {
	name := pipelineRunOf(run.CustomRun)
	if name == "" {
		return oteltrace.SpanContext{}
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	pr, err := r.tekton.TektonV1().PipelineRuns(run.Namespace).Get(ctx, name, getOptions)
	if err != nil {
		logging.FromContext(ctx).Debugw("the PipelineRun's span cannot be read", logkey.PipelineRun, name, logkey.Error, errorText(run, err))
		return oteltrace.SpanContext{}
	}
	if uid := run.Labels[pipelineRunUID]; uid != "" && uid != string(pr.UID) {
		return oteltrace.SpanContext{} // Another one has the name by now.
	}
	if parent := tracing.Parent(pr.Status.SpanContext); parent.IsValid() {
		return parent
	}
	return annotatedParent(pr.Annotations)
}

func annotatedParent(annotations map[string]string) oteltrace.SpanContext {
	var carrier map[string]string
	if json.Unmarshal([]byte(annotations[spanContextAnnotation]), &carrier) != nil {
		return oteltrace.SpanContext{}
	}
	return tracing.Parent(carrier)
}

// attemptSpan is the span of an attempt, from what is stored of it. No message is in it: names, ids and reasons are enough
// to find the run, which has the words.
func attemptSpan(run *run, was stage, reason v1alpha1.Reason, end time.Time) tracing.Span {
	d, kind := was.data, kindOf(run.CustomRun)
	s := tracing.Span{Name: kind, Start: attemptStart(run, was), End: end, Failed: failedBy(reason)}
	s.Attributes = append(attributes(
		"namespace", run.Namespace, "customrun", run.Name, "pipelinerun", pipelineRunOf(run.CustomRun), "pipelinetask", run.Labels["tekton.dev/pipelineTask"],
		"kind", kind, "reason", string(reason), "lock", was.lock, "application", applicationNames(d),
		"commit", d.Outcome.Commit, "revision", firstRevision(d), "pull_request.url", d.PullRequest.URL,
	), attribute.Int("attempt", was.attempt), attribute.Bool("changed", d.Outcome.Changed))
	for i, p := range d.Timeline {
		phase := tracing.Span{Name: string(p.Phase), Start: p.Since.Time, End: phaseEnd(d.Timeline, i, end)}
		if p.Phase == Releasing && phase.Start.Equal(phase.End) {
			continue // Nothing was there to release.
		}
		if p.Phase == Locking {
			phase.Attributes = attributes("lock", was.lock)
		}
		if decided(d.Timeline, i) {
			phase.Failed = failedBy(reason)
		}
		s.Children = append(s.Children, phase)
	}
	return s
}

// decided tells whether an attempt got its verdict in a phase: what follows only cleans up.
func decided(timeline []phaseTime, i int) bool {
	cleansUp := func(p Phase) bool { return p == Reverting || p == Releasing }
	return !cleansUp(timeline[i].Phase) && (i+1 == len(timeline) || cleansUp(timeline[i+1].Phase))
}

// failedBy is the reason where it is one of a failure.
func failedBy(reason v1alpha1.Reason) string {
	if reason == v1alpha1.ReasonSucceeded {
		return ""
	}
	return string(reason)
}

// attributes are the pairs whose value is not empty.
func attributes(pairs ...string) []attribute.KeyValue {
	var all []attribute.KeyValue
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, attribute.String(pairs[i], pairs[i+1]))
		}
	}
	return all
}

func firstRevision(d *data) string {
	if len(d.Apps) == 0 {
		return ""
	}
	return d.Apps[0].Revision
}

// followTracing keeps the tracer as its ConfigMap has it. One that does not exist means that tracing is off.
func followTracing(w configmap.DefaultingWatcher, namespace string, t *tracing.Tracer, logger *zap.SugaredLogger) {
	empty := corev1.ConfigMap{}
	empty.Namespace, empty.Name = namespace, tracing.ConfigName
	w.WatchWithDefault(empty, func(cm *corev1.ConfigMap) {
		c, err := tracing.ParseConfig(cm.Data)
		if err == nil {
			err = t.Configure(c)
		}
		if err != nil {
			logger.Errorw("the tracing configuration is not usable, the last good one stays in force", logkey.ConfigMap, cm.Name, logkey.Error, err.Error())
		}
	})
}
