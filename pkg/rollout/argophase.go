package rollout

import "time"

// Phases, condition types and reasons of Argo Rollouts
// (pkg/apis/rollouts/v1alpha1/types.go, utils/conditions/conditions.go).
const (
	argoHealthy     = "Healthy"
	argoDegraded    = "Degraded"
	argoProgressing = "Progressing"
	argoPaused      = "Paused"

	argoInvalidSpec = "InvalidSpec"
	argoAborted     = "RolloutAborted"
)

// phase is status.phase, or what version 1.0 and later would write there: 0.10
// leaves it to its clients. It is CalculateRolloutPhase of
// argo-rollouts/utils/rollout/rolloututil.go without the analysis runs' texts.
func (r *argoRollout) phase() (phase, message string) {
	status := r.Status
	if status.Phase != "" {
		return status.Phase, status.Message
	}
	for _, c := range status.Conditions {
		if c.Type == argoInvalidSpec || c.Reason == argoAborted || c.Reason == timedOutReason {
			return argoDegraded, reasoned(c.Reason, c.Message)
		}
	}
	switch {
	case r.Spec.Paused:
		return argoPaused, "manually paused"
	case len(status.PauseConditions) > 0:
		return argoPaused, status.PauseConditions[0].Reason
	}
	if unfinished := r.unfinished(); unfinished != "" {
		return argoProgressing, unfinished
	}
	return argoHealthy, ""
}

// unfinished is what keeps a Rollout that is neither degraded nor paused from
// being healthy.
func (r *argoRollout) unfinished() string {
	want, status, strategy := orOne(r.Spec.Replicas), r.Status, r.Spec.Strategy
	switch {
	case r.Spec.RestartAt != "" && !sameTime(r.Spec.RestartAt, status.RestartedAt):
		return "rollout is restarting"
	case status.UpdatedReplicas < want:
		return "more replicas need to be updated"
	case status.AvailableReplicas < status.UpdatedReplicas:
		return "updated replicas are still becoming available"
	case strategy.BlueGreen != nil && status.BlueGreen.ActiveSelector != status.CurrentPodHash:
		return "active service cutover pending"
	// The old pods of a blue-green update, and of a canary with traffic routing,
	// stay for scaleDownDelaySeconds.
	case strategy.Canary != nil && strategy.Canary.TrafficRouting == nil && status.Replicas > status.UpdatedReplicas:
		return "old replicas are pending termination"
	case status.StableRS != status.CurrentPodHash:
		return "waiting for all steps to complete"
	}
	return ""
}

func sameTime(a, b string) bool {
	x, errX := time.Parse(time.RFC3339, a)
	y, errY := time.Parse(time.RFC3339, b)
	return errX == nil && errY == nil && x.Equal(y)
}

// Resolve completes the verdict about a Rollout that takes its pod template from
// another workload (v.Template) with the verdict about that one: its images, and
// whether the Rollout has seen the template's current generation.
func (v Verdict) Resolve(template Verdict) Verdict {
	if v.Template == nil {
		return v
	}
	v.Images = template.Images
	if template.Generation != v.Template.Generation {
		v.State, v.Why = Waiting, notSeenTemplate(v.Template.Kind, v.Template.Name)
	}
	return v
}
