package rollout

import "testing"

func TestDaemonSet(t *testing.T) {
	const (
		template = `"annotations":{"deprecated.daemonset.template.generation":"5"},`
		rolling  = `"updateStrategy":{"type":"RollingUpdate"},`
		onDelete = `"updateStrategy":{"type":"OnDelete"},`
		unseen   = "waiting for the daemonset controller to see the new spec"
	)
	runCheck(t, "apps/v1", "DaemonSet", []checkCase{
		{"all pods updated and available", template, rolling, `"observedGeneration":3,"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":2`,
			Verdict{State: Ready, Why: "2 of 2 pods updated and available", Replicas: 2, Updated: 2, Available: 2, PodHash: "5"}},
		{"the status is of the old spec", template, rolling, `"observedGeneration":2,"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":2`,
			Verdict{State: Waiting, Why: unseen, Replicas: 2, Updated: 2, Available: 2}},
		{"no status yet", template, rolling, ``, Verdict{State: Waiting, Why: unseen}},
		{"one of two updated", template, rolling, `"observedGeneration":3,"desiredNumberScheduled":2,"updatedNumberScheduled":1,"numberAvailable":2`,
			Verdict{State: Waiting, Why: "1 of 2 pods updated", Replicas: 2, Updated: 1, Available: 2, PodHash: "5"}},
		{"OnDelete: nobody has deleted them all", template, onDelete, `"observedGeneration":3,"desiredNumberScheduled":2,"currentNumberScheduled":2,"updatedNumberScheduled":1,"numberAvailable":2`,
			Verdict{State: Waiting, Why: "1 of 2 pods updated: with the update strategy OnDelete somebody has to delete the old pods: 1", Replicas: 2, Updated: 1, Available: 2, PodHash: "5"}},
		{"OnDelete: a node has just come", template, onDelete, `"observedGeneration":3,"desiredNumberScheduled":2,"currentNumberScheduled":1,"updatedNumberScheduled":1,"numberAvailable":1`,
			Verdict{State: Waiting, Why: "1 of 2 pods updated", Replicas: 2, Updated: 1, Available: 1, PodHash: "5"}},
		{"OnDelete: all updated", template, onDelete, `"observedGeneration":3,"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":2`,
			Verdict{State: Ready, Why: "2 of 2 pods updated and available", Replicas: 2, Updated: 2, Available: 2, PodHash: "5"}},
		{"updated but not available", template, rolling, `"observedGeneration":3,"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":1`,
			Verdict{State: Waiting, Why: "1 of 2 pods available", Replicas: 2, Updated: 2, Available: 1, PodHash: "5"}},
		{"no node is to run it", template, rolling, `"observedGeneration":3,"desiredNumberScheduled":0`,
			Verdict{State: Ready, Why: "no node is to run it: the spec is all there is to check", PodHash: "5"}},
	})
}
