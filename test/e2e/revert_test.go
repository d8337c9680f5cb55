package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// reverting is a run whose pods never become ready, which takes its commit back then.
func (n *tenant) reverting(name string) {
	n.t.Helper()
	spec := with(n.spec("never-pulls-1"), "verify.failureGrace", "1s", "onFailure", "Revert", "lock.name", lockName)
	n.create(n.embedded(name, spec))
}

// holdRevert makes the push of a commit that reverts wait in the git server, until the returned function is called.
func (n *tenant) holdRevert() (release func()) {
	n.t.Helper()
	script := `read old new ref; case "$(git log -1 --format=%s $new)" in Revert*) touch pushing; while [ ! -e go ]; do sleep 0.1; done;; esac`
	if err := n.Repository.Hook("pre-receive", script); err != nil {
		n.t.Fatal(err)
	}
	return func() {
		n.t.Helper()
		if err := os.WriteFile(filepath.Join(n.Repository.Dir, "go"), nil, 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *tenant) overlay() string {
	n.t.Helper()
	text, err := n.Repository.ReadFile(n.t.Context(), "main", "overlays/dev/kustomization.yaml")
	if err != nil {
		n.t.Fatal(err)
	}
	return text
}

// reverts are the messages of the commits that revert.
func (n *tenant) reverts() []string {
	n.t.Helper()
	log, err := n.Repository.Log(n.t.Context(), "main")
	if err != nil {
		n.t.Fatal(err)
	}
	var found []string
	for _, c := range log {
		if strings.HasPrefix(c.Message, "Revert ") {
			found = append(found, c.Message)
		}
	}
	return found
}

func TestFailedDeploymentIsReverted(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.syncByHand("dev")
	before := n.overlay()
	n.reverting("run")
	cr := n.finish("run")
	n.wantFailed(cr, "RolloutFailed", "Deployment/server: ", "ImagePullBackOff", "; commit "+n.tip()[:10]+" has put the previous state back, and it runs")
	ours, err := n.Repository.Git(t.Context(), "rev-parse", "main~1")
	if err != nil {
		t.Fatal(err)
	}
	wantResults(t, cr, map[string]string{
		"changed": "true", "reverted": "true", "commit": ours, "revision": n.tip(), "image": serverImage + ":never-pulls-1", "previous-image": serverImage + ":1.0.0", "health": "Healthy",
	})
	if got := n.phases(cr); got != "Preparing Locking Publishing Syncing Verifying Reverting Releasing" {
		t.Errorf("the phases are %s", got)
	}
	if d := cmp.Diff(before, n.overlay()); d != "" || n.commits() != 2 || len(n.reverts()) != 1 {
		t.Errorf("%d commits, of which revert: %q; the overlay differs from before: %s", n.commits(), n.reverts(), d)
	}
	if got := n.liveImage("dev"); got != serverImage+":1.0.0" {
		t.Errorf("the Deployment runs %s", got)
	}
	if d := n.deployment("dev", "server"); d.Status.UpdatedReplicas != 2 || d.Status.AvailableReplicas != 2 || d.Status.Replicas != 2 {
		t.Errorf("the run ended while the Deployment was %+v", d.Status)
	}
	if n.record(lockName) != nil {
		t.Error("a failed run left a record")
	}
	n.noLease()

	// The next one starts from a clean state.
	n.create(n.locked("next", "1.0.1"))
	wantSucceeded(t, n.finish("next"))
}

// While the commit that reverts is on its way, somebody else's arrives first.
func TestSomebodyPushesWhileTheRunReverts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to string
		reverted string
		tag      string
		words    string
	}{
		"another tag":  {"newTag: never-pulls-1", "newTag: 2.0.0", "", "newTag: 2.0.0  # moved by the pipeline", "nothing was put back: later commits have changed all of it"},
		"another line": {"# What runs in dev.", "# What runs in dev. Ask us first.", "true", "newTag: 1.0.0  # moved by the pipeline", "has put the previous state back, and it runs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newTenant(t, testbed.TenantOptions{})
			n.syncByHand("dev")
			release := n.holdRevert()
			n.reverting("run")
			n.poll("the push that reverts", func() bool { return n.repositoryHas("pushing") })
			theirs := strings.Replace(n.overlay(), c.from, c.to, 1)
			n.push(map[string]string{"overlays/dev/kustomization.yaml": theirs})
			release()
			cr := n.finish("run")
			n.wantFailed(cr, "RolloutFailed", c.words)
			wantResults(t, cr, map[string]string{"reverted": c.reverted, "changed": "true"})
			wantSays(t, n.overlay(), c.to, c.tag)
			if got := len(n.reverts()); (got == 1) != (c.reverted == "true") {
				t.Errorf("%d commits revert", got)
			}
			n.noLease()
		})
	}
}

// The push is under way when the run is cancelled: it cannot be called back, and the run tells what became of it.
func TestCancelWhileReverting(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.syncByHand("dev")
	release := n.holdRevert()
	n.reverting("run")
	n.poll("the push that reverts", func() bool { return n.repositoryHas("pushing") })
	n.cancel("run")
	release()
	cr := n.finish("run")
	n.wantFailed(cr, "CustomRunCancelled", "cancelled by the test", "before that, it had failed with RolloutFailed: Deployment/server: ")
	reverted := ""
	if len(n.reverts()) == 1 {
		reverted = "true"
	}
	wantResults(t, cr, map[string]string{"changed": "true", "reverted": reverted})
	n.noLease()
}

// Whoever ends a run wants it to end: nothing is put back.
func TestInterruptedRunIsNotReverted(t *testing.T) {
	t.Parallel()
	for why, patch := range map[string]string{
		"CustomRunCancelled": `{"spec":{"status":"RunCancelled","statusMessage":"cancelled by the test"}}`,
		"CustomRunTimedOut":  `{"spec":{"timeout":"1s"}}`,
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			n := newTenant(t, testbed.TenantOptions{})
			spec := with(n.spec("never-pulls-1"), "verify.failureGrace", "10m", "onFailure", "Revert")
			n.create(n.embedded("run", spec))
			n.whileIn("run", "Verifying")
			n.patch("run", patch)
			cr := n.finish("run")
			n.wantFailed(cr, why)
			wantResults(t, cr, map[string]string{"changed": "true", "reverted": "", "commit": n.tip()})
			if got := n.commits(); got != 1 {
				t.Errorf("%d commits", got)
			}
			n.noLease()
		})
	}
}

// The commit is somebody else's: a run that found nothing to change takes nothing back.
func TestCommitOfSomebodyElseIsNotReverted(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	theirs := n.setTag("dev", "1.0.0", "never-pulls-1")
	n.reverting("run")
	cr := n.finish("run")
	n.wantFailed(cr, "RolloutFailed")
	wantResults(t, cr, map[string]string{"changed": "false", "reverted": "", "commit": theirs})
	if n.tip() != theirs {
		t.Errorf("the branch is at %s, want theirs", n.tip())
	}
	n.noLease()
}
