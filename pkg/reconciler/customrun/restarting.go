package customrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
)

const (
	// restartPause is the pause before a restart without an effect is asked for again. Argo CD writes whole seconds: a
	// second restart within one changes nothing.
	restartPause = 1100 * time.Millisecond
	// maxRestarts is how often a workload is restarted without an effect.
	maxRestarts = 3
)

// errRestartUndone says that something takes the restart back.
var errRestartUndone = errors.New("the restart has no effect")

// restartable are the kinds that Argo CD has the action restart for (resource_customizations/*/actions).
func restartable(kind string) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet", "Rollout"}, kind)
}

// restarting is the work of the phase Syncing for a run that restarts. The action carries no mark of ours. So what each
// workload looked like is stored first, and one that carries another restart since is done: by us, before a crash, or by
// somebody else just now, which serves as well.
func (r *Reconciler) restarting(ctx context.Context, run *run, a *argo) (move, error) {
	apps := r.applications(run, a)
	if len(run.data.Restart.Workloads) == 0 {
		return r.planRestart(ctx, run, apps)
	}
	for i := range run.data.Restart.Workloads {
		t := &run.data.Restart.Workloads[i]
		if t.Done {
			continue
		}
		m, done, err := r.restartOne(ctx, run, apps[t.App], t)
		if err != nil || !done {
			return m, err
		}
		t.Done = true
	}
	return next(Verifying, "restarted "+run.data.Restart.String()+", waiting for the rollout"), nil
}

// planRestart notes the workloads and the restart that each of them carries already.
func (r *Reconciler) planRestart(ctx context.Context, run *run, apps []*application) (move, error) {
	err := gather(apps, func(app *application) (err error) {
		app.found, err = r.findWorkloads(ctx, run, app)
		return err
	})
	if err == nil {
		err = canRestart(run, apps)
	}
	if err != nil {
		return move{}, err
	}
	for _, app := range apps {
		for _, w := range app.toRestart() {
			run.data.Restart.Workloads = append(run.data.Restart.Workloads, restartTarget{
				App: app.index, Group: w.Group, Version: w.Version, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name,
				Generation: w.verdict.Generation, Before: w.verdict.RestartedAt,
			})
		}
	}
	return again("restarting " + run.data.Restart.String()), nil
}

// toRestart are the workloads that a restart is about. One that only holds the pod template of a Rollout has no pods.
func (a *application) toRestart() []workload {
	var all []workload
	for _, w := range a.found.verified {
		if !w.missing && restartable(w.Kind) && !slices.ContainsFunc(a.found.verified, w.isTemplateOf) {
			all = append(all, w)
		}
	}
	return all
}

func (w workload) isTemplateOf(user workload) bool {
	t := user.verdict.Template
	return t != nil && t.Group == w.Group && t.Kind == w.Kind && t.Name == w.Name && user.Namespace == w.Namespace
}

// canRestart tells what keeps a run from restarting anything.
func canRestart(run *run, apps []*application) error {
	var count int
	var states []appState
	for _, app := range apps {
		count += len(app.toRestart())
		states = append(states, *app.state)
	}
	name := absent(run, apps)
	for _, app := range apps {
		for _, w := range app.found.verified {
			if w.missing {
				name = w.Kind + "/" + w.Name
			}
		}
	}
	switch {
	case name != "":
		return fmt.Errorf("%w: %s has no %s, which verify.workloads names", errNoSuchWorkload, appNames(states), name)
	case count > maxWorkloads:
		return fmt.Errorf("%w: %d are to be restarted, at most %d in one run: name some of them in verify.workloads", errTooManyWorkloads, count, maxWorkloads)
	case count > 0:
		return nil
	}
	for _, t := range run.data.Targets {
		return notInManifest(t.Name, apps)
	}
	return fmt.Errorf("%w: %s has no Deployment, StatefulSet, DaemonSet or Rollout to restart", errNotInManifest, appNames(states))
}

// restartOne looks at one workload, and restarts it unless that has happened. done: it was seen restarted.
func (r *Reconciler) restartOne(ctx context.Context, run *run, app *application, t *restartTarget) (m move, done bool, err error) {
	resource := argocd.Resource{Group: t.Group, Version: t.Version, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}
	live, err := app.Live(ctx, app.app, resource)
	if err != nil {
		return move{}, false, err
	}
	verdict, err := rollout.Check(live)
	if err != nil {
		return move{}, false, err
	}
	if verdict.RestartedAt != t.Before {
		return move{}, true, nil
	}
	message := "restarting " + run.data.Restart.String()
	if t.Asked >= maxRestarts {
		return move{}, false, fmt.Errorf("%w: Argo CD has restarted %s of application %s %d times, and it carries no new restartedAt: does git or a webhook set that?", errRestartUndone, resource, app.app, t.Asked)
	}
	if left := restartPause - r.clock.Since(app.memory.restarted); t.Asked > 0 && left > 0 {
		return stay(message, left), false, nil
	}
	if err := r.confirm(ctx, run); err != nil {
		return move{}, false, err
	}
	failpoint.Here(failpoint.RestartBefore)
	err = app.Restart(ctx, app.app, resource)
	failpoint.Here(failpoint.RestartAfter)
	if err != nil {
		return move{}, false, err
	}
	t.Asked++
	run.tally.restarts++
	app.memory.restarted = r.clock.Now()
	return again(message), false, nil
}

// String names the workloads.
func (s restartState) String() string {
	var names []string
	for _, t := range s.Workloads {
		names = append(names, t.Kind+"/"+t.Name)
	}
	return list(names)
}

// checkRestart asks for the right to restart each kind of workload that would be restarted.
func (r *Reconciler) checkRestart(ctx context.Context, run *run, app *application) (err error) {
	if app.found, err = r.findWorkloads(ctx, run, app); err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, w := range app.toRestart() {
		if asked[w.Kind] {
			continue
		}
		asked[w.Kind] = true
		allowed, err := app.CanRestart(ctx, app.observed, w.Group, w.Kind)
		if err != nil {
			return err
		}
		if !allowed {
			return &argocd.PermissionError{Resource: "applications", Verb: "action/" + w.Group + "/" + w.Kind + "/restart", Object: app.observed.RBACName}
		}
	}
	return nil
}
