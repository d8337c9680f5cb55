package rollout

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// restartedAtAnnotation is what kubectl rollout restart and Argo CD's action
// restart write into a pod template
// (k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go).
const restartedAtAnnotation = "kubectl.kubernetes.io/restartedAt"

const scaledToZero = "scaled to zero: the spec is all there is to check"

// rule is how the workloads of one kind are judged.
type rule struct {
	group, version, kind string
	// check decodes the manifest and fills in everything but Kind and what all
	// objects have.
	check func(manifest []byte) (Verdict, error)
}

func rules() []rule {
	return []rule{
		{"apps", "v1", "Deployment", checkDeployment},
		{"apps", "v1", "StatefulSet", checkStatefulSet},
		{"apps", "v1", "DaemonSet", checkDaemonSet},
		{"argoproj.io", "v1alpha1", kindRollout, checkArgoRollout},
		{"batch", "v1", "CronJob", checkCronJob},
		{"batch", "v1", kindJob, checkJob},
	}
}

// Kinds returns what Check knows, in a fixed order. A version other than the one
// that Check knows is not told apart here: ErrUnsupportedKind is.
func Kinds() []GroupKind {
	var all []GroupKind
	for _, r := range rules() {
		all = append(all, GroupKind{Group: r.group, Kind: r.kind})
	}
	return all
}

// Check judges the JSON of a live workload. The rules are those of
// `kubectl rollout status` (k8s.io/kubectl/pkg/polymorphichelpers) and of the
// controllers themselves, and stricter where kubectl would look no further: a
// paused Deployment is not done, and neither is a StatefulSet whose strategy is
// OnDelete while it has old pods.
//
// Errors: ErrUnsupportedKind, ErrInvalid.
func Check(manifest []byte) (Verdict, error) {
	object, err := decode[metav1.PartialObjectMetadata](manifest)
	if err != nil {
		return Verdict{}, err
	}
	for _, r := range rules() {
		if object.APIVersion != r.group+"/"+r.version || object.Kind != r.kind {
			continue
		}
		v, err := r.check(manifest)
		if err != nil {
			return Verdict{}, err
		}
		v.Kind, v.Generation = object.Kind, object.Generation
		if object.DeletionTimestamp != nil {
			v.State, v.Why = Waiting, "it is being deleted"
		}
		return v, nil
	}
	return Verdict{}, fmt.Errorf("%w: %s %s", ErrUnsupportedKind, object.APIVersion, object.Kind)
}

func decode[T any](manifest []byte) (T, error) {
	var object T
	if err := json.Unmarshal(manifest, &object); err != nil {
		return object, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return object, nil
}

// fromTemplate is the part of a verdict that a pod template says.
func fromTemplate(t corev1.PodTemplateSpec) Verdict {
	v := Verdict{RestartedAt: t.Annotations[restartedAtAnnotation]}
	for _, c := range t.Spec.InitContainers {
		v.Images = append(v.Images, ContainerImage{Container: c.Name, Image: c.Image, Init: true})
	}
	for _, c := range t.Spec.Containers {
		v.Images = append(v.Images, ContainerImage{Container: c.Name, Image: c.Image})
	}
	return v
}

// orOne defaults a number of replicas as the API server does.
func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// notSeen is the message while a status is of an older spec.
func notSeen(controller string) string {
	return "waiting for the " + controller + " controller to see the new spec"
}

// reasoned is a condition's text, bounded.
func reasoned(reason, message string) string {
	return strings.Trim(reason+": "+clip(message), ": ")
}

// pods counts for a message.
func pods(n int32) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}
