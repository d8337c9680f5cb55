// Package rollout says, from the JSON of live objects alone, whether a workload
// has finished rolling out, what it runs, and why its pods cannot start.
//
// It promises to be pure: the same bytes give the same verdict, and nothing is
// read besides them. A verdict is about the object as it was read; the caller
// makes sure that it was read after the change it wants to see.
//
// It does not promise that pods of the old ReplicaSet are gone (they may be
// terminating), and it knows no other kind than Deployment yet.
package rollout

import (
	"errors"
	"time"
)

// State of a rollout.
type State string

const (
	// Ready: the controller has acted on the current spec and all wanted pods are
	// updated and available.
	Ready State = "Ready"
	// Waiting: not yet.
	Waiting State = "Waiting"
	// Failed: the controller itself gave up (progressDeadlineSeconds).
	Failed State = "Failed"
)

var (
	// ErrUnsupportedKind: Check knows no rule for this kind.
	ErrUnsupportedKind = errors.New("unsupported workload kind")
	// ErrInvalid: the manifest is not the JSON of a Kubernetes object.
	ErrInvalid = errors.New("invalid manifest")
)

// Verdict is what Check found.
type Verdict struct {
	State State
	// Why is for people: "1 of 2 pods updated".
	Why string
	// Images of the pod template, init containers first, in their order.
	Images []ContainerImage
	// Replicas that the spec asks for, and how many are updated and available.
	Replicas  int32
	Updated   int32
	Available int32
	// Generation of the spec that the verdict is about.
	Generation int64
	// Revision is deployment.kubernetes.io/revision: that of the newest ReplicaSet.
	Revision int
}

// ContainerImage is the image that a container of the pod template asks for.
type ContainerImage struct {
	Container string
	Image     string
	Init      bool
}

// Pod is what is known of one pod: from a resource tree, from its live JSON, or both.
type Pod struct {
	Name string
	// Revision of the ReplicaSet that owns it; 0 when not known.
	Revision int
	Created  time.Time
	Images   []string
	// Health is Argo CD's: a Degraded pod with a Message has failed.
	Health  string
	Message string
	// Reason is the pod's status as kubectl prints it.
	Reason string
	// Manifest is the live JSON; it is preferred to the fields above when present.
	Manifest []byte
}

// Failure is why a pod cannot become ready.
type Failure struct {
	Pod       string
	Container string // empty: not about one container, or not known
	Reason    string // ImagePullBackOff, CrashLoopBackOff, Unschedulable, …
	Message   string // the pod's own, bounded
	// Since is the pod's creation: a lower bound for a grace period.
	Since time.Time
}
