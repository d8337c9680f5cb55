// Package conformance is the suite that every provider of pull requests passes, whatever its host.
//
// It holds the client of a provider to what pkg/pullrequest promises, on a host that really has the repository: git decides
// what a merge commit is, not the host's answer. It promises that each test has a repository of its own, so that tests run
// side by side; and that what a host cannot do is said by the host's own file, with the reason, and printed.
//
// It does not check what only one host has (GitHub's merge queue, limits, Apps), nor what needs no host (addresses,
// certificates): that is in the tests of the provider, and in the host's own file here.
package conformance

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const base = "main"

// world is one repository, and a client for it.
type world struct {
	Host
	Repository
	pullrequest.Client
	git *clone
}

// check is one promise.
type check struct {
	name  string
	holds func(context.Context, *testing.T, *world)
	needs []Capability
}

// Run checks every promise of a Client in a subtest of its own.
func Run(t *testing.T, h Host) {
	for _, list := range [][]check{access(), life(), words(), merges(), autoMerges(), polls()} {
		for _, c := range list {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for _, need := range c.needs {
					if reason, missing := h.Lacks[need]; missing {
						t.Skipf("%s has no %s: %s", h.Provider.Name, need, reason)
					}
				}
				c.holds(t.Context(), t, h.world(t))
			})
		}
	}
}

func (h Host) world(t *testing.T) *world {
	t.Helper()
	r := h.NewRepository(t)
	return &world{Host: h, Repository: r, Client: h.open(t, r.Server()), git: newClone(t, r)}
}

func (h Host) open(t *testing.T, s pullrequest.Server) pullrequest.Client {
	t.Helper()
	c, err := h.Provider.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// propose pushes a branch with one change and makes a pull request of it.
func (w *world) propose(ctx context.Context, t *testing.T, branch string) pullrequest.PullRequest {
	t.Helper()
	w.git.push(t, branch, map[string]string{branch + ".txt": "proposed"})
	return w.create(ctx, t, pullrequest.New{Title: "Deploy " + branch, Body: "by a test", Branch: branch, Base: base})
}

func (w *world) create(ctx context.Context, t *testing.T, n pullrequest.New) pullrequest.PullRequest {
	t.Helper()
	pr, err := w.Create(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

func (w *world) get(ctx context.Context, t *testing.T, number int) pullrequest.PullRequest {
	t.Helper()
	pr, err := w.Get(ctx, number)
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

// becomes waits until the pull request is as wanted, and returns it.
func (w *world) becomes(ctx context.Context, t *testing.T, number int, what string, wanted func(pullrequest.PullRequest) bool,
) pullrequest.PullRequest {
	t.Helper()
	var pr pullrequest.PullRequest
	w.eventually(ctx, t, what, func() (bool, error) {
		var err error
		pr, err = w.Get(ctx, number)
		return err == nil && wanted(pr), err
	})
	return pr
}

// in is for becomes.
func in(state pullrequest.State) func(pullrequest.PullRequest) bool {
	return func(pr pullrequest.PullRequest) bool { return pr.State == state }
}

func noDiff(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func numbers(prs []pullrequest.PullRequest) []int {
	list := []int{}
	for _, pr := range prs {
		list = append(list, pr.Number)
	}
	return list
}
