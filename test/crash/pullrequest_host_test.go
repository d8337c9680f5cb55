package crash

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
)

// label is what the pull requests of these tests are given.
const label = "deploy"

// promote is a run that proposes a tag for dev, and waits until that is deployed.
func promote(n *scenario.Tenant, name, tag string) *v1beta1.CustomRun {
	cr := propose(n, name, tag)
	cr.Spec.Params = append(cr.Spec.Params, scenario.Param("wait", "Deployed"), scenario.Param("argocd-application", n.App("dev")))
	return cr
}

// propose is a run that ends with its pull request.
func propose(n *scenario.Tenant, name, tag string) *v1beta1.CustomRun {
	labels := v1beta1.Param{Name: "labels", Value: v1beta1.ParamValue{Type: v1beta1.ParamTypeArray, ArrayVal: []string{label}}}
	cr := n.Deploy(name, "dev", tag, labels)
	cr.Spec.CustomRef.Kind = v1alpha1.KindGitOpsPR
	cr.Spec.Params = slices.DeleteFunc(cr.Spec.Params, func(p v1beta1.Param) bool { return p.Name == "argocd-application" })
	return cr
}

// waitsForMerge waits until a run waits for people.
func waitsForMerge(n *scenario.Tenant, run string) {
	n.WaitFor(run, "the wait for the merge", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(scenario.Message(cr), "waits to be merged")
	})
}

// gitHost is a tenant's repository on Gitea, looked at by a person.
type gitHost struct {
	*scenario.Tenant
	t *testing.T
}

func (h gitHost) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h gitHost) read(path string, into any) {
	h.t.Helper()
	h.must(h.Hosted.Call(h.t.Context(), h.Hosted.Person.Token, http.MethodGet, path, nil, into))
}

// pulls are all pull requests, the newest first.
func (h gitHost) pulls() []localcluster.GiteaPull {
	h.t.Helper()
	all, err := h.Hosted.Pulls(h.t.Context(), "all")
	h.must(err)
	return all
}

// newest is the newest pull request; its number is how many there are.
func (h gitHost) newest() localcluster.GiteaPull {
	h.t.Helper()
	all := h.pulls()
	if len(all) == 0 {
		h.t.Fatal("there is no pull request")
	}
	return all[0]
}

// wantComments checks what was said on a pull request.
func (h gitHost) wantComments(number int, want ...string) {
	h.t.Helper()
	said, err := h.Hosted.Comments(h.t.Context(), number)
	h.must(err)
	if len(said) != len(want) {
		h.t.Fatalf("pull request %d has the comments %q, want %q", number, said, want)
	}
	for i, words := range want {
		if !strings.Contains(said[i], words) {
			h.t.Errorf("comment %q does not say %q", said[i], words)
		}
	}
}

// mergeNewest merges it as a person does, and gives the commit that main has for it.
func (h gitHost) mergeNewest() string {
	h.t.Helper()
	commit, err := h.Hosted.Merge(h.t.Context(), h.Hosted.Person, h.newest().Number, "squash")
	h.must(err)
	return commit
}

// history are the commits of main, the newest first.
func (h gitHost) history() []localcluster.Commit {
	h.t.Helper()
	log, err := h.Hosted.Log(h.t.Context(), localcluster.Branch)
	h.must(err)
	return log
}

// pullState is what one run may have made of a git host: one of each, for whatever it died of.
type pullState struct {
	Number, Branches, Commits, RepositoryLabels int
	State, Labels                               string
}

// checkOnePull wants exactly one of everything for the run's pull request, the number-th of the repository. The branches of
// the ones before are gone. This one's goes too.
func (h gitHost) checkOnePull(number int, state string, comments ...string) {
	h.t.Helper()
	p := h.newest()
	var branches, commits, labels []struct{ Name string }
	h.read("/branches?limit=50", &branches)
	h.read(fmt.Sprintf("/pulls/%d/commits", p.Number), &commits)
	h.read("/labels", &labels)
	got := pullState{Number: p.Number, Branches: len(branches), Commits: len(commits), RepositoryLabels: len(labels), State: p.State}
	if p.Merged {
		got.State = "merged"
	}
	for _, l := range p.Labels {
		got.Labels += l.Name + " "
	}
	want := pullState{Number: number, Branches: 2, Commits: 1, RepositoryLabels: 1, State: state, Labels: label + " "}
	if d := cmp.Diff(want, got); d != "" {
		h.t.Errorf("the git host has (-want +got):\n%s", d)
	}
	h.wantComments(p.Number, comments...)
	h.must(h.Hosted.DeleteBranch(h.t.Context(), p.Head.Branch))
}

// wantResults compares results by name.
func wantResults(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("result %s is %q, want %q", name, got[name], value)
		}
	}
}
