package customrun

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
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
	timeout := run.data.Request.ArgoCD.Sync.Timeout.Duration
	if r.phaseOver(run, timeout) {
		what := "commit " + short(run.commit()) + " was not synced"
		if run.data.Request.Restart {
			what = "the workloads were not restarted"
		}
		return fail(v1alpha1.ReasonSyncTimeout, fmt.Sprintf("%s within %s: %s", what, timeout, currentMessage(run))), nil
	}
	a, err := r.openArgo(ctx, run)
	if err != nil {
		return move{}, err
	}
	defer a.release()
	if run.data.Request.Restart {
		return r.restarting(ctx, run, a)
	}
	m, done, err := r.syncAll(ctx, run, a, timeout)
	if err != nil || !done {
		return m, err
	}
	return next(Verifying, "revision "+short(run.data.Apps[0].Revision)+" is synced, waiting for the rollout"), nil
}

// syncAll brings each application that is not synced yet one decision further, and tells whether all are. It asks for
// one sync at most: the next one has its own intent to store.
func (r *Reconciler) syncAll(ctx context.Context, run *run, a *argo, timeout time.Duration) (m move, done bool, err error) {
	var open []*application
	for _, app := range r.applications(run, a) {
		r.subscribe(run, app)
		if app.state.Revision == "" {
			open = append(open, app)
		}
	}
	if err := r.observeAll(ctx, run, open); err != nil {
		return move{}, false, err
	}
	var waiting waits
	for _, app := range open {
		if app.waiting != nil {
			waiting.add(app, *app.waiting)
			continue
		}
		d := argocd.Decide(app.observed, r.goal(run, app), r.clock.Now())
		logging.FromContext(ctx).Debugw("decided", logkey.Application, app.app.String(), logkey.Action, d.Action, logkey.Says, d.Message, logkey.Wake, d.Wake.String(),
			logkey.Sync, app.observed.Sync, logkey.Health, app.observed.Health, logkey.Running, app.observed.Running)
		if d.Action == argocd.Proceed {
			r.settles(app, d)
			app.state.Revision, app.state.Health = d.Revision, app.observed.Health
			continue
		}
		m, effect, err := r.carryOut(ctx, run, app, d, timeout)
		if err != nil || effect || m.kind != moveStay {
			return m, false, err
		}
		waiting.add(app, m)
	}
	if len(waiting.moves) > 0 {
		return waiting.move(run), false, nil
	}
	return move{}, true, nil
}

// settles notes that nothing is to be done about an application now.
func (r *Reconciler) settles(a *application, d argocd.Decision) {
	a.memory.foreign = d.Foreign
	r.seeWindow(a, false)
}

// carryOut follows a decision about an application. effect tells that it was one of those of which a reconcile makes one.
func (r *Reconciler) carryOut(ctx context.Context, run *run, a *application, d argocd.Decision, timeout time.Duration) (m move, effect bool, err error) {
	a.memory.foreign = d.Foreign
	switch d.Action {
	case argocd.DoSync:
		return r.sync(ctx, run, a, d, timeout)
	case argocd.DoTerminate:
		m, err = r.terminate(ctx, run, a, d)
		return m, true, err
	case argocd.Wait:
		r.seeWindow(a, false)
	}
	m, err = r.follow(ctx, run, a, d, timeout)
	return m, false, err
}

// sync asks for a sync operation whose number is in the stored status; else it stores the number first. A sync that a
// window forbids has no effect.
func (r *Reconciler) sync(ctx context.Context, run *run, a *application, d argocd.Decision, timeout time.Duration) (m move, effect bool, err error) {
	s := &a.state.Sync
	if pause := closedPause - r.clock.Since(a.memory.closed); pause > 0 {
		return stay("", r.untilPhaseEnd(run, timeout, pause)), false, nil
	}
	if s.Attempt != d.Attempt || s.Sent {
		s.Attempt, s.Sent = d.Attempt, false
		return again(d.Message), true, nil
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, false, err
	}
	failpoint.Here(failpoint.SyncBefore)
	want := run.data.Request.ArgoCD.Sync
	err = a.Sync(ctx, a.app, argocd.SyncRequest{
		Revision: d.Revision, Position: d.Position, Prune: want.Prune, Options: want.Options, Run: string(run.UID), Attempt: d.Attempt,
	})
	failpoint.Here(failpoint.SyncAfter)
	switch {
	case errors.Is(err, argocd.ErrOperationInProgress):
		return stay("application "+a.app.String()+" is busy with another operation, waiting for its end", busyWait), false, nil
	case errors.Is(err, argocd.ErrSyncWindow):
		m, err = r.windowClosed(ctx, run, a, timeout)
		return m, false, err
	case err != nil:
		return move{}, false, err
	}
	s.Sent = true
	run.tally.syncs++
	r.seeWindow(a, false)
	return stay(d.Message, busyWait), true, nil
}

// observeAll reads the applications side by side: the result of the refresh that was asked for, else the state as it
// stands.
func (r *Reconciler) observeAll(ctx context.Context, run *run, apps []*application) error {
	if r.background.running(run, callContains) {
		waiting, err := r.contains(ctx, run, argocd.Decision{})
		if err != nil {
			return err
		}
		for _, app := range apps {
			app.waiting = waiting
		}
		if waiting != nil {
			return nil
		}
	}
	return gather(apps, func(a *application) error { return r.observe(ctx, run, a) })
}

// observe reads one application. While its refresh is under way, it sets the move that waits for it.
func (r *Reconciler) observe(ctx context.Context, run *run, a *application) (err error) {
	if !r.background.running(run, a.callRefresh()) {
		a.observed, err = a.Get(ctx, a.app, argocd.RefreshNone)
		return err
	}
	observed, done, err := r.refresh(run, a)
	switch {
	case !done:
		waiting := stay("", callBackstop)
		a.waiting = &waiting
		return nil
	case err != nil:
		return err
	}
	a.memory.finish(observed.Refreshed)
	a.observed = observed
	return nil
}

// follow carries out the decisions that are no effect.
func (r *Reconciler) follow(ctx context.Context, run *run, a *application, d argocd.Decision, timeout time.Duration) (move, error) {
	switch d.Action {
	case argocd.Wait:
		return stay(d.Message, r.untilPhaseEnd(run, timeout, d.Wake)), nil
	case argocd.DoRefresh:
		a.memory.begin(d, r.clock.Now())
		_, _, err := r.refresh(run, a)
		return stay(d.Message, callBackstop), err
	case argocd.Ask:
		waiting, err := r.contains(ctx, run, d)
		return orAgain(waiting), err
	case argocd.AskWindows:
		return r.windowClosed(ctx, run, a, timeout)
	case argocd.Fail:
		return move{}, d.Err
	}
	return stay(d.Message, time.Second), nil
}

// Names of the background calls of a run.
const (
	callCheck    = "check"
	callEdit     = "edit"
	callRefresh  = "refresh" // + the index of the application
	callContains = "contains"
	callChanges  = "changes"
)

func (a *application) callRefresh() string { return callRefresh + strconv.Itoa(a.index) }

// refresh makes Argo CD compare again, in the background.
func (r *Reconciler) refresh(run *run, a *application) (argocd.Observation, bool, error) {
	kind, app, dial := a.memory.pendingKind, a.app, a.dial
	return call(r.background, run, a.callRefresh(), refreshTimeout, func(ctx context.Context) (argocd.Observation, error) {
		conn, release, err := dial()
		if err != nil {
			return argocd.Observation{}, err
		}
		defer release()
		return conn.Get(ctx, app, kind)
	})
}

// subscribe wakes the run when the application changes.
func (r *Reconciler) subscribe(run *run, a *application) {
	key := a.watch
	key.app = a.app
	r.watches.subscribe(key, run.key, func() (watcher, func(), error) { return a.dial() })
}

// phaseOver tells whether the phase has used up its time. Zero means that only the run's own timeout counts.
func (r *Reconciler) phaseOver(run *run, timeout time.Duration) bool {
	since, counts := run.data.counted()
	return timeout > 0 && counts && r.clock.Since(since) >= timeout
}

// untilPhaseEnd shortens a wait to the end of the phase's time.
func (r *Reconciler) untilPhaseEnd(run *run, timeout, wait time.Duration) time.Duration {
	if wait <= 0 {
		wait = time.Second
	}
	if since, counts := run.data.counted(); timeout > 0 && counts {
		wait = min(wait, timeout-r.clock.Since(since))
	}
	return max(wait, time.Millisecond)
}

// counted is since when the time of the phase counts. It does not while a sync window is closed, and begins anew when
// that has opened.
func (d *data) counted() (since time.Time, counts bool) {
	since = d.since()
	for _, app := range d.Apps {
		if app.Sync.Closed {
			return time.Time{}, false
		}
		if opened := app.Sync.Opened; opened != nil && opened.After(since) {
			since = opened.Time
		}
	}
	return since, true
}
