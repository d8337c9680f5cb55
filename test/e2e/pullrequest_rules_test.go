package e2e

import (
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// approvals are what a protected branch asks for.
var approvals = localcluster.GiteaProtection{Approvals: 1}

// A branch that asks for an approval is waited for, and gets it from a person.
func TestPullRequestNeedsAnApproval(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.must(n.Hosted.Protect(t.Context(), localcluster.Branch, approvals))
	n.waits(n.promote("run", "1.0.1", param("wait", "Merged")))
	if _, err := n.Hosted.Merge(t.Context(), n.Hosted.Person, 1, "merge"); err == nil {
		t.Fatal("Gitea merges what nobody has approved")
	}
	n.must(n.Hosted.Approve(t.Context(), n.Hosted.Person, 1))
	merged := n.mergePull(1, "merge")
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"pr-state": "merged", "merge-commit": merged})
}

// Nobody may push to branches of that name.
func TestPullRequestBranchIsProtected(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.must(n.Hosted.Protect(t.Context(), "release/**", localcluster.GiteaProtection{}))
	n.create(n.promote("run", "1.0.1", param("pr-branch", "release/1.0.1")))
	cr := n.finish("run")
	n.wantFailed(cr, "PushRejected", "release/1.0.1")
	wantResults(t, cr, map[string]string{"pr-number": "", "changed": "false", "commit": ""})
	if all := n.pulls(); len(all) > 0 {
		t.Errorf("pull requests: %+v", all)
	}
}

// A branch of that name is somebody's: it is never overwritten.
func TestPullRequestBranchIsSomebodysElse(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	theirs := n.edits("feature")
	n.create(n.promote("run", "1.0.1", param("pr-branch", "feature")))
	n.wantFailed(n.finish("run"), "PushRejected", "branch feature exists", "was not made by this controller", "pullRequest.branch")
	if got := n.hostedTip("feature"); got != theirs {
		t.Errorf("the branch is at %s, was at %s", got, theirs)
	}
}

// The host merges by itself when the check that it asks for has passed.
func TestPullRequestAutoMerge(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.must(n.Hosted.Protect(t.Context(), localcluster.Branch, localcluster.GiteaProtection{Checks: []string{"ci"}}))
	n.waits(n.promoted("run", "1.0.1", param("auto-merge", "squash")))
	n.must(n.Hosted.SetStatus(t.Context(), n.wantPull(1, 1, "open").Head.SHA, "ci", "success"))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	n.wantPull(1, 1, "merged")
	tip := n.hostedTip(localcluster.Branch)
	wantResults(t, cr, map[string]string{"pr-state": "merged", "merge-commit": tip, "revision": tip})
}

// Where nothing stands in the way it is merged at once.
func TestPullRequestAutoMergeAtOnce(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.create(n.promote("run", "1.0.1", param("wait", "Merged"), param("auto-merge", "rebase")))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"pr-state": "merged", "merge-commit": n.hostedTip(localcluster.Branch)})
}

// What the run has asked the host to merge is its own commit. After a person's push a person has to merge.
func TestPullRequestPushedToWhileAutoMerging(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.must(n.Hosted.Protect(t.Context(), localcluster.Branch, localcluster.GiteaProtection{Checks: []string{"ci"}}))
	n.waits(n.promote("run", "1.0.1", param("wait", "Merged"), param("auto-merge", "merge")))
	head := n.edits(n.pull(1).Head.Branch)
	n.waitForMessage("run", "auto-merge was switched off, because commit "+head[:7])
	n.must(n.Hosted.SetStatus(t.Context(), head, "ci", "success"))
	time.Sleep(soon)
	n.wantPull(1, 1, "open")
	merged := n.mergePull(1, "merge")
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"pr-state": "merged", "merge-commit": merged})
}
