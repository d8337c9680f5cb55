// Package kubelet plays the kubelet of one node without running anything: it
// reports every pod that is bound to the node as running, and as failing where
// the pod asks for that.
//
// A pod asks by annotation or, so that a change of an image tag alone can do
// it, by a word in the tag of one of its images. See Behaviour. The pods of
// Tekton's TaskRuns give the results that an annotation says; see
// ResultsAnnotation. Claims of pods get a volume; see volumes.go.
//
// Not played: logs, exec, probes, volumes, resources, init containers one by
// one, and anything that a container would do.
package kubelet

import (
	"strings"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// Annotations of a pod. They may change while the pod lives.
const (
	BehaviourAnnotation  = "kubelet.local/behaviour"   // one of the Behaviours
	ReadyAfterAnnotation = "kubelet.local/ready-after" // a duration; the pod is slow-ready
)

// Behaviour is what becomes of a container. Its text is both the annotation's
// value, where it holds for every container, and the word to put anywhere in an
// image's tag, where it holds for the containers with that image.
type Behaviour string

// The behaviours. In a pod that is not restarted (restartPolicy Never or
// OnFailure, as of a Job), a healthy container ends well and a failing one badly.
const (
	Healthy    Behaviour = "healthy"
	NeverPulls Behaviour = "never-pulls" // ErrImagePull, then ImagePullBackOff
	CrashLoops Behaviour = "crash-loops" // Error, then CrashLoopBackOff with growing restart count
	SlowReady  Behaviour = "slow-ready"  // runs at once, is ready after 4s or the annotated time
	Fails      Behaviour = "fails"       // ends with exit code 1
)

const defaultReadyAfter = 4 * time.Second

type plan struct {
	behaviour  Behaviour
	readyAfter time.Duration
}

// planFor decides what becomes of a container of a pod.
func planFor(pod *corev1.Pod, image string) plan {
	p := plan{behaviour: behaviourOf(pod, image)}
	if p.behaviour == SlowReady {
		p.readyAfter = defaultReadyAfter
		if d, err := time.ParseDuration(pod.Annotations[ReadyAfterAnnotation]); err == nil {
			p.readyAfter = d
		}
	}
	return p
}

func behaviourOf(pod *corev1.Pod, image string) Behaviour {
	all := []Behaviour{Healthy, NeverPulls, CrashLoops, SlowReady, Fails}
	for _, b := range all {
		if pod.Annotations[BehaviourAnnotation] == string(b) {
			return b
		}
	}
	tag := tagOf(image)
	for _, b := range all {
		if strings.Contains(tag, string(b)) {
			return b
		}
	}
	if pod.Annotations[ReadyAfterAnnotation] != "" {
		return SlowReady
	}
	return Healthy
}

func tagOf(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	if tagged, ok := named.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}
