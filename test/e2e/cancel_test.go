package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// wantCancelled cancels a run and checks that it ends so and leaves nothing locked.
func (n *tenant) wantCancelled(name string) *v1beta1.CustomRun {
	n.t.Helper()
	n.cancel(name)
	began := time.Now()
	cr := n.finish(name)
	n.wantFailed(cr, "CustomRunCancelled", "cancelled by the test")
	if took := time.Since(began); took > 15*time.Second {
		n.t.Errorf("it took %s to cancel", took)
	}
	if cr.Status.CompletionTime == nil || cr.Status.ObservedGeneration != cr.Generation {
		n.t.Errorf("the status is %+v", cr.Status)
	}
	return cr
}

func TestCancelBeforeTheFirstReconcile(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	commits, history := n.commits(), n.recordHistory()
	run := n.deploy("run", "1.0.1")
	run.Spec.Status, run.Spec.StatusMessage = v1beta1.CustomRunSpecStatusCancelled, "cancelled by the test"
	n.create(run)
	cr := n.finish("run")
	n.wantFailed(cr, "CustomRunCancelled", "cancelled by the test")
	wantResults(t, cr, map[string]string{"changed": "false", "commit": ""})
	n.nothingChanged(commits, history)
}

func TestCancelInLocking(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	before := n.lease(lockName, "somebody", 0)
	n.create(n.locked("run", "1.0.1"))
	n.create(n.locked("next", "1.0.2"))
	n.waitForMessage("run", "waiting for lock "+lockName)
	n.waitForMessage("next", "waiting for lock "+lockName)
	n.wantCancelled("run")
	if after := n.readLease(lockName); after.UID != before.UID || after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the Lease of somebody else is %+v, was %+v", after, before)
	}
	n.deleteLease(lockName)
	wantSucceeded(t, n.finish("next"))
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want only that of the second run", got)
	}
	n.noLease()
}

// A push that is under way cannot be called back. The run says what it has pushed, though it was cancelled.
func TestCancelWhilePushing(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	if err := n.Repository.Hook("pre-receive", "touch pushing; sleep 3"); err != nil {
		t.Fatal(err)
	}
	n.create(n.locked("run", "1.0.1"))
	n.poll("the push has begun", func() bool { return n.repositoryHas("pushing") })
	n.create(n.locked("next", "1.0.2"))
	cr := n.wantCancelled("run")
	wantSucceeded(t, n.finish("next"))
	if got := n.commits(); got != 2 {
		t.Errorf("%d commits, want one of each run", got)
	}
	before, err := n.Repository.Git(t.Context(), "rev-parse", "main~1")
	if err != nil {
		t.Fatal(err)
	}
	wantResults(t, cr, map[string]string{"changed": "true", "commit": before})
	n.noLease()
}

// Cancelled between two attempts to push: nothing was pushed, nothing will be.
func TestCancelInPublishing(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	unblock := n.blockBranch()
	n.create(n.locked("run", "1.0.1"))
	n.waitForMessage("run", "branch main has moved, editing again")
	cr := n.wantCancelled("run")
	wantResults(t, cr, map[string]string{"changed": "false", "commit": ""})
	n.noLease()
	unblock()
	n.create(n.locked("next", "1.0.2"))
	wantSucceeded(t, n.finish("next"))
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want only that of the second run", got)
	}
	n.noLease()
}

// A sync that Argo CD has begun goes on; the run does not wait for it, and the next one does.
func TestCancelInSyncing(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.addHook()
	n.create(n.locked("run", "1.0.1"))
	n.waitForMessage("run", "the sync of this run runs", "waiting for completion of hook")
	ours := n.tip()
	cr := n.wantCancelled("run")
	wantResults(t, cr, map[string]string{"changed": "true", "commit": ours})
	n.noLease()
	n.removeHook()
	n.create(n.locked("next", "1.0.2"))
	n.waitForMessage("next", "the sync of another run (CustomRun UID")
	n.endHook("healthy")
	wantSucceeded(t, n.finish("next"))
	n.noLease()
}

func TestCancelInVerifying(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.locked("run", "never-pulls-1"))
	n.whileIn("run", "Verifying")
	n.create(n.locked("next", "1.0.2"))
	n.waitForMessage("next", "held by CustomRun run")
	cr := n.wantCancelled("run")
	wantResults(t, cr, map[string]string{"changed": "true", "image": serverImage + ":never-pulls-1"})
	wantSucceeded(t, n.finish("next"))
	n.noLease()
}

// The run's own timeout ends it in any phase, and the message says in which. It is shortened once the phase is reached, so
// that a slow machine cannot end the run in an earlier one.
func TestRunTimeout(t *testing.T) {
	t.Parallel()
	for phase, tag := range map[string]string{"Syncing": "1.0.1", "Verifying": "never-pulls-1"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			n := newTenant(t, testbed.TenantOptions{})
			if phase == "Syncing" {
				n.addHook()
			}
			n.create(n.locked("run", tag))
			n.whileIn("run", phase)
			n.patch("run", `{"spec":{"timeout":"1s"}}`)
			cr := n.finish("run")
			n.wantFailed(cr, "CustomRunTimedOut", "CustomRun run did not finish within 1s", "it was in phase "+phase)
			wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip()})
			n.noLease()
		})
	}
}

// The second attempt finds its own commit, syncs it, and reports it as this run's change.
func TestRetryAfterAFailedSync(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.addHook()
	run := n.locked("run", "1.0.1")
	run.Spec.Retries = 1
	n.create(run)
	n.waitForMessage("run", "the sync of this run runs")
	ours := n.tip()
	n.endHook("fails")
	n.waitFor("run", "the second attempt", func(cr *v1beta1.CustomRun) bool { return len(cr.Status.RetriesStatus) > 0 })
	n.endHook("healthy")
	n.wantRetried(n.finish("run"), "SyncFailed", ours)
}

func TestRetryAfterAFailedRollout(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	run := n.embedded("run", with(n.spec("never-pulls-1"), "verify.failureGrace", "5s"))
	run.Spec.Retries = 1
	n.create(run)
	n.waitForMessage("run", "given 5s to recover")
	ours := n.tip()
	n.waitFor("run", "the second attempt", func(cr *v1beta1.CustomRun) bool { return len(cr.Status.RetriesStatus) > 0 })
	n.healPods("dev", "never-pulls-1")
	n.wantRetried(n.finish("run"), "RolloutFailed", ours)
}

// wantRetried checks a run whose first attempt pushed and failed, and whose second succeeded.
func (n *tenant) wantRetried(cr *v1beta1.CustomRun, failure, commit string) {
	n.t.Helper()
	wantSucceeded(n.t, cr)
	if got := len(cr.Status.RetriesStatus); got != 1 {
		n.t.Fatalf("%d failed attempts, want 1", got)
	}
	if past := cr.Status.RetriesStatus[0]; past.Conditions[0].Reason != failure || past.CompletionTime == nil {
		n.t.Errorf("the first attempt ended with %+v, want %s", past.Conditions, failure)
	}
	if got := n.progress(cr).Attempt; got != 2 {
		n.t.Errorf("the last attempt is number %d, want 2", got)
	}
	wantResults(n.t, cr, map[string]string{"changed": "true", "commit": commit, "revision": commit, "previous-image": serverImage + ":1.0.0"})
	if diff := result(cr, "diff"); !strings.Contains(diff, "-  newTag: 1.0.0") {
		n.t.Errorf("the diff is %q", diff)
	}
	own := 0
	log, err := n.Repository.Log(n.t.Context(), "main")
	if err != nil {
		n.t.Fatal(err)
	}
	for _, c := range log {
		if strings.Contains(c.Message, string(cr.UID)) {
			own++
		}
	}
	if own != 1 {
		n.t.Errorf("%d commits of the run, want 1", own)
	}
	n.noLease()
}
