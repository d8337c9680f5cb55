package gitea

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// Create compares the branches first: Gitea makes a pull request without any difference too.
func (c *client) Create(ctx context.Context, n pullrequest.New) (pullrequest.PullRequest, error) {
	api, err := c.sdk(ctx)
	if err != nil {
		return pullrequest.PullRequest{}, err
	}
	doing := fmt.Sprintf("make a pull request of %s", n.Branch)
	difference, _, err := api.CompareCommits(c.owner, c.name, n.Base, n.Branch)
	switch {
	case status(err) == http.StatusNotFound:
		return pullrequest.PullRequest{}, c.missingBranch(api, n)
	case err != nil:
		return pullrequest.PullRequest{}, c.failure(doing, err)
	case difference.TotalCommits == 0:
		return pullrequest.PullRequest{}, fmt.Errorf("%s: %w", doing, pullrequest.ErrNoDifference)
	}
	title := n.Title
	if n.Draft {
		title = draftTitle(title)
	}
	made, _, err := api.CreatePullRequest(c.owner, c.name, sdk.CreatePullRequestOption{
		Head: n.Branch, Base: n.Base, Title: title, Body: n.Body,
	})
	switch status(err) {
	case http.StatusConflict:
		return pullrequest.PullRequest{}, fmt.Errorf("%s: %w", doing, pullrequest.ErrExists)
	case http.StatusNotFound:
		return pullrequest.PullRequest{}, c.missingBranch(api, n)
	}
	if err != nil {
		return pullrequest.PullRequest{}, c.failure(doing, err)
	}
	shown := convert(made)
	shown.Blocked = "" // not known before Gitea has looked for conflicts
	return shown, nil
}

// missingBranch explains an answer that says no more than "not found".
func (c *client) missingBranch(api *sdk.Client, n pullrequest.New) error {
	if err := c.findBranch(api, n.Base, pullrequest.ErrBaseNotFound); err != nil {
		return err
	}
	if err := c.findBranch(api, n.Branch, pullrequest.ErrRejected); err != nil {
		return err
	}
	return fmt.Errorf("make a pull request of %s: a branch was not found, and is there now", n.Branch)
}

// Edit keeps a draft a draft.
func (c *client) Edit(ctx context.Context, number int, title, body string) error {
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	now, err := c.get(api, number)
	if err != nil {
		return err
	}
	if now.Draft {
		title = draftTitle(title)
	}
	_, _, err = api.EditPullRequest(c.owner, c.name, int64(number), sdk.EditPullRequestOption{Title: title, Body: &body})
	if err != nil {
		return c.failure(fmt.Sprintf("edit pull request %d", number), err)
	}
	return nil
}

func (c *client) Close(ctx context.Context, number int) error {
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	now, err := c.get(api, number)
	if err != nil || now.HasMerged || now.State == sdk.StateClosed {
		return err
	}
	closed := sdk.StateClosed
	_, _, err = api.EditPullRequest(c.owner, c.name, int64(number), sdk.EditPullRequestOption{State: &closed})
	if status(err) == http.StatusPreconditionFailed { // merged since
		return nil
	}
	if err != nil {
		return c.failure(fmt.Sprintf("close pull request %d", number), err)
	}
	return nil
}

// RequestReview takes a team of the repository's organisation, as NAME or ORGANISATION/NAME.
func (c *client) RequestReview(ctx context.Context, number int, users, teams []string) error {
	if len(users)+len(teams) == 0 {
		return nil
	}
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("ask for reviews of pull request %d", number)
	names := make([]string, 0, len(teams))
	for _, team := range teams {
		organisation, name, qualified := strings.Cut(team, "/")
		if !qualified {
			name = team
		} else if !strings.EqualFold(organisation, c.owner) {
			return fmt.Errorf("%s: %w: team %s is not one of %s", doing, pullrequest.ErrRejected, team, c.owner)
		}
		names = append(names, name)
	}
	_, err = api.CreateReviewRequests(c.owner, c.name, int64(number), sdk.PullReviewRequestOptions{Reviewers: users, TeamReviewers: names})
	if status(err) == http.StatusNotFound {
		// A person or team, unless the pull request itself is missing.
		if _, err := c.get(api, number); err != nil {
			return err
		}
		return fmt.Errorf("%s: %w (%w)", doing, pullrequest.ErrRejected, said(err))
	}
	if err != nil {
		return c.failure(doing, err)
	}
	if len(names) == 0 {
		return nil
	}
	now, err := c.get(api, number)
	if err == nil && len(now.RequestedReviewersTeams) == 0 && !now.HasMerged {
		// Passed over in silence where the owner is a person.
		err = fmt.Errorf("%s: %w: %s has no teams that can be asked", doing, pullrequest.ErrRejected, c.owner)
	}
	return err
}

// Assign writes the whole list, as there is no other way: two writers at the same time may undo each other.
func (c *client) Assign(ctx context.Context, number int, users []string) error {
	if len(users) == 0 {
		return nil
	}
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	now, err := c.get(api, number)
	if err != nil {
		return err
	}
	all := logins(now.Assignees)
	for _, user := range users {
		if !contains(all, user) {
			all = append(all, user)
		}
	}
	if len(all) == len(now.Assignees) {
		return nil
	}
	doing := fmt.Sprintf("assign pull request %d", number)
	after, _, err := api.EditPullRequest(c.owner, c.name, int64(number), sdk.EditPullRequestOption{Assignees: all})
	if err != nil {
		return c.failure(doing, err)
	}
	assigned := logins(after.Assignees)
	for _, user := range users {
		if !contains(assigned, user) {
			return fmt.Errorf("%s: %w: %s cannot be assigned in this repository, or not by this account", doing, pullrequest.ErrRejected, user)
		}
	}
	return nil
}

func logins(users []*sdk.User) []string {
	var names []string
	for _, u := range users {
		if u != nil {
			names = append(names, u.UserName)
		}
	}
	return names
}

// contains ignores case, as Gitea does in names.
func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// Comment puts the key into the text, where it is not shown.
func (c *client) Comment(ctx context.Context, number int, key, text string) error {
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("comment on pull request %d", number)
	mark := "<!-- tekton-gitops-comment: " + key + " -->"
	// Gitea gives all comments at once, whatever the page.
	comments, _, err := api.ListIssueComments(c.owner, c.name, int64(number), sdk.ListIssueCommentOptions{})
	if err != nil {
		return c.failure(doing, err)
	}
	for _, comment := range comments {
		if strings.Contains(comment.Body, mark) {
			return nil
		}
	}
	_, _, err = api.CreateIssueComment(c.owner, c.name, int64(number), sdk.CreateIssueCommentOption{Body: text + "\n\n" + mark})
	if err != nil {
		return c.failure(doing, err)
	}
	return nil
}
