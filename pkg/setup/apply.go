package setup

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// callTimeout bounds each call to the API server.
const callTimeout = 30 * time.Second

// Apply makes the changes of a plan, in their order.
func Apply(ctx context.Context, kube kubernetes.Interface, p Plan) error {
	for _, c := range p.Changes {
		if c.Action == Unchanged {
			continue
		}
		if c.draft {
			return fmt.Errorf("%s %s/%s: the plan has no token yet", c.Kind, c.Namespace, c.Name)
		}
		if err := write(ctx, kube, c, nil); err != nil {
			return err
		}
	}
	return nil
}

// Try asks the API server whether it would make the changes of a plan, which may lack its token. Nothing is written. A bad
// request is no answer: it is also what comes where an admission webhook cannot be tried. Then only Apply finds out.
func Try(ctx context.Context, kube kubernetes.Interface, p Plan) error {
	for _, c := range p.Changes {
		if c.Action == Unchanged {
			continue
		}
		if err := write(ctx, kube, c, []string{metav1.DryRunAll}); err != nil && !apierrors.IsBadRequest(err) {
			return err
		}
	}
	return nil
}

func write(ctx context.Context, kube kubernetes.Interface, c Change, dryRun []string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var err error
	switch o := c.wanted.(type) {
	case *corev1.ConfigMap:
		err = put(ctx, c.Action, dryRun, o, kube.CoreV1().ConfigMaps(c.Namespace))
	case *corev1.Secret:
		err = put(ctx, c.Action, dryRun, o, kube.CoreV1().Secrets(c.Namespace))
	case *corev1.ServiceAccount:
		err = put(ctx, c.Action, dryRun, o, kube.CoreV1().ServiceAccounts(c.Namespace))
	case *rbacv1.RoleBinding:
		err = put(ctx, c.Action, dryRun, o, kube.RbacV1().RoleBindings(c.Namespace))
	}
	what := fmt.Sprintf("%s %s %s/%s", c.Action, c.Kind, c.Namespace, c.Name)
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return fmt.Errorf("%s: somebody has changed it meanwhile: run the command again", what)
	case apierrors.IsForbidden(err) && c.Kind == "RoleBinding":
		return fmt.Errorf("%s: a cluster administrator has to do that, or somebody with the verb bind on ClusterRole %s: %w", what, tenantRole, err)
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// writer is what the typed clients have in common.
type writer[T any] interface {
	Create(ctx context.Context, o T, opts metav1.CreateOptions) (T, error)
	Update(ctx context.Context, o T, opts metav1.UpdateOptions) (T, error)
}

// put writes an object. An update carries the resource version that was planned with, and so fails on a newer state.
func put[T any](ctx context.Context, action Action, dryRun []string, o T, to writer[T]) error {
	var err error
	if action == Create {
		_, err = to.Create(ctx, o, metav1.CreateOptions{DryRun: dryRun})
	} else {
		_, err = to.Update(ctx, o, metav1.UpdateOptions{DryRun: dryRun})
	}
	return err
}

// get reads an object; it is nil where there is none.
func get[T Object](ctx context.Context, kind, namespace, name string, from interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
}) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var none T
	o, err := from.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return none, nil
	case err != nil:
		return none, fmt.Errorf("read %s %s/%s: %w", kind, namespace, name, err)
	}
	return o, nil
}

func kindOf(o Object) string {
	switch o.(type) {
	case *corev1.ConfigMap:
		return "ConfigMap"
	case *corev1.Secret:
		return "Secret"
	case *corev1.ServiceAccount:
		return "ServiceAccount"
	}
	return "RoleBinding"
}
