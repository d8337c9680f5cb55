package progress

import (
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// Labels that Tekton puts on the runs of a PipelineRun.
const (
	LabelPipelineRun  = "tekton.dev/pipelineRun"
	LabelPipelineTask = "tekton.dev/pipelineTask"
)

// Of reads a CustomRun.
func Of(cr *v1beta1.CustomRun) Run {
	run := Run{
		Namespace: cr.Namespace, Name: cr.Name,
		PipelineRun: cr.Labels[LabelPipelineRun], Task: cr.Labels[LabelPipelineTask],
		State: Pending, Created: cr.CreationTimestamp.UTC(),
		Started: timeOf(cr.Status.StartTime), Completed: timeOf(cr.Status.CompletionTime),
		Attempts: attempts(cr.Status.RetriesStatus), Results: results(cr),
	}
	_, run.Kind = request.TypeOf(cr)
	if cr.Spec.CustomRef != nil {
		run.Definition = cr.Spec.CustomRef.Name
	}
	if c := conditionOf(cr.Status); c != nil {
		run.State, run.Reason, run.Message = stateOf(c), c.Reason, c.Message
	}
	run.Cancelling = cr.IsCancelled() && !run.Done()
	kept, d := readStored(cr)
	if kept == nil {
		return run
	}
	run.Phase, run.Lock, run.Attempt, run.Verdict = kept.Phase, kept.Lock, kept.Attempt, kept.Verdict
	if d != nil {
		run.Detailed = true
		d.addTo(&run)
	}
	return run
}

// Done tells whether the run has ended.
func (r Run) Done() bool { return r.State == Succeeded || r.State == Failed }

// Duration is how long the run has taken, over all its attempts, until now or until its end; 0 before it has begun.
func (r Run) Duration(now time.Time) time.Duration {
	began := r.Started
	if len(r.Attempts) > 0 && r.Attempts[0].Started != nil {
		began = r.Attempts[0].Started
	}
	if began == nil {
		return 0
	}
	if r.Completed != nil {
		now = *r.Completed
	}
	return max(now.Sub(*began), 0)
}

// Current is the phase that goes on; false when none does.
func (r Run) Current() (Step, bool) {
	if n := len(r.Timeline); n > 0 && !r.Done() {
		return r.Timeline[n-1], true
	}
	return Step{}, false
}

func conditionOf(status v1beta1.CustomRunStatus) *apis.Condition {
	for i := range status.Conditions {
		if status.Conditions[i].Type == apis.ConditionSucceeded {
			return &status.Conditions[i]
		}
	}
	return nil
}

func stateOf(c *apis.Condition) State {
	switch c.Status {
	case corev1.ConditionTrue:
		return Succeeded
	case corev1.ConditionFalse:
		return Failed
	}
	return Running
}

func timeOf(t *metav1.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func attempts(earlier []v1beta1.CustomRunStatus) []Attempt {
	var out []Attempt
	for i, status := range earlier {
		a := Attempt{Number: i + 1, Started: timeOf(status.StartTime), Completed: timeOf(status.CompletionTime)}
		if c := conditionOf(status); c != nil {
			a.Reason, a.Message = c.Reason, c.Message
		}
		out = append(out, a)
	}
	return out
}

func results(cr *v1beta1.CustomRun) map[string]string {
	var out map[string]string
	for _, r := range cr.Status.Results {
		if r.Value == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[r.Name] = r.Value
	}
	return out
}
