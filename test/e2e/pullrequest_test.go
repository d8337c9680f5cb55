package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// A pipeline opens a pull request, a person merges it, Argo CD deploys that very commit, and the pipeline goes on with it.
// Another commit comes first, so that no method can be a fast-forward.
func TestPullRequestIsDeployed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			n := newHosted(t)
			n.startPipelineRun("pr", `
pipelineSpec:
  tasks:
  - name: promote
    taskRef: {`+pullRequestTask+`}
    params: `+n.byParametersText("dev", "1.0.1", "{name: wait, value: Deployed}")+`
  - name: after
    taskRef: `+probeType+`
    params: [{name: commit, value: $(tasks.promote.results.merge-commit)}, {name: number, value: $(tasks.promote.results.pr-number)}]
`)
			name := n.child("pr", "promote").Name
			n.waitForMessage(name, fmt.Sprintf("pull request #1 waits to be merged: %s", strings.TrimSuffix(n.Hosted.URL, ".git")+"/pulls/1"))
			opened := n.wantPull(1, 1, "open")
			wantSays(t, opened.Title, "Update "+serverImage+" to 1.0.1")
			wantSays(t, opened.Body, "Opened by CustomRun `"+n.Namespace+"/"+name+"` of PipelineRun `pr`.")
			if app := n.readApplication("dev"); app.Status.OperationState != nil || app.Operation != nil {
				t.Errorf("synced before the merge: %+v", app.Status.OperationState)
			}
			n.edits(localcluster.Branch)
			merged := n.mergePull(1, method)
			if d := cmp.Diff(map[string]string{"commit": merged, "number": "1"}, n.answer("pr", "after")); d != "" {
				t.Errorf("the next task was given (-want +got):\n%s", d)
			}
			n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonSuccessful)
			cr := n.get(name)
			tip := n.hostedTip(localcluster.Branch)
			wantResults(t, cr, map[string]string{
				"pr-number": "1", "pr-url": opened.URL, "pr-state": "merged", "pr-branch": opened.Head.Branch,
				"merge-commit": tip, "commit": tip, "revision": tip, "changed": "true",
				"image": serverImage + ":1.0.1", "previous-image": serverImage + ":1.0.0", "health": "Healthy",
			})
			if got := n.phases(cr); got != "Preparing Publishing Opening WaitingForMerge Syncing Verifying Releasing" {
				t.Errorf("the phases were %s", got)
			}
			if uid := syncedBy(n.readApplication("dev")); uid != string(cr.UID) {
				t.Errorf("the last sync is of %q, want this run, %s", uid, cr.UID)
			}
			if got := n.liveImage("dev"); got != serverImage+":1.0.1" {
				t.Errorf("the Deployment runs %s", got)
			}
			n.noLease()
		})
	}
}

// The run ends when the pull request is there; with Merged, when the base has it, and Argo CD is asked for nothing.
func TestPullRequestIsOpenedOrMerged(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.create(n.promote("opened", "1.0.1"))
	cr := n.finish("opened")
	wantSucceeded(t, cr)
	p := n.wantPull(1, 1, "open")
	wantResults(t, cr, map[string]string{
		"pr-number": "1", "pr-state": "open", "merge-commit": "", "commit": p.Head.SHA, "pr-branch": p.Head.Branch,
		"changed": "true", "revision": "",
	})
	wantSays(t, message(cr), "pull request #1 is open: "+p.URL)
	n.waits(n.promote("merged", "1.0.1", param("wait", "Merged")))
	merged := n.mergePull(1, "merge")
	cr = n.finish("merged")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"pr-number": "1", "pr-state": "merged", "merge-commit": merged, "revision": ""})
	if app := n.readApplication("dev"); app.Status.OperationState != nil || app.Operation != nil {
		t.Errorf("the application was synced: %+v", app.Status.OperationState)
	}
}

// A closed pull request fails the run, once the time of grace for opening it again is over.
func TestPullRequestIsClosed(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.waits(n.promote("run", "1.0.1", param("wait", "Merged")))
	n.must(n.Hosted.Close(t.Context(), 1))
	n.waitForMessage("run", "pull request #1 was closed without being merged", "fails unless it is opened again")
	cr := n.finish("run")
	n.wantFailed(cr, "PullRequestClosed", "pull request #1 was closed without being merged: "+n.pull(1).URL)
	wantResults(t, cr, map[string]string{"pr-number": "1", "pr-state": "closed", "merge-commit": "", "changed": "true"})
}

// People close a pull request and open it again to make its checks run anew.
func TestPullRequestIsReopened(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.waits(n.promote("run", "1.0.1", param("wait", "Merged")))
	n.must(n.Hosted.Close(t.Context(), 1))
	n.waitForMessage("run", "fails unless it is opened again")
	n.must(n.Hosted.Reopen(t.Context(), 1))
	n.waitForMessage("run", waitsToBeMerged)
	n.mergePull(1, "merge")
	wantSucceeded(t, n.finish("run"))
}

// A PipelineRun that is cancelled takes its proposal back, where it is not told to keep it.
func TestPullRequestOfACancelledPipelineRun(t *testing.T) {
	t.Parallel()
	for behaviour, state := range map[string]string{"Close": "closed", "Keep": "open"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			n := newHosted(t)
			n.startPipelineRun("pr", `
pipelineSpec:
  tasks:
  - name: promote
    taskRef: {`+pullRequestTask+`}
    params: `+n.byParametersText("dev", "1.0.1", "{name: wait, value: Deployed}", "{name: on-cancel, value: "+behaviour+"}")+`
`)
			name := n.child("pr", "promote").Name
			n.waitForMessage(name, waitsToBeMerged)
			cancel := []byte(`{"spec":{"status":"Cancelled"}}`)
			_, err := n.tekton.TektonV1().PipelineRuns(n.Namespace).Patch(t.Context(), "pr", types.MergePatchType, cancel, metav1.PatchOptions{})
			n.must(err)
			n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonCancelled)
			cr := n.finish(name)
			n.wantFailed(cr, "CustomRunCancelled")
			wantResults(t, cr, map[string]string{"pr-number": "1", "pr-state": state})
			n.wantPull(1, 1, state)
			if state == "closed" {
				n.wantComment(1, "Closed, because CustomRun `"+n.Namespace+"/"+name+"` was cancelled.")
			}
		})
	}
}

// What somebody has pushed to is not the run's alone: it stays when the run is cancelled.
func TestPullRequestOfACancelledRunThatAPersonHasPushedTo(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.waits(n.promote("run", "1.0.1", param("wait", "Merged")))
	n.edits(n.pull(1).Head.Branch)
	n.wantCancelled("run")
	n.wantPull(1, 1, "open")
}

// A newer run for the same target closes the pull request of the older one, unless a person works on that, or it is to be
// kept.
func TestPullRequestSupersedes(t *testing.T) {
	t.Parallel()
	for behaviour, tc := range map[string]struct {
		params v1beta1.Params
		pushed bool
		state  string
	}{
		"closed":              {state: "closed"},
		"kept":                {params: v1beta1.Params{param("supersede", "Keep")}, state: "open"},
		"a person has pushed": {pushed: true, state: "open"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			n := newHosted(t)
			n.waits(n.promote("older", "1.0.1", param("wait", "Merged")))
			if tc.pushed {
				n.edits(n.pull(1).Head.Branch)
			}
			n.create(n.promote("newer", "1.0.2", tc.params...))
			cr := n.finish("newer")
			wantSucceeded(t, cr)
			wantResults(t, cr, map[string]string{"pr-number": "2", "pr-state": "open"})
			n.wantPull(1, 2, tc.state)
			n.wantPull(2, 2, "open")
			if tc.state == "closed" {
				n.wantComment(1, "Superseded by #2.")
				n.waitForMessage("older", "pull request #1 was closed without being merged")
			}
			n.wantCancelled("older")
		})
	}
}

// The lock that a run names is held from before its push until it is done, and others wait for it. Without a name there
// is none.
func TestPullRequestWithALock(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	made := n.waits(n.promoted("run", "1.0.1", param("lock", lockName)))
	if holder := n.holderOf(lockName); !strings.HasSuffix(holder, "/run/"+string(made.UID)) {
		t.Errorf("the lock is held by %q", holder)
	}
	n.create(n.locked("next", "1.0.2"))
	n.waitForMessage("next", "waiting for lock "+lockName+": 1st of 1", "CustomRun run")
	n.mergePull(1, "merge")
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if got := n.phases(cr); !strings.HasPrefix(got, "Preparing Locking Publishing Opening WaitingForMerge Syncing") {
		t.Errorf("the phases were %s", got)
	}
	wantSucceeded(t, n.finish("next"))
	record := n.record(lockName)
	if record == nil || record.Run != "next" || len(record.History) != 1 {
		t.Fatalf("the record is %+v", record)
	}
	if before := record.History[0]; before.Run != "run" || before.Commit != result(cr, "merge-commit") {
		t.Errorf("before that it has %+v", before)
	}
	n.noLease()
}
