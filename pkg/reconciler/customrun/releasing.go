package customrun

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/logging"
)

// releaseBound is how long a run tries to write its record and to delete its Lease. After that it ends anyway: the lock
// of a run that is done can be taken over.
const releaseBound = 30 * time.Second

// releasing writes the record of a success while the lock is still held, gives the lock back, and ends the attempt.
//
// No error here changes how the attempt ends: its verdict stands.
func (r *Reconciler) releasing(ctx context.Context, run *run) (move, error) {
	m, err := r.release(ctx, run)
	if err == nil || errors.Is(err, errStale) {
		return m, err
	}
	_ = r.noteLimit(run, err)
	left := releaseBound - r.clock.Since(run.data.Release.Since.Time)
	_, final := finalReason(err)
	if left > 0 && !final {
		_, wait := r.failures.next(run.UID)
		r.metrics.TransientError(string(run.cp.Phase))
		return stay(releasingMessage(run), min(wait, left)), nil
	}
	logging.FromContext(ctx).Warnw("ending without having released everything", logkey.Lock, run.cp.Lock, logkey.Error, errorText(run, err))
	if left > 0 && run.withdraws() {
		state := &run.data.PullRequest
		r.recorder.Eventf(run.CustomRun, corev1.EventTypeWarning, "PullRequestIncomplete", "%s",
			bounded(run.clean(fmt.Sprintf("pull request #%d stays as it is: %s", state.Number, err)), maxEventBytes))
		state.Withdrawn = true
		return again(releasingMessage(run)), nil
	}
	return end(), nil
}

func (r *Reconciler) release(ctx context.Context, run *run) (move, error) {
	if run.withdraws() {
		return r.withdraw(ctx, run)
	}
	if run.cp.Lock == "" {
		return end(), nil
	}
	held, err := r.mutex().Holds(ctx, run.cp.Lock, holderOf(run))
	if err != nil {
		return move{}, err
	}
	if !held {
		// Released by an earlier call, or taken away. Only the holder writes the record: another run may have written since.
		return end(), nil
	}
	if run.cp.Verdict.succeeded() && (run.data.Request.PullRequest == nil || run.wantsDeployed()) {
		written, err := r.recordSuccess(ctx, run)
		if err != nil {
			return move{}, err
		}
		if written {
			return again(releasingMessage(run)), nil
		}
	}
	if _, err := r.releaseLock(ctx, run); err != nil {
		return move{}, err
	}
	return end(), nil
}

// releaseLock deletes the Lease if it is this run's, and tells whether it did.
func (r *Reconciler) releaseLock(ctx context.Context, run *run) (bool, error) {
	held, err := r.mutex().Holds(ctx, run.cp.Lock, holderOf(run))
	if err != nil || !held {
		return false, err
	}
	if err := r.confirm(ctx, run); err != nil {
		return false, err
	}
	failpoint.Here(failpoint.ReleaseBefore)
	released, err := r.mutex().Release(ctx, run.cp.Lock, holderOf(run))
	failpoint.Here(failpoint.ReleaseAfter)
	return released, err
}

// releasingMessage tells what is being released, and how the run will end.
func releasingMessage(run *run) string {
	what := "releasing lock " + run.cp.Lock
	if run.withdraws() || run.cp.Lock == "" {
		what = "closing the pull request"
	}
	if run.cp.Verdict.succeeded() {
		return what
	}
	return what + " after " + string(run.cp.Verdict.Reason) + ": " + run.cp.Verdict.Message
}
