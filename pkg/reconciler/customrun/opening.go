package customrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pullState is the run's pull request, as far as it has come.
type pullState struct {
	// Provider is the kind of git host, and API where its API is, once the phase Preparing has found out.
	Provider string `json:"provider,omitempty"`
	API      string `json:"api,omitempty"`
	// Head is the commit of ours on the branch.
	Head string `json:"head,omitempty"`
	// Number is set once the pull request is known to exist.
	Number int               `json:"number,omitempty"`
	URL    string            `json:"url,omitempty"`
	State  pullrequest.State `json:"state,omitempty"`
	// Adopted: it was there before this run.
	Adopted bool `json:"adopted,omitempty"`
	// Done are the finishing touches that were made, or given up.
	Done []touch `json:"done,omitempty"`
	// AutoMerge: this run has switched it on, and not off again.
	AutoMerge bool `json:"autoMerge,omitempty"`
	// Warnings say what of the finishing touches could not be done.
	Warnings []string `json:"warnings,omitempty"`
	// Closing is the number of the older pull request that is being closed, and Told that it has its comment.
	Closing int  `json:"closing,omitempty"`
	Told    bool `json:"told,omitempty"`
	// Superseded are the older ones that were closed.
	Superseded []int `json:"superseded,omitempty"`
	// ClosedSince is when it was first seen closed.
	ClosedSince *metav1.MicroTime `json:"closedSince,omitempty"`
	// MergeCommit is what the base has for it.
	MergeCommit string `json:"mergeCommit,omitempty"`
	// Withdrawn: a cancelled run has closed it, or found that there is nothing to close.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// afterRetry is what the next attempt of the run starts with: a pull request that is there is not opened again.
func (s pullState) afterRetry() pullState {
	if s.Number == 0 {
		return pullState{}
	}
	s.ClosedSince = nil
	return s
}

const (
	// createdPause is waited before a list is asked again that did not show what the host says is there.
	createdPause = 2 * time.Second
	// rejectedTries is how often a pull request is proposed again that the host has refused, and existsTries how often one
	// that the host has and does not list.
	rejectedTries = 3
	existsTries   = 5
)

// opening finds or creates the pull request, and then makes its finishing touches, one in each reconcile.
func (r *Reconciler) opening(ctx context.Context, run *run) (move, error) {
	h, err := r.openHost(ctx, run)
	if err != nil {
		return move{}, err
	}
	if run.data.PullRequest.Number == 0 {
		return r.findOrCreate(ctx, run, h)
	}
	if m, more, err := r.finishTouches(ctx, run, h); err != nil || more {
		return m, err
	}
	state := run.data.PullRequest
	message := fmt.Sprintf("pull request #%d is %s: %s", state.Number, state.State, state.URL)
	for _, w := range state.Warnings {
		message += "; " + w
	}
	if run.data.Request.PullRequest.Wait == request.WaitNone {
		return succeed(message), nil
	}
	return next(WaitingForMerge, message), nil
}

// findOrCreate looks before it creates: the pull request may be there from before a crash, or from an older run.
func (r *Reconciler) findOrCreate(ctx context.Context, run *run, h *host) (move, error) {
	req, state := run.data.Request, &run.data.PullRequest
	text, done := r.texts(ctx, run)
	if !done {
		return stay("reading the changes of the source for the pull request", callBackstop), nil
	}
	all, err := h.ByHead(ctx, req.PullRequest.Branch, req.Git.Branch)
	if err != nil {
		return move{}, err
	}
	if pr, ok := adoptable(run, all); ok {
		if pr.State == pullrequest.Open && pr.Head != state.Head {
			return r.otherHead(ctx, run, pr)
		}
		state.note(pr)
		mine, marked := markerOf(pr.Body)
		state.Adopted = !marked || mine.UID != string(run.UID)
		return again(fmt.Sprintf("pull request #%d is there: %s", pr.Number, pr.URL)), nil
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	m := r.memories.of(run.UID, r.clock.Now())
	failpoint.Here(failpoint.OpenBefore)
	pr, err := h.Create(ctx, pullrequest.New{
		Title: text.title, Body: text.body, Branch: req.PullRequest.Branch, Base: req.Git.Branch, Draft: req.PullRequest.Draft,
	})
	failpoint.Here(failpoint.OpenAfter)
	switch {
	case errors.Is(err, pullrequest.ErrExists) && m.touchTries < existsTries:
		m.touchTries++
		return stay("the git host has the pull request, but does not list it yet", createdPause<<m.touchTries), nil
	case errors.Is(err, pullrequest.ErrExists):
		return move{}, fmt.Errorf("%w: branch %s has a pull request, and none is to be found", pullrequest.ErrRejected, req.PullRequest.Branch)
	case errors.Is(err, pullrequest.ErrNoDifference) && m.touchTries < rejectedTries:
		m.touchTries++
		return stay("the git host sees no difference between the branches yet", createdPause), nil
	case errors.Is(err, pullrequest.ErrNoDifference):
		// Somebody else's merge was faster. The base is edited again, and has it.
		m.touchTries = 0
		return r.proposeAnew(run)
	case errors.Is(err, pullrequest.ErrRejected) && m.touchTries < rejectedTries:
		// Right after a push, a host may not know the branch yet.
		m.touchTries++
		return stay("the git host does not take the pull request yet, trying again: "+run.clean(err.Error()), createdPause), nil
	case err != nil:
		return move{}, fmt.Errorf("open a pull request for branch %s: %w", req.PullRequest.Branch, err)
	}
	m.touchTries = 0
	state.note(pr)
	return again(fmt.Sprintf("opened pull request #%d: %s", pr.Number, pr.URL)), nil
}

// otherHead is what follows where the open pull request of the branch shows another commit than this run's: the host may be
// late, a newer run may have replaced the commit, or a person has pushed.
func (r *Reconciler) otherHead(ctx context.Context, run *run, pr pullrequest.PullRequest) (move, error) {
	repository, err := r.openGit(ctx, run)
	if err != nil {
		return move{}, err
	}
	defer repository.Close()
	tip, err := repository.TipOf(ctx, run.data.Request.PullRequest.Branch)
	if err != nil {
		return move{}, err
	}
	if tip == run.data.PullRequest.Head {
		return stay(fmt.Sprintf("the git host does not show the new commit on pull request #%d yet", pr.Number), createdPause), nil
	}
	if m, ok := markerOf(pr.Body); ok && m.UID != string(run.UID) && m.Commit == tip {
		run.data.PullRequest.note(pr)
		return superseding(run, m.Run), nil
	}
	return r.proposeAnew(run)
}

// proposeAnew goes back to edit on the base: what was published is not what the branch, or the base, has by now.
func (r *Reconciler) proposeAnew(run *run) (move, error) {
	m, err := r.replan(run)
	if err == nil && m.kind == moveStay {
		run.data.PullRequest.Head = ""
		m = next(Publishing, "the branches have moved, editing again")
	}
	return m, err
}

// adoptable is the pull request that this run takes for its own: an open one of the branch; else the one that this very
// run has opened, or that has merged our commit, whatever became of it since.
func adoptable(run *run, all []pullrequest.PullRequest) (pullrequest.PullRequest, bool) {
	is := func(state pullrequest.State) func(pullrequest.PullRequest) bool {
		return func(pr pullrequest.PullRequest) bool { return pr.State == state && !pr.FromFork }
	}
	mine := func(pr pullrequest.PullRequest) bool {
		m, ok := markerOf(pr.Body)
		return ok && m.UID == string(run.UID)
	}
	merged := func(pr pullrequest.PullRequest) bool {
		return pr.State == pullrequest.Merged && pr.Head == run.data.PullRequest.Head
	}
	for _, fits := range []func(pullrequest.PullRequest) bool{is(pullrequest.Open), mine, merged} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i], true
		}
	}
	return pullrequest.PullRequest{}, false
}

// note keeps what is known of the pull request.
func (s *pullState) note(pr pullrequest.PullRequest) {
	s.Number, s.URL, s.State = pr.Number, pr.URL, pr.State
	if pr.State == pullrequest.Merged {
		s.MergeCommit = pr.MergeCommit
	}
}
