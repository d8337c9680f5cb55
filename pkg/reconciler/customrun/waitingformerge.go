package customrun

import (
	"context"
	"fmt"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// closedGrace is how long a pull request may be closed before the run fails: people close and open one again to make the
// checks run anew.
const closedGrace = time.Minute

// waitingForMerge waits until the pull request is merged. It looks at it when a poll, which all runs of the repository
// share, has seen it change.
func (r *Reconciler) waitingForMerge(ctx context.Context, run *run) (move, error) {
	state := &run.data.PullRequest
	h, err := r.openHost(ctx, run)
	if err != nil {
		return move{}, err
	}
	m := r.memories.of(run.UID, r.clock.Now())
	changed, begun := r.polls.subscribe(h.key, run.key, state.Number, h.Client)
	if changed || state.ClosedSince != nil {
		m.pull = nil
	}
	if m.pull == nil {
		if !begun {
			return stay(r.waitingForMergeMessage(run, ""), callBackstop), nil
		}
		pr, err := h.Get(ctx, state.Number)
		if err != nil {
			return move{}, err
		}
		m.pull = look(pr)
	}
	pr := *m.pull
	state.note(pr.PullRequest)
	// Before what became of it: what was merged, or closed, is the other run's commit.
	if by, taken := takenOver(run, pr.marker); taken {
		return superseding(run, by), nil
	}
	switch pr.State {
	case pullrequest.Merged:
		return r.merged(run), nil
	case pullrequest.Closed:
		return r.closed(run), nil
	}
	state.ClosedSince = nil
	if state.AutoMerge && pr.Head != state.Head {
		return r.stopAutoMerge(ctx, run, h)
	}
	return stay(r.waitingForMergeMessage(run, pr.Blocked), renewPoll), nil
}

// waitingForMergeMessage says what is waited for and until when.
func (r *Reconciler) waitingForMergeMessage(run *run, blocked string) string {
	state := run.data.PullRequest
	message := fmt.Sprintf("pull request #%d waits to be merged: %s", state.Number, state.URL)
	if blocked != "" {
		// Checks end without the host calling that a change of the pull request.
		message += "; when it last changed, " + blocked
	}
	for _, w := range state.Warnings {
		message += "; " + w
	}
	if timeout := run.GetTimeout(); timeout > 0 && run.Status.StartTime != nil {
		message += fmt.Sprintf("; ends at %s: the run's timeout is %s", run.Status.StartTime.Add(timeout).UTC().Format(time.RFC3339), timeout)
	}
	return message
}

// merged goes on with the commit that the base has for the pull request, whatever the method.
func (r *Reconciler) merged(run *run) move {
	state, o := &run.data.PullRequest, &run.data.Outcome
	o.Commit, o.CommitURL = state.MergeCommit, gitrepo.CommitURL(run.data.Request.Git.URL, state.MergeCommit)
	// What was learnt is about another commit.
	r.memories.of(run.UID, r.clock.Now()).contains = map[string]argocd.Answer{}
	message := fmt.Sprintf("pull request #%d was merged as %s", state.Number, short(state.MergeCommit))
	if run.data.Request.PullRequest.Wait != request.WaitDeployed {
		return succeed(message)
	}
	return next(Syncing, message+", waiting for "+appNames(run.data.Apps))
}

// pulled is a pull request as a waiting run remembers it: of its body, which may be long, the marker is enough.
type pulled struct {
	pullrequest.PullRequest
	marker marker
}

func look(pr pullrequest.PullRequest) *pulled {
	m, _ := markerOf(pr.Body)
	pr.Body = ""
	return &pulled{PullRequest: pr, marker: m}
}

// takenOver tells which run has replaced the commit of this one on the same branch, if one has. m is the pull request's.
func takenOver(run *run, m marker) (by string, taken bool) {
	return m.Run, m.UID != "" && m.UID != string(run.UID) && m.Commit != run.data.PullRequest.Head
}

// superseding ends a run whose commit another run has replaced.
func superseding(run *run, by string) move {
	state := run.data.PullRequest
	return fail(v1alpha1.ReasonSuperseded, fmt.Sprintf("CustomRun %s has put another commit on pull request #%d: %s", by, state.Number, state.URL))
}

// closed fails the run, unless the pull request is opened again within closedGrace.
func (r *Reconciler) closed(run *run) move {
	state := &run.data.PullRequest
	if state.ClosedSince == nil {
		now := metav1.NewMicroTime(r.clock.Now())
		state.ClosedSince = &now
	}
	if left := closedGrace - r.clock.Since(state.ClosedSince.Time); left > 0 {
		return stay(fmt.Sprintf("pull request #%d was closed without being merged; the run fails unless it is opened again within %s: %s", state.Number, closedGrace, state.URL),
			min(left, closedGrace/4))
	}
	return fail(v1alpha1.ReasonPullRequestClosed, fmt.Sprintf("pull request #%d was closed without being merged: %s", state.Number, state.URL))
}

// stopAutoMerge: somebody has pushed to the branch. What the run has asked the host to merge was its own commit, nothing
// that comes later.
func (r *Reconciler) stopAutoMerge(ctx context.Context, run *run, h *host) (move, error) {
	// What is remembered may be from before another run has taken it over, and has switched auto-merge on for itself.
	m := r.memories.of(run.UID, r.clock.Now())
	m.pull = nil
	pr, err := h.Get(ctx, run.data.PullRequest.Number)
	if err != nil {
		return move{}, err
	}
	if pulled := look(pr); pr.State != pullrequest.Open || pr.Head == run.data.PullRequest.Head || pulled.marker.UID != string(run.UID) {
		m.pull = pulled
		return again(r.waitingForMergeMessage(run, pr.Blocked)), nil
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	failpoint.Here(failpoint.TouchBefore)
	err = h.DisableAutoMerge(ctx, pr)
	failpoint.Here(failpoint.TouchAfter)
	if err != nil {
		return move{}, err
	}
	state := &run.data.PullRequest
	state.AutoMerge = false
	warning := fmt.Sprintf("auto-merge was switched off, because commit %s was pushed to the branch: a person has to merge it", short(pr.Head))
	state.Warnings = append(state.Warnings, warning)
	r.recorder.Eventf(run.CustomRun, corev1.EventTypeWarning, "PullRequestIncomplete", "%s", warning)
	return again(r.waitingForMergeMessage(run, pr.Blocked)), nil
}
