package customrun

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"knative.dev/pkg/logging"
)

const (
	// maxReplans is how often the branch may move under a planned commit before the run gives up. With the jittered
	// pause, that is over a minute of losing every race.
	maxReplans = 100
	// replanPause is the longest pause before planning again on a branch that moved.
	replanPause = time.Second
	// editTimeout bounds reading the branch and editing.
	editTimeout = 2 * time.Minute
)

// publishing puts the wanted image onto the branch: it plans a commit, stores it, and pushes what was stored. One
// reconcile plans, the next one pushes.
func (r *Reconciler) publishing(ctx context.Context, run *run) (move, error) {
	switch {
	case run.data.Request.Restart:
		return next(Syncing, "nothing to publish, restarting the workloads of "+appNames(run.data.Apps)), nil
	case run.data.Request.VerifyOnly():
		return next(Verifying, "nothing to publish, verifying "+appNames(run.data.Apps)), nil
	}
	if run.cp.Lock != "" {
		held, err := r.mutex().Holds(ctx, run.cp.Lock, holderOf(run))
		if err != nil {
			return move{}, err
		}
		if !held {
			// Somebody deleted the Lease. Nothing has been pushed that is not recognised later, so queue again.
			return next(Locking, enteringQueue(run.cp.Lock)), nil
		}
	}
	if run.data.Request.PullRequest != nil {
		return r.branching(ctx, run)
	}
	if run.data.Publish.Commit == "" {
		return r.plan(ctx, run)
	}
	return r.push(ctx, run)
}

// plan edits the manifest on the tip of the branch. No difference means that the branch has the wanted image already.
func (r *Reconciler) plan(ctx context.Context, run *run) (move, error) {
	edited, done, err := call(r.background, run, callEdit, editTimeout, func(ctx context.Context) (edited, error) {
		return r.editTip(ctx, run.copy())
	})
	if !done {
		return stay(currentMessage(run), callBackstop), nil
	}
	run.secrets = append(run.secrets, edited.secrets...)
	if err != nil {
		return move{}, err
	}
	if run.cp.Phase == Reverting {
		run.data.Revert.Targets = edited.Targets
	} else {
		run.noteEdit(edited)
	}
	if !edited.Changed() {
		edited.repository.Close()
		return r.nothingToPush(run, edited), nil
	}
	commit, err := r.planCommit(ctx, run, edited)
	if err != nil {
		edited.repository.Close()
		return move{}, err
	}
	run.data.Publish.Commit, run.data.Publish.Parent, run.data.Publish.Encoded = commit.ID, commit.Parent, commit.Encoded
	if run.cp.Phase == Publishing {
		run.data.Publish.Diff = edited.Diff
	}
	r.plans.put(run.UID, &plan{repository: edited.repository, snapshot: edited.snapshot, files: edited.Files, commit: commit})
	return again("pushing commit " + short(commit.ID) + " to " + run.data.Request.Git.Branch), nil
}

// planCommit makes the commit of an edit, without sending anything.
func (r *Reconciler) planCommit(ctx context.Context, run *run, e edited) (gitrepo.Commit, error) {
	signer, err := r.signer(ctx, run)
	if err != nil {
		return gitrepo.Commit{}, err
	}
	author := run.data.Request.Git.Author
	person := gitrepo.Person{Name: author.Name, Email: author.Email}
	return e.snapshot.Plan(ctx, e.Files, gitrepo.Message{
		Author: person, Committer: person, When: r.clock.Now(), Text: commitText(run), Signer: signer,
	})
}

// nothingToPush goes on with a branch that has what is wanted. The commit that counts is its tip, unless this run has made
// one already and not taken it back.
func (r *Reconciler) nothingToPush(run *run, e edited) move {
	if run.cp.Phase == Reverting {
		return r.nothingToRevert(run)
	}
	if o := &run.data.Outcome; !o.Changed || o.Reverted {
		o.Commit, o.CommitURL, o.Reverted = e.tip, gitrepo.CommitURL(run.data.Request.Git.URL, e.tip), false
	}
	return r.published(run, "the branch has it already")
}

// push sends the stored commit as a compare-and-swap. After anything but a plain success the branch is read: a commit
// that arrived is recognised, a branch that moved is planned upon again.
func (r *Reconciler) push(ctx context.Context, run *run) (move, error) {
	p := r.plans.get(run.UID, run.data.Publish.Commit)
	if p == nil || p.pushed {
		m, fresh, err := r.observeBranch(ctx, run)
		if err != nil || fresh == nil {
			return m, err
		}
		p = fresh
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	p.pushed = true
	failpoint.Here(failpoint.PushBefore)
	err := p.repository.Push(ctx, p.snapshot, p.commit, p.files)
	failpoint.Here(failpoint.PushAfter)
	switch {
	case err == nil:
		return r.pushed(run), nil
	case errors.Is(err, gitrepo.ErrMoved):
		logging.FromContext(ctx).Debugw("the branch has moved", logkey.Commit, p.commit.ID, logkey.Error, errorText(run, err))
		return r.replan(run)
	}
	if tip, tipErr := p.repository.Tip(ctx); tipErr == nil && tip == p.commit.ID {
		return r.pushed(run), nil
	}
	return move{}, fmt.Errorf("push commit %s to branch %s: %w", short(p.commit.ID), run.data.Request.Git.Branch, err)
}

// observeBranch looks where the branch is, for a commit of which this process does not know whether it was pushed. It
// gives either the move that follows or, when the commit is still to be pushed, the plan for it.
func (r *Reconciler) observeBranch(ctx context.Context, run *run) (m move, p *plan, err error) {
	r.plans.forget(run.UID)
	repository, err := r.openGit(ctx, run)
	if err != nil {
		return move{}, nil, err
	}
	defer func() {
		if p == nil {
			repository.Close()
		}
	}()
	tip, err := repository.Tip(ctx)
	if err != nil {
		return move{}, nil, err
	}
	planned := run.data.Publish
	if tip == planned.Commit {
		return r.pushed(run), nil, nil
	}
	if tip != planned.Parent {
		answer, err := repository.Contains(ctx, tip, planned.Commit)
		if err != nil {
			return move{}, nil, err
		}
		switch answer {
		case gitrepo.Yes:
			return r.pushed(run), nil, nil
		case gitrepo.Unknown:
			return stay(fmt.Sprintf("cannot tell whether branch %s contains commit %s: its history is too long to read", run.data.Request.Git.Branch, short(planned.Commit)), replanPause), nil, nil
		}
		m, err = r.replan(run)
		return m, nil, err
	}
	p, err = r.planAgain(ctx, run, repository)
	return move{}, p, err
}

// planAgain makes the plan of the stored commit anew: the same edit on what it was made on.
func (r *Reconciler) planAgain(ctx context.Context, run *run, repository *gitrepo.Repository) (*plan, error) {
	planned := run.data.Publish
	edited, err := r.edit(ctx, run, repository, planned.Parent)
	if err != nil {
		return nil, err
	}
	commit, err := gitrepo.ParseCommit(planned.Encoded)
	if err != nil {
		return nil, err
	}
	p := &plan{repository: repository, snapshot: edited.snapshot, files: edited.Files, commit: commit}
	r.plans.put(run.UID, p)
	return p, nil
}

// lastLook bounds lookForPush: a run that was cancelled is to end soon.
const lastLook = 10 * time.Second

// lookForPush looks whether the planned commit of a run that is being interrupted is on the branch: a push under way
// cannot be called back, and the results have to tell of it. What cannot be found out keeps no run from ending.
func (r *Reconciler) lookForPush(ctx context.Context, run *run) {
	if run.data.Publish.Commit == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastLook)
	defer cancel()
	observe := r.observeBranch
	if run.data.Request.PullRequest != nil {
		observe = r.observeOwnBranch
	}
	if _, _, err := observe(ctx, run); err != nil {
		logging.FromContext(ctx).Infow("cannot tell whether the commit was pushed", logkey.Commit, run.data.Publish.Commit, logkey.Error, errorText(run, err))
	}
}

// replan drops the planned commit, which was not pushed and never will be, and plans again after a jittered pause.
func (r *Reconciler) replan(run *run) (move, error) {
	r.plans.forget(run.UID)
	run.tally.conflicts++
	replans := run.data.Publish.Replans + 1
	if replans > maxReplans {
		return fail(v1alpha1.ReasonPushConflict, fmt.Sprintf("branch %s has moved under %d planned commits in a row; try again when it is quieter", run.data.Request.Git.Branch, replans)), nil
	}
	run.data.Publish = publishState{Replans: replans}
	pause := min(replanPause, 10*time.Millisecond<<min(replans, 7))
	return stay("branch "+run.data.Request.Git.Branch+" has moved, editing again", rand.N(pause)+time.Millisecond), nil //nolint:gosec // jitter, not a secret
}

// pushed notes that the planned commit is on the branch.
func (r *Reconciler) pushed(run *run) move {
	r.plans.forget(run.UID)
	planned := run.data.Publish
	run.data.Publish = publishState{}
	// What the commit was made on does not contain it: one question less for the repository.
	r.memories.of(run.UID, r.clock.Now()).contains = map[string]argocd.Answer{planned.Parent: argocd.No}
	if run.cp.Phase == Reverting {
		return r.revertPushed(run, planned)
	}
	run.tally.pushes++
	o := &run.data.Outcome
	o.Changed, o.Reverted = true, false
	o.Commit = planned.Commit
	o.CommitURL = gitrepo.CommitURL(run.data.Request.Git.URL, o.Commit)
	o.Diff = planned.Diff
	run.data.Revert = revertState{Parent: planned.Parent}
	return r.published(run, "pushed commit "+short(o.Commit))
}

// published leads to what follows the push.
func (r *Reconciler) published(run *run, message string) move {
	if !run.wantsDeployed() {
		return succeed(message)
	}
	return next(Syncing, message+", waiting for "+appNames(run.data.Apps))
}

// short is the abbreviated form of a commit id for messages.
func short(commit string) string {
	if len(commit) <= 10 {
		return commit
	}
	return commit[:10]
}
