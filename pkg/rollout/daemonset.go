package rollout

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
)

func checkDaemonSet(manifest []byte) (Verdict, error) {
	d, err := decode[appsv1.DaemonSet](manifest)
	if err != nil {
		return Verdict{}, err
	}
	v := fromTemplate(d.Spec.Template)
	v.Replicas, v.Updated, v.Available = d.Status.DesiredNumberScheduled, d.Status.UpdatedNumberScheduled, d.Status.NumberAvailable
	if d.Status.ObservedGeneration < d.Generation {
		v.State, v.Why = Waiting, notSeen("daemonset")
		return v, nil
	}
	// The status names no revision. The API server counts the template's changes in
	// this annotation (pkg/registry/apps/daemonset/strategy.go), and the controller
	// labels each pod with the number (CreatePodTemplate in
	// pkg/controller/daemon/util/daemonset_util.go).
	v.PodHash = d.Annotations[appsv1.DeprecatedTemplateGeneration]
	v.State, v.Why = daemonSet(&d, v)
	return v, nil
}

// daemonSet follows DaemonSetStatusViewer (kubectl). updatedNumberScheduled is
// counted whatever the strategy (updateDaemonSetStatus in
// k8s.io/kubernetes/pkg/controller/daemon/daemon_controller.go), from the oldest
// pod of each node: during a surge the old pod counts as long as it is there.
func daemonSet(d *appsv1.DaemonSet, v Verdict) (State, string) {
	want, status := v.Replicas, d.Status
	switch {
	case want == 0:
		return Ready, "no node is to run it: the spec is all there is to check"
	case status.UpdatedNumberScheduled < want:
		onDelete := d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
		return Waiting, fmt.Sprintf("%d of %s updated", status.UpdatedNumberScheduled, pods(want)) + toDelete(onDelete, status.CurrentNumberScheduled-status.UpdatedNumberScheduled)
	case status.NumberAvailable < want:
		return Waiting, fmt.Sprintf("%d of %s available", status.NumberAvailable, pods(want))
	}
	return Ready, fmt.Sprintf("%d of %s updated and available", status.NumberAvailable, pods(want))
}
