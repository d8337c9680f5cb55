package conformance

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest/gitea"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// giteaHost is a real Gitea with its own accounts for these tests.
type giteaHost struct {
	gitea                    localcluster.Gitea
	bot, person              localcluster.GiteaUser
	readOnly                 string // a token of the bot
	organisation             string
	reviewer, assignee, team string
	count                    atomic.Int64
}

func TestGitea(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Gitea")
	}
	server, stop, err := localcluster.StartGitea(t.Context(), os.Stderr)
	must(t, err)
	t.Cleanup(func() { must(t, stop()) })
	h := newGiteaHost(t, server)
	Run(t, Host{
		Provider:      gitea.Provider(),
		NewRepository: func(t *testing.T) Repository { return h.repository(t) },
		Reviewer:      h.reviewer, Assignee: h.assignee, Team: h.organisation + "/" + h.team,
		Patience: 30 * time.Second,
	})
}

// newGiteaHost gives everything new names: the server may be one that runs already.
func newGiteaHost(t *testing.T, server localcluster.Gitea) *giteaHost {
	t.Helper()
	ctx, suffix := t.Context(), fmt.Sprintf("-%x", time.Now().UnixNano())
	h := &giteaHost{
		gitea: server, organisation: "acme" + suffix, team: "deployers",
		reviewer: "reviewer" + suffix, assignee: "assignee" + suffix,
	}
	var err error
	h.bot, err = server.CreateUser(ctx, "bot"+suffix)
	must(t, err)
	h.person, err = server.CreateUser(ctx, "person"+suffix)
	must(t, err)
	for _, name := range []string{h.reviewer, h.assignee} {
		_, err = server.CreateUser(ctx, name)
		must(t, err)
	}
	h.readOnly, err = server.CreateToken(ctx, h.bot, "read:repository", "read:issue")
	must(t, err)
	// What the documentation asks for, and no more.
	h.bot.Token, err = server.CreateToken(ctx, h.bot, "write:repository", "write:issue")
	must(t, err)
	must(t, server.CreateOrganisation(ctx, h.organisation))
	must(t, server.CreateTeam(ctx, h.organisation, h.team, h.bot.Name, h.person.Name, h.reviewer, h.assignee))
	return h
}

func (h *giteaHost) repository(t *testing.T) *giteaRepository {
	t.Helper()
	name := fmt.Sprintf("app-%d", h.count.Add(1))
	r, err := h.gitea.CreateRepository(t.Context(), h.organisation, name, map[string]string{"README.md": "sample\n"})
	must(t, err)
	return &giteaRepository{r, h}
}

type giteaRepository struct {
	*localcluster.GiteaRepository
	host *giteaHost
}

func (r *giteaRepository) Server() pullrequest.Server {
	return pullrequest.Server{
		API: r.host.gitea.API(), Owner: r.Owner, Name: r.Name, Auth: pullrequest.Auth{Token: r.host.bot.Token}, AllowHTTP: true,
	}
}

func (r *giteaRepository) ReadOnly(*testing.T) pullrequest.Auth {
	return pullrequest.Auth{Token: r.host.readOnly}
}

func (r *giteaRepository) Git() Remote {
	return Remote{URL: r.URL, Username: r.host.person.Name, Password: r.host.person.Token}
}

func (r *giteaRepository) Merge(t *testing.T, number int, method pullrequest.Method) {
	t.Helper()
	_, err := r.GiteaRepository.Merge(t.Context(), r.host.person, number, string(method))
	must(t, err)
}

func (r *giteaRepository) Close(t *testing.T, number int) {
	t.Helper()
	must(t, r.GiteaRepository.Close(t.Context(), number))
}

func (r *giteaRepository) Reopen(t *testing.T, number int) {
	t.Helper()
	must(t, r.GiteaRepository.Reopen(t.Context(), number))
}

func (r *giteaRepository) Look(t *testing.T, number int) Details {
	t.Helper()
	p, err := r.Pull(t.Context(), number)
	must(t, err)
	comments, err := r.Comments(t.Context(), number)
	must(t, err)
	d := Details{Comments: comments}
	for _, l := range p.Labels {
		d.Labels = append(d.Labels, l.Name)
	}
	for _, u := range p.Reviewers {
		d.Reviewers = append(d.Reviewers, u.Login)
	}
	for _, team := range p.Teams {
		d.Teams = append(d.Teams, team.Name)
	}
	for _, u := range p.Assignees {
		d.Assignees = append(d.Assignees, u.Login)
	}
	return d
}

func (r *giteaRepository) AddLabel(t *testing.T, name string) {
	t.Helper()
	must(t, r.GiteaRepository.AddLabel(t.Context(), name))
}

func (r *giteaRepository) RequireCheck(t *testing.T, branch string) {
	t.Helper()
	must(t, r.Protect(t.Context(), branch, localcluster.GiteaProtection{Checks: []string{"ci"}}))
}

func (r *giteaRepository) PassCheck(t *testing.T, commit string) {
	t.Helper()
	must(t, r.SetStatus(t.Context(), commit, "ci", "success"))
}
