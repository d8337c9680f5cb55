package customrun

import (
	"context"
	"strings"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"go.uber.org/zap"
	"knative.dev/pkg/logging"
)

// stage is where a run was before a move: what is to be told of the phase, once the move is stored.
type stage struct {
	phase   Phase
	since   time.Time
	attempt int
	lock    string
	verdict v1alpha1.Reason
	// data stays that of the attempt when another one begins.
	data *data
}

func (run *run) stage() stage {
	s := stage{phase: run.cp.Phase, since: run.data.since(), attempt: run.cp.Attempt, lock: run.cp.Lock, data: run.data}
	if v := run.cp.Verdict; v != nil {
		s.verdict = v.Reason
	}
	return s
}

// tally counts the effects that a reconcile has seen to be done. It is recorded when its status is stored, or is stored
// already: an effect whose status was not stored is seen again.
type tally struct {
	pushes, reverts, conflicts     int
	takenFromRuns, takenFromOthers int
	syncs, terminations, restarts  int
}

// tookOver counts a lock that was taken from somebody who is gone.
func (run *run) tookOver(holder string) {
	if _, ours := lock.ParseHolder(holder); ours {
		run.tally.takenFromRuns++
	} else {
		run.tally.takenFromOthers++
	}
}

// record adds what the reconcile has counted to the metrics.
func (r *Reconciler) record(run *run) {
	t, kind := run.tally, kindOf(run.CustomRun)
	r.metrics.Pushed(kind, metrics.Update, t.pushes)
	r.metrics.Pushed(kind, metrics.Revert, t.reverts)
	r.metrics.PushConflicts(kind, t.conflicts)
	r.metrics.LocksTakenOver(metrics.HolderCustomRun, t.takenFromRuns)
	r.metrics.LocksTakenOver(metrics.HolderForeign, t.takenFromOthers)
	r.metrics.Operations(metrics.ActionSync, t.syncs)
	r.metrics.Operations(metrics.ActionTerminate, t.terminations)
	r.metrics.Operations(metrics.ActionRestart, t.restarts)
	run.tally = tally{}
}

// observed tells in the metrics, the log and the traces what a stored status says that the one before did not: that a phase
// has ended, and that an attempt has.
func (r *Reconciler) observed(ctx context.Context, run *run, was stage, status *v1beta1.CustomRunStatus) {
	r.record(run)
	reason, over := attemptReason(run, status)
	begins := run.Status.GetCondition(conditionSucceeded) == nil
	if !over && !begins && run.cp.Phase == was.phase {
		return
	}
	now := run.data.since() // The times that are stored are those that are told.
	if over {
		now = run.ended
	}
	kind := kindOf(run.CustomRun)
	log := logging.FromContext(ctx).With(known(logkey.Kind, kind, logkey.Attempt, was.attempt, logkey.PipelineRun, pipelineRunOf(run.CustomRun))...)
	// A state that did not fit has lost when its phase began.
	if !was.since.IsZero() && (over || run.cp.Phase != was.phase) {
		r.phaseEnded(kind, was, reason, now.Sub(was.since))
	}
	if over {
		r.attemptEnded(ctx, run, was, status, reason, now, log)
	}
	if status.GetCondition(conditionSucceeded).IsUnknown() {
		entered := known(logkey.Phase, string(run.cp.Phase), logkey.Lock, run.cp.Lock, logkey.Says, conditionMessage(status))
		if !over && !begins {
			entered = append(entered, known(logkey.From, string(was.phase), logkey.Seconds, now.Sub(was.since).Seconds())...)
		}
		log.Infow("the run has entered a phase", entered...)
	}
}

// phaseEnded observes the duration of a phase. Reason is that of the attempt, empty as long as that goes on.
func (r *Reconciler) phaseEnded(kind string, was stage, reason v1alpha1.Reason, took time.Duration) {
	ended := metrics.Done
	// A verdict that stood already was not made in this phase.
	if reason != "" && reason != was.verdict {
		ended = outcomeLabel(reason, metrics.Done)
	}
	r.metrics.PhaseEnded(kind, string(was.phase), ended, took)
	switch was.phase {
	case Locking:
		r.metrics.LockWaited(ended, took)
	case Syncing:
		if ended == metrics.Done {
			reason = v1alpha1.ReasonSucceeded
		}
		r.metrics.SyncEnded(string(reason))
	}
}

// attemptEnded tells the end of an attempt: of the run, unless another attempt follows.
func (r *Reconciler) attemptEnded(ctx context.Context, run *run, was stage, status *v1beta1.CustomRunStatus, reason v1alpha1.Reason, now time.Time, log *zap.SugaredLogger) {
	kind := kindOf(run.CustomRun)
	message := "the run has ended"
	if status.GetCondition(conditionSucceeded).IsUnknown() {
		message = "the attempt has failed, another follows"
		r.metrics.Retried(kind, string(reason))
	} else {
		r.metrics.RunEnded(kind, string(reason), outcomeLabel(reason, metrics.Succeeded), now.Sub(runStart(status, was)))
	}
	o, d := was.data.Outcome, was.data
	log.Infow(message, known(logkey.Reason, string(reason), logkey.Says, endMessage(status), logkey.Seconds, now.Sub(attemptStart(run, was)).Seconds(),
		logkey.Phases, phaseSeconds(d.Timeline, now), logkey.Lock, was.lock, logkey.Application, applicationNames(d), logkey.Commit, o.Commit,
		logkey.Changed, o.Changed, logkey.PullRequest, d.PullRequest.Number)...)
	r.trace(ctx, run, was, reason, now)
}

// foreignEnded tells the end of a run of another version, of which no more is known than its status.
func (r *Reconciler) foreignEnded(ctx context.Context, run *run, status *v1beta1.CustomRunStatus, reason v1alpha1.Reason) {
	kind := kindOf(run.CustomRun)
	var took time.Duration
	if began := status.StartTime; began != nil {
		took = r.clock.Since(began.Time)
	}
	r.metrics.RunEnded(kind, string(reason), outcomeLabel(reason, metrics.Succeeded), took)
	logging.FromContext(ctx).Infow("the run has ended", known(logkey.Kind, kind, logkey.PipelineRun, pipelineRunOf(run.CustomRun), logkey.Lock, run.cp.Lock,
		logkey.Reason, string(reason), logkey.Says, conditionMessage(status), logkey.Seconds, took.Seconds())...)
}

// known leaves out of keys and values what is not known of the run.
func known(pairs ...any) []any {
	var kept []any
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" && pairs[i+1] != 0 {
			kept = append(kept, pairs[i], pairs[i+1])
		}
	}
	return kept
}

// attemptReason gives the reason with which the attempt ends, or is going to end once everything is released. Over: it has.
func attemptReason(run *run, status *v1beta1.CustomRunStatus) (reason v1alpha1.Reason, over bool) {
	if c := status.GetCondition(conditionSucceeded); !c.IsUnknown() {
		return v1alpha1.Reason(c.Reason), true
	}
	if n := len(status.RetriesStatus); n > len(run.Status.RetriesStatus) {
		return v1alpha1.Reason(status.RetriesStatus[n-1].GetCondition(conditionSucceeded).Reason), true
	}
	if v := run.cp.Verdict; v != nil {
		return v.Reason, false
	}
	return "", false
}

// outcomeLabel is the label of an outcome, with the word for a good one.
func outcomeLabel(reason v1alpha1.Reason, good string) string {
	switch reason {
	case v1alpha1.ReasonSucceeded:
		return good
	case v1alpha1.ReasonCancelled, v1alpha1.ReasonTimedOut:
		return metrics.Interrupted
	}
	return metrics.Failed
}

// attemptStart is when the attempt began: to the microsecond from the timeline, or the whole second of the status where the
// timeline no longer has its beginning.
func attemptStart(run *run, was stage) time.Time {
	if t := was.data.Timeline; len(t) > 0 && t[0].Phase == Preparing {
		return t[0].Since.Time
	}
	if run.Status.StartTime != nil {
		return run.Status.StartTime.Time
	}
	return was.since
}

// runStart is when the first attempt began.
func runStart(status *v1beta1.CustomRunStatus, was stage) time.Time {
	if past := status.RetriesStatus; len(past) > 0 && past[0].StartTime != nil {
		return past[0].StartTime.Time
	}
	if t := was.data.Timeline; len(t) > 0 && t[0].Phase == Preparing {
		return t[0].Since.Time
	}
	return status.StartTime.Time
}

// phaseSeconds adds up the time in each phase.
func phaseSeconds(timeline []phaseTime, end time.Time) map[string]float64 {
	seconds := map[string]float64{}
	for i, p := range timeline {
		seconds[string(p.Phase)] += phaseEnd(timeline, i, end).Sub(p.Since.Time).Seconds()
	}
	return seconds
}

// phaseEnd is when the next phase began, or the attempt ended.
func phaseEnd(timeline []phaseTime, i int, end time.Time) time.Time {
	if i+1 < len(timeline) {
		return timeline[i+1].Since.Time
	}
	return end
}

func endMessage(status *v1beta1.CustomRunStatus) string {
	if n := len(status.RetriesStatus); n > 0 && status.GetCondition(conditionSucceeded).IsUnknown() {
		return conditionMessage(&status.RetriesStatus[n-1])
	}
	return conditionMessage(status)
}

func conditionMessage(status *v1beta1.CustomRunStatus) string {
	if c := status.GetCondition(conditionSucceeded); c != nil {
		return c.Message
	}
	return ""
}

func kindOf(cr *v1beta1.CustomRun) string {
	_, kind := request.TypeOf(cr)
	return kind
}

func pipelineRunOf(cr *v1beta1.CustomRun) string { return cr.Labels["tekton.dev/pipelineRun"] }

func applicationNames(d *data) string {
	var names []string
	for _, app := range d.Apps {
		names = append(names, appOf(app.Application).String())
	}
	return strings.Join(names, ",")
}
