package localcluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: registry.example/shop}]}
`

func kustomization(tag string) string {
	return "resources: [deployment.yaml]\nimages:\n- name: registry.example/shop\n  newTag: \"" + tag + "\"\n"
}

// TestControlPlane walks a change through git, Argo CD, Kubernetes and the
// pretended pods, as the parts' users do.
func TestControlPlane(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole control plane")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a cold build is in it
	defer cancel()
	c, stop, err := Start(ctx, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if os.Getenv(StateVariable) != "" {
			return
		}
		if left := processesNaming(t, c.DataDir); left != "" {
			t.Errorf("left running:\n%s", left)
		}
		if _, err := os.Stat(c.DataDir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left behind: %s", c.DataDir)
		}
	}()
	ctx, cancel = context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	namespace, err := c.CreateNamespace(ctx, "walk", nil)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := c.CreateRepository(ctx, namespace, map[string]string{
		"deployment.yaml": deployment, "kustomization.yaml": kustomization("v1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CreateApplication(ctx, Application{Name: namespace, RepoURL: repository.HTTPSURL, Namespace: namespace}); err != nil {
		t.Fatal(err)
	}
	t.Run("an account with get only may not sync", func(t *testing.T) {
		err := c.sync(ctx, "restricted", namespace)
		var refused *ArgoCDError
		if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
			t.Errorf("sync: %v, want status 403", err)
		}
	})
	t.Run("a synced Application becomes healthy", func(t *testing.T) {
		if err := c.sync(ctx, "pipeline", namespace); err != nil {
			t.Fatal(err)
		}
		c.waitForHealth(ctx, t, namespace, "Healthy")
	})
	t.Run("gRPC-web", func(t *testing.T) { c.testWeb(ctx, t, namespace) })
	t.Run("one account may restart, another one not", func(t *testing.T) { c.testRestart(ctx, t, namespace, namespace) })
	t.Run("a closed window of a project, in a namespace besides Argo CD's", func(t *testing.T) {
		c.testClosedWindow(ctx, t, namespace, repository.HTTPSURL)
	})
	t.Run("a pull request on Gitea", func(t *testing.T) { c.testGitea(ctx, t) })
	t.Run("the hydrator", func(t *testing.T) { c.testHydrator(ctx, t, repository, namespace) })
	t.Run("a tag that never pulls makes it degraded or progressing with the reason", func(t *testing.T) {
		if _, err := repository.Commit(ctx, Branch, "Break", map[string]string{"kustomization.yaml": kustomization("v2-never-pulls")}); err != nil {
			t.Fatal(err)
		}
		if err := c.sync(ctx, "pipeline", namespace); err != nil {
			t.Fatal(err)
		}
		wait(ctx, t, func() error { return c.podWaits(ctx, namespace, "ImagePullBackOff") })
	})
	t.Run("Tekton refuses and admits", func(t *testing.T) {
		err := c.Apply(ctx, namespace, []byte(`{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: bad}, spec: {steps: [{image: a, name: "Not A Name"}]}}`))
		if err == nil {
			t.Error("an invalid Task was admitted")
		}
		if err := c.Apply(ctx, namespace, []byte(`{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: good}, spec: {steps: [{image: a}]}}`)); err != nil {
			t.Error(err)
		}
	})
	t.Run("a ServiceAccount may do nothing by itself", func(t *testing.T) {
		config, err := c.ServiceAccountConfig(ctx, namespace, "default")
		if err != nil {
			t.Fatal(err)
		}
		if config.BearerToken == "" || len(config.CertData) > 0 {
			t.Error("the configuration is not the ServiceAccount's own")
		}
	})
	if err := c.Applications().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if err := c.DeleteNamespace(ctx, namespace); err != nil {
		t.Error(err)
	}
}

func (c *Cluster) sync(ctx context.Context, account, application string) error {
	return c.CallArgoCD(ctx, c.ArgoCD.Tokens[account], http.MethodPost, "/api/v1/applications/"+application+"/sync",
		map[string]any{"revision": Branch}, nil)
}

func (c *Cluster) waitForHealth(ctx context.Context, t *testing.T, application, want string) {
	t.Helper()
	wait(ctx, t, func() error {
		a, err := c.Applications().Get(ctx, application, metav1.GetOptions{})
		if err != nil {
			return err
		}
		health, _, _ := unstructured.NestedString(a.Object, "status", "health", "status")
		synced, _, _ := unstructured.NestedString(a.Object, "status", "sync", "status")
		if health != want || synced != "Synced" {
			status, _ := json.Marshal(a.Object["status"])
			return fmt.Errorf("Application is %s and %s: %s", health, synced, status)
		}
		return nil
	})
}

func (c *Cluster) podWaits(ctx context.Context, namespace, reason string) error {
	pods, err := c.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		for _, s := range pod.Status.ContainerStatuses {
			if s.State.Waiting != nil && s.State.Waiting.Reason == reason {
				return nil
			}
		}
	}
	return fmt.Errorf("none of %d pods waits with %s", len(pods.Items), reason)
}

func wait(ctx context.Context, t *testing.T, done func() error) {
	t.Helper()
	for {
		err := done()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func processesNaming(t *testing.T, text string) string {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "pid,args").Output()
	if err != nil {
		t.Skipf("ps: %v", err)
	}
	var found []string
	for line := range strings.SplitSeq(string(out), "\n") {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n")
}
