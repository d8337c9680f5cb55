package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	perPage = 100
	// maxPages of lists: 1000 pull requests or comments.
	maxPages = 10
	// installationPrefix is of tokens that an App's installation got, those of GitHub Actions among them.
	installationPrefix = "ghs_"
)

type client struct {
	server  pullrequest.Server
	api     *gh.Client
	graphql string
	app     *installation // nil with a token
}

func open(s pullrequest.Server) (*client, error) {
	w, err := newWire(s)
	if err != nil {
		return nil, err
	}
	c := &client{server: s, graphql: graphqlOf(s.API)}
	var transport http.RoundTripper = w
	switch {
	case s.Auth.App != nil:
		if c.app, err = newInstallation(s, w); err != nil {
			return nil, err
		}
		transport = &signed{next: w, token: c.app.token}
	case s.Auth.Token != "":
		transport = &signed{next: w, token: func(context.Context) (string, error) { return s.Auth.Token, nil }}
	}
	c.api = gh.NewClient(&http.Client{Transport: transport, CheckRedirect: w.follow, Timeout: w.timeout})
	c.api.UserAgent = userAgent
	c.api.BaseURL = w.base.JoinPath("/")
	return c, nil
}

func (c *client) fail(doing string, err error) error { return fail(doing, c.server, err) }

func (c *client) failIf(doing string, err error) error {
	if err == nil {
		return nil
	}
	return c.fail(doing, err)
}

// repository has what go-github's does not: has_pull_requests.
type repository struct {
	Name            string          `json:"name"`
	Owner           gh.User         `json:"owner"`
	Archived        bool            `json:"archived"`
	HasPullRequests *bool           `json:"has_pull_requests"`
	Permissions     map[string]bool `json:"permissions"`
}

// Check looks at the repository and at the branch.
func (c *client) Check(ctx context.Context, base string) error {
	s := c.server
	doing := fmt.Sprintf("look at the repository %s/%s", s.Owner, s.Name)
	var r repository
	if err := c.get(ctx, "", &r); err != nil {
		err = c.fail(doing, err)
		if errors.Is(err, pullrequest.ErrNotFound) {
			return c.fail(doing, fmt.Errorf("%w: check the name, and that the token has access to it", pullrequest.ErrNotFound))
		}
		return err
	}
	if err := c.usable(r); err != nil {
		return c.fail(doing, err)
	}
	return c.checkBranch(ctx, base)
}

func (c *client) usable(r repository) error {
	switch {
	case !strings.EqualFold(r.Owner.GetLogin(), c.server.Owner):
		// GitHub finds branches by owner:branch, and does not forward an owner's old name there.
		return fmt.Errorf("%w: it is %s/%s now: use that address", pullrequest.ErrURL, r.Owner.GetLogin(), r.Name)
	case r.Archived:
		return fmt.Errorf("%w: it is archived", pullrequest.ErrUnsupported)
	case r.HasPullRequests != nil && !*r.HasPullRequests:
		return fmt.Errorf("%w: pull requests are disabled in its settings", pullrequest.ErrUnsupported)
	}
	if c.app != nil {
		if missing := c.app.missing(); missing != "" {
			return fmt.Errorf("%w: the GitHub App needs the permission %q", pullrequest.ErrForbidden, missing)
		}
		return nil
	}
	// GitHub shows an installation's token no rights at all, whatever it may do.
	push, known := r.Permissions["push"]
	if known && !push && !strings.HasPrefix(c.server.Auth.Token, installationPrefix) {
		return fmt.Errorf("%w: it may not push there; pull requests from forks are not supported", pullrequest.ErrForbidden)
	}
	return nil
}

// checkBranch does not accept the new branch that GitHub redirects to when one was renamed: pull requests would not.
func (c *client) checkBranch(ctx context.Context, base string) error {
	doing := fmt.Sprintf("look at the branch %s", base)
	if base == "" {
		return c.fail(doing, fmt.Errorf("%w: no name is given", pullrequest.ErrBaseNotFound))
	}
	var branch gh.Branch
	err := c.get(ctx, "/branches/"+url.PathEscape(base), &branch)
	if err == nil && branch.GetName() != base {
		return c.fail(doing, fmt.Errorf("%w: it is named %s now", pullrequest.ErrBaseNotFound, branch.GetName()))
	}
	if err == nil {
		return nil
	}
	if err = c.fail(doing, err); errors.Is(err, pullrequest.ErrNotFound) {
		return c.fail(doing, fmt.Errorf("%w: create it, or name another", pullrequest.ErrBaseNotFound))
	}
	return err
}

// get reads something below the repository's own path.
func (c *client) get(ctx context.Context, path string, into any) error {
	req, err := c.api.NewRequest(http.MethodGet, "repos/"+c.server.Owner+"/"+c.server.Name+path, nil)
	if err != nil {
		return err
	}
	_, err = c.api.Do(ctx, req, into) //nolint:bodyclose // Do closes it
	return err
}

// Get reads one.
func (c *client) Get(ctx context.Context, number int) (pullrequest.PullRequest, error) {
	pr, _, err := c.api.PullRequests.Get(ctx, c.server.Owner, c.server.Name, number)
	if err != nil {
		return pullrequest.PullRequest{}, c.fail(fmt.Sprintf("read pull request %d", number), err)
	}
	return convert(pr), nil
}

// ByHead filters again: GitHub ignores a head that it does not understand, and then gives all.
func (c *client) ByHead(ctx context.Context, branch, base string) ([]pullrequest.PullRequest, error) {
	found, err := c.list(ctx, 1, &gh.PullRequestListOptions{
		State: "all", Head: c.server.Owner + ":" + branch, Base: base, Sort: "created", Direction: "desc",
	})
	if err != nil {
		return nil, c.fail(fmt.Sprintf("look for pull requests of the branch %s", branch), err)
	}
	var ours []pullrequest.PullRequest
	for _, pr := range found {
		if pr.Branch == branch && pr.Base == base && !pr.FromFork {
			ours = append(ours, pr)
		}
	}
	return ours, nil
}

// ListOpen reads up to maxPages.
func (c *client) ListOpen(ctx context.Context, base string) ([]pullrequest.PullRequest, error) {
	found, err := c.list(ctx, maxPages, &gh.PullRequestListOptions{State: "open", Base: base, Sort: "created", Direction: "desc"})
	if err != nil {
		return nil, c.fail(fmt.Sprintf("list the open pull requests to %s", base), err)
	}
	return found, nil
}

// list reads pages. One that is made or closed meanwhile shifts those after it, so that some may come twice.
func (c *client) list(ctx context.Context, pages int, o *gh.PullRequestListOptions) ([]pullrequest.PullRequest, error) {
	var all []pullrequest.PullRequest
	seen := map[int]bool{}
	o.PerPage = perPage
	for page := 1; page <= pages; page++ {
		o.Page = page
		found, res, err := c.api.PullRequests.List(ctx, c.server.Owner, c.server.Name, o)
		if err != nil {
			return nil, err
		}
		for _, pr := range found {
			if !seen[pr.GetNumber()] {
				seen[pr.GetNumber()] = true
				all = append(all, convert(pr))
			}
		}
		if res.NextPage == 0 {
			break
		}
	}
	return all, nil
}
