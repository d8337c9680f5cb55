package customrun

import (
	"fmt"
	"strings"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rolledOut tells whether every workload has rolled out; else it gives the move that waits or fails. A workload whose pods
// have been failing for failureGrace ends the run.
func (r *Reconciler) rolledOut(run *run, a *application, timeout time.Duration) (bool, move) {
	wait := rolloutPoll(r.clock.Since(run.data.since()))
	var waiting, failing []string
	for _, w := range a.found.verified {
		name := a.tells(run, w.Kind+"/"+w.Name)
		switch {
		case w.missing:
			waiting = append(waiting, name+" does not exist yet")
		case w.verdict.State == rollout.Failed:
			return false, fail(v1alpha1.ReasonRolloutFailed, name+": "+w.verdict.Why+podCause(a.found, w))
		case w.verdict.State == rollout.Waiting:
			message := name + ": " + w.verdict.Why
			failure, fails := diagnose(a.found, w)
			if !fails {
				waiting = append(waiting, message)
				continue
			}
			message += "; " + failure.String()
			left := r.graceLeft(run, failingKey(a, w))
			if left <= 0 {
				return false, fail(v1alpha1.ReasonRolloutFailed, message)
			}
			failing = append(failing, fmt.Sprintf("%s (given %s to recover)", message, run.data.Request.Verify.FailureGrace.Duration))
			wait = min(left, time.Second)
		}
	}
	if len(failing) > 0 {
		return false, stay(strings.Join(failing, "; "), r.untilPhaseEnd(run, timeout, wait))
	}
	if len(waiting) > 0 {
		return false, stay(strings.Join(waiting, "; "), r.untilPhaseEnd(run, timeout, wait))
	}
	return true, move{}
}

// noteFailing keeps since when the pods of which workload have been failing, as long as they do.
func (r *Reconciler) noteFailing(run *run, apps []*application) {
	v, first := &run.data.Verify, ""
	for _, a := range apps {
		if a.waiting != nil {
			if strings.HasPrefix(v.Failing, failingKey(a, workload{})) {
				return // It is not known now.
			}
			continue
		}
		for _, w := range a.found.verified {
			if _, fails := diagnose(a.found, w); !fails || w.missing || w.verdict.State != rollout.Waiting {
				continue
			}
			key := failingKey(a, w)
			if key == v.Failing {
				return
			}
			if first == "" {
				first = key
			}
		}
	}
	v.Failing, v.FailingSince = first, nil
	if first != "" {
		now := metav1.NewMicroTime(r.clock.Now())
		v.FailingSince = &now
	}
}

// failingKey names a workload of a run; without one, it begins the names of the application's.
func failingKey(a *application, w workload) string {
	key := fmt.Sprintf("%d/", a.index)
	if w.Kind != "" {
		key += w.String()
	}
	return key
}

// graceLeft is how long a failing workload still may fail.
func (r *Reconciler) graceLeft(run *run, key string) time.Duration {
	v, grace := run.data.Verify, run.data.Request.Verify.FailureGrace.Duration
	if v.Failing != key || v.FailingSince == nil {
		return max(grace, time.Millisecond) // Another one's time counts.
	}
	return grace - r.clock.Since(v.FailingSince.Time)
}

// podCause adds the pods' own words to a failed rollout.
func podCause(found workloads, w workload) string {
	if failure, failing := diagnose(found, w); failing {
		return "; " + failure.String()
	}
	return ""
}

// diagnose looks for a failing pod among those of a workload's current revision.
func diagnose(found workloads, w workload) (rollout.Failure, bool) {
	var pods []rollout.Pod
	for _, p := range found.tree.Pods(w.uid) {
		pods = append(pods, rollout.Pod{
			Name: p.Name, Revision: p.Revision, Created: p.Created, Images: p.Images, Labels: p.Labels,
			Health: p.Health, Message: p.HealthMsg, Reason: p.Reason,
		})
	}
	return rollout.Diagnose(pods, w.verdict)
}
