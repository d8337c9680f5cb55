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

// explain looks for the reason of a NotFound or of a bare denial. List shows
// every Application of the name that the account may get, in any namespace.
func (c *Conn) explain(ctx context.Context, app App, err error) error {
	var found *v1alpha1.ApplicationList
	listErr := c.call(ctx, "list applications", func(ctx context.Context, token grpc.CallOption) (err error) {
		found, err = c.applications().List(ctx, &applicationpkg.ApplicationQuery{Name: &app.Name}, token)
		return err
	})
	if listErr != nil {
		return err
	}
	var elsewhere []string
	for _, a := range found.Items {
		sameNamespace := a.Namespace == app.Namespace || (app.Namespace == "" && a.Namespace == a.Status.ControllerNamespace)
		project := a.Spec.GetProject()
		switch {
		case sameNamespace && app.Project != "" && project != app.Project:
			return fmt.Errorf("get application %s: %w in project %s: it is in project %s", app, ErrNotFound, app.Project, project)
		case sameNamespace:
			// It is there and may be read, so Argo CD had trouble reading it.
			return fmt.Errorf("get application %s: %w: Argo CD could not read it just now", app, ErrUnavailable)
		}
		elsewhere = append(elsewhere, fmt.Sprintf("%s (project %s)", a.Namespace, project))
	}
	if len(elsewhere) > 0 {
		where := "in Argo CD's own namespace"
		if app.Namespace != "" {
			where = "in namespace " + app.Namespace
		}
		return fmt.Errorf("get application %s: %w %s: one of that name is in namespace %s", app, ErrNotFound, where, list(elsewhere, 3))
	}
	return c.explainAbsent(ctx, app, err)
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
