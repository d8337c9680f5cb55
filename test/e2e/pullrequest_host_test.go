package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// pullRequestTask is the type of the task that proposes, for a pipeline's text.
const pullRequestTask = "apiVersion: " + v1alpha1.APIVersion + ", kind: " + v1alpha1.KindGitOpsPR

// waitsToBeMerged is what a run says while its pull request is open.
const waitsToBeMerged = "waits to be merged"

// newHosted makes a tenant whose repository is on Gitea.
func newHosted(t *testing.T) *tenant {
	t.Helper()
	return newTenant(t, testbed.TenantOptions{Hosted: true})
}

// hostedRepositories are those that tests have made on Gitea.
type hostedRepositories struct {
	mu  sync.Mutex
	all []*localcluster.GiteaRepository
}

func (h *hostedRepositories) add(r *localcluster.GiteaRepository) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, r)
}

// written is what their pull requests say, comments included, and the messages of their commits.
func (h *hostedRepositories) written(ctx context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all strings.Builder
	for _, r := range h.all {
		pulls, err := r.Pulls(ctx, "all")
		if err != nil {
			return "", err
		}
		for _, p := range pulls {
			comments, err := r.Comments(ctx, p.Number)
			if err != nil {
				return "", err
			}
			log, err := r.Log(ctx, p.Head.SHA)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&all, "%+v\n%q\n%+v\n", p, comments, log)
		}
	}
	return all.String(), nil
}

// proposal makes a run of a deployment one of a pull request.
func proposal(cr *v1beta1.CustomRun) *v1beta1.CustomRun {
	if cr.Spec.CustomSpec != nil {
		cr.Spec.CustomSpec.Kind = v1alpha1.KindGitOpsPR
	} else {
		cr.Spec.CustomRef.Kind = v1alpha1.KindGitOpsPR
	}
	return cr
}

// promote is a run by parameters alone that proposes a tag for the tenant's dev environment. It ends with the pull request.
func (n *tenant) promote(name, tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	return proposal(n.deploy(name, tag, append(extra, param("argocd-application", ""))...))
}

// promoted is one that waits until what it proposes is deployed.
func (n *tenant) promoted(name, tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	return proposal(n.deploy(name, tag, append(extra, param("wait", "Deployed"))...))
}

func (n *tenant) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// waits creates a run and waits until its pull request waits to be merged.
func (n *tenant) waits(cr *v1beta1.CustomRun) *v1beta1.CustomRun {
	n.t.Helper()
	n.create(cr)
	return n.waitForMessage(cr.Name, waitsToBeMerged)
}

// pulls are all pull requests of the tenant's repository, the newest first.
func (n *tenant) pulls() []localcluster.GiteaPull {
	n.t.Helper()
	all, err := n.Hosted.Pulls(n.t.Context(), "all")
	n.must(err)
	return all
}

func (n *tenant) pull(number int) localcluster.GiteaPull {
	n.t.Helper()
	p, err := n.Hosted.Pull(n.t.Context(), number)
	n.must(err)
	return p
}

// wantPull checks how many pull requests there are, and the state of one: open, closed or merged.
func (n *tenant) wantPull(number, of int, state string) localcluster.GiteaPull {
	n.t.Helper()
	if all := n.pulls(); len(all) != of {
		n.t.Fatalf("%d pull requests, want %d: %+v", len(all), of, all)
	}
	p := n.pull(number)
	got := p.State
	if p.Merged {
		got = "merged"
	}
	if got != state {
		n.t.Errorf("pull request %d is %s, want %s", number, got, state)
	}
	return p
}

// wantComment checks that a pull request has one comment, which says something.
func (n *tenant) wantComment(number int, words ...string) {
	n.t.Helper()
	comments, err := n.Hosted.Comments(n.t.Context(), number)
	n.must(err)
	if len(comments) != 1 {
		n.t.Fatalf("comments %q, want one", comments)
	}
	wantSays(n.t, comments[0], words...)
}

// mergePull merges as a person, and gives the commit that the base has for it.
func (n *tenant) mergePull(number int, method string) string {
	n.t.Helper()
	commit, err := n.Hosted.Merge(n.t.Context(), n.Hosted.Person, number, method)
	n.must(err)
	return commit
}

// edits puts somebody's commit onto a branch of the hosted repository.
func (n *tenant) edits(branch string) string {
	n.t.Helper()
	id, err := n.Hosted.Commit(n.t.Context(), branch, "Somebody else's change", map[string]string{"NOTES.md": branch})
	n.must(err)
	return id
}

// hostedTip is the newest commit of a branch of the hosted repository.
func (n *tenant) hostedTip(branch string) string {
	n.t.Helper()
	tip, err := n.Hosted.Tip(n.t.Context(), branch)
	n.must(err)
	return tip
}

// hostedCommits is how many commits a branch has that main began without.
func (n *tenant) hostedCommits(branch string) int {
	n.t.Helper()
	log, err := n.Hosted.Log(n.t.Context(), branch)
	n.must(err)
	return len(log) - 1
}

// branches are the names of the hosted repository's branches.
func (n *tenant) branches() []string {
	n.t.Helper()
	var found []struct{ Name string }
	n.must(n.Hosted.Call(n.t.Context(), n.Hosted.Person.Token, "GET", "/branches", nil, &found))
	var names []string
	for _, b := range found {
		names = append(names, b.Name)
	}
	return names
}
