package rollout

import (
	"encoding/json"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxMessage bounds a text that comes from the cluster.
const maxMessage = 512

// revisionAnnotation numbers a Deployment's ReplicaSets
// (k8s.io/kubernetes/pkg/controller/deployment/util, RevisionAnnotation).
const revisionAnnotation = "deployment.kubernetes.io/revision"

// timedOutReason of the condition Progressing (same file, TimedOutReason).
const timedOutReason = "ProgressDeadlineExceeded"

// Check judges the JSON of a live workload. The rules are those of
// `kubectl rollout status` (k8s.io/kubectl/pkg/polymorphichelpers), and stricter
// where that one would look no further: a paused Deployment is not done.
//
// Errors: ErrUnsupportedKind, ErrInvalid.
func Check(manifest []byte) (Verdict, error) {
	var kind metav1.TypeMeta
	if err := json.Unmarshal(manifest, &kind); err != nil {
		return Verdict{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if kind.APIVersion != "apps/v1" || kind.Kind != "Deployment" {
		return Verdict{}, fmt.Errorf("%w: %s %s", ErrUnsupportedKind, kind.APIVersion, kind.Kind)
	}
	var d appsv1.Deployment
	if err := json.Unmarshal(manifest, &d); err != nil {
		return Verdict{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	v := Verdict{
		Images:     images(d.Spec.Template.Spec),
		Replicas:   replicas(d.Spec.Replicas),
		Updated:    d.Status.UpdatedReplicas,
		Available:  d.Status.AvailableReplicas,
		Generation: d.Generation,
	}
	v.Revision, _ = strconv.Atoi(d.Annotations[revisionAnnotation])
	v.State, v.Why = deployment(&d, v)
	return v, nil
}

func deployment(d *appsv1.Deployment, v Verdict) (State, string) {
	want := v.Replicas
	switch {
	case d.DeletionTimestamp != nil:
		return Waiting, "it is being deleted"
	case d.Status.ObservedGeneration < d.Generation:
		return Waiting, "waiting for the deployment controller to see the new spec"
	case want == 0 && d.Status.Replicas == 0:
		return Ready, "scaled to zero: the spec is all there is to check"
	case timedOut(d) != "" && !done(d, want):
		return Failed, timedOut(d)
	case d.Spec.Paused:
		return Waiting, "the rollout is paused: resume it (kubectl rollout resume)"
	case d.Status.UpdatedReplicas < want:
		return Waiting, fmt.Sprintf("%d of %s updated", d.Status.UpdatedReplicas, pods(want))
	case d.Status.Replicas > d.Status.UpdatedReplicas:
		return Waiting, fmt.Sprintf("%s of the old version still running", pods(d.Status.Replicas-d.Status.UpdatedReplicas))
	case d.Status.AvailableReplicas < d.Status.UpdatedReplicas:
		return Waiting, fmt.Sprintf("%d of %s available", d.Status.AvailableReplicas, pods(d.Status.UpdatedReplicas))
	case !done(d, want):
		return Waiting, fmt.Sprintf("%s running, %d wanted", pods(d.Status.Replicas), want)
	}
	return Ready, fmt.Sprintf("%d of %s updated and available", d.Status.AvailableReplicas, pods(want))
}

// done is the rule of readiness besides the generation.
func done(d *appsv1.Deployment, want int32) bool {
	s := d.Status
	return s.UpdatedReplicas == want && s.Replicas == want && s.AvailableReplicas >= s.UpdatedReplicas
}

// timedOut is the controller's own verdict, "" when it has not given up.
func timedOut(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == timedOutReason {
			return timedOutReason + ": " + clip(c.Message)
		}
	}
	return ""
}

// replicas defaults as the API server does.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func images(spec corev1.PodSpec) []ContainerImage {
	var all []ContainerImage
	for _, c := range spec.InitContainers {
		all = append(all, ContainerImage{Container: c.Name, Image: c.Image, Init: true})
	}
	for _, c := range spec.Containers {
		all = append(all, ContainerImage{Container: c.Name, Image: c.Image})
	}
	return all
}

func pods(n int32) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}
