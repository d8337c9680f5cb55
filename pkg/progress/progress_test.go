package progress

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

// start is when the runs of the tests began.
var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func read(t *testing.T, text string) *v1beta1.CustomRun {
	t.Helper()
	cr := &v1beta1.CustomRun{}
	if err := yaml.Unmarshal([]byte(text), cr); err != nil {
		t.Fatal(err)
	}
	return cr
}

func after(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// head is the beginning of every run of the tests, and its reading.
const head = `
metadata: {name: r, namespace: team, creationTimestamp: "2026-03-02T10:00:00Z", labels: {tekton.dev/pipelineRun: pr, tekton.dev/pipelineTask: deploy}}
spec: {customRef: {apiVersion: gitops.tekton.dev/v1alpha1, kind: GitOpsDeploy, name: catalog}}
`

func headOf(change func(*Run)) Run {
	run := Run{Namespace: "team", Name: "r", Kind: "GitOpsDeploy", Definition: "catalog", PipelineRun: "pr", Task: "deploy", State: Pending, Created: start}
	change(&run)
	return run
}

func TestRunIsReadAsFarAsItIsKnown(t *testing.T) {
	for name, tc := range map[string]struct {
		status string
		want   Run
	}{
		"not begun": {want: headOf(func(*Run) {})},
		"in a phase": {
			status: `
  startTime: "2026-03-02T10:00:00Z"
  conditions: [{type: Succeeded, status: Unknown, reason: Syncing, message: m}]
  extraFields: {gitops: {version: 2, phase: Syncing, lock: l, attempt: 1, unknown: 1, data: {
    unknown: {},
    request: {images: [{name: a, newName: b, newTag: "1"}, {name: c, digest: "sha256:0"}], git: {url: u, branch: main},
      updates: [{kustomize: {path: overlays/dev}}, {yaml: {file: env.yaml, path: a.b}}]},
    timeline: [{phase: Preparing, since: "2026-03-02T10:00:00.500000Z"}, {phase: Syncing, since: "2026-03-02T10:00:02.250000Z"}],
    targets: [{name: b, tag: "1", digest: "sha256:1"}],
    apps: [{name: app, namespace: argocd, project: p, url: https://a, revision: c0, health: Progressing}],
    outcome: {changed: true, commit: c0, commitURL: https://c0, previous: ["a:0"]}}}}`,
			want: headOf(func(r *Run) {
				r.State, r.Reason, r.Message, r.Phase, r.Lock, r.Attempt, r.Detailed = Running, "Syncing", "m", "Syncing", "l", 1, true
				r.Started = ptr.To(start)
				r.Timeline = []Step{
					{Phase: "Preparing", Begin: after(0.5), End: ptr.To(after(2.25)), Seconds: ptr.To(1.75)},
					{Phase: "Syncing", Begin: after(2.25)},
				}
				r.Images = []Image{{Name: "a", Wanted: "b:1@sha256:1", Previous: "a:0"}, {Name: "c", Wanted: "c@sha256:0"}}
				r.Git = &Git{URL: "u", Branch: "main", Paths: []string{"overlays/dev", "env.yaml"}}
				r.Commit = &Commit{ID: "c0", URL: "https://c0", Changed: true}
				r.Applications = []Application{{Name: "app", Namespace: "argocd", Project: "p", URL: "https://a", Revision: "c0", Health: "Progressing"}}
			}),
		},
		"failed after a first attempt, in the phase before the cleaning up": {
			status: `
  startTime: "2026-03-02T10:00:00Z"
  completionTime: "2026-03-02T10:00:09Z"
  conditions: [{type: Succeeded, status: "False", reason: SyncFailed, message: m}]
  retriesStatus: [{conditions: [{type: Succeeded, status: "False", reason: PushConflict, message: moved}], completionTime: "2026-03-02T09:59:00Z"}]
  results: [{name: changed, value: "true"}, {name: health, value: ""}]
  extraFields: {gitops: {version: 2, phase: Releasing, attempt: 2, verdict: {reason: SyncFailed, message: m}, data: {
    timeline: [{phase: Syncing, since: "2026-03-02T10:00:00.000000Z"}, {phase: Reverting, since: "2026-03-02T10:00:01.000000Z"}, {phase: Releasing, since: "2026-03-02T10:00:09.700000Z"}],
    outcome: {reverted: true, live: [{workload: Deployment/a/b, container: c, image: "a:0"}]}}}}`,
			want: headOf(func(r *Run) {
				r.State, r.Reason, r.Message, r.Phase, r.Attempt, r.Detailed, r.Reverted = Failed, "SyncFailed", "m", "Releasing", 2, true, true
				r.Started, r.Completed = ptr.To(start), ptr.To(after(9))
				r.Attempts = []Attempt{{Number: 1, Reason: "PushConflict", Message: "moved", Completed: ptr.To(after(-60))}}
				r.Verdict = &Verdict{Reason: "SyncFailed", Message: "m"}
				r.Timeline = []Step{
					{Phase: "Syncing", Begin: start, End: ptr.To(after(1)), Seconds: ptr.To(1.0), Failed: true},
					{Phase: "Reverting", Begin: after(1), End: ptr.To(after(9.7)), Seconds: ptr.To(8.7)},
					// The end of the run has whole seconds, which is before the phase began.
					{Phase: "Releasing", Begin: after(9.7), End: ptr.To(after(9.7)), Seconds: ptr.To(0.0)},
				}
				r.Workloads = []Workload{{Workload: "Deployment/a/b", Container: "c", Image: "a:0"}}
				r.Results = map[string]string{"changed": "true"}
			}),
		},
		"a pull request": {
			status: `
  extraFields: {gitops: {version: 2, phase: WaitingForMerge, attempt: 1, data: {
    request: {dryRun: true, pullRequest: {branch: push-1}},
    pullRequest: {number: 7, url: https://p/7, state: merged, mergeCommit: d0, warnings: [w], head: h}}}}`,
			want: headOf(func(r *Run) {
				r.Phase, r.Attempt, r.Detailed, r.DryRun = "WaitingForMerge", 1, true, true
				r.PullRequest = &PullRequest{Number: 7, URL: "https://p/7", State: "merged", Branch: "push-1", MergeCommit: "d0", Warnings: []string{"w"}}
			}),
		},
		"another version: what means the same in all": {
			status: `
  conditions: [{type: Succeeded, status: Unknown, reason: Locking, message: m}]
  extraFields: {gitops: {version: 3, phase: Locking, lock: l, attempt: 4, verdict: {reason: R}, data: {timeline: 7, apps: [{name: app}]}}}`,
			want: headOf(func(r *Run) {
				r.State, r.Reason, r.Message, r.Phase, r.Lock, r.Attempt = Running, "Locking", "m", "Locking", "l", 4
				r.Verdict = &Verdict{Reason: "R"}
			}),
		},
		"fields of other types and times are left out, and what stands behind them is read": {
			status: `
  extraFields: {gitops: {version: 2, phase: 7, lock: l, attempt: x, data: {
    request: [], targets: {}, timeline: [{phase: Preparing, since: yesterday}, {phase: Syncing, since: "2026-03-02T10:00:00Z"}], apps: [1, {name: app}], outcome: {changed: 1, commit: c0}}}}`,
			want: headOf(func(r *Run) {
				r.Lock, r.Detailed = "l", true
				r.Timeline = []Step{{Phase: "Syncing", Begin: start}}
				r.Applications = []Application{{}, {Name: "app"}}
				r.Commit = &Commit{ID: "c0"}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := head
			if tc.status != "" {
				text += "status:" + tc.status
			}
			if d := cmp.Diff(tc.want, Of(read(t, text))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCancelling(t *testing.T) {
	cr := read(t, head)
	cr.Spec.Status = v1beta1.CustomRunSpecStatusCancelled
	if !Of(cr).Cancelling {
		t.Error("a cancelled run that goes on is not cancelling")
	}
	cr.Status.MarkCustomRunFailed("CustomRunCancelled", "m")
	if run := Of(cr); run.Cancelling || !run.Done() {
		t.Errorf("an ended run is cancelling: %v, done: %v", run.Cancelling, run.Done())
	}
}

func TestDurations(t *testing.T) {
	at := func(seconds float64) *time.Time { return ptr.To(after(seconds)) }
	for name, tc := range map[string]struct {
		run  Run
		want time.Duration
	}{
		"not begun":                      {Run{}, 0},
		"going on":                       {Run{Started: at(0)}, time.Minute},
		"over":                           {Run{Started: at(0), Completed: at(9)}, 9 * time.Second},
		"with its earlier attempts":      {Run{Started: at(20), Completed: at(29), Attempts: []Attempt{{Started: at(0)}}}, 29 * time.Second},
		"begun by a clock that is ahead": {Run{Started: at(70)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.run.Duration(after(60)); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestQueueIsInTheOrderOfTurns(t *testing.T) {
	run := func(name, created, more string) v1beta1.CustomRun {
		return *read(t, `
metadata: {name: `+name+`, uid: `+name+`, creationTimestamp: "2026-03-02T10:00:0`+created+`Z"}
spec: {customRef: {apiVersion: gitops.tekton.dev/v1alpha1, kind: GitOpsDeploy}}
status: {extraFields: {gitops: {version: 9, phase: Locking, lock: l}}}
`+more)
	}
	holder, other, cancelled, foreign := run("holder", "0", ""), run("other", "0", ""), run("cancelled", "0", ""), run("foreign", "0", "")
	holder.Status.ExtraFields.Raw = []byte(`{"gitops":{"version":2,"phase":"Syncing","lock":"l"}}`)
	other.Status.ExtraFields.Raw = []byte(`{"gitops":{"version":2,"phase":"Locking","lock":"m"}}`)
	cancelled.Spec.Status = v1beta1.CustomRunSpecStatusCancelled
	foreign.Spec.CustomRef.Kind = "Approval"
	var got []string
	for _, w := range Queue([]v1beta1.CustomRun{run("c", "3", ""), run("b", "2", ""), holder, other, cancelled, foreign, run("a", "2", "")}, "l") {
		got = append(got, w.Name)
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, got); d != "" {
		t.Error(d)
	}
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte(`{"gitops":{"version":2,"phase":"Syncing","verdict":{"reason":"R"},"data":{"timeline":[{"phase":"P","since":"2026-03-02T10:00:00Z"}],"request":{"images":[{"name":"a"}]}}}}`), int64(0))
	f.Add([]byte(`{"gitops":{"version":2,"data":{"timeline":[{"since":"9999-12-31T23:59:59Z"},{"since":"0001-01-01T00:00:00Z"}],"request":{"updates":[{}]}}}}`), int64(1))
	f.Add([]byte(`{"gitops":null}`), int64(2))
	f.Fuzz(func(t *testing.T, raw []byte, completed int64) {
		cr := read(t, head)
		cr.Status.ExtraFields.Raw = raw
		cr.Status.MarkCustomRunFailed("R", "m")
		cr.Status.CompletionTime.Time = time.Unix(completed, 0)
		run := Of(cr)
		if run.Name != "r" || run.State != Failed || run.Reason != "R" {
			t.Errorf("%+v", run)
		}
		for i, step := range run.Timeline {
			if step.End == nil || step.End.Before(step.Begin) || step.Duration(start) < 0 {
				t.Errorf("step %d: %+v", i, step)
			}
		}
		Queue([]v1beta1.CustomRun{*cr}, run.Lock)
	})
}
