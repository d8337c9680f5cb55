package github

import (
	"context"
	"fmt"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// Create gives maintainers no more rights than they have: the branch is one of this repository.
func (c *client) Create(ctx context.Context, n pullrequest.New) (pullrequest.PullRequest, error) {
	pr, _, err := c.api.PullRequests.Create(ctx, c.server.Owner, c.server.Name, &gh.NewPullRequest{
		Title: &n.Title, Body: &n.Body, Head: &n.Branch, Base: &n.Base, Draft: &n.Draft,
	})
	if err != nil {
		return pullrequest.PullRequest{}, c.fail(fmt.Sprintf("create a pull request of %s to %s", n.Branch, n.Base), err)
	}
	return convert(pr), nil
}

// Edit sets both at once.
func (c *client) Edit(ctx context.Context, number int, title, body string) error {
	_, _, err := c.api.PullRequests.Edit(ctx, c.server.Owner, c.server.Name, number, &gh.PullRequest{Title: &title, Body: &body})
	return c.failIf(fmt.Sprintf("edit pull request %d", number), err)
}

// Label leaves it to GitHub to create a label that is not there.
func (c *client) Label(ctx context.Context, number int, labels []string) error {
	if len(labels) == 0 {
		return nil
	}
	_, _, err := c.api.Issues.AddLabelsToIssue(ctx, c.server.Owner, c.server.Name, number, labels)
	return c.failIf(fmt.Sprintf("label pull request %d", number), err)
}

// RequestReview asks all or nobody: GitHub refuses the whole list when one of it cannot be asked.
func (c *client) RequestReview(ctx context.Context, number int, users, teams []string) error {
	if len(users)+len(teams) == 0 {
		return nil
	}
	wanted := gh.ReviewersRequest{Reviewers: users}
	for _, team := range teams {
		wanted.TeamReviewers = append(wanted.TeamReviewers, slug(team))
	}
	_, _, err := c.api.PullRequests.RequestReviewers(ctx, c.server.Owner, c.server.Name, number, wanted)
	return c.failIf(fmt.Sprintf("request reviews of pull request %d", number), err)
}

// slug is what the API calls a team: without its organisation, which can only be the repository's, and without blanks.
func slug(team string) string {
	if i := strings.LastIndex(team, "/"); i >= 0 {
		team = team[i+1:]
	}
	return strings.Join(strings.Fields(strings.ToLower(team)), "-")
}

// Assign looks at the answer: GitHub leaves out whom it cannot assign, and calls that a success.
func (c *client) Assign(ctx context.Context, number int, users []string) error {
	if len(users) == 0 {
		return nil
	}
	doing := fmt.Sprintf("assign pull request %d", number)
	issue, _, err := c.api.Issues.AddAssignees(ctx, c.server.Owner, c.server.Name, number, users)
	if err != nil {
		return c.fail(doing, err)
	}
	assigned := map[string]bool{}
	for _, user := range issue.Assignees {
		assigned[strings.ToLower(user.GetLogin())] = true
	}
	var left []string
	for _, user := range users {
		if !assigned[strings.ToLower(user)] {
			left = append(left, user)
		}
	}
	if len(left) > 0 {
		return c.fail(doing, fmt.Errorf("%w: %s cannot be assigned in this repository",
			pullrequest.ErrRejected, strings.Join(left, ", ")))
	}
	return nil
}

// Comment finds its own by a mark that people do not see. It looks at the first 1000 comments; beyond that it may write twice.
func (c *client) Comment(ctx context.Context, number int, key, text string) error {
	doing := fmt.Sprintf("comment on pull request %d", number)
	mark := "<!-- " + key + " -->"
	there, err := c.hasComment(ctx, number, mark)
	if err != nil {
		return c.fail(doing, err)
	}
	if there {
		return nil
	}
	body := text + "\n\n" + mark
	_, _, err = c.api.Issues.CreateComment(ctx, c.server.Owner, c.server.Name, number, &gh.IssueComment{Body: &body})
	return c.failIf(doing, err)
}

func (c *client) hasComment(ctx context.Context, number int, mark string) (bool, error) {
	o := &gh.IssueListCommentsOptions{ListOptions: gh.ListOptions{PerPage: perPage}}
	for page := 1; page <= maxPages; page++ {
		o.Page = page
		comments, res, err := c.api.Issues.ListComments(ctx, c.server.Owner, c.server.Name, number, o)
		if err != nil {
			return false, err
		}
		for _, comment := range comments {
			if strings.Contains(comment.GetBody(), mark) {
				return true, nil
			}
		}
		if res.NextPage == 0 {
			return false, nil
		}
	}
	return false, nil
}

// Close asks first: GitHub refuses to close what is merged.
func (c *client) Close(ctx context.Context, number int) error {
	pr, err := c.Get(ctx, number)
	if err != nil {
		return err
	}
	if pr.State != pullrequest.Open {
		return nil
	}
	closed := "closed"
	_, _, err = c.api.PullRequests.Edit(ctx, c.server.Owner, c.server.Name, number, &gh.PullRequest{State: &closed})
	return c.failIf(fmt.Sprintf("close pull request %d", number), err)
}
