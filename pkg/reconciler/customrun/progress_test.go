package customrun

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/utils/ptr"
)

// What is written here is what package progress reads: it has a copy of the checkpoint's layout, because programs that
// show runs should not have the controller behind them.
func TestProgressReadsWhatIsWritten(t *testing.T) {
	d := data{
		Request: &request.Request{
			Version: request.Version, DryRun: true, Git: &request.Git{URL: "https://git.example.com/a", Branch: "main"},
			Images: []image.Want{{Name: "a", NewName: "b", NewTag: "1"}, {Name: "c", Digest: "sha256:0"}},
			Updates: []request.Update{
				{Kustomize: &request.Kustomize{Path: "k"}}, {Helm: &request.Helm{File: "h"}}, {Manifests: &request.Manifests{Path: "m"}}, {YAML: &request.YAML{File: "y", Path: "v"}},
			},
			PullRequest: &request.PullRequest{Branch: "push-1"},
		},
		Targets: []image.Ref{{Name: "b", Tag: "1", Digest: "sha256:1"}},
		Apps: []appState{{
			Application: request.Application{Name: "app", Namespace: "argocd", Project: "p"}, URL: "https://argocd/app", Revision: "r0", Health: "Healthy",
		}},
		PullRequest: pullState{Number: 7, URL: "https://git.example.com/a/pulls/7", State: "merged", MergeCommit: "m0", Warnings: []string{"w"}},
		Outcome: outcome{
			Changed: true, Commit: "c0", CommitURL: "https://git.example.com/a/c0", Previous: []string{"a:0", "c:0"}, Diff: "d", Reverted: true,
			Live: []v1alpha1.LiveImage{{Workload: "Deployment/dev/a", Container: "main", Image: "b:1", Digest: "sha256:1"}},
		},
	}
	second := testStart.Add(1250 * time.Millisecond)
	d.enter(Preparing, testStart)
	d.enter(Verifying, second)
	cr := byParameters()
	cr.Name, cr.Namespace = testRun, testNamespace
	cp := checkpoint{Version: checkpointVersion, Phase: Verifying, Lock: "l", Attempt: 2, Verdict: &verdict{Reason: v1alpha1.ReasonSyncTimeout, Message: "late"}}
	want := progress.Run{
		Namespace: testNamespace, Name: testRun, Kind: v1alpha1.KindGitOpsDeploy, State: progress.Pending,
		Phase: "Verifying", Lock: "l", Attempt: 2, Verdict: &progress.Verdict{Reason: "SyncTimeout", Message: "late"}, Detailed: true,
		Timeline: []progress.Step{
			{Phase: "Preparing", Begin: testStart, End: &second, Seconds: ptr.To(1.25)},
			{Phase: "Verifying", Begin: second, Failed: true},
		},
		Images:      []progress.Image{{Name: "a", Wanted: "b:1@sha256:1", Previous: "a:0"}, {Name: "c", Wanted: "c@sha256:0", Previous: "c:0"}},
		Git:         &progress.Git{URL: "https://git.example.com/a", Branch: "main", Paths: []string{"k", "h", "m", "y"}},
		Commit:      &progress.Commit{ID: "c0", URL: "https://git.example.com/a/c0", Changed: true, Diff: "d"},
		PullRequest: &progress.PullRequest{Number: 7, URL: "https://git.example.com/a/pulls/7", State: "merged", Branch: "push-1", MergeCommit: "m0", Warnings: []string{"w"}},
		Applications: []progress.Application{{
			Name: "app", Namespace: "argocd", Project: "p", URL: "https://argocd/app", Revision: "r0", Health: "Healthy",
		}},
		Workloads: []progress.Workload{{Workload: "Deployment/dev/a", Container: "main", Image: "b:1", Digest: "sha256:1"}},
		Reverted:  true, DryRun: true,
	}
	if diff := cmp.Diff(want, progress.Of(withState(t, cr, cp, d))); diff != "" {
		t.Error(diff)
	}
}

// The queue that people are shown is the one that decides.
func TestProgressShowsTheQueueOfTheController(t *testing.T) {
	h := newHarness(t)
	waiting := h.queued("waiting", time.Minute, time.Hour)
	ended := h.queued("ended", time.Minute, time.Hour)
	ended.Status.MarkCustomRunFailed("Superseded", "m")
	cancelled := h.queued("cancelled", time.Minute, time.Hour)
	cancelled.Spec.Status = v1beta1.CustomRunSpecStatusCancelled
	holding := withState(t, h.queued("holding", time.Minute, time.Hour), checkpoint{Version: checkpointVersion, Phase: Syncing, Lock: "catalog", Attempt: 1}, data{})
	elsewhere := withState(t, h.queued("elsewhere", time.Minute, time.Hour), checkpoint{Version: checkpointVersion, Phase: Locking, Lock: "other", Attempt: 1}, data{})
	foreign := h.queued("foreign", time.Minute, time.Hour)
	foreign.Spec.CustomRef.APIVersion = "example.dev/v1"
	newer := h.queued("newer", time.Minute, time.Hour)
	newer.Status.ExtraFields.Raw = []byte(`{"gitops":{"version":99,"phase":"Locking","lock":"catalog","data":[]}}`)
	for _, cr := range []*v1beta1.CustomRun{waiting, ended, cancelled, holding, elsewhere, foreign, newer} {
		shown := len(progress.Queue([]v1beta1.CustomRun{*cr}, "catalog")) == 1
		if decides := waitsFor(cr, "catalog"); shown != decides {
			t.Errorf("%s: shown as waiting: %v, waits: %v", cr.Name, shown, decides)
		}
	}
	if !waitsFor(waiting, "catalog") || !waitsFor(newer, "catalog") {
		t.Error("nobody waits, so nothing was compared")
	}
}
