package rollout

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// Labels that a controller gives to the pods of a revision. They are read by
// kind: a pod template may carry a label of another kind, copied from a pod.
const (
	argoPodHash         = "rollouts-pod-template-hash" // DefaultRolloutUniqueLabelKey of Argo Rollouts
	daemonSetGeneration = "pod-template-generation"    // DaemonSetTemplateGenerationKey, see checkDaemonSet
	legacyJobUID        = "controller-uid"             // before Kubernetes 1.27
	statefulSetHash     = appsv1.ControllerRevisionHashLabelKey
	jobUID              = batchv1.ControllerUidLabel
)

// Current tells whether a live pod, as JSON, is of the workload's current
// revision: the one that the verdict is about.
//
// Where the workload says what its pods are labelled with (v.PodHash), that
// decides. A Deployment does not: there, a pod is current that runs all images
// of the template and has its restartedAt. That cannot tell the pods of an older
// ReplicaSet which differs in something else. The same holds for a workload
// whose controller has not seen its spec yet.
//
// After a restart of a Rollout, which changes no template, a pod from before it
// is not current.
//
// Errors: ErrInvalid.
func Current(pod []byte, v Verdict) (bool, error) {
	live, err := decode[corev1.Pod](pod)
	if err != nil {
		return false, err
	}
	return v.owns(factsOf(&live)), nil
}

// facts are what tells a pod's revision.
type facts struct {
	created     time.Time
	labels      map[string]string
	revision    int
	images      []string
	restartedAt *string // nil: not known
}

func factsOf(live *corev1.Pod) facts {
	restartedAt := live.Annotations[restartedAtAnnotation]
	f := facts{created: live.CreationTimestamp.Time, labels: live.Labels, restartedAt: &restartedAt}
	for _, c := range slices.Concat(live.Spec.InitContainers, live.Spec.Containers) {
		f.images = append(f.images, c.Image)
	}
	return f
}

func (v Verdict) owns(f facts) bool {
	if v.Kind == kindRollout {
		// The controller, too, takes a pod of the same second for a new one
		// (RolloutPodRestarter in argo-rollouts/rollout/restart.go).
		at, err := time.Parse(time.RFC3339, v.RestartedAt)
		if err == nil && !f.created.IsZero() && f.created.Before(at) {
			return false
		}
	}
	if hash := f.hash(v.Kind); hash != "" && v.PodHash != "" {
		return hash == v.PodHash
	}
	if v.Revision != 0 && f.revision != 0 && f.revision != v.Revision {
		return false
	}
	if v.Kind != kindRollout && f.restartedAt != nil && *f.restartedAt != v.RestartedAt {
		return false
	}
	// The same revision is not enough: a Deployment that goes back to an existing
	// ReplicaSet has a status of the new generation before its revision follows
	// (getNewReplicaSet in k8s.io/kubernetes/pkg/controller/deployment/sync.go).
	return !slices.ContainsFunc(v.Images, func(c ContainerImage) bool { return !slices.Contains(f.images, c.Image) })
}

// hash is what Verdict.PodHash of that kind is compared with.
func (f facts) hash(kind string) string {
	switch kind {
	case kindRollout:
		return f.labels[argoPodHash]
	case "StatefulSet":
		return f.labels[statefulSetHash]
	case "DaemonSet":
		return f.labels[daemonSetGeneration]
	case kindJob:
		if uid, found := f.labels[jobUID]; found {
			return uid
		}
		return f.labels[legacyJobUID]
	}
	return ""
}
