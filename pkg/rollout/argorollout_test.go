package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	argoCanarySpec = `"replicas":2,"restartAt":"2026-11-22T10:00:00Z","strategy":{"canary":{"steps":[{"setWeight":50},{"pause":{}}]}},`
	argoRestartAt  = "2026-11-22T10:00:00Z"
)

func TestArgoRolloutByPhase(t *testing.T) {
	const (
		canary   = argoCanarySpec
		revision = `"annotations":{"rollout.argoproj.io/revision":"4"},`
		seen     = `"observedGeneration":"3","currentPodHash":"new","stableRS":"new","restartedAt":"2026-11-22T10:00:00Z",`
		all      = `"replicas":2,"updatedReplicas":2,"availableReplicas":2`
		one      = `"replicas":3,"updatedReplicas":1,"availableReplicas":2`
		none     = `"replicas":2,"updatedReplicas":0,"availableReplicas":2`
		unseen   = "waiting for the Argo Rollouts controller to see the new spec"
		ancient  = "status.observedGeneration is no generation of this object: Argo Rollouts 0.10 or later is needed to verify it"
		timedOut = `ProgressDeadlineExceeded: ReplicaSet "server-new" has timed out progressing.`
		degraded = `,"phase":"Degraded","message":"ProgressDeadlineExceeded: ReplicaSet \"server-new\" has timed out progressing."`
	)
	verdict := func(state State, why string, updated, available int32) Verdict {
		return Verdict{State: state, Why: why, Replicas: 2, Updated: updated, Available: available, PodHash: "new", RestartedAt: argoRestartAt}
	}
	unobserved := func(why string, updated, available int32) Verdict {
		return Verdict{State: Waiting, Why: why, Replicas: 2, Updated: updated, Available: available, RestartedAt: argoRestartAt}
	}
	withRevision := verdict(Ready, "2 of 2 pods updated and available", 2, 2)
	withRevision.Revision = 4
	runCheck(t, "argoproj.io/v1alpha1", "Rollout", []checkCase{
		{"healthy", revision, canary, seen + all + `,"phase":"Healthy"`, withRevision},
		{"healthy with the old pods of a blue-green update", "", `"replicas":2,"restartAt":"2026-11-22T10:00:00Z","strategy":{"blueGreen":{}},`,
			seen + `"replicas":4,"updatedReplicas":2,"availableReplicas":2,"phase":"Healthy"`, verdict(Ready, "2 of 2 pods updated and available", 2, 2)},
		{"the status is of the old spec", revision, canary, `"observedGeneration":"2","currentPodHash":"old","stableRS":"old",` + all + `,"phase":"Healthy"`, unobserved(unseen, 2, 2)},
		{"no status yet", "", canary, ``, unobserved(unseen, 0, 0)},
		{"a hash of the spec, as before 0.10", "", canary, `"observedGeneration":"7bcdbf7bd9",` + all, unobserved(ancient, 2, 2)},
		{"such a hash of digits only", "", canary, `"observedGeneration":"8575574967",` + all, unobserved(ancient, 2, 2)},
		{"resumed, but the controller has not gone on", "", canary, seen + all + `,"phase":"Paused","controllerPause":true`,
			unobserved("waiting for the Argo Rollouts controller to go on after the pause", 2, 2)},

		{"progressing", "", canary, seen + one + `,"phase":"Progressing","message":"more replicas need to be updated"`,
			verdict(Waiting, "1 of 2 pods updated, 2 available: more replicas need to be updated", 1, 2)},
		{"progressing without a message", "", canary, seen + one + `,"phase":"Progressing"`,
			verdict(Waiting, "1 of 2 pods updated, 2 available: the rollout is Progressing", 1, 2)},
		{"paused by a step", "", canary, seen + one + `,"phase":"Paused","message":"CanaryPauseStep","controllerPause":true,"pauseConditions":[{"reason":"CanaryPauseStep"}]`,
			verdict(Waiting, "1 of 2 pods updated, 2 available, paused (CanaryPauseStep): it goes on when the pause ends, or when somebody promotes it", 1, 2)},
		{"paused, no message", "", canary, seen + one + `,"phase":"Paused"`,
			verdict(Waiting, "1 of 2 pods updated, 2 available, paused (no reason given): it goes on when the pause ends, or when somebody promotes it", 1, 2)},
		{"healthy, but not stable: an older status with the phase of a newer", "", canary, `"observedGeneration":"3","currentPodHash":"new","stableRS":"old",` + all + `,"phase":"Healthy"`,
			verdict(Waiting, "2 of 2 pods updated, 2 available: not promoted to stable", 2, 2)},
		{"healthy, but fewer pods than wanted", "", canary, seen + one + `,"phase":"Healthy"`,
			verdict(Waiting, "1 of 2 pods updated, 2 available", 1, 2)},

		{"deadline exceeded", "", canary, seen + one + degraded, verdict(Failed, timedOut, 1, 2)},
		{"deadline exceeded, no pod could be made", "", canary, seen + none + degraded + `,"conditions":[{"type":"ReplicaFailure","status":"True","reason":"FailedCreate"}]`, verdict(Failed, timedOut, 0, 2)},
		{"deadline of the ReplicaSet before", "", canary, seen + none + degraded, verdict(Waiting, timedOut, 0, 2)},
		{"aborted, and so without new pods", "", canary, seen + none + `,"phase":"Degraded","message":"RolloutAborted: metric \"errors\" failed","abort":true`,
			verdict(Failed, `RolloutAborted: metric "errors" failed`, 0, 2)},
		{"degraded without a message", "", canary, seen + one + `,"phase":"Degraded"`, verdict(Failed, "Degraded", 1, 2)},
		{"an invalid spec is looked at again", "", canary, seen + one + `,"phase":"Degraded","message":"InvalidSpec: Service \"s\" not found","conditions":[{"type":"InvalidSpec","status":"True"}]`,
			verdict(Waiting, `InvalidSpec: Service "s" not found`, 1, 2)},

		{"zero replicas: the spec is the proof", "", `"replicas":0,"strategy":{"canary":{}},`, seen + `"replicas":0,"phase":"Paused"`,
			Verdict{State: Ready, Why: "scaled to zero: the spec is all there is to check", PodHash: "new"}},
		{"zero replicas, pods remain", "", `"replicas":0,"strategy":{"canary":{}},`, seen + `"replicas":1,"phase":"Progressing","message":"old replicas are pending termination"`,
			Verdict{State: Waiting, Why: "0 of 0 pods updated, 0 available: old replicas are pending termination", PodHash: "new"}},
	})
}

func TestArgoRolloutWithoutPhase(t *testing.T) {
	const (
		seen      = `"observedGeneration":"3","currentPodHash":"new","stableRS":"new","restartedAt":"2026-11-22T10:00:00Z",`
		all       = `"replicas":2,"updatedReplicas":2,"availableReplicas":2`
		blueGreen = `"replicas":2,"restartAt":"2026-11-22T10:00:00Z","strategy":{"blueGreen":{"activeService":"s"}},`
		routed    = `"replicas":2,"restartAt":"2026-11-22T10:00:00Z","strategy":{"canary":{"trafficRouting":{"nginx":{}}}},`
		paused    = ": it goes on when the pause ends, or when somebody promotes it"
	)
	verdict := func(state State, why string, updated, available int32) Verdict {
		return Verdict{State: state, Why: why, Replicas: 2, Updated: updated, Available: available, PodHash: "new", RestartedAt: argoRestartAt}
	}
	const ready = "2 of 2 pods updated and available"
	runCheck(t, "argoproj.io/v1alpha1", "Rollout", []checkCase{
		{"canary done", "", argoCanarySpec, seen + all, verdict(Ready, ready, 2, 2)},
		{"blue-green done, old pods stay a while", "", blueGreen, seen + `"replicas":4,"updatedReplicas":2,"availableReplicas":2,"blueGreen":{"activeSelector":"new"}`, verdict(Ready, ready, 2, 2)},
		{"canary with traffic routing done, old pods stay a while", "", routed, seen + `"replicas":4,"updatedReplicas":2,"availableReplicas":2`, verdict(Ready, ready, 2, 2)},
		{"deadline exceeded", "", argoCanarySpec, seen + `"replicas":3,"updatedReplicas":1,"availableReplicas":2,"conditions":[{"type":"Available"},{"type":"Progressing","reason":"ProgressDeadlineExceeded","message":"m"}]`,
			verdict(Failed, "ProgressDeadlineExceeded: m", 1, 2)},
		{"aborted", "", argoCanarySpec, seen + `"replicas":2,"availableReplicas":2,"abort":true,"conditions":[{"type":"Progressing","reason":"RolloutAborted","message":"m"}]`,
			verdict(Failed, "RolloutAborted: m", 0, 2)},
		{"invalid spec", "", argoCanarySpec, seen + all + `,"conditions":[{"type":"InvalidSpec","reason":"InvalidSpec","message":"m"}]`,
			verdict(Waiting, "InvalidSpec: m", 2, 2)},
		{"paused by a person", "", `"paused":true,` + argoCanarySpec, seen + all, verdict(Waiting, "2 of 2 pods updated, 2 available, paused (manually paused)"+paused, 2, 2)},
		{"paused by a step", "", argoCanarySpec, seen + all + `,"pauseConditions":[{"reason":"CanaryPauseStep"}]`, verdict(Waiting, "2 of 2 pods updated, 2 available, paused (CanaryPauseStep)"+paused, 2, 2)},
		{"restarting", "", argoCanarySpec, `"observedGeneration":"3","currentPodHash":"new","stableRS":"new","restartedAt":"2026-11-21T10:00:00Z",` + all, verdict(Waiting, "2 of 2 pods updated, 2 available: rollout is restarting", 2, 2)},
		{"more to update", "", argoCanarySpec, seen + `"replicas":2,"updatedReplicas":1,"availableReplicas":2`, verdict(Waiting, "1 of 2 pods updated, 2 available: more replicas need to be updated", 1, 2)},
		{"not available", "", argoCanarySpec, seen + `"replicas":2,"updatedReplicas":2,"availableReplicas":1`, verdict(Waiting, "2 of 2 pods updated, 1 available: updated replicas are still becoming available", 2, 1)},
		{"service not switched", "", blueGreen, seen + all + `,"blueGreen":{"activeSelector":"old"}`, verdict(Waiting, "2 of 2 pods updated, 2 available: active service cutover pending", 2, 2)},
		{"old pods of a plain canary", "", argoCanarySpec, seen + `"replicas":3,"updatedReplicas":2,"availableReplicas":3`, verdict(Waiting, "2 of 2 pods updated, 3 available: old replicas are pending termination", 2, 3)},
		{"steps left", "", argoCanarySpec, `"observedGeneration":"3","currentPodHash":"new","stableRS":"old","restartedAt":"2026-11-22T10:00:00Z",` + all, verdict(Waiting, "2 of 2 pods updated, 2 available: waiting for all steps to complete", 2, 2)},
	})
}

func TestArgoRolloutWithTheTemplateOfAnotherWorkload(t *testing.T) {
	const (
		healthy = `"observedGeneration":"3","currentPodHash":"new","stableRS":"new","replicas":1,"updatedReplicas":1,"availableReplicas":1,"phase":"Healthy","workloadObservedGeneration":"8"`
		unseen  = "waiting for the Argo Rollouts controller to see the new template of Deployment/server"
	)
	deployment := func(generation int64) Verdict {
		return Verdict{Kind: "Deployment", State: Ready, Generation: generation, Images: templateImages()}
	}
	template := &Template{Group: "apps", Kind: "Deployment", Name: "server", Generation: 8}
	base := Verdict{Kind: "Rollout", State: Ready, Why: "1 of 1 pod updated and available", Replicas: 1, Updated: 1, Available: 1, Generation: 3, PodHash: "new", Template: template}
	resolved, unresolved := base, base
	resolved.Images = templateImages()
	unresolved.Images, unresolved.State, unresolved.Why = templateImages(), Waiting, unseen
	unseenAnnotation := base
	unseenAnnotation.State, unseenAnnotation.Why, unseenAnnotation.PodHash = Waiting, unseen, ""
	core := base
	core.Template = &Template{Kind: "PodTemplate", Name: "server", Generation: 8}
	plain := Verdict{Kind: "Rollout", State: Waiting, Images: templateImages()}

	for _, tt := range []struct {
		name       string
		annotation string
		version    string
		kind       string
		want       Verdict
	}{
		{"seen", "8", "apps/v1", "Deployment", base},
		{"the annotation is ahead of the status", "9", "apps/v1", "Deployment", unseenAnnotation},
		{"a core kind", "8", "v1", "PodTemplate", core},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check([]byte(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout",
				"metadata":{"name":"server","generation":3,"annotations":{"rollout.argoproj.io/workload-generation":"` + tt.annotation + `"}},
				"spec":{"workloadRef":{"apiVersion":"` + tt.version + `","kind":"` + tt.kind + `","name":"server"},"strategy":{"canary":{}}},"status":{` + healthy + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, tt := range []struct {
		name          string
		rollout, from Verdict
		want          Verdict
	}{
		{"its images are those of the Deployment", base, deployment(8), resolved},
		{"the Deployment has changed since", base, deployment(9), unresolved},
		{"the Rollout has its own template", plain, deployment(9), plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.rollout.Resolve(tt.from)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
