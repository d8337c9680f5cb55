package argocd

import (
	"context"
	"errors"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"google.golang.org/grpc"
)

// noSuchName is no name of an object, for any kind.
const noSuchName = "?"

// CanRestart asks whether the account may restart objects of the kind in the
// observed Application. Argo CD's CanI knows whole verbs only, not that of one
// action (server/account/account.go). So the action is asked for on a name that no
// object has: the right is looked at before the object (server/application,
// getAppLiveResource), and nothing is restarted.
func (c *Conn) CanRestart(ctx context.Context, o Observation, group, kind string) (bool, error) {
	request := restartRequest(o.App, Resource{Group: group, Version: "v1", Kind: kind, Name: noSuchName})
	err := c.call(ctx, "ask for the right to restart a "+kind+" of application "+o.App.String(), func(ctx context.Context, token grpc.CallOption) error {
		_, err := c.applications().RunResourceAction(ctx, request, token)
		return err
	})
	switch {
	case errors.Is(err, ErrResourceNotFound):
		return true, nil
	case errors.Is(err, ErrPermission):
		return false, nil
	}
	return err == nil, err
}

// Restart runs Argo CD's action that restarts an object and returns when the
// object is patched; the rollout begins then. It is not idempotent, and carries no
// name: who may have been killed in between compares the object's restartedAt with
// the one from before. Errors besides the general ones: ErrResourceNotFound,
// ErrNoRestart.
func (c *Conn) Restart(ctx context.Context, app App, r Resource) error {
	request := restartRequest(app, r)
	err := c.call(ctx, "restart "+r.String()+" of application "+app.String(), func(ctx context.Context, token grpc.CallOption) error {
		_, err := c.applications().RunResourceAction(ctx, request, token)
		return err
	})
	return c.denied(ctx, app, restartVerb(r.Group, r.Kind), err)
}

// actionRestart is what Argo CD calls it for Deployment, StatefulSet, DaemonSet and
// Rollout (resource_customizations).
const actionRestart = "restart"

// restartRequest has no field that one of the supported servers lacks: 3.x has a
// second version of the call, with parameters, and keeps this one.
func restartRequest(app App, r Resource) *applicationpkg.ResourceActionRunRequest {
	action := actionRestart
	return &applicationpkg.ResourceActionRunRequest{
		Name: &app.Name, AppNamespace: optional(app.Namespace), Project: optional(app.Project),
		Group: &r.Group, Version: &r.Version, Kind: &r.Kind, Namespace: &r.Namespace, ResourceName: &r.Name,
		Action: &action,
	}
}

// restartVerb is the action of RBAC rules.
func restartVerb(group, kind string) string {
	return "action/" + group + "/" + kind + "/" + actionRestart
}
