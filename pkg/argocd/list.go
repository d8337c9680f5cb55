package argocd

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"k8s.io/apimachinery/pkg/labels"
)

// Selector chooses Applications. MatchLabels needs at least one entry; Namespace
// and Project are empty for any.
type Selector struct {
	MatchLabels map[string]string
	Namespace   string
	Project     string
}

// List returns the Applications that have the labels and that the account may get,
// sorted by namespace and name. ErrNotFound when there is none, ErrSelector when
// there are more than limit, or when the labels are malformed or none.
func (c *Conn) List(ctx context.Context, s Selector, limit int) ([]App, error) {
	selector, err := labels.Set(s.MatchLabels).AsValidatedSelector()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrSelector, err)
	case selector.Empty():
		return nil, fmt.Errorf("%w: it has no labels, which would be every application", ErrSelector)
	}
	text := selector.String()
	q := &applicationpkg.ApplicationQuery{Selector: &text, AppNamespace: optional(s.Namespace)}
	if s.Project != "" {
		q.Project = []string{s.Project}
	}
	var answer *v1alpha1.ApplicationList
	err = c.call(ctx, "list applications with labels "+text, func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = c.applications().List(ctx, q, token)
		return err
	})
	if err != nil {
		return nil, err
	}
	apps := make([]App, 0, min(len(answer.Items), limit+1))
	for _, a := range answer.Items {
		apps = append(apps, App{Name: a.Name, Namespace: a.Namespace, Project: a.Spec.GetProject()})
	}
	slices.SortFunc(apps, func(a, b App) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	switch {
	case len(apps) == 0:
		return nil, fmt.Errorf("%w: none%s has the labels %s, or this account may not get it: check the labels, and the right to get applications",
			ErrNotFound, s.within(), text)
	case len(apps) > limit:
		return nil, fmt.Errorf("%w: %s%s have the labels %s, at most %d are allowed: choose by more labels, a namespace or a project",
			ErrSelector, count(len(apps), "application"), s.within(), text, limit)
	}
	return apps, nil
}

// within names the bounds other than the labels.
func (s Selector) within() string {
	text := ""
	if s.Namespace != "" {
		text += " in namespace " + s.Namespace
	}
	if s.Project != "" {
		text += " of project " + s.Project
	}
	return text
}
