package customrun

import (
	"context"
	"fmt"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
)

// verified ends a run that only verifies. What changed is told by the lock's record: it has what ran when a run last
// succeeded.
func (r *Reconciler) verified(ctx context.Context, run *run, found workloads) (move, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	record, err := readRecord(ctx, r.dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(run.Namespace), run.cp.Lock)
	if err != nil {
		return move{}, err
	}
	o := &run.data.Outcome
	o.Changed = record == nil || !sameLive(record.Live, o.Live)
	message := fmt.Sprintf("application %s is Synced and %s at revision %s", run.data.Request.ArgoCD.Application.Name, o.Health, short(o.Revision))
	if names := found.String(); names != "" {
		message += ", " + names + " rolled out"
	}
	if !o.Changed {
		message += " (the same as before)"
	}
	return succeed(message), nil
}

// anotherImage decides what another tag or digest means. A run that only verifies has no commit to measure it by: what is
// Synced and not the wanted image is a mismatch.
func (r *Reconciler) anotherImage(run *run, observed argocd.Observation, workload, live string, want target) argocd.Decision {
	if !run.data.Request.VerifyOnly() {
		return argocd.OtherImage(observed, r.goal(run), r.clock.Now(), workload, live)
	}
	return r.onceSettled(run, observed, fmt.Errorf("%w: %s runs %s, the run expects %s", argocd.ErrImageMismatch, workload, live, want))
}

// noWorkload decides what it means that nothing runs an image.
func (r *Reconciler) noWorkload(run *run, observed argocd.Observation, cause error) argocd.Decision {
	if !run.data.Request.VerifyOnly() {
		return argocd.NoWorkload(observed, r.goal(run), r.clock.Now(), cause)
	}
	return r.onceSettled(run, observed, cause)
}

// onceSettled fails with the cause if a comparison begun in this phase finds the application Synced and Healthy.
func (r *Reconciler) onceSettled(run *run, observed argocd.Observation, cause error) argocd.Decision {
	d := argocd.Settled(observed, r.goal(run), run.data.since(), r.clock.Now())
	if d.Action == argocd.Proceed {
		return argocd.Decision{Action: argocd.Fail, Err: cause}
	}
	return d
}
