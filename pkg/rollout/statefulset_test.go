package rollout

import "testing"

func TestStatefulSet(t *testing.T) {
	const (
		three    = `"replicas":3,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0}},`
		onDelete = `"replicas":3,"updateStrategy":{"type":"OnDelete"},`
		seen     = `"observedGeneration":3,"updateRevision":"server-new","currentRevision":"server-old",`
		unseen   = "waiting for the statefulset controller to see the new spec"
	)
	partition := func(n string) string {
		return `"replicas":3,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":` + n + `}},`
	}
	runCheck(t, "apps/v1", "StatefulSet", []checkCase{
		{"all pods updated and available", "", three, seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":3`,
			Verdict{State: Ready, Why: "3 of 3 pods updated and available", Replicas: 3, Updated: 3, Available: 3, PodHash: "server-new"}},
		{"one replica and no strategy by default", "", "", seen + `"replicas":1,"readyReplicas":1,"updatedReplicas":1,"availableReplicas":1`,
			Verdict{State: Ready, Why: "1 of 1 pod updated and available", Replicas: 1, Updated: 1, Available: 1, PodHash: "server-new"}},
		{"the status is of the old spec, and so is the update revision", "", three, `"observedGeneration":2,"updateRevision":"server-old","replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":3`,
			Verdict{State: Waiting, Why: unseen, Replicas: 3, Updated: 3, Available: 3}},
		{"no status yet", "", three, ``, Verdict{State: Waiting, Why: unseen, Replicas: 3}},
		{"one of three updated", "", three, seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":1,"availableReplicas":3`,
			Verdict{State: Waiting, Why: "1 of 3 pods updated", Replicas: 3, Updated: 1, Available: 3, PodHash: "server-new"}},
		{"the last old pod is terminating, and still ready", "", three, seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":2,"availableReplicas":3`,
			Verdict{State: Waiting, Why: "2 of 3 pods updated", Replicas: 3, Updated: 2, Available: 3, PodHash: "server-new"}},
		{"ready, but not for minReadySeconds", "", three, seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":2`,
			Verdict{State: Waiting, Why: "2 of 3 pods available", Replicas: 3, Updated: 3, Available: 2, PodHash: "server-new"}},
		{"scaling up", "", three, seen + `"replicas":2,"readyReplicas":2,"updatedReplicas":2,"availableReplicas":2`,
			Verdict{State: Waiting, Why: "2 of 3 pods updated", Replicas: 3, Updated: 2, Available: 2, PodHash: "server-new"}},
		{"scaling down", "", three, seen + `"replicas":4,"readyReplicas":4,"updatedReplicas":4,"availableReplicas":4`,
			Verdict{State: Waiting, Why: "4 pods running, 3 wanted", Replicas: 3, Updated: 4, Available: 4, PodHash: "server-new"}},

		{"partition: its pods are updated", "", partition("1"), seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":2,"availableReplicas":3`,
			Verdict{State: Ready, Why: "2 of 3 pods updated and all available: partition 1 keeps the others", Replicas: 3, Updated: 2, Available: 3, PodHash: "server-new"}},
		{"partition: not all of its pods are updated", "", partition("1"), seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":1,"availableReplicas":3`,
			Verdict{State: Waiting, Why: "1 of 2 pods updated", Replicas: 3, Updated: 1, Available: 3, PodHash: "server-new"}},
		{"partition: a pod is not available", "", partition("1"), seen + `"replicas":3,"readyReplicas":2,"updatedReplicas":2,"availableReplicas":2`,
			Verdict{State: Waiting, Why: "2 of 3 pods available", Replicas: 3, Updated: 2, Available: 2, PodHash: "server-new"}},
		{"partition leaves no pod to update", "", partition("5"), seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":0,"availableReplicas":3`,
			Verdict{State: Waiting, Why: "partition 5 of the update strategy keeps every pod at the old revision: lower it", Replicas: 3, Available: 3, PodHash: "server-new"}},
		{"partition leaves no pod to update, but all are new", "", partition("3"), seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":3`,
			Verdict{State: Ready, Why: "3 of 3 pods updated and available", Replicas: 3, Updated: 3, Available: 3, PodHash: "server-new"}},

		{"OnDelete: nobody has deleted them all", "", onDelete, seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":1,"availableReplicas":3`,
			Verdict{State: Waiting, Why: "1 of 3 pods updated: with the update strategy OnDelete somebody has to delete the old pods: 2", Replicas: 3, Updated: 1, Available: 3, PodHash: "server-new"}},
		{"OnDelete: scaling up", "", onDelete, seen + `"replicas":2,"readyReplicas":2,"updatedReplicas":2,"availableReplicas":2`,
			Verdict{State: Waiting, Why: "2 of 3 pods updated", Replicas: 3, Updated: 2, Available: 2, PodHash: "server-new"}},
		{"OnDelete: all updated, although the current revision stays", "", onDelete, seen + `"replicas":3,"readyReplicas":3,"updatedReplicas":3,"availableReplicas":3`,
			Verdict{State: Ready, Why: "3 of 3 pods updated and available", Replicas: 3, Updated: 3, Available: 3, PodHash: "server-new"}},

		{"zero replicas: the spec is the proof", "", `"replicas":0,`, seen + `"replicas":0`,
			Verdict{State: Ready, Why: "scaled to zero: the spec is all there is to check", PodHash: "server-new"}},
		{"zero replicas, not seen yet", "", `"replicas":0,`, `"observedGeneration":2`, Verdict{State: Waiting, Why: unseen}},
		{"zero replicas, pods remain", "", `"replicas":0,`, seen + `"replicas":1,"readyReplicas":1,"availableReplicas":1`,
			Verdict{State: Waiting, Why: "1 pod running, 0 wanted", Available: 1, PodHash: "server-new"}},
	})
}
