package argocd

import (
	"context"
	"errors"
	"fmt"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// defaultProject is where an Application without a project is.
const defaultProject = "default"

// Get reads the Application, after making Argo CD compare again if asked to.
// That blocks until the application controller has compared, and may never end
// (a dead shard): after Options.RefreshTimeout the state is read as it stands,
// and Observation.Refreshed is RefreshNone.
//
// Argo CD answers alike for what is absent and what is not allowed. Get looks
// further to tell them apart, and says in ErrNotFound where an Application of
// that name is.
func (c *Conn) Get(ctx context.Context, app App, refresh Refresh) (Observation, error) {
	a, done, err := c.get(ctx, app, refresh)
	if err != nil {
		if errors.Is(err, ErrNotFound) || bare(err) {
			err = c.explain(ctx, app, err)
		}
		return Observation{}, err
	}
	return observe(app, a, done), nil
}

// get returns the Application and the refresh that was really done.
func (c *Conn) get(ctx context.Context, app App, refresh Refresh) (*v1alpha1.Application, Refresh, error) {
	if refresh != RefreshNone {
		limited, cancel := context.WithTimeout(ctx, c.opts.RefreshTimeout)
		defer cancel()
		a, raw, err := c.fetch(limited, query(app, refresh))
		switch {
		case err == nil && needsResourceHealth(a):
		case err == nil:
			return a, refresh, nil
		case ctx.Err() == nil && refreshTimedOut(raw):
			refresh = RefreshNone
		default:
			return nil, RefreshNone, err
		}
	}
	a, _, err := c.fetch(ctx, query(app, RefreshNone))
	return a, refresh, err
}

// fetch returns the server's own error besides the classified one.
func (c *Conn) fetch(ctx context.Context, q *applicationpkg.ApplicationQuery) (a *v1alpha1.Application, raw, err error) {
	err = c.call(ctx, "get application "+q.GetName(), func(ctx context.Context, token grpc.CallOption) error {
		a, raw = c.applications().Get(ctx, q, token)
		return raw
	})
	return a, raw, err
}

// refreshTimedOut: the deadline ended the call, here or in the server.
func refreshTimedOut(err error) bool {
	return status.Code(err) == codes.DeadlineExceeded || says(status.Convert(err).Message(), textRefresh)
}

// needsResourceHealth: where resource health is kept in the tree only (the
// default of 3.x), the answer to a refresh lacks it and a plain Get has it
// (server/application/application.go, inferResourcesStatusHealth).
func needsResourceHealth(a *v1alpha1.Application) bool {
	return a.Status.ResourceHealthSource == v1alpha1.ResourceHealthLocationAppTree && string(a.Status.Health.Status) != healthy
}

func query(app App, refresh Refresh) *applicationpkg.ApplicationQuery {
	q := &applicationpkg.ApplicationQuery{
		Name:         &app.Name,
		AppNamespace: optional(app.Namespace),
		Refresh:      optional(string(refresh)),
	}
	if app.Project != "" {
		q.Project = []string{app.Project}
	}
	return q
}

// explain looks for the reason of a NotFound or of a bare denial.
func (c *Conn) explain(ctx context.Context, app App, err error) error {
	found, listErr := c.namesake(ctx, app)
	if listErr != nil {
		return err
	}
	if found == nil {
		return c.explainAbsent(ctx, app, err)
	}
	sameNamespace := found.Namespace == app.Namespace || (app.Namespace == "" && found.Namespace == found.Status.ControllerNamespace)
	project := found.Spec.GetProject()
	switch {
	case sameNamespace && app.Project != "" && project != app.Project:
		return fmt.Errorf("get application %s: %w in project %s: it is in project %s", app, ErrNotFound, app.Project, project)
	case sameNamespace:
		// It is there and may be read, so Argo CD had trouble reading it.
		return fmt.Errorf("get application %s: %w: Argo CD could not read it just now", app, ErrUnavailable)
	}
	where := "in Argo CD's own namespace"
	if app.Namespace != "" {
		where = "in namespace " + app.Namespace
	}
	return fmt.Errorf("get application %s: %w %s: one of that name is in namespace %s (project %s)", app, ErrNotFound, where, found.Namespace, project)
}

// namesake is the Application of that name which the account may get: the one in
// the namespace, else any. Argo CD lists the first that it comes across of those
// with a name, whatever namespaces they are in (util/argo/argo.go, FilterByNameP).
func (c *Conn) namesake(ctx context.Context, app App) (*v1alpha1.Application, error) {
	found, err := c.first(ctx, app.Name, app.Namespace)
	switch {
	case err != nil:
		return nil, err
	case found == nil && app.Namespace != "":
		return c.first(ctx, app.Name, "")
	case found == nil || app.Namespace != "" || found.Namespace == found.Status.ControllerNamespace || found.Status.ControllerNamespace == "":
		return found, nil
	}
	own, err := c.first(ctx, app.Name, found.Status.ControllerNamespace)
	if err != nil || own == nil {
		return found, err
	}
	return own, nil
}

// first is nil when there is none; an empty namespace is any.
func (c *Conn) first(ctx context.Context, name, namespace string) (*v1alpha1.Application, error) {
	var answer *v1alpha1.ApplicationList
	err := c.call(ctx, "list applications", func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = c.applications().List(ctx, &applicationpkg.ApplicationQuery{Name: &name, AppNamespace: optional(namespace)}, token)
		return err
	})
	if err != nil || len(answer.Items) == 0 {
		return nil, err
	}
	return &answer.Items[0], nil
}

// explainAbsent is for a name that the account sees nowhere. With a project
// Argo CD says NotFound to those who could see it; without one, the default
// project is asked for on their behalf.
func (c *Conn) explainAbsent(ctx context.Context, app App, err error) error {
	project := app.Project
	if project == "" {
		project = defaultProject
		asked := app
		asked.Project = project
		if _, _, again := c.fetch(ctx, query(asked, RefreshNone)); !errors.Is(again, ErrNotFound) {
			return fmt.Errorf("%w, or there is no application %s: name its project to tell which", err, app)
		}
	}
	if errors.Is(err, ErrNotFound) || app.Project == "" {
		return fmt.Errorf("get application %s: %w in project %s: check its name, namespace and project", app, ErrNotFound, project)
	}
	denied := &PermissionError{Resource: "applications", Verb: "get", Object: app.Project + "/" + app.String()}
	return fmt.Errorf("get application %s: %w", app, denied)
}
