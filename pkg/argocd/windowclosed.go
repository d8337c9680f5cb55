package argocd

import (
	"fmt"
	"time"
)

// WindowClosed decides what it means that a sync window holds a sync: Sync ended
// with ErrSyncWindow, or Decide asked for the windows because one holds the
// operation that was accepted before it closed. Where the goal says to wait, the
// Decision is a Wait until it opens, and then Decide comes to syncing again.
//
// An operation that was accepted stays with Argo CD in either case, and runs when
// the window opens: some servers cannot end it before (argo-cd issue 25361).
func WindowClosed(o Observation, g Goal, w Windows, now time.Time) Decision {
	v := view{o: o, g: g, now: now}
	op := o.Operation
	held := o.Running && op != nil && windowHolds(op)
	switch {
	case w.Open && !held:
		return wait(windowSlack, fmt.Sprintf("application %s: its sync window has opened, syncing it again", o.App))
	case w.Open && !op.Automated, w.Open && g.WaitForWindow:
		return wait(poll, fmt.Sprintf("application %s: its sync window has opened, waiting for Argo CD to go on with %s", o.App, v.whose(op)))
	case w.Open:
		// Windows can let people through and hold auto-sync, which then holds people up.
		return fail(fmt.Errorf("application %s: %w: a sync window holds %s, and would let this run through: terminate the operation (argocd app terminate-op), or set sync.window to Wait",
			o.App, ErrBlocked, v.whose(op)+began(op)))
	}
	closed := ", and it cannot be told until when"
	wake := windowPoll
	if !w.Opens.IsZero() {
		closed = " until " + w.Opens.UTC().Format(time.RFC3339)
		wake = min(max(w.Opens.Sub(now), 0)+windowSlack, windowPoll)
	}
	if w.Text != "" {
		closed += " (" + w.Text + ")"
	}
	queued := ""
	if held {
		queued = "; Argo CD has accepted " + v.whose(op) + ", which goes on when the window opens, unless it is terminated (argocd app terminate-op)"
	}
	if g.WaitForWindow {
		return wait(wake, fmt.Sprintf("application %s: waiting for its sync window, which is closed%s%s", o.App, closed, queued))
	}
	return fail(fmt.Errorf("application %s: %w%s%s: run again then, or set sync.window to Wait", o.App, ErrSyncWindow, closed, queued))
}
