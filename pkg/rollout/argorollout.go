package rollout

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const kindRollout = "Rollout"

// Annotations of github.com/argoproj/argo-rollouts/utils/annotations.
const (
	argoRevision           = "rollout.argoproj.io/revision"
	argoWorkloadGeneration = "rollout.argoproj.io/workload-generation"
)

// argoRollout has the fields of argoproj.io/v1alpha1 Rollout that the rules
// need. The names are those of the CRD (a test compares them).
type argoRollout struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              argoSpec   `json:"spec"`
	Status            argoStatus `json:"status"`
}

type argoSpec struct {
	Replicas    *int32                 `json:"replicas"`
	Template    corev1.PodTemplateSpec `json:"template"`
	WorkloadRef *argoWorkloadRef       `json:"workloadRef"`
	Paused      bool                   `json:"paused"`
	RestartAt   string                 `json:"restartAt"`
	Strategy    argoStrategy           `json:"strategy"`
}

type argoWorkloadRef struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

type argoStrategy struct {
	BlueGreen *struct{}   `json:"blueGreen"`
	Canary    *argoCanary `json:"canary"`
}

type argoCanary struct {
	TrafficRouting *struct{} `json:"trafficRouting"`
}

type argoStatus struct {
	ObservedGeneration         string          `json:"observedGeneration"`
	WorkloadObservedGeneration string          `json:"workloadObservedGeneration"`
	Phase                      string          `json:"phase"`
	Message                    string          `json:"message"`
	CurrentPodHash             string          `json:"currentPodHash"`
	StableRS                   string          `json:"stableRS"`
	Replicas                   int32           `json:"replicas"`
	UpdatedReplicas            int32           `json:"updatedReplicas"`
	AvailableReplicas          int32           `json:"availableReplicas"`
	RestartedAt                string          `json:"restartedAt"`
	Abort                      bool            `json:"abort"`
	ControllerPause            bool            `json:"controllerPause"`
	PauseConditions            []argoPause     `json:"pauseConditions"`
	Conditions                 []argoCondition `json:"conditions"`
	BlueGreen                  argoBlueGreen   `json:"blueGreen"`
}

type argoPause struct {
	Reason string `json:"reason"`
}

type argoCondition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type argoBlueGreen struct {
	ActiveSelector string `json:"activeSelector"`
}

func checkArgoRollout(manifest []byte) (Verdict, error) {
	r, err := decode[argoRollout](manifest)
	if err != nil {
		return Verdict{}, err
	}
	v := fromTemplate(r.Spec.Template)
	v.Replicas, v.Updated, v.Available = orOne(r.Spec.Replicas), r.Status.UpdatedReplicas, r.Status.AvailableReplicas
	v.RestartedAt = r.Spec.RestartAt
	v.Template = r.template()
	if unseen := r.unseen(); unseen != "" {
		v.State, v.Why = Waiting, unseen
		return v, nil
	}
	v.Revision, _ = strconv.Atoi(r.Annotations[argoRevision])
	v.PodHash = r.Status.CurrentPodHash
	v.State, v.Why = r.judge(v)
	return v, nil
}

func (r *argoRollout) template() *Template {
	ref := r.Spec.WorkloadRef
	if ref == nil {
		return nil
	}
	group, _, found := strings.Cut(ref.APIVersion, "/")
	if !found {
		group = "" // "v1"
	}
	t := &Template{Group: group, Kind: ref.Kind, Name: ref.Name}
	t.Generation, _ = strconv.ParseInt(r.Status.WorkloadObservedGeneration, 10, 64)
	return t
}

// unseen says that the status is of an older spec, "" when it is not.
// observedGeneration is a string, because before 0.10 it was a hash of the spec;
// such a status cannot be told from one of an older spec (isGenerationObserved
// in argo-rollouts/utils/rollout takes it for current, and so does Argo CD).
func (r *argoRollout) unseen() string {
	observed, err := strconv.ParseInt(r.Status.ObservedGeneration, 10, 64)
	switch {
	case r.Status.ObservedGeneration == "":
		return notSeen("Argo Rollouts")
	case err != nil || observed > r.Generation:
		return "status.observedGeneration is no generation of this object: Argo Rollouts 0.10 or later is needed to verify it"
	case observed < r.Generation:
		return notSeen("Argo Rollouts")
	case r.Spec.WorkloadRef != nil && r.Annotations[argoWorkloadGeneration] != r.Status.WorkloadObservedGeneration:
		return notSeenTemplate(r.Spec.WorkloadRef.Kind, r.Spec.WorkloadRef.Name)
	case r.Status.ControllerPause && len(r.Status.PauseConditions) == 0:
		return "waiting for the Argo Rollouts controller to go on after the pause" // IsUnpausing, same file
	}
	return ""
}

func notSeenTemplate(kind, name string) string {
	return "waiting for the Argo Rollouts controller to see the new template of " + kind + "/" + name
}

// judge goes by the phase, which the controller computes together with the
// rest of the status (persistRolloutStatus in argo-rollouts/rollout/sync.go). A
// Rollout that is Healthy has its stable ReplicaSet at the current template.
func (r *argoRollout) judge(v Verdict) (State, string) {
	want, status := v.Replicas, r.Status
	if want == 0 && status.Replicas == 0 {
		return Ready, scaledToZero
	}
	counts := fmt.Sprintf("%d of %s updated, %d available", status.UpdatedReplicas, pods(want), status.AvailableReplicas)
	phase, message := r.phase()
	message = clip(message)
	switch {
	case phase == argoDegraded && !r.gaveUp():
		return Waiting, cmp.Or(message, phase)
	case phase == argoDegraded:
		return Failed, cmp.Or(message, phase)
	case phase == argoPaused:
		return Waiting, fmt.Sprintf("%s, paused (%s): it goes on when the pause ends, or when somebody promotes it", counts, cmp.Or(message, "no reason given"))
	case phase != argoHealthy:
		return Waiting, counts + ": " + cmp.Or(message, "the rollout is "+phase)
	case status.CurrentPodHash == "" || status.CurrentPodHash != status.StableRS:
		return Waiting, counts + ": not promoted to stable"
	case status.UpdatedReplicas < want || status.AvailableReplicas < want:
		return Waiting, counts
	}
	return Ready, fmt.Sprintf("%d of %s updated and available", status.AvailableReplicas, pods(want))
}

// gaveUp tells an end from what may pass. An invalid spec is looked at again
// every 20 s, because a Service that it names may come later (syncHandler in
// rollout/controller.go). And a verdict about the previous ReplicaSet stays in
// the conditions until the new one makes progress, as with a Deployment; abort
// itself is reset at once (resetRolloutStatus in rollout/sync.go).
func (r *argoRollout) gaveUp() bool {
	failure := false
	for _, c := range r.Status.Conditions {
		switch {
		case c.Type == argoInvalidSpec:
			return false
		case c.Type == "ReplicaFailure" && c.Status == string(corev1.ConditionTrue):
			failure = true
		}
	}
	return failure || r.Status.Abort || r.Status.UpdatedReplicas > 0
}
