package customrun

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/update"
)

// revertBound is how long a run tries to bring back what was there before. It holds the lock meanwhile.
const revertBound = 10 * time.Minute

// goesBack tells whether a run that has just got its verdict takes its commit back first. It does not after a
// cancellation or the run's timeout: whoever ended the run wants it to end.
func (r *Reconciler) goesBack(run *run) bool {
	v := run.cp.Verdict
	switch {
	case run.data.Request == nil || !run.data.Request.Revert || v.succeeded():
		return false
	case v.Reason == v1alpha1.ReasonCancelled || v.Reason == v1alpha1.ReasonTimedOut:
		return false
	}
	return (run.cp.Phase == Syncing || run.cp.Phase == Verifying) && run.data.Revert.Parent != "" && run.data.Revert.Commit == ""
}

// reverting takes back the run's commit, value by value and only where it still stands, syncs that, and waits until the
// previous image runs. The verdict stands already; nothing that happens here changes its reason.
func (r *Reconciler) reverting(ctx context.Context, run *run) (move, error) {
	if r.clock.Since(run.data.since()) >= revertBound {
		r.lookForPush(ctx, run)
		return r.notReverted(run, fmt.Sprintf("it did not end within %s: %s", revertBound, currentMessage(run))), nil
	}
	if run.data.Revert.Commit == "" {
		held, err := r.mutex().Holds(ctx, run.cp.Lock, holderOf(run))
		if err != nil {
			return move{}, err
		}
		if r.lostLock(ctx, run, held) {
			return r.notReverted(run, "lock "+run.cp.Lock+" was taken from this run"), nil
		}
	}
	m, err := r.revertStep(ctx, run)
	reason, final := finalReason(err)
	switch {
	case final:
		return r.notReverted(run, string(reason)+": "+err.Error()), nil
	case m.kind == moveVerdict:
		return r.notReverted(run, string(m.verdict.Reason)+": "+m.verdict.Message), nil
	case m.kind == moveNext:
		return r.reverted(run, m.message), nil
	}
	return m, err
}

// lostLock tells whether the lock was taken before the way back is in git. After that, git and Argo CD protect what
// follows.
func (r *Reconciler) lostLock(ctx context.Context, run *run, held bool) bool {
	if held {
		return false
	}
	r.lookForPush(ctx, run)
	return run.data.Revert.Commit == ""
}

// revertStep makes one move on the way back. At its end, the move leads to Releasing.
func (r *Reconciler) revertStep(ctx context.Context, run *run) (move, error) {
	switch {
	case run.data.Revert.Commit == "" && run.data.Publish.Commit == "":
		return r.plan(ctx, run)
	case run.data.Revert.Commit == "":
		return r.push(ctx, run)
	}
	a, err := r.openArgo(ctx, run)
	if err != nil {
		return move{}, err
	}
	defer a.release()
	if !run.data.Revert.Synced {
		m, done, err := r.syncAll(ctx, run, a, revertBound)
		if err != nil || !done {
			return m, err
		}
		run.data.Revert.Synced = true
		return again("commit " + short(run.data.Revert.Commit) + " with the previous state is synced, waiting for the rollout"), nil
	}
	_, m, done, err := r.verifyAll(ctx, run, a, revertBound)
	if err != nil || !done {
		return m, err
	}
	return next(Releasing, "commit "+short(run.data.Revert.Commit)+" has put the previous state back, and it runs"), nil
}

// revertPushed notes that the commit which takes the run's own back is on the branch.
func (r *Reconciler) revertPushed(run *run, planned publishState) move {
	run.tally.reverts++
	run.data.Revert.Commit = planned.Commit
	run.data.Outcome.Reverted = true
	for i := range run.data.Apps {
		run.data.Apps[i].Revision = ""
		run.data.Apps[i].Sync = run.data.Apps[i].Sync.afterRetry()
	}
	// The pods that were failing are those of the run's commit.
	run.data.Verify = verifyState{}
	r.memories.of(run.UID, r.clock.Now()).apps = map[int]*appMemory{}
	return again("pushed commit " + short(planned.Commit) + " with the previous state, waiting for " + appNames(run.data.Apps))
}

// nothingToRevert ends the way back of a commit of which nothing stands any more, also for the attempts that follow.
func (r *Reconciler) nothingToRevert(run *run) move {
	run.data.Revert = revertState{}
	return next(Releasing, "nothing was put back: later commits have changed all of it")
}

// notReverted leads to releasing when the way back cannot be gone to its end.
func (r *Reconciler) notReverted(run *run, why string) move {
	if commit := run.data.Revert.Commit; commit != "" {
		return r.reverted(run, "commit "+short(commit)+" has put the previous state back in git, but it was not seen running: "+why)
	}
	return r.reverted(run, "the previous state was not put back: "+why)
}

// reverted leads to releasing, with what became of the way back added to the verdict.
func (r *Reconciler) reverted(run *run, message string) move {
	v := *run.cp.Verdict
	// Half of the room is for each.
	v.Message = bounded(v.Message, maxMessageBytes/2) + "; " + message
	return move{kind: moveVerdict, verdict: v}
}

// undo takes the run's commit back in the files of a snapshot. What the commit has changed is told by the edit on the
// commit before it.
func (r *Reconciler) undo(ctx context.Context, run *run, repository *gitrepo.Repository, now *gitrepo.Snapshot) (update.Change, error) {
	before, err := repository.Snapshot(ctx, run.data.Revert.Parent)
	if errors.Is(err, gitrepo.ErrMoved) {
		return update.Change{}, fmt.Errorf("%w: %w", errOldCommits, err)
	}
	if err != nil {
		return update.Change{}, err
	}
	return update.Undo(ctx, before, now, *run.data.Request, r.maxFileBytes())
}

// errOldCommits says that a git server cannot be asked for what the run's commit has changed.
var errOldCommits = errors.New("the git server gives out the tips of its branches only; set uploadpack.allowReachableSHA1InWant there")

// afterRetry keeps what the next attempt needs to take back a commit of an earlier one.
func (s revertState) afterRetry() revertState {
	if s.Commit != "" {
		return revertState{}
	}
	return s
}

// revertingMessage tells what is being taken back, and how the run will end.
func revertingMessage(run *run) string {
	return "putting back what commit " + short(run.data.Outcome.Commit) + " changed, after " + string(run.cp.Verdict.Reason) + ": " + run.cp.Verdict.Message
}
