package customrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rolloutPoll is how often the live workloads are read while they roll out: often in the first seconds, when most
// rollouts end, then rarely. Argo CD's events come besides.
func rolloutPoll(since time.Duration) time.Duration {
	return min(max(since/10, 200*time.Millisecond), 5*time.Second)
}

// verifying proves that the wanted image is what runs. The order is the proof: first the live workloads are seen rolled
// out with the image, then Argo CD compares once more, and the Synced and Healthy that count come from that comparison.
func (r *Reconciler) verifying(ctx context.Context, run *run) (move, error) {
	verify := run.data.Request.Verify
	if r.phaseOver(run, verify.Timeout.Duration) {
		return fail(v1alpha1.ReasonVerifyTimeout, fmt.Sprintf("not proven within %s: %s", verify.Timeout.Duration, currentMessage(run))), nil
	}
	a, err := r.openArgo(ctx, run)
	if err != nil {
		return move{}, err
	}
	defer a.release()
	apps, m, done, err := r.verifyAll(ctx, run, a, verify.Timeout.Duration)
	if err != nil || !done {
		return m, err
	}
	return r.proven(ctx, run, apps)
}

// verifyAll brings the proof of each application one step further, and tells whether it is complete for all of them.
func (r *Reconciler) verifyAll(ctx context.Context, run *run, a *argo, timeout time.Duration) (apps []*application, m move, done bool, err error) {
	apps = r.applications(run, a)
	for _, app := range apps {
		r.subscribe(run, app)
	}
	if err := r.observeAll(ctx, run, apps); err != nil {
		return nil, move{}, false, err
	}
	if err := gather(apps, func(app *application) error { return r.look(ctx, run, app) }); err != nil {
		return nil, move{}, false, err
	}
	r.noteFailing(run, apps)
	var waiting waits
	lacking := r.lacking(run, apps)
	for _, app := range apps {
		if app.waiting != nil {
			waiting.add(app, *app.waiting)
			continue
		}
		m, done, effect, err := r.verifyOne(ctx, run, app, lacking, timeout)
		switch {
		case err != nil || effect || (!done && m.kind != moveStay):
			return nil, m, false, err
		case !done:
			waiting.add(app, m)
		}
	}
	// The image may run in any of them, so the verdict is that of all: what one has says nothing before the others are known.
	if lacking != nil && !slices.ContainsFunc(apps, func(a *application) bool { return !a.lacks }) {
		return nil, move{}, false, lacking
	}
	if name := absent(run, apps); name != "" {
		waiting.note(stay(name+" does not exist yet", rolloutPoll(r.clock.Since(run.data.since()))))
	}
	if len(waiting.moves) > 0 {
		return nil, waiting.move(run), false, nil
	}
	return apps, move{}, true, nil
}

// look finds the workloads of an application, unless it is not known yet what the application says.
func (r *Reconciler) look(ctx context.Context, run *run, app *application) (err error) {
	if app.waiting != nil {
		return nil
	}
	app.state.Health = app.observed.Health
	app.found, err = r.findWorkloads(ctx, run, app)
	return err
}

// verifyOne decides about one application. done: its part of the proof is there.
func (r *Reconciler) verifyOne(ctx context.Context, run *run, app *application, lacking error, timeout time.Duration) (m move, done, effect bool, err error) {
	d, decided := r.otherImage(run, app)
	if !decided && lacking != nil {
		d, decided = r.noWorkload(run, app, lacking), true
		if app.lacks = d.Action == argocd.Fail && errors.Is(d.Err, lacking); app.lacks {
			return stay(fmt.Sprintf("application %s: nothing in it runs the image", app.app), rolloutPoll(r.clock.Since(run.data.since()))), false, false, nil
		}
	}
	if decided && d.Action != argocd.Proceed {
		m, effect, err = r.carryOut(ctx, run, app, d, timeout)
		return m, false, effect, err
	}
	if ready, unready := r.rolledOut(run, app, timeout); !ready {
		app.memory.rolledOut = time.Time{}
		run.data.Verify.ProvenSince = nil
		r.seeWindow(app, false)
		return unready, false, false, nil
	}
	if app.memory.rolledOut.IsZero() {
		app.memory.rolledOut = r.clock.Now()
	}
	prove := argocd.Proven
	if run.commit() == "" {
		prove = argocd.Settled
	}
	d = prove(app.observed, r.goal(run, app), app.memory.rolledOut, r.clock.Now())
	if d.Action != argocd.Proceed {
		run.data.Verify.ProvenSince = nil
		m, effect, err = r.carryOut(ctx, run, app, d, timeout)
		return m, false, effect, err
	}
	r.settles(app, d)
	if d.Revision != "" {
		app.state.Revision = d.Revision
	}
	return move{}, true, false, nil
}

// proven ends the run, once the proof has held for stableFor.
func (r *Reconciler) proven(ctx context.Context, run *run, apps []*application) (move, error) {
	names := workloadNames(apps)
	subject := cmp.Or(names, appNames(run.data.Apps))
	stable := run.data.Request.Verify.StableFor.Duration
	if stable > 0 {
		if run.data.Verify.ProvenSince == nil {
			now := metav1.NewMicroTime(r.clock.Now())
			run.data.Verify.ProvenSince = &now
		}
		if left := stable - r.clock.Since(run.data.Verify.ProvenSince.Time); left > 0 {
			return stay(fmt.Sprintf("%s proven, watching that it stays so for %s", subject, stable), min(left, 5*time.Second)), nil
		}
	}
	live, known, err := r.allDigests(ctx, run, apps)
	if err != nil {
		return move{}, err
	}
	if !known && r.clock.Since(latestRollout(apps)) < digestPatience {
		return stay(subject+" proven, reading the digests of its pods", digestPoll), nil
	}
	run.data.Outcome.Live = live
	if len(run.data.Request.Updates) == 0 {
		return r.verified(ctx, run, names)
	}
	message := subject
	switch what := summary(run); {
	case names == "":
		message += areSynced(run)
	case what == "":
		message += " rolled out"
	default:
		message += " runs " + what
	}
	message += " at revision " + short(run.data.Apps[0].Revision)
	if !run.data.Outcome.Changed {
		message += " (nothing was to change)"
	}
	return succeed(message), nil
}

func latestRollout(apps []*application) (latest time.Time) {
	for _, app := range apps {
		if app.memory.rolledOut.After(latest) {
			latest = app.memory.rolledOut
		}
	}
	return latest
}

// otherImage looks for a workload that runs one of our images with another tag or digest.
func (r *Reconciler) otherImage(run *run, a *application) (argocd.Decision, bool) {
	targets := run.targets()
	for _, w := range a.found.verified {
		for _, c := range w.verdict.Images {
			if !w.counts(c) || runsTarget(targets, c.Image) {
				continue
			}
			at := slices.IndexFunc(targets, func(t target) bool { return sameName(t.Name, c.Image) })
			if at >= 0 {
				return r.anotherImage(run, a, w.Kind+"/"+w.Name, c.Image, targets[at]), true
			}
		}
	}
	return argocd.Decision{}, false
}

// lacking names an image that no workload of any application runs. What is not known of an application yet may run it.
func (r *Reconciler) lacking(run *run, apps []*application) error {
	if slices.ContainsFunc(apps, func(a *application) bool { return a.waiting != nil }) {
		return nil
	}
	for _, t := range run.targets() {
		if !slices.ContainsFunc(apps, func(a *application) bool {
			return slices.ContainsFunc(a.found.verified, func(w workload) bool { return w.missing || w.runs(t.Name) })
		}) {
			return notInManifest(t.Name, apps)
		}
	}
	return nil
}
