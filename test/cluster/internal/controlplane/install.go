package controlplane

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/apply"
)

const (
	tektonNamespace = "tekton-pipelines"
	argocdNamespace = "argocd"
)

func (c *ControlPlane) installNamespaces(ctx context.Context) error {
	for _, name := range []string{tektonNamespace, tektonNamespace + "-resolvers", argocdNamespace} {
		_, err := c.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create namespace %s: %w", name, err)
		}
	}
	return nil
}

// create creates objects and waits until the kinds among them are served.
func (c *ControlPlane) create(ctx context.Context, namespace string, objects []*apply.Object) error {
	if err := apply.Create(ctx, c.dynamic, namespace, objects); err != nil {
		return err
	}
	return poll(ctx, readyTimeout, func(ctx context.Context) error { return apply.Served(ctx, c.dynamic, objects) })
}

func (c *ControlPlane) hasDefaultServiceAccount(ctx context.Context) error {
	_, err := c.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
	return err
}

// poll calls probe until it returns nil, for at most timeout.
func poll(ctx context.Context, timeout time.Duration, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s: %w", timeout, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
