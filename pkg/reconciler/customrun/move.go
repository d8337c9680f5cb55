package customrun

import (
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// move is what a step wants to happen next. It is the step's only outcome besides an error: a step that waits returns
// a move, never an error.
type move struct {
	kind    moveKind
	next    Phase
	message string
	wake    time.Duration
	verdict verdict
}

type moveKind int

const (
	moveStay moveKind = iota
	moveNext
	moveVerdict
	moveEnd
)

// stay keeps the phase, tells people why, and looks again after wake. Wake is a back-stop: events usually come first.
func stay(message string, wake time.Duration) move {
	return move{kind: moveStay, message: message, wake: wake}
}

// again keeps the phase and looks again at once: the step has made its one effect and has to observe it.
func again(message string) move {
	return move{kind: moveStay, message: message, wake: time.Millisecond}
}

// next enters another phase.
func next(p Phase, message string) move {
	return move{kind: moveNext, next: p, message: message}
}

// fail ends the attempt with a reason. The lock is released on the way out.
func fail(reason v1alpha1.Reason, message string) move {
	return move{kind: moveVerdict, verdict: verdict{Reason: reason, Message: message}}
}

// succeed ends the run well. The record is written and the lock released on the way out.
func succeed(message string) move {
	return move{kind: moveVerdict, verdict: verdict{Reason: v1alpha1.ReasonSucceeded, Message: message}}
}

// end writes the verdict that the checkpoint holds as the run's condition.
func end() move { return move{kind: moveEnd} }
