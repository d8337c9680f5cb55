package argocd

import (
	"fmt"
	"time"
)

// operationRuns waits for an operation, ours or not. Argo CD has one at a time and
// no queue.
func (v view) operationRuns() (Decision, bool) {
	op := v.o.Operation
	if !v.o.Running || op == nil {
		return Decision{}, false
	}
	message := fmt.Sprintf("application %s: %s %s", v.o.App, v.whose(op), state(op))
	if !v.g.ours(op) {
		message += began(op)
	}
	if op.Message != "" {
		message += ": " + op.Message
	}
	switch {
	case op.Phase == PhasePending:
		return v.pending(op, message), true
	case windowHolds(op):
		return Decision{Action: AskWindows, Message: message}, true
	case v.g.ours(op):
		return wait(poll, message), true
	}
	return v.foreign(op, message), true
}

// pending waits until the application controller begins the operation, and
// refreshes when it takes its time. The controller can miss an operation: after
// its own write it puts the written object into its cache, over a newer one that
// has come meanwhile (writeBackToInformer in controller/appcontroller.go), and
// looks again only when the Application changes, or after its resync period of
// three minutes. A refresh is such a change. What has not begun cannot be
// terminated: only a running application controller helps then.
func (v view) pending(op *Operation, message string) Decision {
	f := v.g.Foreign
	if id := op.ID(); f.Operation != id {
		f = Foreign{Operation: id, Since: v.now}
	}
	d := wait(f.Since.Add(beginPatience).Sub(v.now), message)
	if d.Wake <= 0 {
		f.Since = v.now
		d = refresh(v.o, RefreshNormal, markPending, message)
	}
	d.Foreign = f
	return d
}

// foreign waits for the operation of somebody else, or ends it where the goal
// allows that and the operation shows no progress for foreignPatience. A hook that
// says nothing for so long is ended too: whoever allows it has to know his hooks.
//
// One that a sync window holds never comes here: some servers look at the window
// first and leave the operation Terminating until it opens (argo-cd issue 25361).
// And without a Run our own could not be told from others.
func (v view) foreign(op *Operation, message string) Decision {
	if !v.g.TerminateForeign || v.g.Run == "" {
		return wait(poll, message)
	}
	f := v.g.Foreign
	switch id := op.ID(); {
	case f.Operation != id:
		f = Foreign{Operation: id, Progress: op.Progress, Since: v.now}
	case f.Progress != op.Progress:
		f.Progress, f.Since = op.Progress, v.now
	}
	patience := foreignPatience
	if op.Phase == PhaseTerminating {
		patience = terminatePatience
	}
	var d Decision
	switch left := f.Since.Add(patience).Sub(v.now); {
	case left > 0:
		d = wait(min(poll, left), message)
	case op.Phase == PhaseTerminating:
		return fail(fmt.Errorf("application %s: %w: %s is terminating for more than %s: look at the application controller's log",
			v.o.App, ErrBlocked, v.whose(op)+began(op), terminatePatience))
	case f.Ended >= maxTerminations:
		return fail(fmt.Errorf("application %s: %w: %s goes on after %s: look at the application controller's log",
			v.o.App, ErrBlocked, v.whose(op)+began(op), count(f.Ended, "termination")))
	default:
		f.Ended, f.Since = f.Ended+1, v.now
		d = Decision{Action: DoTerminate, Operation: f.Operation,
			Message: fmt.Sprintf("application %s: terminating %s, which got nowhere for %s", v.o.App, v.whose(op)+began(op), foreignPatience)}
	}
	d.Foreign = f
	return d
}

// windowHolds: the operation was accepted, and a sync window has closed since.
func windowHolds(op *Operation) bool { return says(op.Message, textOpBlocked) }

// whose names an operation.
func (v view) whose(op *Operation) string {
	switch {
	case v.g.ours(op):
		return "the sync of this run"
	case op.Run != "":
		return "the sync of another run (CustomRun UID " + op.Run + ")"
	case op.By != "":
		return "the operation started by " + op.By
	}
	return "the operation of another user"
}

// began says since when, on Argo CD's clock.
func began(op *Operation) string {
	if op.Started.IsZero() {
		return ""
	}
	return " (began at " + op.Started.UTC().Format(time.RFC3339) + ")"
}

func state(op *Operation) string {
	switch {
	case op.Phase == PhasePending:
		return "has not begun yet"
	case op.Phase == PhaseTerminating:
		return "is terminating"
	case !op.Finished.IsZero():
		return fmt.Sprintf("failed and waits for its retry %d", op.Retries)
	}
	return "runs"
}
