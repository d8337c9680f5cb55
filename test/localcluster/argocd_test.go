package localcluster

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
)

// gRPC-web against the real server, through a proxy that carries nothing else
// and directly.
func (c *Cluster) testWeb(ctx context.Context, t *testing.T, application string) {
	ca, err := os.ReadFile(c.ArgoCD.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	token := argocd.Credential{Token: c.ArgoCD.Tokens["pipeline"]}
	app := argocd.App{Name: application, Project: "default"}
	for _, test := range []struct {
		name   string
		server argocd.Server
		cred   argocd.Credential
		want   error
	}{
		{"through the proxy", argocd.Server{Address: c.ArgoCD.WebAddress, CA: ca, Web: true}, token, nil},
		{"directly", argocd.Server{Address: c.ArgoCD.Address, CA: ca, Web: true}, token, nil},
		{"with a password", argocd.Server{Address: c.ArgoCD.WebAddress, CA: ca, Web: true},
			argocd.Credential{Username: "person", Password: c.ArgoCD.Passwords["person"]}, nil},
		{"with a wrong token", argocd.Server{Address: c.ArgoCD.WebAddress, CA: ca, Web: true}, argocd.Credential{Token: "a.b.c"}, argocd.ErrUnauthenticated},
		{"without the CA", argocd.Server{Address: c.ArgoCD.WebAddress, Web: true}, token, argocd.ErrCertificate},
		{"gRPC through the proxy", argocd.Server{Address: c.ArgoCD.WebAddress, CA: ca}, token, argocd.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := argocd.Dial(test.server, test.cred, argocd.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			o, err := conn.Get(ctx, app, argocd.RefreshNormal)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if test.want != nil {
				return
			}
			if o.Refreshed != argocd.RefreshNormal {
				t.Errorf("got %+v, want it refreshed", o)
			}
			_, err = conn.Get(ctx, argocd.App{Name: "absent", Project: "default"}, argocd.RefreshNone)
			if !errors.Is(err, argocd.ErrNotFound) {
				t.Errorf("an absent Application: %v", err)
			}
			watching, cancel := context.WithCancel(ctx)
			defer cancel()
			// The first event is the present state.
			if err := conn.Watch(watching, app, cancel); !errors.Is(err, context.Canceled) {
				t.Errorf("the watch ended with %v before an event came", err)
			}
		})
	}
}

func (c *Cluster) testRestart(ctx context.Context, t *testing.T, application, namespace string) {
	path := "/api/v1/applications/" + application + "/resource/actions?" + url.Values{
		"namespace": {namespace}, "resourceName": {"shop"}, "group": {"apps"}, "kind": {"Deployment"}, "version": {"v1"},
	}.Encode()
	err := c.CallArgoCD(ctx, c.ArgoCD.Tokens["synconly"], http.MethodPost, path, "restart", nil)
	var refused *ArgoCDError
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("restart by synconly: %v, want status 403", err)
	}
	if err := c.CallArgoCD(ctx, c.ArgoCD.Tokens["pipeline"], http.MethodPost, path, "restart", nil); err != nil {
		t.Errorf("restart by pipeline: %v", err)
	}
}

// An Application in a namespace of its own, in a project whose sync window is closed.
func (c *Cluster) testClosedWindow(ctx context.Context, t *testing.T, namespace, repoURL string) {
	err := c.CreateProject(ctx, Project{
		Name: namespace, Namespaces: []string{namespace}, Windows: []SyncWindow{{Kind: "deny", Schedule: "* * * * *", Duration: "24h"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CreateApplication(ctx, Application{Name: "shop", Own: namespace, Project: namespace, RepoURL: repoURL, Namespace: namespace}); err != nil {
		t.Fatal(err)
	}
	wait(ctx, t, func() error {
		err := c.CallArgoCD(ctx, c.ArgoCD.Tokens["pipeline"], http.MethodPost, "/api/v1/applications/shop/sync",
			map[string]any{"appNamespace": namespace, "project": namespace}, nil)
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "blocked by sync window") {
			return errors.Join(errors.New("want the sync blocked by the window"), err)
		}
		return nil
	})
}

// The hydrator renders what is on the branch to another branch, and the
// Application follows that.
func (c *Cluster) testHydrator(ctx context.Context, t *testing.T, r *Repository, namespace string) {
	if !c.ArgoCD.Hydrator {
		t.Skip("the hydrator does not run here; the start has said why")
	}
	name := namespace + "-hydrated"
	if err := c.AllowHydration(ctx, name, r.HTTPSURL); err != nil {
		t.Fatal(err)
	}
	a := Application{Name: name, RepoURL: r.HTTPSURL, Path: ".", Namespace: namespace, Hydrated: "rendered", AutoSync: true}
	if err := c.CreateApplication(ctx, a); err != nil {
		t.Fatal(err)
	}
	wait(ctx, t, func() error {
		_, err := r.ReadFile(ctx, "rendered", "manifest.yaml")
		return err
	})
	if err := c.Applications().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}
