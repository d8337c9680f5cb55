package customrun

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	corev1 "k8s.io/api/core/v1"
)

// touch is one of the finishing touches of a pull request.
type touch string

// The finishing touches, in their order. Older pull requests are closed last: what replaces them is complete then.
const (
	touchText      touch = "text"
	touchLabels    touch = "labels"
	touchReviewers touch = "reviewers"
	touchAssignees touch = "assignees"
	touchAutoMerge touch = "autoMerge"
	touchOlder     touch = "older"
)

// maxTouchTries is how often a touch is tried that fails for a reason which may pass. The pull request is there: a label
// is no reason to fail the run.
const maxTouchTries = 5

// finishTouches makes the next finishing touch, and tells whether the run has to come back for more.
func (r *Reconciler) finishTouches(ctx context.Context, run *run, h *host) (m move, more bool, err error) {
	state := &run.data.PullRequest
	for _, t := range []touch{touchText, touchLabels, touchReviewers, touchAssignees, touchAutoMerge, touchOlder} {
		// Of what is merged already, only what it replaces is left to be closed.
		if late := state.State == pullrequest.Merged && t == touchOlder; slices.Contains(state.Done, t) || (state.State != pullrequest.Open && !late) {
			continue
		}
		effect, err := r.touches(ctx, run, t)
		if err != nil {
			return move{}, false, err
		}
		if effect == nil {
			continue
		}
		m, err := r.makeTouch(ctx, run, h, t, effect)
		return m, true, err
	}
	return move{}, false, nil
}

// effect is the one call that a touch makes. done: the touch is complete.
type effect func(context.Context, *host) (done bool, err error)

// touches gives the effect of a touch, nil when the run does not ask for it.
func (r *Reconciler) touches(ctx context.Context, run *run, t touch) (effect, error) {
	want, state := run.data.Request.PullRequest, &run.data.PullRequest
	once := func(call func(context.Context, *host) error) effect {
		return func(ctx context.Context, h *host) (bool, error) { return true, call(ctx, h) }
	}
	switch {
	case t == touchText && state.Adopted:
		return once(func(ctx context.Context, h *host) error { return r.rewrite(ctx, run, h) }), nil
	case t == touchLabels && len(want.Labels) > 0:
		return once(func(ctx context.Context, h *host) error { return h.Label(ctx, state.Number, want.Labels) }), nil
	case t == touchReviewers && len(want.Reviewers)+len(want.TeamReviewers) > 0:
		return once(func(ctx context.Context, h *host) error {
			return h.RequestReview(ctx, state.Number, want.Reviewers, want.TeamReviewers)
		}), nil
	case t == touchAssignees && len(want.Assignees) > 0:
		return once(func(ctx context.Context, h *host) error { return h.Assign(ctx, state.Number, want.Assignees) }), nil
	case t == touchAutoMerge && want.AutoMerge != "":
		return once(func(ctx context.Context, h *host) error { return r.autoMerge(ctx, run, h) }), nil
	case t == touchAutoMerge && state.Adopted:
		// The run that had it before may have asked the host to merge, and what the host would merge is this run's commit now.
		return once(func(ctx context.Context, h *host) error { return r.noAutoMerge(ctx, run, h) }), nil
	case t == touchOlder && !want.KeepOlder:
		return func(ctx context.Context, h *host) (bool, error) { return r.supersede(ctx, run, h) }, nil
	}
	return nil, nil
}

// makeTouch makes one effect. One that the host refuses is given up with a warning: the pull request is there, and people
// can see and mend it.
func (r *Reconciler) makeTouch(ctx context.Context, run *run, h *host, t touch, e effect) (move, error) {
	if t == touchText {
		if _, done := r.texts(ctx, run); !done {
			return stay("reading the changes of the source for the pull request", callBackstop), nil
		}
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	state, m := &run.data.PullRequest, r.memories.of(run.UID, r.clock.Now())
	failpoint.Here(failpoint.TouchBefore)
	done, err := e(ctx, h)
	failpoint.Here(failpoint.TouchAfter)
	if err != nil {
		m.touchTries++
		if _, final := finalReason(err); !final && m.touchTries < maxTouchTries {
			return move{}, err
		}
		warning := run.clean(fmt.Sprintf("%s: %s", touchFailed[t], err))
		r.recorder.Eventf(run.CustomRun, corev1.EventTypeWarning, "PullRequestIncomplete", "%s", bounded(warning, maxEventBytes))
		state.Warnings = append(state.Warnings, bounded(warning, maxWarningBytes))
		done = true
	}
	m.touchTries = 0
	if done {
		state.Done = append(state.Done, t)
	}
	return again(fmt.Sprintf("pull request #%d is %s: %s", state.Number, state.State, state.URL)), nil
}

const (
	// maxWarningBytes bounds what is kept of a refusal, and maxEventBytes what an event says.
	maxWarningBytes = 300
	maxEventBytes   = 1000
)

// touchFailed says what a touch that was given up means.
var touchFailed = map[touch]string{
	touchText:      "title and body could not be set",
	touchLabels:    "labels could not be added",
	touchReviewers: "reviewers could not be asked",
	touchAssignees: "assignees could not be added",
	touchAutoMerge: "auto-merge could not be switched as asked for; if it is off, a person has to merge",
	touchOlder:     "an older pull request could not be closed",
}

// rewrite makes an adopted pull request this run's: its title and body say the new version.
func (r *Reconciler) rewrite(ctx context.Context, run *run, h *host) error {
	text, done := r.texts(ctx, run)
	if !done {
		return errTextPending
	}
	pr, err := h.Get(ctx, run.data.PullRequest.Number)
	if err != nil {
		return err
	}
	if pr.Head != run.data.PullRequest.Head {
		return fmt.Errorf("%w: its head is %s, not commit %s of this run", pullrequest.ErrHeadMoved, short(pr.Head), short(run.data.PullRequest.Head))
	}
	return h.Edit(ctx, pr.Number, text.title, text.body)
}

// errTextPending is transient: the changes of the source are being read.
var errTextPending = errors.New("the changes of the source are not read yet")

// autoMerge lets the host merge exactly the commit of this run.
func (r *Reconciler) autoMerge(ctx context.Context, run *run, h *host) error {
	state := &run.data.PullRequest
	pr, err := h.Get(ctx, state.Number)
	if err != nil {
		return err
	}
	if pr.State != pullrequest.Open {
		state.note(pr)
		return nil
	}
	if pr.Head != state.Head {
		return fmt.Errorf("%w: its head is %s, not commit %s of this run", pullrequest.ErrHeadMoved, short(pr.Head), short(state.Head))
	}
	if err := h.EnableAutoMerge(ctx, pr, pullrequest.Method(run.data.Request.PullRequest.AutoMerge)); err != nil {
		return err
	}
	state.AutoMerge = true
	// Where nothing stood in the way it is merged by now. Otherwise, or where that cannot be told, it is looked at later.
	if pr, err := h.Get(ctx, state.Number); err == nil {
		state.note(pr)
	}
	return nil
}

// noAutoMerge makes sure that people merge.
func (r *Reconciler) noAutoMerge(ctx context.Context, run *run, h *host) error {
	pr, err := h.Get(ctx, run.data.PullRequest.Number)
	if err != nil {
		return err
	}
	return h.DisableAutoMerge(ctx, pr)
}

// maxSuperseded bounds how many older pull requests one run closes.
const maxSuperseded = 20

// supersede closes the older pull requests of ours for the same target, each in two steps: a comment that leads to the new
// one, then the end. One that a person has pushed to stays.
func (r *Reconciler) supersede(ctx context.Context, run *run, h *host) (done bool, err error) {
	state := &run.data.PullRequest
	if state.Closing != 0 {
		return false, r.closeOlder(ctx, run, h)
	}
	open, err := h.ListOpen(ctx, run.data.Request.Git.Branch)
	if err != nil {
		return false, err
	}
	skipped := r.memories.of(run.UID, r.clock.Now()).skipped
	older := slices.IndexFunc(open, func(pr pullrequest.PullRequest) bool {
		return superseded(run, pr) && !slices.Contains(skipped, pr.Number)
	})
	if older < 0 || len(state.Superseded) >= maxSuperseded {
		return true, nil
	}
	state.Closing = open[older].Number
	return false, nil
}

// closeOlder makes the next of the two steps, unless somebody was faster: it is closed, or has been pushed to.
func (r *Reconciler) closeOlder(ctx context.Context, run *run, h *host) error {
	state := &run.data.PullRequest
	older, err := h.Get(ctx, state.Closing)
	if err != nil {
		return err
	}
	if !superseded(run, older) {
		m := r.memories.of(run.UID, r.clock.Now())
		m.skipped = append(m.skipped, older.Number)
		state.Closing, state.Told = 0, false
		return nil
	}
	if !state.Told {
		failpoint.Here(failpoint.OlderTellBefore)
		err := h.Comment(ctx, state.Closing, "tekton-gitops: superseded by "+string(run.UID), fmt.Sprintf("Superseded by #%d.", state.Number))
		failpoint.Here(failpoint.OlderTellAfter)
		state.Told = err == nil
		return err
	}
	failpoint.Here(failpoint.OlderCloseBefore)
	err = h.Close(ctx, state.Closing)
	failpoint.Here(failpoint.OlderCloseAfter)
	if err == nil {
		state.Superseded = append(state.Superseded, state.Closing)
		state.Closing, state.Told = 0, false
	}
	return err
}

// superseded tells whether a pull request is one of ours that this run's replaces.
func superseded(run *run, pr pullrequest.PullRequest) bool {
	state, mine := run.data.PullRequest, markerFor(run)
	m, ok := markerOf(pr.Body)
	return ok && m.Target == mine.Target && m.UID != mine.UID && m.Commit == pr.Head && !pr.FromFork &&
		pr.Number < state.Number && pr.State == pullrequest.Open && !slices.Contains(state.Superseded, pr.Number)
}
