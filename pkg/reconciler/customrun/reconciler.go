package customrun

import (
	"context"
	"errors"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/tracing"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	"knative.dev/pkg/logging"
	pkgreconciler "knative.dev/pkg/reconciler"
)

// Reconciler moves CustomRuns through their phases. It keeps nothing that it could not lose: every field is a client, a
// cache or a wake-up.
type Reconciler struct {
	clock    clock.WithTicker
	tekton   tekton.Interface
	kube     kubernetes.Interface
	dynamic  dynamic.Interface
	cached   cache.Indexer // of CustomRuns
	recorder record.EventRecorder
	metrics  *metrics.Metrics
	tracer   *tracing.Tracer
	// wakeAfter puts a run back into the queue; the earliest time wins.
	wakeAfter func(types.NamespacedName, time.Duration)

	settings   *settings
	backends   backends
	background *background
	watches    *watches
	polls      *polls
	hosts      *hostClients
	plans      *plans
	failures   *failures
	memories   *memories
}

// run is one CustomRun as this reconcile has read it, with its state decoded. Steps change cp and data; apply writes
// them.
type run struct {
	*v1beta1.CustomRun
	key  types.NamespacedName
	cp   checkpoint
	data *data
	// secrets are the values that this reconcile has read; no message leaves with one of them in it.
	secrets []string
	// tally is what has been done and is not stored yet.
	tally tally
	// ended is when the attempt ended, once it has.
	ended time.Time
}

// ReconcileKind makes one move of one run. It returns no errors: the framework would turn each into an event with the
// raw text. A reconcile that could not write is repeated.
func (r *Reconciler) ReconcileKind(ctx context.Context, cr *v1beta1.CustomRun) pkgreconciler.Event {
	if !isOurs(cr) {
		return nil
	}
	r.replay(ctx, cr)
	if err := r.reconcile(ctx, cr); err != nil {
		if errors.Is(err, errStale) {
			logging.FromContext(ctx).Debugw("stale", logkey.Error, err.Error())
		} else {
			logging.FromContext(ctx).Infow("the run's status could not be written, trying again", logkey.Error, err.Error())
		}
		r.wakeAfter(types.NamespacedName{Namespace: cr.Namespace, Name: cr.Name}, time.Second)
	}
	return nil
}

func (r *Reconciler) reconcile(ctx context.Context, cr *v1beta1.CustomRun) error {
	if cr.IsDone() {
		return r.latch(ctx, cr)
	}
	cp, d, err := decodeCheckpoint(cr)
	run := &run{CustomRun: cr, key: types.NamespacedName{Namespace: cr.Namespace, Name: cr.Name}, data: d}
	switch {
	case errors.Is(err, errUnknownCheckpoint):
		return r.foreign(ctx, run, cp)
	case err != nil:
		return err
	case cp == nil:
		return r.start(ctx, run)
	}
	run.cp = *cp
	m, err := r.advance(ctx, run)
	if errors.Is(err, errStale) {
		return err
	}
	if err != nil {
		m = r.outcomeOf(ctx, run, err)
	} else if !r.background.pending(run) {
		// A step that has only started a call, or waits for one, has not succeeded yet.
		r.failures.forget(run.UID)
	}
	logging.FromContext(ctx).Debugw("moved", logkey.Phase, string(run.cp.Phase), logkey.Says, m.message, logkey.Wake, m.wake.String(),
		logkey.Next, string(m.next), logkey.Reason, string(m.verdict.Reason))
	return r.apply(ctx, run, m)
}

// advance runs the step of the phase, unless the run was cancelled, has timed out, or has its verdict already.
func (r *Reconciler) advance(ctx context.Context, run *run) (move, error) {
	if run.cp.Verdict == nil || run.cp.Phase == Reverting {
		if v := r.interrupted(run); v != nil {
			r.lookForPush(ctx, run)
			if failed := run.cp.Verdict; failed != nil {
				v.Message = bounded(v.Message, maxMessageBytes/2) + "; before that, it had failed with " + string(failed.Reason) + ": " + failed.Message
			}
			return move{kind: moveVerdict, verdict: *v}, nil
		}
	}
	step, ok := r.steps()[run.cp.Phase]
	if !ok {
		return fail(v1alpha1.ReasonInvalidSpec, "the run's checkpoint names the phase "+string(run.cp.Phase)+", which this version of the controller does not know; start a new run"), nil
	}
	ctx = logging.WithLogger(ctx, logging.FromContext(ctx).With(logkey.Phase, string(run.cp.Phase)))
	return step(ctx, run)
}

// interrupted gives the verdict of a run that somebody cancelled or whose time is over.
func (r *Reconciler) interrupted(run *run) *verdict {
	if run.IsCancelled() {
		message := string(run.Spec.StatusMessage)
		if message == "" {
			message = "CustomRun " + run.Name + " was cancelled"
		}
		return &verdict{Reason: v1alpha1.ReasonCancelled, Message: message}
	}
	if run.HasTimedOut(r.clock) {
		return &verdict{Reason: v1alpha1.ReasonTimedOut, Message: r.timeoutMessage(run)}
	}
	return nil
}

// timeoutMessage says which phase the time went into.
func (r *Reconciler) timeoutMessage(run *run) string {
	message := "CustomRun " + run.Name + " did not finish within " + run.GetTimeout().String()
	if run.cp.Phase != "" {
		message += "; it was in phase " + string(run.cp.Phase)
	}
	if c := run.Status.GetCondition(conditionSucceeded); c != nil && c.Message != "" {
		message += ": " + c.Message
	}
	return message
}

// errStale ends a reconcile whose run is not what the API server holds.
var errStale = errors.New("the run has changed since it was read")

// confirm reads the run live and refuses to go on unless it is exactly the one that this reconcile works from. Each
// side effect calls it right before the effect: it makes "the intent was read back from the API server" true however
// far the cache is behind.
func (r *Reconciler) confirm(ctx context.Context, run *run) error {
	live, err := r.tekton.TektonV1beta1().CustomRuns(run.Namespace).Get(ctx, run.Name, getOptions)
	if err != nil {
		return err
	}
	if live.UID != run.UID || live.ResourceVersion != run.ResourceVersion {
		return errStale
	}
	return nil
}
