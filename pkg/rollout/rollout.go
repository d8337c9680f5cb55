// Package rollout says, from the JSON of live objects alone, whether a workload
// has finished rolling out, what it runs, which pods are of its current
// revision, and why they cannot start.
//
// It knows Deployment, StatefulSet and DaemonSet (apps/v1), Job and CronJob
// (batch/v1), and Rollout (argoproj.io/v1alpha1, Argo Rollouts 0.10 and later).
//
// It promises to be pure: the same bytes give the same verdict, and nothing is
// read besides them. A verdict is about the object as it was read; the caller
// makes sure that it was read after the change it wants to see. It promises
// that Ready is never said of a status that the workload's controller wrote for
// an older spec.
//
// It does not promise that pods of the old revision are gone: they may be
// terminating, and an Argo Rollout keeps the old ones of a blue-green update
// for a while. And it does not follow a CronJob into its Jobs: the job template
// is what a CronJob has rolled out.
package rollout

import (
	"errors"
	"time"
)

// State of a rollout.
type State string

const (
	// Ready: the controller has acted on the current spec and all wanted pods are
	// updated and available. Of a Job: it has completed.
	Ready State = "Ready"
	// Waiting: not yet. Something may have to be done for it, then Why says what.
	Waiting State = "Waiting"
	// Failed: the controller itself gave up (progressDeadlineSeconds, an aborted
	// Rollout, a Job's backoffLimit).
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
	// Kind of the workload, such as "Deployment".
	Kind  string
	State State
	// Why is for people: "1 of 2 pods updated".
	Why string
	// Images of the pod template, init containers first, in their order. None for
	// a Rollout with a Template, until Resolve.
	Images []ContainerImage
	// Replicas that the spec asks for (of a DaemonSet: the nodes that are to run
	// it; of a Job: its completions; of a CronJob: 0), and how many of them are
	// updated and available (of a Job: started and completed).
	Replicas  int32
	Updated   int32
	Available int32
	// Generation of the spec that the verdict is about.
	Generation int64
	// Revision is deployment.kubernetes.io/revision or rollout.argoproj.io/revision:
	// that of the newest ReplicaSet. 0 for other kinds, and as long as the
	// controller has not seen the spec.
	Revision int
	// PodHash is what tells the pods of the current revision, see Current. Empty
	// when the workload does not say (a Deployment), and as long as its controller
	// has not seen the spec.
	PodHash string
	// RestartedAt is the pod template's annotation kubectl.kubernetes.io/restartedAt,
	// of a Rollout spec.restartAt, as it is written there; empty without one.
	RestartedAt string
	// Template is the workload whose pod template a Rollout uses
	// (spec.workloadRef), nil when it has its own: see Resolve.
	Template *Template
}

// ContainerImage is the image that a container of the pod template asks for.
type ContainerImage struct {
	Container string
	Image     string
	Init      bool
}

// Template names the workload, in the Rollout's namespace, that an Argo Rollout
// takes its pod template from.
type Template struct {
	Group string
	Kind  string
	Name  string
	// Generation of that workload that the Rollout's status is about.
	Generation int64
}

// GroupKind is a kind that Check knows.
type GroupKind struct {
	Group string
	Kind  string
}

// Pod is what is known of one pod: from a resource tree, from its live JSON, or both.
type Pod struct {
	Name string
	// Revision of the ReplicaSet that owns it; 0 when not known.
	Revision int
	Created  time.Time
	Images   []string
	// Labels tell the revision of a pod that no ReplicaSet owns. Argo CD's resource
	// tree has them (networkingInfo.labels).
	Labels map[string]string
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
