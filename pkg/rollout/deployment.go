package rollout

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Annotations and reasons of k8s.io/kubernetes/pkg/controller/deployment/util.
const (
	deploymentRevision = "deployment.kubernetes.io/revision" // RevisionAnnotation: numbers the ReplicaSets
	timedOutReason     = "ProgressDeadlineExceeded"          // TimedOutReason of the condition Progressing
)

func checkDeployment(manifest []byte) (Verdict, error) {
	d, err := decode[appsv1.Deployment](manifest)
	if err != nil {
		return Verdict{}, err
	}
	v := fromTemplate(d.Spec.Template)
	v.Replicas, v.Updated, v.Available = orOne(d.Spec.Replicas), d.Status.UpdatedReplicas, d.Status.AvailableReplicas
	if d.Status.ObservedGeneration < d.Generation {
		v.State, v.Why = Waiting, notSeen("deployment")
		return v, nil
	}
	v.Revision, _ = strconv.Atoi(d.Annotations[deploymentRevision])
	v.State, v.Why = deployment(&d, v)
	return v, nil
}

// deployment follows DeploymentStatusViewer (kubectl), but looks at pause, too.
func deployment(d *appsv1.Deployment, v Verdict) (State, string) {
	want, status := v.Replicas, d.Status
	switch {
	case want == 0 && status.Replicas == 0:
		return Ready, scaledToZero
	case timedOut(d) != "" && !deploymentDone(status, want):
		return Failed, timedOut(d)
	case d.Spec.Paused:
		return Waiting, "the rollout is paused: resume it (kubectl rollout resume)"
	case status.UpdatedReplicas < want:
		return Waiting, fmt.Sprintf("%d of %s updated", status.UpdatedReplicas, pods(want)) + refused(d)
	case status.Replicas > status.UpdatedReplicas:
		return Waiting, fmt.Sprintf("%s of the old version still running", pods(status.Replicas-status.UpdatedReplicas))
	case status.AvailableReplicas < status.UpdatedReplicas:
		return Waiting, fmt.Sprintf("%d of %s available", status.AvailableReplicas, pods(status.UpdatedReplicas))
	case !deploymentDone(status, want):
		return Waiting, fmt.Sprintf("%s running, %d wanted", pods(status.Replicas), want)
	}
	return Ready, fmt.Sprintf("%d of %s updated and available", status.AvailableReplicas, pods(want))
}

// deploymentDone is the rule of readiness besides the generation
// (DeploymentComplete in deployment/util).
func deploymentDone(s appsv1.DeploymentStatus, want int32) bool {
	return s.UpdatedReplicas == want && s.Replicas == want && s.AvailableReplicas >= s.UpdatedReplicas
}

// timedOut is the controller's own verdict, "" when it has not given up.
//
// The condition outlives the ReplicaSet that it is about: a spec that goes back
// to an existing ReplicaSet without pods makes no progress yet, and so the first
// status of the new generation still carries the old verdict
// (syncRolloutStatus in deployment/progress.go). That status counts no updated
// pod, and a ReplicaSet that really cannot make pods has ReplicaFailure.
func timedOut(d *appsv1.Deployment) string {
	if d.Status.UpdatedReplicas == 0 && refused(d) == "" {
		return ""
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == timedOutReason {
			return reasoned(timedOutReason, c.Message) + refused(d)
		}
	}
	return ""
}

// refused says why pods cannot even be created (a quota, an admission webhook):
// no pod exists that could say it.
func refused(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return "; " + reasoned(c.Reason, c.Message)
		}
	}
	return ""
}
