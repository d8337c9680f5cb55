package customrun

import (
	"context"
	"fmt"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
)

// verified ends a run that only verifies. What changed is told by the lock's record: it has what ran when a run last
// succeeded.
func (r *Reconciler) verified(ctx context.Context, run *run, names string) (move, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	record, err := readRecord(ctx, r.dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(run.Namespace), run.cp.Lock)
	if err != nil {
		return move{}, err
	}
	o := &run.data.Outcome
	o.Changed = record == nil || !sameLive(record.Live, o.Live)
	message := appNames(run.data.Apps) + areSynced(run) + " at revision " + short(run.data.Apps[0].Revision)
	switch {
	case run.data.Request.Restart:
		message += ", " + names + " restarted"
	case names != "":
		message += ", " + names + " rolled out"
	}
	if !o.Changed {
		message += " (the same as before)"
	}
	return succeed(message), nil
}

// areSynced follows the names of the run's applications.
func areSynced(run *run) string {
	is := " is "
	if len(run.data.Apps) > 1 {
		is = " are "
	}
	return is + "Synced and " + run.health()
}

// anotherImage decides what another tag or digest means. A run that only verifies has no commit to measure it by: what is
// Synced and not the wanted image is a mismatch.
func (r *Reconciler) anotherImage(run *run, a *application, workload, live string, want target) argocd.Decision {
	if run.commit() != "" {
		return argocd.OtherImage(a.observed, r.goal(run, a), r.clock.Now(), workload, live)
	}
	return r.onceSettled(run, a, fmt.Errorf("%w: %s runs %s, the run expects %s", argocd.ErrImageMismatch, workload, live, want))
}

// noWorkload decides what it means that nothing runs an image.
func (r *Reconciler) noWorkload(run *run, a *application, cause error) argocd.Decision {
	if run.commit() != "" {
		return argocd.NoWorkload(a.observed, r.goal(run, a), r.clock.Now(), cause)
	}
	return r.onceSettled(run, a, cause)
}

// onceSettled fails with the cause if a comparison begun in this phase finds the application Synced and Healthy.
func (r *Reconciler) onceSettled(run *run, a *application, cause error) argocd.Decision {
	d := argocd.Settled(a.observed, r.goal(run, a), run.data.since(), r.clock.Now())
	if d.Action == argocd.Proceed {
		return argocd.Decision{Action: argocd.Fail, Err: cause}
	}
	return d
}
