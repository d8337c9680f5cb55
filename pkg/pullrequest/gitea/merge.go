package gitea

import (
	"context"
	"fmt"
	"net/http"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// EnableAutoMerge first merges, which Gitea pins to the commit. Where its rules are not met yet, it asks for the merge
// later, which Gitea does not pin, and takes that back when the branch moved meanwhile.
func (c *client) EnableAutoMerge(ctx context.Context, pr pullrequest.PullRequest, method pullrequest.Method) error {
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	m := merging{c, api, pr, fmt.Sprintf("have pull request %d merged", pr.Number)}
	if done, err := m.checked(ctx); done || err != nil {
		return err
	}
	if err := m.permitted(method); err != nil {
		return err
	}
	option := sdk.MergePullRequestOption{Style: sdk.MergeStyle(method), HeadCommitId: pr.Head}
	_, _, err = api.MergePullRequest(c.owner, c.name, int64(pr.Number), option)
	switch status(err) {
	case http.StatusMethodNotAllowed: // most often: not yet
		return m.later(option)
	case http.StatusConflict:
		if done, err := m.unmoved(); done || err != nil {
			return err
		}
	}
	if err != nil {
		return c.failure(m.doing, err)
	}
	return nil
}

type merging struct {
	*client
	api   *sdk.Client
	pr    pullrequest.PullRequest
	doing string
}

// checkPatience is how long Gitea may take to look for conflicts, which it does in the background after every push, before
// the caller is told to come again. With conflicts there is never another answer.
const (
	checkPatience = 5 * time.Second
	checkInterval = 200 * time.Millisecond
)

// checked is as unmoved, and waits until Gitea has looked for conflicts.
func (m merging) checked(ctx context.Context) (done bool, err error) {
	enough := time.NewTimer(checkPatience)
	defer enough.Stop()
	again := time.NewTicker(checkInterval)
	defer again.Stop()
	for {
		now, done, err := m.look()
		if done || err != nil || now.Mergeable {
			return done, err
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("%s: %w", m.doing, ctx.Err())
		case <-enough.C:
			return false, nil
		case <-again.C:
		}
	}
}

// unmoved is done when the pull request is merged, and fails when it cannot be, or is at another commit.
func (m merging) unmoved() (done bool, err error) {
	_, done, err = m.look()
	return done, err
}

func (m merging) look() (now *sdk.PullRequest, done bool, err error) {
	if now, err = m.get(m.api, m.pr.Number); err != nil {
		return nil, false, err
	}
	switch shown := convert(now); {
	case shown.State == pullrequest.Merged:
		done = true
	case shown.State == pullrequest.Closed:
		err = fmt.Errorf("%s: %w: it is closed", m.doing, pullrequest.ErrRejected)
	case shown.Head != m.pr.Head:
		err = fmt.Errorf("%s: %w", m.doing, pullrequest.ErrHeadMoved)
	case shown.Draft:
		err = fmt.Errorf("%s: %w: it is a draft", m.doing, pullrequest.ErrRejected)
	}
	return now, done, err
}

// permitted looks at the repository's settings: Gitea takes a request for later without, and then never merges.
func (m merging) permitted(method pullrequest.Method) error {
	repository, _, err := m.api.GetRepo(m.owner, m.name)
	if err != nil {
		return m.failure(m.doing, err)
	}
	permitted := map[pullrequest.Method]bool{
		pullrequest.Merge: repository.AllowMerge, pullrequest.Squash: repository.AllowSquash, pullrequest.Rebase: repository.AllowRebase,
	}
	if !permitted[method] {
		return fmt.Errorf("%s: %w: the repository's settings do not permit merging by %s", m.doing, pullrequest.ErrUnsupported, method)
	}
	return nil
}

func (m merging) later(option sdk.MergePullRequestOption) error {
	option.MergeWhenChecksSucceed = true
	_, _, err := m.api.MergePullRequest(m.owner, m.name, int64(m.pr.Number), option)
	switch status(err) {
	case http.StatusConflict: // asked for already
		err = nil
	case http.StatusMethodNotAllowed:
		return m.notAllowed(err)
	}
	if err != nil {
		return m.failure(m.doing, err)
	}
	if _, moved := m.unmoved(); moved != nil {
		if err := m.cancel(); err != nil {
			return err
		}
		return moved
	}
	return nil
}

// notAllowed explains an answer that means any of several things, by what else there is to see.
func (m merging) notAllowed(refused error) error {
	branch, _, err := m.api.GetRepoBranch(m.owner, m.name, m.pr.Base)
	if err != nil {
		return m.failure(m.doing, err)
	}
	if !branch.UserCanMerge {
		return fmt.Errorf("%s: %w: the account may not merge into %s", m.doing, pullrequest.ErrForbidden, m.pr.Base)
	}
	if done, err := m.unmoved(); done || err != nil {
		return err
	}
	// Transient: Gitea looks for conflicts in the background, and says the same meanwhile and after it found some.
	return fmt.Errorf("%s: it has conflicts with %s, or is still being checked for them (%w)", m.doing, m.pr.Base, said(refused))
}

func (c *client) DisableAutoMerge(ctx context.Context, pr pullrequest.PullRequest) error {
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	return merging{c, api, pr, fmt.Sprintf("keep pull request %d from being merged", pr.Number)}.cancel()
}

// cancel is content when there is nothing to take back.
func (m merging) cancel() error {
	_, err := m.api.CancelScheduledAutoMerge(m.owner, m.name, int64(m.pr.Number))
	if err != nil && status(err) != http.StatusNotFound {
		return m.failure(m.doing, err)
	}
	return nil
}
