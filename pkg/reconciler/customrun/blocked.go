package customrun

import (
	"context"
	"strings"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// windowClosed deals with a sync that a sync window forbids: the run fails, or waits until the window allows it.
func (r *Reconciler) windowClosed(ctx context.Context, run *run, a *application, timeout time.Duration) (move, error) {
	windows, err := r.windows(ctx, a)
	if err != nil {
		return move{}, err
	}
	d := argocd.WindowClosed(a.observed, r.goal(run, a), windows, r.clock.Now())
	a.memory.foreign = d.Foreign
	if !windows.Open {
		a.memory.closed = r.clock.Now()
	}
	r.seeWindow(a, d.Action == argocd.Wait && !windows.Open)
	return r.follow(ctx, run, a, d, timeout)
}

// seeWindow notes whether the application waits for a closed sync window, and when it no longer does.
func (r *Reconciler) seeWindow(a *application, closed bool) {
	s := &a.state.Sync
	if s.Closed && !closed {
		now := metav1.NewMicroTime(r.clock.Now())
		s.Opened = &now
	}
	s.Closed = closed
}

// windows asks for the sync windows of the application's project, which tells their time zone.
func (r *Reconciler) windows(ctx context.Context, a *application) (argocd.Windows, error) {
	app := a.app
	app.Project, _, _ = strings.Cut(a.observed.RBACName, "/")
	return a.Windows(ctx, app)
}

// closedPause is how long a window that was seen closed is not tried again.
const closedPause = 5 * time.Second

// terminate ends the foreign operation that the decision names, and no other. Done twice, it ends nothing more.
func (r *Reconciler) terminate(ctx context.Context, run *run, a *application, d argocd.Decision) (move, error) {
	if err := r.confirm(ctx, run); err != nil {
		return move{}, err
	}
	failpoint.Here(failpoint.TerminateBefore)
	err := a.Terminate(ctx, a.app, d.Operation)
	failpoint.Here(failpoint.TerminateAfter)
	if err != nil {
		return move{}, err
	}
	run.tally.terminations++
	return stay(d.Message, busyWait), nil
}
