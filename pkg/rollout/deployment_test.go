package rollout

import "testing"

func TestDeployment(t *testing.T) {
	const (
		revision = `"annotations":{"deployment.kubernetes.io/revision":"7"},`
		two      = `"replicas":2,`
		deadline = `,{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"ReplicaSet \"server-1\" has timed out progressing."}]`
		progress = `,"conditions":[{"type":"Available","reason":"x"}`
		quota    = `,"conditions":[{"type":"ReplicaFailure","status":"True","reason":"FailedCreate","message":"exceeded quota"}`
		timedOut = `ProgressDeadlineExceeded: ReplicaSet "server-1" has timed out progressing.`
		unseen   = "waiting for the deployment controller to see the new spec"
		paused   = "the rollout is paused: resume it (kubectl rollout resume)"
		zero     = "scaled to zero: the spec is all there is to check"
	)
	runCheck(t, "apps/v1", "Deployment", []checkCase{
		{"all pods updated and available", revision, two, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2`,
			Verdict{State: Ready, Why: "2 of 2 pods updated and available", Replicas: 2, Updated: 2, Available: 2, Revision: 7}},
		{"one replica by default", "", "", `"observedGeneration":3,"replicas":1,"updatedReplicas":1,"availableReplicas":1`,
			Verdict{State: Ready, Why: "1 of 1 pod updated and available", Replicas: 1, Updated: 1, Available: 1}},
		{"the status is of the old spec, and so is the revision", revision, two, `"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2`,
			Verdict{State: Waiting, Why: unseen, Replicas: 2, Updated: 2, Available: 2}},
		{"no status yet", "", two, ``, Verdict{State: Waiting, Why: unseen, Replicas: 2}},
		{"one of two updated", revision, two, `"observedGeneration":3,"replicas":3,"updatedReplicas":1,"availableReplicas":2`,
			Verdict{State: Waiting, Why: "1 of 2 pods updated", Replicas: 2, Updated: 1, Available: 2, Revision: 7}},
		{"a quota refuses the new pods", revision, two, `"observedGeneration":3,"replicas":2,"updatedReplicas":0,"availableReplicas":2` + quota + `]`,
			Verdict{State: Waiting, Why: "0 of 2 pods updated; FailedCreate: exceeded quota", Replicas: 2, Available: 2, Revision: 7}},
		{"old pods remain", "", two, `"observedGeneration":3,"replicas":3,"updatedReplicas":2,"availableReplicas":3`,
			Verdict{State: Waiting, Why: "1 pod of the old version still running", Replicas: 2, Updated: 2, Available: 3}},
		{"updated but not available", "", two, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":1`,
			Verdict{State: Waiting, Why: "1 of 2 pods available", Replicas: 2, Updated: 2, Available: 1}},
		{"scaling down", "", `"replicas":1,`, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2`,
			Verdict{State: Waiting, Why: "2 pods running, 1 wanted", Replicas: 1, Updated: 2, Available: 2}},
		{"paused", "", `"replicas":2,"paused":true,`, `"observedGeneration":3,"replicas":2,"updatedReplicas":0,"availableReplicas":2`,
			Verdict{State: Waiting, Why: paused, Replicas: 2, Available: 2}},
		{"paused, all pods as they should be: may be of the old template", "", `"replicas":2,"paused":true,`, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2`,
			Verdict{State: Waiting, Why: paused, Replicas: 2, Updated: 2, Available: 2}},
		{"deadline exceeded", "", two, `"observedGeneration":3,"replicas":3,"updatedReplicas":1,"availableReplicas":2` + progress + deadline,
			Verdict{State: Failed, Why: timedOut, Replicas: 2, Updated: 1, Available: 2}},
		{"deadline exceeded for want of quota", "", two, `"observedGeneration":3,"replicas":2,"availableReplicas":2` + quota + deadline,
			Verdict{State: Failed, Why: timedOut + "; FailedCreate: exceeded quota", Replicas: 2, Available: 2}},
		{"deadline exceeded once, but recovered", "", two, `"observedGeneration":3,"replicas":2,"updatedReplicas":2,"availableReplicas":2` + progress + deadline,
			Verdict{State: Ready, Why: "2 of 2 pods updated and available", Replicas: 2, Updated: 2, Available: 2}},
		{"deadline of the old spec", "", two, `"observedGeneration":2,"replicas":3,"updatedReplicas":1` + progress + deadline,
			Verdict{State: Waiting, Why: unseen, Replicas: 2, Updated: 1}},
		{"deadline of the ReplicaSet before, which the first status of the new one repeats", "", two, `"observedGeneration":3,"replicas":3,"updatedReplicas":0,"availableReplicas":2` + progress + deadline,
			Verdict{State: Waiting, Why: "0 of 2 pods updated", Replicas: 2, Available: 2}},
		{"zero replicas: the spec is the proof", "", `"replicas":0,`, `"observedGeneration":3`, Verdict{State: Ready, Why: zero}},
		{"zero replicas, not seen yet", "", `"replicas":0,`, `"observedGeneration":2`, Verdict{State: Waiting, Why: unseen}},
		{"zero replicas, pods remain", "", `"replicas":0,`, `"observedGeneration":3,"replicas":1`,
			Verdict{State: Waiting, Why: "1 pod of the old version still running"}},
	})
}
