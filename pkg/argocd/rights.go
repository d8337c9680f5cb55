package argocd

import (
	"context"
	"strings"
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
		if can, err := c.Can(ctx, "applications", verbSync, object); can || err != nil {
			return can, err
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
