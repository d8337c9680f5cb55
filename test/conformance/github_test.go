package conformance

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest/github"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
)

// githubHost is GitHub's client with the double.
type githubHost struct {
	double *githubdouble.Server
	count  atomic.Int64
}

func TestGitHub(t *testing.T) {
	h := &githubHost{double: githubdouble.New(t, githubdouble.Options{})}
	Run(t, Host{
		Provider:      github.Provider(),
		NewRepository: func(t *testing.T) Repository { return h.repository(t) },
		Reviewer:      githubdouble.Reviewer,
		Assignee:      githubdouble.Assignee,
		Team:          githubdouble.Owner + "/" + githubdouble.Team,
		// A test merge is made in the background.
		Patience: 10 * time.Second,
	})
}

func (h *githubHost) repository(t *testing.T) *githubRepository {
	t.Helper()
	r, err := h.double.AddRepository(fmt.Sprintf("app-%d", h.count.Add(1)))
	must(t, err)
	return &githubRepository{Repository: r, double: h.double}
}

type githubRepository struct {
	*githubdouble.Repository
	double *githubdouble.Server
}

func (r *githubRepository) Server() pullrequest.Server {
	scheme, host, _ := strings.Cut(r.double.URL(), "://")
	return pullrequest.Server{
		API:   github.Provider().API(scheme, host),
		Owner: githubdouble.Owner, Name: r.Name(), Auth: pullrequest.Auth{Token: githubdouble.Token}, CA: r.double.CA(), AllowHTTP: true,
	}
}

func (r *githubRepository) ReadOnly(*testing.T) pullrequest.Auth {
	return pullrequest.Auth{Token: githubdouble.ReadToken}
}

func (r *githubRepository) Git() Remote {
	return Remote{URL: r.URL(), Username: githubdouble.Person, Password: githubdouble.PersonToken}
}

func (r *githubRepository) Merge(t *testing.T, number int, method pullrequest.Method) {
	t.Helper()
	must(t, r.Repository.Merge(number, string(method)))
}

func (r *githubRepository) Close(t *testing.T, number int) {
	t.Helper()
	must(t, r.Repository.Close(number))
}

func (r *githubRepository) Reopen(t *testing.T, number int) {
	t.Helper()
	must(t, r.Repository.Reopen(number))
}

func (r *githubRepository) Look(_ *testing.T, number int) Details {
	p := r.PullRequests()[number-1]
	return Details{Labels: p.Labels, Reviewers: p.Reviewers, Teams: p.Teams, Assignees: p.Assignees, Comments: p.Comments}
}

func (r *githubRepository) AddLabel(_ *testing.T, name string) { r.Repository.AddLabel(name) }

func (r *githubRepository) RequireCheck(_ *testing.T, branch string) { r.RequireChecks(branch, "ci") }

func (r *githubRepository) PassCheck(t *testing.T, commit string) {
	t.Helper()
	must(t, r.PassChecks(commit))
}
