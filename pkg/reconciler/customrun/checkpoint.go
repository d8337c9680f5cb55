package customrun

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// checkpointVersion is the version of data that this build writes, and the only one that it reads: version 1, whose
// request knew one update and one application, was never released.
const checkpointVersion = 2

// maxCheckpointBytes bounds what a run may put into its status. etcd refuses objects over 1.5 MiB, and every watcher
// of CustomRuns receives the whole object on each change.
const maxCheckpointBytes = 32 << 10

// checkpoint is the state of a run, stored at status.extraFields.gitops.
//
// The meaning of all fields but Data never changes between versions, so that any build can release the lock of a run
// that a newer build has started.
type checkpoint struct {
	// Version is the version of Data.
	Version int `json:"version"`
	// Phase is the phase that the run is in.
	Phase Phase `json:"phase"`
	// Lock is the name of the Lease that the run waits for or may hold; empty before Locking.
	Lock string `json:"lock,omitempty"`
	// Attempt counts from 1; it grows with spec.retries.
	Attempt int `json:"attempt"`
	// Verdict is set once the outcome of the attempt is known; only releasing is left.
	Verdict *verdict `json:"verdict,omitempty"`
	// Data belongs to the version. It is kept raw when the version is unknown.
	Data json.RawMessage `json:"data,omitempty"`
}

// verdict is how an attempt ends.
type verdict struct {
	Reason  v1alpha1.Reason `json:"reason"`
	Message string          `json:"message"`
}

func (v *verdict) succeeded() bool { return v != nil && v.Reason == v1alpha1.ReasonSucceeded }

// data is the version 2 of checkpoint.Data: the request as it was resolved when the run started, and what each phase
// has to remember.
type data struct {
	Request  *request.Request `json:"request,omitempty"`
	Timeline []phaseTime      `json:"timeline,omitempty"`
	// Targets are the references that the manifest sets once the edit is in, in the order of Request.Images. Behind them
	// come those that other places of the same edit give one of the images, such as an overlay with a mirror.
	Targets []image.Ref `json:"targets,omitempty"`
	// Apps are the applications of the run, in the order of the request. Those of a selector are chosen once.
	Apps    []appState   `json:"apps,omitempty"`
	Queue   queueState   `json:"queue,omitzero"`
	Publish publishState `json:"publish,omitzero"`
	// PullRequest is that of a GitOpsPR.
	PullRequest pullState    `json:"pullRequest,omitzero"`
	Restart     restartState `json:"restart,omitzero"`
	Verify      verifyState  `json:"verify,omitzero"`
	Revert      revertState  `json:"revert,omitzero"`
	Release     releaseState `json:"release,omitzero"`
	Outcome     outcome      `json:"outcome,omitzero"`
}

// appState is what a run knows of one of its applications.
type appState struct {
	request.Application
	URL string `json:"url,omitempty"`
	// Unhealthy names what was unhealthy before anything was changed.
	Unhealthy []string  `json:"unhealthyBefore,omitempty"`
	Sync      syncState `json:"sync,omitzero"`
	// Revision is what Argo CD has synced, once that is the commit or a descendant of it.
	Revision string `json:"revision,omitempty"`
	Health   string `json:"health,omitempty"`
}

// phaseTime says when a phase began, for people and for the deadline of the phase.
type phaseTime struct {
	Phase Phase            `json:"phase"`
	Since metav1.MicroTime `json:"since"`
}

// publishState is the planned commit. It is stored before the push, to the byte, so that a push after a crash sends
// the same commit and is recognised by its id.
type publishState struct {
	Commit  string `json:"commit,omitempty"`
	Parent  string `json:"parent,omitempty"`
	Encoded []byte `json:"encoded,omitempty"`
	// Old is what the push has to find on the branch of a pull request, empty for no such branch. Elsewhere it is Parent.
	Old string `json:"old,omitempty"`
	// Diff is the change as people read it, for the result.
	Diff string `json:"diff,omitempty"`
	// Replans counts how often the branch has moved under a planned commit.
	Replans int `json:"replans,omitempty"`
}

// syncState is the intent of the phase Syncing.
type syncState struct {
	// Attempt is the number that the next or current sync operation of ours carries. It is stored before the operation
	// is asked for.
	Attempt int `json:"attempt,omitempty"`
	// Sent is set once Argo CD is known to have accepted that operation.
	Sent bool `json:"sent,omitempty"`
	// Closed is set while a sync window is closed, and Opened is when it was seen open again: the time of the phase does
	// not count before.
	Closed bool              `json:"closed,omitempty"`
	Opened *metav1.MicroTime `json:"opened,omitempty"`
}

// afterRetry is what the next attempt of the run starts with. The numbers go on: the operations of all attempts carry
// the same UID, and the failed one of an earlier attempt must not be taken for one of the new attempt.
func (s syncState) afterRetry() syncState {
	if s.Attempt == 0 {
		return syncState{}
	}
	return syncState{Attempt: s.Attempt + 1}
}

// verifyState is what the phase Verifying has seen.
type verifyState struct {
	// Failing is the workload whose pods are failing, and FailingSince when that was first seen. One is timed at a time.
	Failing      string            `json:"failing,omitempty"`
	FailingSince *metav1.MicroTime `json:"failingSince,omitempty"`
	// ProvenSince is when the proof was first complete, for stableFor.
	ProvenSince *metav1.MicroTime `json:"provenSince,omitempty"`
}

// restartState is the intent to restart. It is stored before the first restart.
type restartState struct {
	Workloads []restartTarget `json:"workloads,omitempty"`
}

// restartTarget is a workload as it was before its restart. One that carries another restart than that is done.
type restartTarget struct {
	// App is the index of its application.
	App        int    `json:"app"`
	Group      string `json:"group,omitempty"`
	Version    string `json:"version,omitempty"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	Generation int64  `json:"generation"`
	// Before is the restart that it carries already, empty for none.
	Before string `json:"before,omitempty"`
	// Asked counts how often Argo CD has accepted to restart it, and Done is set once it was seen restarted.
	Asked int  `json:"asked,omitempty"`
	Done  bool `json:"done,omitempty"`
}

// revertState is how far the way back is. The planned commit that reverts is in publishState.
type revertState struct {
	// Parent is what the run's commit was made on. The same edit on it tells again what the commit has changed.
	Parent string `json:"parent,omitempty"`
	// Targets are the images that the manifests have once the commit is taken back, as far as they tell.
	Targets []image.Ref `json:"targets,omitempty"`
	// Commit is the one that took the run's commit back, once it is pushed.
	Commit string `json:"commit,omitempty"`
	// Synced is set once that commit is synced.
	Synced bool `json:"synced,omitempty"`
}

// releaseState is when releasing began, for its own bound.
type releaseState struct {
	Since *metav1.MicroTime `json:"since,omitempty"`
}

// outcome is what the results are made of. It accumulates over the attempts of a run.
type outcome struct {
	Changed   bool   `json:"changed,omitempty"`
	Commit    string `json:"commit,omitempty"`
	CommitURL string `json:"commitURL,omitempty"`
	// Previous are the references before the run, in the order of Request.Images.
	Previous []string             `json:"previous,omitempty"`
	Diff     string               `json:"diff,omitempty"`
	Live     []v1alpha1.LiveImage `json:"live,omitempty"`
	Reverted bool                 `json:"reverted,omitempty"`
}

type extraFields struct {
	GitOps *checkpoint `json:"gitops,omitempty"`
}

// errUnknownCheckpoint says that another build wrote the checkpoint.
var errUnknownCheckpoint = errors.New("checkpoint of an unknown version")

// decodeCheckpoint reads the state of a run. A run without one gives a nil checkpoint. For a version that this build
// does not know, the checkpoint comes back without data and with errUnknownCheckpoint.
func decodeCheckpoint(cr *v1beta1.CustomRun) (*checkpoint, *data, error) {
	var extra extraFields
	if len(cr.Status.ExtraFields.Raw) > 0 {
		if err := json.Unmarshal(cr.Status.ExtraFields.Raw, &extra); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errUnknownCheckpoint, err)
		}
	}
	if extra.GitOps == nil {
		return nil, &data{}, nil
	}
	if extra.GitOps.Version != checkpointVersion {
		return extra.GitOps, nil, fmt.Errorf("%w: %d, this build knows %d", errUnknownCheckpoint, extra.GitOps.Version, checkpointVersion)
	}
	d := &data{}
	if len(extra.GitOps.Data) > 0 {
		if err := json.Unmarshal(extra.GitOps.Data, d); err != nil {
			return extra.GitOps, nil, fmt.Errorf("%w: %w", errUnknownCheckpoint, err)
		}
	}
	return extra.GitOps, d, nil
}

// encodeCheckpoint is the inverse of decodeCheckpoint. A nil d keeps cp.Data as it is.
func encodeCheckpoint(cp checkpoint, d *data) (runtime.RawExtension, error) {
	if d != nil {
		raw, err := json.Marshal(d)
		if err != nil {
			return runtime.RawExtension{}, fmt.Errorf("encode checkpoint: %w", err)
		}
		cp.Data = raw
	}
	raw, err := json.Marshal(extraFields{GitOps: &cp})
	if err != nil {
		return runtime.RawExtension{}, fmt.Errorf("encode checkpoint: %w", err)
	}
	if len(raw) > maxCheckpointBytes {
		return runtime.RawExtension{}, fmt.Errorf("%w: %d bytes, the limit is %d", errCheckpointTooLarge, len(raw), maxCheckpointBytes)
	}
	return runtime.RawExtension{Raw: raw}, nil
}

// sameJSON compares values, not bytes: the API server stores keys in an order of its own, so that what is read back never
// equals what was encoded. A write that changes nothing would not even bring an event.
func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// errCheckpointTooLarge means that the request does not fit into the status.
var errCheckpointTooLarge = errors.New("the resolved request is too large for the run's status")

// queueState is when the place in the queue was last written.
type queueState struct {
	Shown metav1.Time `json:"shown,omitzero"`
}
