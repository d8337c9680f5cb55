package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// blockBranch makes every push to main fail as one that loses a race for the branch does, until the returned function
// is called.
func (n *tenant) blockBranch() (unblock func()) {
	n.t.Helper()
	file := filepath.Join(n.Repository.Dir, "refs", "heads", "main.lock")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		n.t.Fatal(err)
	}
	return func() {
		n.t.Helper()
		if err := os.Remove(file); err != nil {
			n.t.Fatal(err)
		}
	}
}

// repositoryHas tells whether a hook has left a file in the repository.
func (n *tenant) repositoryHas(file string) bool {
	_, err := os.Stat(filepath.Join(n.Repository.Dir, file))
	return err == nil
}

// person is somebody with a clone who pushes through the git server.
type person struct {
	dir string
}

func (n *tenant) person() *person {
	n.t.Helper()
	address, err := url.Parse(n.Repository.HTTPURL)
	if err != nil {
		n.t.Fatal(err)
	}
	address.User = url.UserPassword(n.Git.Writer.Username, n.Git.Writer.Password)
	p := &person{dir: n.t.TempDir()}
	if out, err := p.git(n.t.Context(), "clone", "--quiet", address.String(), "."); err != nil {
		n.t.Fatal(err, out)
	}
	return p
}

func (p *person) git(ctx context.Context, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-C", p.dir}, arguments...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// work pushes one commit, on top of whatever is there.
func (p *person) work(ctx context.Context, number int) error {
	file := fmt.Sprintf("work/%d.txt", number)
	if err := os.MkdirAll(filepath.Join(p.dir, "work"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.dir, file), []byte(file), 0o600); err != nil {
		return err
	}
	for _, arguments := range [][]string{{"add", "."}, {"commit", "--quiet", "--message", fmt.Sprintf("Work %d", number)}} {
		if out, err := p.git(ctx, arguments...); err != nil {
			return fmt.Errorf("git %s: %w: %s", arguments[0], err, out)
		}
	}
	for range 50 {
		if _, err := p.git(ctx, "push", "--quiet", "origin", "HEAD:main"); err == nil {
			return nil
		}
		if out, err := p.git(ctx, "pull", "--quiet", "--rebase", "origin", "main"); err != nil {
			return fmt.Errorf("git pull: %w: %s", err, out)
		}
	}
	return fmt.Errorf("work %d could not be pushed in 50 tries", number)
}

// While somebody pushes all the time, the run makes one commit, and nobody's work is lost.
func TestPushRace(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	const works = 30
	p, done := n.person(), make(chan error, 1)
	started := make(chan struct{})
	go func() {
		for i := range works {
			if i == 3 {
				close(started)
			}
			if err := p.work(t.Context(), i); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	<-started
	n.create(n.deploy("run", "1.0.1"))
	cr := n.finish("run")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantSucceeded(t, cr)
	log, err := n.Repository.Log(t.Context(), localcluster.Branch)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := 0, 0
	for _, commit := range log {
		switch {
		case strings.Contains(commit.Message, "Tekton-CustomRun-UID: "+string(cr.UID)):
			ours++
		case strings.HasPrefix(commit.Message, "Work "):
			theirs++
		}
	}
	if ours != 1 || theirs != works || len(log) != works+2 {
		t.Errorf("%d commits of the run, %d of the person, %d in all; want 1, %d, %d", ours, theirs, len(log), works, works+2)
	}
	if merges, err := n.Repository.Git(t.Context(), "rev-list", "--merges", "main"); err != nil || merges != "" {
		t.Errorf("merges: %q, %v", merges, err)
	}
	for i := range works {
		file := fmt.Sprintf("work/%d.txt", i)
		if got, err := n.Repository.ReadFile(t.Context(), "main", file); err != nil || got != file {
			t.Errorf("%s is lost: %q, %v", file, got, err)
		}
	}
	overlay, err := n.Repository.ReadFile(t.Context(), "main", "overlays/dev/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wantSays(t, overlay, "newTag: 1.0.1  # moved by the pipeline")
	n.noLease()
}

// Somebody sets the same tag between the run's checks and its push: there is nothing left to commit.
func TestSomebodySetsTheSameTagMeanwhile(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.lease(lockName, "somebody", 0)
	n.create(n.locked("run", "1.0.1"))
	n.waitForMessage("run", `held by "somebody"`)
	theirs := n.setTag("dev", "1.0.0", "1.0.1")
	n.deleteLease(lockName)
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "false", "commit": theirs, "revision": theirs, "diff": ""})
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want only theirs", got)
	}
	n.noLease()
}

// The same after the run has planned its own commit: the plan is dropped with the race that it lost.
func TestSomebodySetsTheSameTagUnderAPlannedCommit(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	unblock := n.blockBranch()
	n.create(n.deploy("run", "1.0.1"))
	n.waitForMessage("run", "branch main has moved, editing again")
	unblock()
	theirs := n.setTagOrSee("1.0.1")
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1", got)
	}
	if result(cr, "commit") != n.tip() || (result(cr, "changed") == "true") == (theirs == n.tip()) {
		t.Errorf("commit is %s, changed is %s; the tip is %s, theirs is %q", result(cr, "commit"), result(cr, "changed"), n.tip(), theirs)
	}
	n.noLease()
}

// setTagOrSee sets the tag as another person would; empty when the run was faster.
func (n *tenant) setTagOrSee(tag string) string {
	n.t.Helper()
	file := "overlays/dev/kustomization.yaml"
	old, err := n.Repository.ReadFile(n.t.Context(), "main", file)
	if err != nil {
		n.t.Fatal(err)
	}
	changed := strings.Replace(old, serverImage+"\n  newTag: 1.0.0", serverImage+"\n  newTag: "+tag, 1)
	if changed == old {
		return ""
	}
	id, err := n.Repository.Commit(n.t.Context(), localcluster.Branch, "Somebody else's change", map[string]string{file: changed})
	if err != nil {
		return ""
	}
	return id
}

func TestHookOfTheGitServerRefuses(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	if err := n.Repository.Hook("pre-receive", `echo "POLICY-17: changes of overlays need a review" >&2; exit 1`); err != nil {
		t.Fatal(err)
	}
	n.create(n.deploy("run", "1.0.1"))
	cr := n.finish("run")
	n.wantFailed(cr, "PushRejected", "POLICY-17: changes of overlays need a review", "pre-receive hook declined", "branch main")
	wantResults(t, cr, map[string]string{"changed": "false", "commit": ""})
	if got := n.commits(); got != 0 {
		t.Errorf("%d commits", got)
	}
	if app := n.readApplication("dev"); app.Status.OperationState != nil {
		t.Errorf("the application was synced: %+v", app.Status.OperationState)
	}
	n.noLease()
}
