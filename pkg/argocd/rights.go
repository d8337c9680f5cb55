package argocd

import (
	"context"
	"strings"

	accountpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	"google.golang.org/grpc"
)

// CanSync asks whether the account may sync the observed Application. Argo CD
// leaves the namespace out of the RBAC object for Applications in its own
// namespace (util/security/rbac.go); as long as it is not known which one that
// is, either form will do.
func (c *Conn) CanSync(ctx context.Context, o Observation) (bool, error) {
	objects := []string{o.RBACName}
	if project, rest, _ := strings.Cut(o.RBACName, "/"); o.ControllerNamespace == "" && strings.Contains(rest, "/") {
		objects = append(objects, project+"/"+o.App.Name)
	}
	for _, object := range objects {
		request := &accountpkg.CanIRequest{Resource: "applications", Action: verbSync, Subresource: object}
		var answer *accountpkg.CanIResponse
		err := c.call(ctx, "ask for the right to sync application "+o.App.String(), func(ctx context.Context, token grpc.CallOption) (err error) {
			answer, err = accountpkg.NewAccountServiceClient(c.ch.grpc).CanI(ctx, request, token)
			return err
		})
		if err != nil {
			return false, err
		}
		if answer.Value == "yes" {
			return true, nil
		}
	}
	return false, nil
}

// denied finds the verb to a bare denial: these calls are denied so for want of
// their own verb, as for want of get, or for an Application that is not there.
func (c *Conn) denied(ctx context.Context, app App, verb string, err error) error {
	if !bare(err) {
		return err
	}
	o, getErr := c.Get(ctx, app, RefreshNone)
	if getErr != nil {
		return getErr
	}
	return &PermissionError{Resource: "applications", Verb: verb, Object: o.RBACName}
}
