package rollout

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
)

func checkStatefulSet(manifest []byte) (Verdict, error) {
	s, err := decode[appsv1.StatefulSet](manifest)
	if err != nil {
		return Verdict{}, err
	}
	v := fromTemplate(s.Spec.Template)
	v.Replicas, v.Updated, v.Available = orOne(s.Spec.Replicas), s.Status.UpdatedReplicas, s.Status.AvailableReplicas
	if s.Status.ObservedGeneration < s.Generation {
		v.State, v.Why = Waiting, notSeen("statefulset")
		return v, nil
	}
	v.PodHash = s.Status.UpdateRevision
	v.State, v.Why = statefulSet(&s, v)
	return v, nil
}

// statefulSet counts status.updatedReplicas, whatever the strategy: the
// controller counts the pods that carry the update revision and are not
// terminating (computeReplicaStatus in
// k8s.io/kubernetes/pkg/controller/statefulset/stateful_set_control.go), before
// it looks at the strategy. So OnDelete needs no look at the pods. What cannot
// be used there is currentRevision, which kubectl and Argo CD compare: it moves
// only in a rolling update (completeRollingUpdate in stateful_set_utils.go).
//
// status.replicas and readyReplicas count terminating pods, too. As many
// replicas as updated ones therefore means that no old pod is left.
func statefulSet(s *appsv1.StatefulSet, v Verdict) (State, string) {
	want, status := v.Replicas, s.Status
	kept := partition(s)
	switch {
	case want == 0 && status.Replicas == 0:
		return Ready, scaledToZero
	case status.UpdatedReplicas < want && kept >= want:
		return Waiting, fmt.Sprintf("partition %d of the update strategy keeps every pod at the old revision: lower it", kept)
	case status.UpdatedReplicas < want-kept:
		onDelete := s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
		return Waiting, fmt.Sprintf("%d of %s updated", status.UpdatedReplicas, pods(want-kept)) + toDelete(onDelete, status.Replicas-status.UpdatedReplicas)
	case status.Replicas != want:
		return Waiting, fmt.Sprintf("%s running, %d wanted", pods(status.Replicas), want)
	case status.AvailableReplicas < want:
		return Waiting, fmt.Sprintf("%d of %s available", status.AvailableReplicas, pods(want))
	case status.UpdatedReplicas < want:
		return Ready, fmt.Sprintf("%d of %s updated and all available: partition %d keeps the others", status.UpdatedReplicas, pods(want), kept)
	}
	return Ready, fmt.Sprintf("%d of %s updated and available", status.AvailableReplicas, pods(want))
}

// toDelete says what a person has to do for the update strategy OnDelete.
func toDelete(onDelete bool, old int32) string {
	if !onDelete || old <= 0 {
		return ""
	}
	return fmt.Sprintf(": with the update strategy OnDelete somebody has to delete the old pods: %d", old)
}

// partition is how many pods a rolling update leaves alone: those with the lowest
// ordinals.
func partition(s *appsv1.StatefulSet) int32 {
	update := s.Spec.UpdateStrategy.RollingUpdate
	if update == nil || update.Partition == nil {
		return 0
	}
	return *update.Partition
}
