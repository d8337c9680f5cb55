package rollout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJob(t *testing.T) {
	const (
		three  = `"completions":3,"parallelism":2,`
		limit  = `"reason":"BackoffLimitExceeded","message":"Job has reached the specified backoff limit"}]`
		failed = "BackoffLimitExceeded: Job has reached the specified backoff limit"
		uid    = "6b8cf6f7"
	)
	runCheck(t, "batch/v1", "Job", []checkCase{
		{"no status yet", "", "", ``, Verdict{State: Waiting, Why: "0 of 1 pod completed, 0 active", Replicas: 1, PodHash: uid}},
		{"running", "", three, `"active":2,"succeeded":1`, Verdict{State: Waiting, Why: "1 of 3 pods completed, 2 active", Replicas: 3, Updated: 3, Available: 1, PodHash: uid}},
		{"trying again", "", three, `"active":1,"succeeded":1,"failed":2`, Verdict{State: Waiting, Why: "1 of 3 pods completed, 1 active, 2 failed", Replicas: 3, Updated: 2, Available: 1, PodHash: uid}},
		{"about to complete", "", three, `"succeeded":3,"conditions":[{"type":"SuccessCriteriaMet","status":"True"}]`, Verdict{State: Waiting, Why: "3 of 3 pods completed, 0 active", Replicas: 3, Updated: 3, Available: 3, PodHash: uid}},
		{"complete", "", three, `"succeeded":3,"conditions":[{"type":"SuccessCriteriaMet","status":"True"},{"type":"Complete","status":"True"}]`, Verdict{State: Ready, Why: "completed, 3 pods succeeded", Replicas: 3, Updated: 3, Available: 3, PodHash: uid}},
		{"a condition that is not true", "", "", `"active":1,"conditions":[{"type":"Suspended","status":"False"},{"type":"Failed","status":"False"}]`, Verdict{State: Waiting, Why: "0 of 1 pod completed, 1 active", Replicas: 1, Updated: 1, PodHash: uid}},
		{"failed", "", "", `"failed":1,"conditions":[{"type":"FailureTarget","status":"True"},{"type":"Failed","status":"True",` + limit, Verdict{State: Failed, Why: failed, Replicas: 1, PodHash: uid}},
		{"about to fail, which is final", "", "", `"failed":1,"conditions":[{"type":"FailureTarget","status":"True",` + limit, Verdict{State: Failed, Why: failed, Replicas: 1, PodHash: uid}},
		{"failed without a message", "", "", `"conditions":[{"type":"Failed","status":"True","reason":"DeadlineExceeded"}]`, Verdict{State: Failed, Why: "DeadlineExceeded", Replicas: 1, PodHash: uid}},
		{"failed while suspended", "", "", `"conditions":[{"type":"Suspended","status":"True"},{"type":"Failed","status":"True",` + limit, Verdict{State: Failed, Why: failed, Replicas: 1, PodHash: uid}},
		{"suspended", "", "", `"conditions":[{"type":"Suspended","status":"True"}]`, Verdict{State: Waiting, Why: "suspended: set spec.suspend to false", Replicas: 1, PodHash: uid}},
		{"no completions", "", `"completions":0,`, `"conditions":[{"type":"Complete","status":"True"}]`, Verdict{State: Ready, Why: "completed, 0 pods succeeded", PodHash: uid}},
	})
}

func TestCronJob(t *testing.T) {
	for _, tt := range []struct{ name, spec, why string }{
		{"scheduled", `"suspend":false,`, "the next job runs the template: the spec is all there is to check"},
		{"without suspend", ``, "the next job runs the template: the spec is all there is to check"},
		{"suspended", `"suspend":true,`, "suspended: the spec is all there is to check"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Check([]byte(`{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"report","generation":2},
				"spec":{` + tt.spec + `"schedule":"0 3 * * *","jobTemplate":{"spec":{` + podTemplate + `}}},"status":{"active":[{"name":"report-1"}]}}`))
			if err != nil {
				t.Fatal(err)
			}
			want := Verdict{Kind: "CronJob", State: Ready, Why: tt.why, Images: templateImages(), Generation: 2, RestartedAt: restart}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
