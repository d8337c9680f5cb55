package customrun

import (
	"context"
	"fmt"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// withdraws tells whether a run that ends still has to close its pull request: it was cancelled, and does not keep it. A
// run whose time is over leaves it open: people may still want to merge it.
func (run *run) withdraws() bool {
	v, req := run.cp.Verdict, run.data.Request
	if v == nil || v.Reason != v1alpha1.ReasonCancelled || req == nil || req.PullRequest == nil || req.PullRequest.KeepOnCancel {
		return false
	}
	state := run.data.PullRequest
	// Without a pushed commit there is none; state.Number may be missing although it is there.
	return !state.Withdrawn && state.Head != "" && state.State != pullrequest.Merged
}

// listedAfter is how long a pull request that was just created may be missing in the host's lists.
const listedAfter = 10 * time.Second

// withdraw closes the pull request of a cancelled run: first a comment that says why, then the end. One that somebody has
// pushed to, that another run has taken over, or that was there with the same commit before, is not the run's alone, and
// stays.
func (r *Reconciler) withdraw(ctx context.Context, run *run) (move, error) {
	state := &run.data.PullRequest
	h, err := r.openHost(ctx, run)
	if err != nil {
		return move{}, err
	}
	if state.Number == 0 {
		all, err := h.ByHead(ctx, run.data.Request.PullRequest.Branch, run.data.Request.Git.Branch)
		if err != nil {
			return move{}, err
		}
		for _, pr := range all {
			if m, ok := markerOf(pr.Body); ok && m.UID == string(run.UID) {
				state.note(pr)
			}
		}
	}
	withdrawn := again(releasingMessage(run))
	if state.Number == 0 {
		// It may have been created a moment ago, and not be listed yet.
		if left := listedAfter - r.clock.Since(run.data.Release.Since.Time); left > 0 {
			return stay(releasingMessage(run), min(left, createdPause)), nil
		}
		state.Withdrawn = true
		return withdrawn, nil
	}
	pr, err := h.Get(ctx, state.Number)
	if err != nil {
		return move{}, err
	}
	state.note(pr)
	owner, ok := markerOf(pr.Body)
	anothers := (ok && owner.UID != string(run.UID)) || (state.Adopted && !run.data.Outcome.Changed)
	if pr.State != pullrequest.Open || pr.Head != state.Head || anothers {
		state.Withdrawn = true
		return withdrawn, nil
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	if !state.Told || state.Closing != state.Number {
		failpoint.Here(failpoint.WithdrawTellBefore)
		err = h.Comment(ctx, state.Number, "tekton-gitops: cancelled "+string(run.UID), fmt.Sprintf("Closed, because CustomRun `%s/%s` was cancelled.", run.Namespace, run.Name))
		failpoint.Here(failpoint.WithdrawTellAfter)
		if err == nil {
			state.Closing, state.Told = state.Number, true
		}
		return withdrawn, err
	}
	failpoint.Here(failpoint.WithdrawBefore)
	err = h.Close(ctx, state.Number)
	failpoint.Here(failpoint.WithdrawAfter)
	if err == nil {
		state.Withdrawn, state.State = true, pullrequest.Closed
	}
	return withdrawn, err
}
