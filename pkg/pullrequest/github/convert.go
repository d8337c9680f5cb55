package github

import (
	"fmt"

	gh "github.com/google/go-github/v60/github"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// convert is for both of GitHub's shapes: what a list has leaves out merged and mergeable_state.
func convert(pr *gh.PullRequest) pullrequest.PullRequest {
	p := pullrequest.PullRequest{
		Number:    pr.GetNumber(),
		ID:        pr.GetNodeID(),
		URL:       pr.GetHTMLURL(),
		State:     stateOf(pr),
		Draft:     pr.GetDraft(),
		Title:     pr.GetTitle(),
		Body:      pr.GetBody(),
		Branch:    pr.GetHead().GetRef(),
		Head:      pr.GetHead().GetSHA(),
		Base:      pr.GetBase().GetRef(),
		FromFork:  fromFork(pr),
		AutoMerge: pr.AutoMerge != nil,
		Updated:   pr.GetUpdatedAt().Time,
	}
	switch p.State {
	case pullrequest.Merged:
		// Before that it is a test merge, which no branch has.
		p.MergeCommit = pr.GetMergeCommitSHA()
	case pullrequest.Open:
		p.Blocked = blocked(pr.GetMergeableState(), p.Base)
	}
	return p
}

func stateOf(pr *gh.PullRequest) pullrequest.State {
	switch {
	case pr.GetMerged() || pr.MergedAt != nil:
		return pullrequest.Merged
	case pr.GetState() == "open":
		return pullrequest.Open
	}
	return pullrequest.Closed
}

// fromFork: a repository that is gone was another one.
func fromFork(pr *gh.PullRequest) bool {
	head, base := pr.GetHead().GetRepo(), pr.GetBase().GetRepo()
	return head == nil || head.GetID() != base.GetID()
}

// blocked knows the states of https://docs.github.com/en/graphql/reference/enums#mergestatestatus. In clean, unstable and
// has_hooks it can be merged; unknown means that GitHub is still finding out.
func blocked(state, base string) string {
	switch state {
	case "dirty":
		return fmt.Sprintf("it has conflicts with %s", base)
	case "blocked":
		return "required reviews or checks are missing"
	case "behind":
		return fmt.Sprintf("it is behind %s, and has to be updated", base)
	case "draft":
		return "it is a draft"
	}
	return ""
}
