package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// Check asks for a pull request from the branch to itself, as the last step: Gitea refuses it without looking further, and a
// token that may only read is found out.
func (c *client) Check(ctx context.Context, base string) error {
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	repository, _, err := api.GetRepo(c.owner, c.name)
	if err != nil {
		return c.failure("look at the repository", err)
	}
	switch {
	case c.token == "":
		return fmt.Errorf("look at the repository: %w: a token is needed", pullrequest.ErrUnauthorized)
	case repository.Archived:
		return fmt.Errorf("look at the repository: %w: it is archived", pullrequest.ErrForbidden)
	case !repository.HasPullRequests:
		return fmt.Errorf("look at the repository: %w: its pull requests are switched off", pullrequest.ErrUnsupported)
	case repository.Permissions == nil || !repository.Permissions.Push:
		return fmt.Errorf("look at the repository: %w: the account may not write to it", pullrequest.ErrForbidden)
	}
	if err := c.findBranch(api, base, pullrequest.ErrBaseNotFound); err != nil {
		return err
	}
	_, _, err = api.CreatePullRequest(c.owner, c.name, sdk.CreatePullRequestOption{Title: "Check", Base: base, Head: base})
	if s := status(err); s == http.StatusUnauthorized || s == http.StatusForbidden {
		return c.failure("ask for the right to make pull requests", err)
	}
	return nil
}

// findBranch fails with missing when the repository is there and the branch is not.
func (c *client) findBranch(api *sdk.Client, branch string, missing error) error {
	_, _, err := api.GetRepoBranch(c.owner, c.name, branch)
	switch {
	case err == nil:
		return nil
	case status(err) != http.StatusNotFound:
		return c.failure("look at branch "+branch, err)
	}
	if _, _, err := api.GetRepo(c.owner, c.name); err != nil {
		return c.failure("look at the repository", err)
	}
	return fmt.Errorf("look at branch %s: %w", branch, missing)
}

func (c *client) Get(ctx context.Context, number int) (pullrequest.PullRequest, error) {
	api, err := c.sdk(ctx)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	found, err := c.get(api, number)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	shown := convert(found)
	if shown.State == pullrequest.Open && !shown.Draft {
		shown.AutoMerge, err = c.scheduled(ctx, number)
	}
	return shown, err
}

// What the history calls it when a merge is asked for and taken back (models/issues/comment.go).
const (
	askedToMerge   = "pull_scheduled_merge"
	toldNotToMerge = "pull_cancel_scheduled_merge"
)

// scheduled reads the history, which has its oldest events first. A token without the scope for that sees nothing. It is
// not the SDK's, which takes the label of an event for a list and fails on a pull request that was given one.
func (c *client) scheduled(ctx context.Context, number int) (on bool, err error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for page := 1; page <= maxPages; page++ {
		var events []struct {
			Type string `json:"type"`
		}
		_, err := c.read(ctx, fmt.Sprintf("look at the history of pull request %d", number), fmt.Sprintf("/issues/%d/timeline", number), query, page, &events)
		if errors.Is(err, pullrequest.ErrForbidden) || errors.Is(err, pullrequest.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for _, e := range events {
			if e.Type == askedToMerge || e.Type == toldNotToMerge {
				on = e.Type == askedToMerge
			}
		}
		if len(events) < pageSize {
			break
		}
	}
	return on, nil
}

func (c *client) get(api *sdk.Client, number int) (*sdk.PullRequest, error) {
	found, _, err := api.GetPullRequest(c.owner, c.name, int64(number))
	if err == nil && int(found.Index) != number {
		err = errNotJSON
	}
	if err != nil {
		return nil, c.failure(fmt.Sprintf("look at pull request %d", number), err)
	}
	return found, nil
}

// draftPrefixes are those that Gitea knows by default, in upper case (repository.pull-request, WORK_IN_PROGRESS_PREFIXES).
// The first is what is written.
var draftPrefixes = [...]string{"WIP:", "[WIP]"}

func draftTitle(title string) string { return draftPrefixes[0] + " " + title }

func convert(p *sdk.PullRequest) pullrequest.PullRequest {
	out := pullrequest.PullRequest{
		Number: int(p.Index), URL: p.HTMLURL, State: pullrequest.Open,
		Draft: p.Draft, Title: p.Title, Body: p.Body,
		Updated: at(p.Updated),
	}
	if p.Base != nil {
		out.Base = p.Base.Ref
	}
	if p.Head != nil {
		// The ref of a deleted branch is another one; its label stays.
		out.Branch, out.Head = p.Head.Name, p.Head.Sha
		if out.Branch == "" {
			out.Branch = p.Head.Ref
		}
		out.FromFork = p.Base != nil && p.Head.RepoID != p.Base.RepoID
	}
	for _, prefix := range draftPrefixes {
		if p.Draft && len(p.Title) >= len(prefix) && strings.EqualFold(p.Title[:len(prefix)], prefix) {
			out.Title = strings.TrimSpace(p.Title[len(prefix):])
			break
		}
	}
	switch {
	case p.HasMerged:
		out.State = pullrequest.Merged
		if p.MergedCommitID != nil {
			out.MergeCommit = *p.MergedCommitID
		}
	case p.State == sdk.StateClosed:
		out.State = pullrequest.Closed
	case !p.Mergeable && !p.Draft:
		// Gitea shows both in the same way.
		out.Blocked = "it has conflicts with " + out.Base + ", or is still being checked for them"
	}
	return out
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
