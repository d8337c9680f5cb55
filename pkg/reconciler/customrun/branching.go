package customrun

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tekton-gitops/tekton-gitops/pkg/update"
	"knative.dev/pkg/logging"
)

// errForeignBranch: the pull request's branch is somebody else's. What people have pushed is never overwritten.
var errForeignBranch = errors.New("the branch is not ours")

// branched is the outcome of the edit for a pull request.
type branched struct {
	edited
	// old is the tip of the pull request's branch, empty when there is no such branch.
	old string
	// adopted is set when that tip is a commit of ours that has the wanted content already, and ours when this run made it.
	adopted, ours bool
}

// branching is the phase Publishing of a pull request: it plans a commit on the tip of the base, stores it, and pushes
// what was stored to a branch of its own.
func (r *Reconciler) branching(ctx context.Context, run *run) (move, error) {
	switch {
	case run.data.PullRequest.Number != 0:
		// An earlier attempt has opened it.
		return next(Opening, "looking at pull request #"+fmt.Sprint(run.data.PullRequest.Number)), nil
	case run.data.Publish.Commit == "":
		return r.planBranch(ctx, run)
	}
	return r.pushBranch(ctx, run)
}

// planBranch edits on the tip of the base. No difference means that the base has the wanted image already, and nothing is
// proposed.
func (r *Reconciler) planBranch(ctx context.Context, run *run) (move, error) {
	b, done, err := call(r.background, run, callEdit, editTimeout, func(ctx context.Context) (branched, error) {
		return r.editForBranch(ctx, run.copy())
	})
	if !done {
		return stay(currentMessage(run), callBackstop), nil
	}
	run.secrets = append(run.secrets, b.secrets...)
	if err != nil {
		return move{}, err
	}
	run.noteEdit(b.edited)
	if !b.Changed() {
		b.repository.Close()
		return r.nothingToPush(run, b.edited), nil
	}
	branch, o := run.data.Request.PullRequest.Branch, &run.data.Outcome
	o.Diff = b.Diff
	if b.adopted {
		b.repository.Close()
		o.Changed = o.Changed || b.ours
		return r.branchPublished(run, b.old, "branch "+branch+" has it already"), nil
	}
	commit, err := r.planCommit(ctx, run, b.edited)
	if err != nil {
		b.repository.Close()
		return move{}, err
	}
	run.data.Publish = publishState{Commit: commit.ID, Parent: commit.Parent, Encoded: commit.Encoded, Old: b.old, Replans: run.data.Publish.Replans}
	r.plans.put(run.UID, &plan{repository: b.repository, snapshot: b.snapshot, files: b.Files, commit: commit})
	return again("pushing commit " + short(commit.ID) + " to " + branch), nil
}

// editForBranch edits on the base, and looks at what the pull request's branch has.
func (r *Reconciler) editForBranch(ctx context.Context, run *run) (b branched, err error) {
	b.edited, err = r.editTip(ctx, run)
	if err != nil || !b.Changed() {
		return b, err
	}
	defer func() {
		if err != nil {
			b.repository.Close()
		}
	}()
	branch := run.data.Request.PullRequest.Branch
	if b.old, err = b.repository.TipOf(ctx, branch); err != nil || b.old == "" {
		return b, err
	}
	text, _, err := b.repository.Message(ctx, b.old)
	if err != nil {
		return b, err
	}
	uid, ours := madeBy(text)
	b.ours = uid == string(run.UID)
	proposed, known := false, b.ours
	if ours && !b.ours {
		proposed, known, err = r.isProposed(ctx, run, b.old)
		b.secrets = append(b.secrets, run.secrets...)
	}
	switch {
	case err != nil:
		return b, err
	case !known:
		return b, fmt.Errorf("%w: branch %s exists, and its newest commit %s was not made by this controller: delete the branch, or choose another with pullRequest.branch",
			errForeignBranch, branch, short(b.old))
	}
	there, err := r.edit(ctx, run, b.repository, b.old)
	if err != nil {
		// It may lack what the base has. Then the commit on the base replaces it.
		logging.FromContext(ctx).Debugw("the older branch cannot be edited", logkey.Branch, branch, logkey.Error, errorText(run, err))
		return b, nil
	}
	b.adopted = !there.Changed() && (b.ours || proposed)
	return b, nil
}

// isProposed looks at a commit that says that an older run has made it. proposed: it is what an open pull request proposes.
// One that was merged, or closed, is not proposed again: it has its place in the history, and was made on a base that has
// gone on since. known: a pull request of the branch has it in its marker, or none has a marker. A commit that a person has
// amended says the same as before, and is the person's.
func (r *Reconciler) isProposed(ctx context.Context, run *run, commit string) (proposed, known bool, err error) {
	h, err := r.openHost(ctx, run)
	if err != nil {
		return false, false, err
	}
	all, err := h.ByHead(ctx, run.data.Request.PullRequest.Branch, run.data.Request.Git.Branch)
	marked := false
	for _, pr := range all {
		m, ok := markerOf(pr.Body)
		marked, known = marked || ok, known || m.Commit == commit
		proposed = proposed || (pr.State == pullrequest.Open && !pr.FromFork && pr.Head == commit)
	}
	return proposed, known || !marked, err
}

// madeBy tells which run has made a commit, if one of ours has.
func madeBy(text string) (uid string, ours bool) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := len(lines) - 1; i >= 0 && lines[i] != ""; i-- {
		if uid, ours = strings.CutPrefix(lines[i], update.TrailerUID); ours {
			return uid, true
		}
	}
	return "", false
}

// pushBranch makes the stored commit the tip of the pull request's branch, as a compare-and-swap.
func (r *Reconciler) pushBranch(ctx context.Context, run *run) (move, error) {
	p := r.plans.get(run.UID, run.data.Publish.Commit)
	if p == nil || p.pushed {
		m, fresh, err := r.observeOwnBranch(ctx, run)
		if err != nil || fresh == nil {
			return m, err
		}
		p = fresh
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	branch := run.data.Request.PullRequest.Branch
	p.pushed = true
	failpoint.Here(failpoint.PushBefore)
	err := p.repository.PushTo(ctx, branch, run.data.Publish.Old, p.snapshot, p.commit, p.files)
	failpoint.Here(failpoint.PushAfter)
	switch {
	case err == nil:
		return r.branchPushed(run), nil
	case errors.Is(err, gitrepo.ErrMoved):
		return r.replan(run)
	}
	if tip, tipErr := p.repository.TipOf(ctx, branch); tipErr == nil && tip == p.commit.ID {
		return r.branchPushed(run), nil
	}
	return move{}, fmt.Errorf("push commit %s to branch %s: %w", short(p.commit.ID), branch, err)
}

// observeOwnBranch looks where the pull request's branch is, for a commit of which this process does not know whether it was
// pushed. It gives either the move that follows or, when the commit is still to be pushed, the plan for it.
func (r *Reconciler) observeOwnBranch(ctx context.Context, run *run) (m move, p *plan, err error) {
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
	planned := run.data.Publish
	tip, err := repository.TipOf(ctx, run.data.Request.PullRequest.Branch)
	switch {
	case err != nil:
		return move{}, nil, err
	case tip == planned.Commit:
		return r.branchPushed(run), nil, nil
	case tip != planned.Old:
		m, err = r.replan(run)
		return m, nil, err
	}
	p, err = r.planAgain(ctx, run, repository)
	if errors.Is(err, gitrepo.ErrMoved) {
		// The base has moved, and the server gives out tips only.
		m, err = r.replan(run)
	}
	return m, p, err
}

// branchPushed notes that the planned commit is on the pull request's branch.
func (r *Reconciler) branchPushed(run *run) move {
	r.plans.forget(run.UID)
	commit := run.data.Publish.Commit
	run.tally.pushes++
	run.data.Publish = publishState{}
	run.data.Outcome.Changed = true
	return r.branchPublished(run, commit, "pushed commit "+short(commit)+" to "+run.data.Request.PullRequest.Branch)
}

// branchPublished leads to the pull request.
func (r *Reconciler) branchPublished(run *run, head, message string) move {
	run.data.PullRequest.Head = head
	o := &run.data.Outcome
	o.Commit, o.CommitURL = head, gitrepo.CommitURL(run.data.Request.Git.URL, head)
	return next(Opening, message+", opening the pull request")
}

// wantsDeployed tells whether a run goes on to Argo CD once its commit is where it belongs.
func (run *run) wantsDeployed() bool {
	req := run.data.Request
	return req.ArgoCD != nil && (req.PullRequest == nil || req.PullRequest.Wait == request.WaitDeployed)
}
