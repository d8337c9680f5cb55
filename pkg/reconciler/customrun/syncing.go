package customrun

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"knative.dev/pkg/logging"
)

const (
	// refreshTimeout bounds a refresh: Argo CD answers when it has compared, which a stuck shard never does.
	refreshTimeout = 30 * time.Second
	// containsTimeout bounds the question whether a revision descends from the commit.
	containsTimeout = time.Minute
	// callBackstop wakes a run whose background call was lost with a restart of its bookkeeping.
	callBackstop = 40 * time.Second
	// busyWait is the pause after Argo CD answered that another operation is under way; its end also sends an event.
	busyWait = 2 * time.Second
)

// syncing waits until Argo CD has synced the commit or a descendant of it, and asks for a sync when nothing else does.
// What to do is decided by argocd.Decide from plain values; this step carries it out.
func (r *Reconciler) syncing(ctx context.Context, run *run) (move, error) {
	if over := r.phaseOver(run, run.data.Request.ArgoCD.Sync.Timeout.Duration); over {
		return fail(v1alpha1.ReasonSyncTimeout, fmt.Sprintf("application %s did not sync commit %s within %s: %s",
			run.data.Request.ArgoCD.Application.Name, short(run.data.Outcome.Commit), run.data.Request.ArgoCD.Sync.Timeout.Duration, currentMessage(run))), nil
	}
	a, err := r.openArgo(ctx, run)
	if err != nil {
		return move{}, err
	}
	defer a.release()
	r.subscribe(run, a)
	observed, waiting, err := r.observe(ctx, run, a)
	if err != nil || waiting != nil {
		return orStay(run, waiting), err
	}
	d := argocd.Decide(observed, r.goal(run), r.clock.Now())
	logging.FromContext(ctx).Debugw("decided", "action", d.Action, "says", d.Message, "wake", d.Wake.String(), "sync", observed.Sync, "health", observed.Health, "running", observed.Running)
	switch d.Action {
	case argocd.Proceed:
		run.data.Outcome.Revision, run.data.Outcome.Health = d.Revision, observed.Health
		return next(Verifying, "revision "+short(d.Revision)+" is synced, waiting for the rollout"), nil
	case argocd.DoSync:
		return r.sync(ctx, run, a, d)
	}
	return r.follow(ctx, run, a, d, run.data.Request.ArgoCD.Sync.Timeout.Duration)
}

// sync asks for a sync operation whose number is in the stored status; else it stores the number first.
func (r *Reconciler) sync(ctx context.Context, run *run, a *argo, d argocd.Decision) (move, error) {
	if run.data.Sync.Attempt != d.Attempt || run.data.Sync.Sent {
		run.data.Sync = syncState{Attempt: d.Attempt}
		return again(d.Message), nil
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	failpoint.Here(failpoint.SyncBefore)
	err := a.Sync(ctx, a.app, argocd.SyncRequest{
		Prune: run.data.Request.ArgoCD.Sync.Prune, Options: run.data.Request.ArgoCD.Sync.Options,
		Run: string(run.UID), Attempt: d.Attempt,
	})
	failpoint.Here(failpoint.SyncAfter)
	switch {
	case errors.Is(err, argocd.ErrOperationInProgress):
		return stay("application "+a.app.String()+" is busy with another operation, waiting for its end", busyWait), nil
	case err != nil:
		return move{}, err
	}
	run.data.Sync.Sent = true
	return stay(d.Message, busyWait), nil
}

// observe reads the application: the result of the refresh that was asked for, else its state as it stands. While a
// background call is under way, it gives the move that waits for it.
func (r *Reconciler) observe(ctx context.Context, run *run, a *argo) (argocd.Observation, *move, error) {
	m := r.memories.of(run.UID, r.clock.Now())
	if r.background.running(run, callContains) {
		if waiting, err := r.contains(ctx, run, ""); err != nil || waiting != nil {
			return argocd.Observation{}, waiting, err
		}
	}
	if r.background.running(run, callRefresh) {
		observed, done, err := r.refresh(run, a)
		switch {
		case !done:
			waiting := stay(currentMessage(run), callBackstop)
			return observed, &waiting, nil
		case err != nil:
			return observed, nil, err
		}
		m.finish(observed.Refreshed)
		return observed, nil, nil
	}
	observed, err := a.Get(ctx, a.app, argocd.RefreshNone)
	return observed, nil, err
}

// follow carries out the decisions that Syncing and Verifying have in common.
func (r *Reconciler) follow(ctx context.Context, run *run, a *argo, d argocd.Decision, phaseTimeout time.Duration) (move, error) {
	switch d.Action {
	case argocd.Wait:
		return stay(d.Message, r.untilPhaseEnd(run, phaseTimeout, d.Wake)), nil
	case argocd.DoRefresh:
		r.memories.of(run.UID, r.clock.Now()).begin(d, r.clock.Now())
		_, _, err := r.refresh(run, a)
		return stay(d.Message, callBackstop), err
	case argocd.Ask:
		waiting, err := r.contains(ctx, run, d.Revision)
		return orStay(run, waiting), err
	case argocd.Fail:
		return move{}, d.Err
	}
	return stay(d.Message, time.Second), nil
}

// Names of the background calls of a run.
const (
	callCheck    = "check"
	callEdit     = "edit"
	callRefresh  = "refresh"
	callContains = "contains"
)

// refresh makes Argo CD compare again, in the background.
func (r *Reconciler) refresh(run *run, a *argo) (argocd.Observation, bool, error) {
	kind := r.memories.of(run.UID, r.clock.Now()).pendingKind
	app, dial := a.app, a.dial
	return call(r.background, run, callRefresh, refreshTimeout, func(ctx context.Context) (argocd.Observation, error) {
		conn, release, err := dial()
		if err != nil {
			return argocd.Observation{}, err
		}
		defer release()
		return conn.Get(ctx, app, kind)
	})
}

// ancestry is the answer to whether a revision contains the commit.
type ancestry struct {
	revision string
	answer   argocd.Answer
}

// contains asks the repository in the background whether a revision contains our commit, and keeps the answer for the
// next decision. It gives the move that waits, or nil once the answer is there.
func (r *Reconciler) contains(ctx context.Context, run *run, revision string) (*move, error) {
	var repository *gitrepo.Repository
	if !r.background.running(run, callContains) {
		var err error
		if repository, err = r.openGit(ctx, run); err != nil {
			return nil, err
		}
	}
	commit := run.data.Outcome.Commit
	found, done, err := call(r.background, run, callContains, containsTimeout, func(ctx context.Context) (ancestry, error) {
		defer repository.Close()
		answer, err := repository.Contains(ctx, revision, commit)
		return ancestry{revision: revision, answer: answers[answer]}, err
	})
	if err != nil {
		return nil, err
	}
	if !done {
		waiting := stay("looking whether the synced revision contains commit "+short(commit), callBackstop)
		return &waiting, nil
	}
	r.memories.of(run.UID, r.clock.Now()).contains[found.revision] = found.answer
	return nil, nil
}

// answers translates between the two packages, which do not know each other.
var answers = map[gitrepo.Answer]argocd.Answer{
	gitrepo.Yes: argocd.Yes, gitrepo.No: argocd.No, gitrepo.Unknown: argocd.Unknown,
}

// orStay is the waiting move, or a look at once when there is nothing to wait for.
func orStay(run *run, waiting *move) move {
	if waiting == nil {
		return again(currentMessage(run))
	}
	return *waiting
}

// phaseOver tells whether the phase has used up its time. Zero means that only the run's own timeout counts.
func (r *Reconciler) phaseOver(run *run, timeout time.Duration) bool {
	return timeout > 0 && r.clock.Since(run.data.since()) >= timeout
}

// untilPhaseEnd shortens a wait to the end of the phase's time.
func (r *Reconciler) untilPhaseEnd(run *run, timeout, wait time.Duration) time.Duration {
	if wait <= 0 {
		wait = time.Second
	}
	if timeout > 0 {
		wait = min(wait, timeout-r.clock.Since(run.data.since()))
	}
	return max(wait, time.Millisecond)
}
