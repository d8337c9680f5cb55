package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// The mutations of https://docs.github.com/en/graphql/reference/mutations; the REST API has none of them.
const (
	enableMutation = `mutation($id: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method, expectedHeadOid: $head}) { clientMutationId }
}`
	disableMutation = `mutation($id: ID!) {
  disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId }
}`
	enqueueMutation = `mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) { clientMutationId }
}`
)

// EnableAutoMerge: where the base branch has a merge queue, GitHub puts the pull request into it once the branch's rules are
// met, and the queue's own method is used. Where nothing that is required is missing, GitHub refuses auto-merge, and this
// merges at once, or queues.
func (c *client) EnableAutoMerge(ctx context.Context, pr pullrequest.PullRequest, method pullrequest.Method) error {
	doing := fmt.Sprintf("enable auto-merge of pull request %d", pr.Number)
	now, err := c.Get(ctx, pr.Number)
	if err != nil {
		return err
	}
	if done, err := enabled(now, pr.Head); done || err != nil {
		return c.failIf(doing, err)
	}
	err = c.mutate(ctx, enableMutation, map[string]string{"id": now.ID, "method": strings.ToUpper(string(method)), "head": pr.Head})
	var refused *graphqlError
	if !errors.As(err, &refused) {
		return c.failIf(doing, err)
	}
	switch {
	case queued(refused.Message):
		return nil
	case mergeable(refused.Message):
		return c.failIf(doing, c.mergeNow(ctx, now, pr.Head, method))
	}
	// GitHub has no fixed words for a head that moved between the two requests.
	if after, err := c.Get(ctx, pr.Number); err == nil && after.Head != pr.Head {
		return c.fail(doing, headMoved(after.Head))
	}
	return c.fail(doing, err)
}

// enabled tells whether there is nothing more to do.
func enabled(now pullrequest.PullRequest, head string) (bool, error) {
	switch {
	case now.Head != head:
		return false, headMoved(now.Head)
	case now.State == pullrequest.Closed:
		return false, fmt.Errorf("%w: it is closed", pullrequest.ErrRejected)
	}
	return now.State == pullrequest.Merged || now.AutoMerge, nil
}

func headMoved(head string) error {
	return fmt.Errorf("%w: its branch is at %s", pullrequest.ErrHeadMoved, head)
}

// mergeNow names the commit as well, so that GitHub compares it when it merges.
func (c *client) mergeNow(ctx context.Context, pr pullrequest.PullRequest, head string, method pullrequest.Method) error {
	_, _, err := c.api.PullRequests.Merge(ctx, c.server.Owner, c.server.Name, pr.Number, "",
		&gh.PullRequestOptions{SHA: head, MergeMethod: string(method)})
	var answer *gh.ErrorResponse
	if !errors.As(err, &answer) || answer.Response == nil {
		return err
	}
	said := wordsOf(answer)
	switch {
	case queued(said):
		return nil
	case queueOnly(said):
		return c.enqueue(ctx, pr.ID, head)
	case answer.Response.StatusCode == http.StatusConflict && !passing(said):
		return fmt.Errorf("%w: %s", pullrequest.ErrHeadMoved, said)
	}
	return err
}

func (c *client) enqueue(ctx context.Context, id, head string) error {
	err := c.mutate(ctx, enqueueMutation, map[string]string{"id": id, "head": head})
	var refused *graphqlError
	if errors.As(err, &refused) && queued(refused.Message) {
		return nil
	}
	return err
}

// DisableAutoMerge looks first: GitHub refuses to disable what is not enabled.
func (c *client) DisableAutoMerge(ctx context.Context, pr pullrequest.PullRequest) error {
	now, err := c.Get(ctx, pr.Number)
	if err != nil {
		return err
	}
	if now.State != pullrequest.Open || !now.AutoMerge {
		return nil
	}
	err = c.mutate(ctx, disableMutation, map[string]string{"id": now.ID})
	var refused *graphqlError
	if errors.As(err, &refused) && notEnabled(refused.Message) {
		return nil
	}
	return c.failIf(fmt.Sprintf("disable auto-merge of pull request %d", pr.Number), err)
}

// mutate posts a mutation. GraphQL reports most failures in an answer with status 200.
func (c *client) mutate(ctx context.Context, mutation string, variables map[string]string) error {
	req, err := c.api.NewRequest(http.MethodPost, c.graphql, struct {
		Query     string            `json:"query"`
		Variables map[string]string `json:"variables"`
	}{mutation, variables})
	if err != nil {
		return err
	}
	var answer struct {
		Errors []*graphqlError `json:"errors"`
	}
	res, err := c.api.Do(ctx, req, &answer) //nolint:bodyclose // Do closes it
	if err != nil {
		return err
	}
	if len(answer.Errors) == 0 {
		return nil
	}
	answer.Errors[0].header = res.Header
	return answer.Errors[0]
}
