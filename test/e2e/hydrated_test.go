package e2e

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// A source hydrator renders the branch that the run writes to another one, which the application follows.
func TestHydratedApplication(t *testing.T) {
	t.Parallel()
	if !bed.ArgoCD.Hydrator {
		t.Fatal("the hydrator does not run; the start of the control plane has said why")
	}
	n := newTenant(t, testbed.TenantOptions{})
	name := n.Namespace + "-hydrated"
	target, err := n.CreateNamespace(t.Context(), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.AllowHydration(t.Context(), name, n.Repository.HTTPURL); err != nil {
		t.Fatal(err)
	}
	if err := n.CreateApplication(t.Context(), localcluster.Application{
		Name: name, RepoURL: n.Repository.HTTPURL, Path: "overlays/dev", Namespace: target, Hydrated: "rendered",
	}); err != nil {
		t.Fatal(err)
	}
	go n.keepHydrating(t.Context(), name)
	n.create(n.deploy("run", "1.0.1", param("argocd-application", name)))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	rendered, err := n.Repository.Tip(t.Context(), "rendered")
	if err != nil {
		t.Fatal(err)
	}
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": rendered})
	live, err := n.Client.AppsV1().Deployments(target).Get(t.Context(), "server", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := live.Spec.Template.Spec.Containers[0].Image; got != serverImage+":1.0.1" {
		t.Errorf("the server runs %s", got)
	}
	n.noLease()
}

// keepHydrating asks for a hydration every second. Argo CD looks for new commits by itself every three minutes only.
func (n *tenant) keepHydrating(ctx context.Context, application string) {
	for ctx.Err() == nil {
		_, _ = n.Applications().Patch(ctx, application, types.MergePatchType,
			[]byte(`{"metadata":{"annotations":{"argocd.argoproj.io/hydrate":"normal"}}}`), metav1.PatchOptions{})
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
