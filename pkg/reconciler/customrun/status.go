package customrun

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	duckv1 "knative.dev/pkg/apis/duck/v1"
	"knative.dev/pkg/logging"
	pkgreconciler "knative.dev/pkg/reconciler"
)

// conditionSucceeded is the one condition of a CustomRun: Tekton and tkn read conditions[0].
const conditionSucceeded = apis.ConditionSucceeded

// maxMessageBytes bounds a condition's message. Servers can answer with pages.
const maxMessageBytes = 4 << 10

// writeBackstop is when to look again should the event of our own write be late.
const writeBackstop = 250 * time.Millisecond

var getOptions = metav1.GetOptions{}

// latch keeps a finished run finished. Tekton patches the spec of finished children when it cancels a PipelineRun; only
// observedGeneration follows, so that the status is never taken for one of an older spec.
func (r *Reconciler) latch(ctx context.Context, cr *v1beta1.CustomRun) error {
	if cr.Generation == cr.Status.ObservedGeneration {
		return nil
	}
	status := cr.Status.DeepCopy()
	status.ObservedGeneration = cr.Generation
	return r.write(ctx, cr, *status)
}

// start writes the first status: the start time that all deadlines count from, and a reason of our own.
func (r *Reconciler) start(ctx context.Context, run *run) error {
	now := metav1.NewTime(r.clock.Now())
	run.Status.StartTime = &now
	run.cp = checkpoint{Version: checkpointVersion, Phase: Preparing, Attempt: 1}
	run.data.enter(Preparing, r.clock.Now())
	if v := r.interrupted(run); v != nil {
		return r.apply(ctx, run, move{kind: moveVerdict, verdict: *v})
	}
	m, err := r.resolve(ctx, run)
	if err != nil {
		m = r.outcomeOf(ctx, run, err)
	}
	return r.apply(ctx, run, m)
}

// apply turns a move into the run's new status and writes it, if anything differs.
func (r *Reconciler) apply(ctx context.Context, run *run, m move) error {
	status := run.Status.DeepCopy()
	status.ObservedGeneration = run.Generation
	was := run.stage()
	m.message = run.clean(m.message)
	m.verdict.Message = run.clean(m.verdict.Message)
	switch m.kind {
	case moveStay:
		r.setCondition(status, corev1.ConditionUnknown, string(was.phase), m.message)
	case moveNext:
		run.cp.Phase = m.next
		run.data.enter(m.next, r.clock.Now())
		r.setCondition(status, corev1.ConditionUnknown, string(m.next), m.message)
	case moveVerdict:
		run.cp.Verdict = &m.verdict
		if r.goesBack(run) {
			run.cp.Phase = Reverting
			run.data.enter(Reverting, r.clock.Now())
			r.setCondition(status, corev1.ConditionUnknown, string(Reverting), revertingMessage(run))
			break
		}
		run.cp.Phase = Releasing
		now := metav1.NewMicroTime(r.clock.Now())
		run.data.Release.Since = &now
		run.data.enter(Releasing, r.clock.Now())
		if run.cp.Lock == "" && !run.withdraws() {
			r.finish(run, status)
			break
		}
		r.setCondition(status, corev1.ConditionUnknown, string(Releasing), releasingMessage(run))
	case moveEnd:
		r.finish(run, status)
	}
	extra, err := encodeCheckpoint(run.cp, run.data)
	if err != nil {
		return r.refuse(ctx, run, was, status, err)
	}
	if !sameJSON(extra.Raw, run.Status.ExtraFields.Raw) {
		status.ExtraFields = extra
	}
	if !equality.Semantic.DeepEqual(*status, run.Status) {
		before, after := writePlaces(run, was.phase, m)
		failpoint.Here(before)
		if err := r.write(ctx, run.CustomRun, *status); err != nil {
			return err
		}
		failpoint.Here(after)
		r.announce(run, status)
		r.observed(ctx, run, was, status)
		// The informer's event of this write comes first; before it, the cache would still show the old status.
		m.wake = max(m.wake, writeBackstop)
	} else {
		r.record(run)
	}
	r.schedule(run, status, m)
	return nil
}

// refuse ends a run whose state cannot be stored: nothing that the state should have held has been done. What is left of
// the state is what releasing the lock and the results need.
func (r *Reconciler) refuse(ctx context.Context, run *run, was stage, status *v1beta1.CustomRunStatus, cause error) error {
	if !errors.Is(cause, errCheckpointTooLarge) {
		return cause
	}
	if v := run.cp.Verdict; v == nil || v.succeeded() {
		run.cp.Verdict = &verdict{Reason: v1alpha1.ReasonInvalidSpec, Message: cause.Error()}
	}
	run.cp.Phase = Releasing
	now := metav1.NewMicroTime(r.clock.Now())
	left := &data{Targets: run.data.Targets, Outcome: run.data.Outcome, PullRequest: run.data.PullRequest, Release: releaseState{Since: &now}}
	left.Outcome.Live = nil
	left.enter(Releasing, now.Time)
	run.data = left
	if run.cp.Lock == "" {
		r.finish(run, status)
	} else {
		r.setCondition(status, corev1.ConditionUnknown, string(Releasing), releasingMessage(run))
	}
	extra, err := encodeCheckpoint(run.cp, run.data)
	if err != nil {
		return err
	}
	status.ExtraFields = extra
	if err := r.write(ctx, run.CustomRun, *status); err != nil {
		return err
	}
	r.announce(run, status)
	r.observed(ctx, run, was, status)
	r.schedule(run, status, again(""))
	return nil
}

// write stores a status at the resourceVersion that was read, once. A conflict means that somebody wrote since; the
// informer brings that version, and nothing of this reconcile is lost, because effects are recognised.
func (r *Reconciler) write(ctx context.Context, cr *v1beta1.CustomRun, status v1beta1.CustomRunStatus) error {
	if equality.Semantic.DeepEqual(cr.Status, status) {
		return nil
	}
	desired := cr.DeepCopy()
	desired.Status = status
	_, err := r.tekton.TektonV1beta1().CustomRuns(cr.Namespace).UpdateStatus(ctx, desired, metav1.UpdateOptions{})
	switch {
	case err == nil:
		return nil
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return errStale
	}
	return err
}

// finish ends the attempt: with the run's condition and results, or with a new attempt where retries are left.
func (r *Reconciler) finish(run *run, status *v1beta1.CustomRunStatus) {
	v := run.cp.Verdict
	run.ended = r.clock.Now()
	now := metav1.NewTime(run.ended)
	if v.succeeded() {
		r.setCondition(status, corev1.ConditionTrue, string(v1alpha1.ReasonSucceeded), v.Message)
	} else {
		r.setCondition(status, corev1.ConditionFalse, string(v.Reason), v.Message)
	}
	status.CompletionTime = &now
	status.Results = results(run)
	if v.succeeded() || run.IsCancelled() || !v1alpha1.Retryable(v.Reason) || len(status.RetriesStatus) >= run.Spec.Retries {
		return
	}
	r.retry(run, status, now)
}

// retry files the attempt away and begins the next. What the run has done so far stays in the outcome: a commit that
// an earlier attempt pushed is still this run's change.
func (r *Reconciler) retry(run *run, status *v1beta1.CustomRunStatus, now metav1.Time) {
	past := status.DeepCopy()
	past.RetriesStatus = nil
	past.ExtraFields.Raw = nil
	status.RetriesStatus = append(status.RetriesStatus, *past)
	status.StartTime, status.CompletionTime, status.Results = &now, nil, nil
	run.cp = checkpoint{Version: checkpointVersion, Phase: Preparing, Attempt: run.cp.Attempt + 1}
	apps := slices.Clone(run.data.Apps)
	for i := range apps {
		apps[i].Sync, apps[i].Revision = apps[i].Sync.afterRetry(), ""
	}
	before := run.data
	run.data = &data{
		Request: before.Request, Apps: apps, Outcome: before.Outcome,
		Revert: before.Revert.afterRetry(), PullRequest: before.PullRequest.afterRetry(),
	}
	if run.data.PullRequest.Number != 0 {
		// Its content is as the earlier attempt has planned it.
		run.data.Targets = before.Targets
	}
	run.data.enter(Preparing, now.Time)
	// What was learnt may be about another commit.
	r.memories.forget(run.UID)
	r.setCondition(status, corev1.ConditionUnknown, string(Preparing), "trying again after "+past.Conditions[0].Reason+": "+past.Conditions[0].Message)
}

// setCondition sets the one condition. The transition time moves with the status and with the phase.
func (r *Reconciler) setCondition(status *v1beta1.CustomRunStatus, s corev1.ConditionStatus, reason, message string) {
	c := apis.Condition{Type: conditionSucceeded, Status: s, Reason: reason, Message: message}
	c.LastTransitionTime = apis.VolatileTime{Inner: metav1.NewTime(r.clock.Now())}
	if old := status.GetCondition(conditionSucceeded); old != nil && old.Status == s && old.Reason == reason {
		c.LastTransitionTime = old.LastTransitionTime
	}
	status.Conditions = duckv1.Conditions{c}
}

// announce tells the change as a Kubernetes event. User text never becomes a format string.
func (r *Reconciler) announce(run *run, status *v1beta1.CustomRunStatus) {
	c := status.GetCondition(conditionSucceeded)
	old := run.Status.GetCondition(conditionSucceeded)
	if c == nil || (old != nil && old.Reason == c.Reason && old.Status == c.Status) {
		return
	}
	kind := corev1.EventTypeNormal
	if c.Status == corev1.ConditionFalse {
		kind = corev1.EventTypeWarning
	}
	r.recorder.Eventf(run.CustomRun, kind, c.Reason, "%s", bounded(c.Message, 1000))
}

// schedule asks for the next look: as the step wished, and never later than the run's own deadline.
func (r *Reconciler) schedule(run *run, status *v1beta1.CustomRunStatus, m move) {
	if !status.GetCondition(conditionSucceeded).IsUnknown() {
		r.forget(run)
		return
	}
	wake := m.wake
	interruptible := run.cp.Verdict == nil || run.cp.Phase == Reverting
	if timeout := run.GetTimeout(); interruptible && timeout > 0 && status.StartTime != nil {
		left := max(status.StartTime.Add(timeout).Sub(r.clock.Now()), 0) + time.Millisecond
		if wake <= 0 || left < wake {
			wake = left
		}
	}
	if wake > 0 {
		r.wakeAfter(run.key, wake)
	}
}

// forget drops what memory holds of a run that has ended.
func (r *Reconciler) forget(run *run) {
	r.watches.unsubscribe(run.key)
	r.polls.unsubscribe(run.key)
	r.plans.forget(run.UID)
	r.failures.forget(run.UID)
	r.memories.forget(run.UID)
}

// clean makes a text fit to leave the process.
func (run *run) clean(text string) string {
	return bounded(credentials.Redact(text, run.secrets...), maxMessageBytes)
}

// enter notes when a phase began.
func (d *data) enter(p Phase, now time.Time) {
	d.Timeline = append(d.Timeline, phaseTime{Phase: p, Since: metav1.NewMicroTime(now)})
	if over := len(d.Timeline) - maxTimeline; over > 0 {
		d.Timeline = d.Timeline[over:]
	}
}

// maxTimeline bounds the phases that a status remembers; a run can go back to Locking.
const maxTimeline = 32

// since is when the current phase began.
func (d *data) since() time.Time {
	if n := len(d.Timeline); n > 0 {
		return d.Timeline[n-1].Since.Time
	}
	return time.Time{}
}

// foreign handles a run whose checkpoint another version of the controller wrote: it is left alone, with a message, but
// a cancellation or a timeout still releases its lock and ends it.
func (r *Reconciler) foreign(ctx context.Context, run *run, cp *checkpoint) pkgreconciler.Event {
	if cp == nil {
		cp = &checkpoint{}
	}
	run.cp = *cp
	status := run.Status.DeepCopy()
	status.ObservedGeneration = run.Generation
	v := r.interrupted(run)
	if v == nil {
		message := "this run was started by another version of the controller, which has to finish it; cancel it to release its lock"
		r.setCondition(status, corev1.ConditionUnknown, string(cmp.Or(cp.Phase, Preparing)), message)
		if err := r.write(ctx, run.CustomRun, *status); err != nil && !errors.Is(err, errStale) {
			return err
		}
		r.schedule(run, status, stay(message, 0))
		return nil
	}
	if cp.Lock != "" {
		if held, err := r.releaseLock(ctx, run); err != nil || held {
			logging.FromContext(ctx).Infow("releasing the lock of a run of another version", logkey.Lock, cp.Lock, logkey.Error, errorText(run, err))
			r.wakeAfter(run.key, time.Second)
			return nil
		}
	}
	now := metav1.NewTime(r.clock.Now())
	status.CompletionTime = &now
	status.Results = unknownResults()
	r.setCondition(status, corev1.ConditionFalse, string(v.Reason), run.clean(v.Message))
	err := r.write(ctx, run.CustomRun, *status)
	switch {
	case errors.Is(err, errStale):
		return nil
	case err != nil:
		return err
	}
	r.announce(run, status)
	r.foreignEnded(ctx, run, status, v.Reason)
	return nil
}

func errorText(run *run, err error) string {
	if err == nil {
		return ""
	}
	return run.clean(err.Error())
}

// bounded cuts a text at a whole rune.
func bounded(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := text[:limit-3]
	for len(cut) > 0 && cut[len(cut)-1]&0xC0 == 0x80 {
		cut = cut[:len(cut)-1]
	}
	if len(cut) > 0 && cut[len(cut)-1] >= 0xC0 {
		cut = cut[:len(cut)-1]
	}
	return cut + "..."
}
