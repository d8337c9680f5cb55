package customrun

import (
	"cmp"
	"context"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// checkArgoCD reads the applications and asks for the rights that the run needs.
func (r *Reconciler) checkArgoCD(ctx context.Context, run *run) (c checked, err error) {
	defer func() { c.secrets = run.secrets }()
	want := run.data.Request.ArgoCD
	if !run.wantsDeployed() {
		return c, nil
	}
	a, err := r.openArgo(ctx, run)
	if err != nil {
		return c, err
	}
	defer a.release()
	named := want.Applications
	if len(run.data.Apps) > 0 {
		named = nil
		for _, app := range run.data.Apps {
			named = append(named, app.Application)
		}
	} else if want.Selector != nil {
		if named, err = r.selected(ctx, a, want.Selector); err != nil {
			return c, err
		}
	}
	base, err := a.BaseURL(ctx)
	if err != nil {
		return c, err
	}
	apps := make([]*application, len(named))
	for i, app := range named {
		apps[i] = newApplication(a, i, app)
	}
	if err := gather(apps, func(app *application) error { return r.checkApplication(ctx, run, app, base) }); err != nil {
		return c, err
	}
	if run.data.Request.Restart {
		if err := canRestart(run, apps); err != nil {
			return c, err
		}
	}
	for _, app := range apps {
		c.apps = append(c.apps, *app.state)
		c.closed = cmp.Or(c.closed, app.closed)
	}
	boundUnhealthy(c.apps)
	return c, nil
}

// maxUnhealthyBytes bounds the names that are kept of what was unhealthy before the run.
const maxUnhealthyBytes = 4 << 10

// boundUnhealthy gives each application its part of the room.
func boundUnhealthy(apps []appState) {
	for i := range apps {
		size := 0
		for n, name := range apps[i].Unhealthy {
			if size += len(name) + len(`"",`); size > maxUnhealthyBytes/len(apps) {
				apps[i].Unhealthy = apps[i].Unhealthy[:n]
				break
			}
		}
	}
}

// selected are the applications that a selector chooses.
func (r *Reconciler) selected(ctx context.Context, a *argo, s *request.Selector) ([]request.Application, error) {
	found, err := a.List(ctx, argocd.Selector{MatchLabels: s.MatchLabels, Namespace: s.Namespace, Project: s.Project}, request.MaxApplications)
	var apps []request.Application
	for _, app := range found {
		apps = append(apps, request.Application{Name: app.Name, Namespace: app.Namespace, Project: app.Project})
	}
	return apps, err
}

// checkApplication looks whether an application can show the commit, and whether the run may do with it what it has to.
func (r *Reconciler) checkApplication(ctx context.Context, run *run, app *application, base string) (err error) {
	if app.observed, err = app.Get(ctx, app.app, argocd.RefreshNone); err != nil {
		return err
	}
	if err := argocd.Preflight(app.observed, r.goal(run, app)); err != nil {
		return err
	}
	switch {
	case run.data.Request.Restart:
		err = r.checkRestart(ctx, run, app)
	case !run.data.Request.VerifyOnly() && !run.data.Request.DryRun:
		err = r.checkSync(ctx, run, app)
	}
	if err != nil {
		return err
	}
	app.state.Unhealthy, app.state.Health = app.observed.Unhealthy(), app.observed.Health
	if base != "" {
		app.state.URL = base + "/applications/" + app.observed.App.Namespace + "/" + app.observed.App.Name
	}
	return nil
}

// checkSync asks for the right to sync, and whether a sync window forbids it now. Where the run would wait for the window,
// it may as well do so later.
func (r *Reconciler) checkSync(ctx context.Context, run *run, a *application) error {
	allowed, err := a.CanSync(ctx, a.observed)
	if err != nil {
		return err
	}
	if !allowed {
		return &argocd.PermissionError{Resource: "applications", Verb: "sync", Object: a.observed.RBACName}
	}
	if run.data.Request.ArgoCD.Sync.WaitForWindow {
		return nil
	}
	windows, err := r.windows(ctx, a)
	if err == nil && !windows.Open {
		a.closed = argocd.WindowClosed(a.observed, r.goal(run, a), windows, r.clock.Now()).Err
	}
	return err
}
