//go:build e2e

package argocd_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

const workload = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: server
spec:
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec:
      containers:
      - {name: server, image: "example.com/server:%s"}
`

// stuckHook never ends: its image cannot be pulled.
const stuckHook = `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
spec:
  template:
    metadata: {annotations: {kubelet.local/behaviour: never-pulls}}
    spec:
      restartPolicy: Never
      containers:
      - {name: migrate, image: "example.com/migrate:1"}
`

// argo is the control plane, with connections of an account that may get, sync and
// restart, of one that may not restart, and of one that may do everything.
type argo struct {
	*localcluster.Cluster
	pipeline, admin, synconly *argocd.Conn
}

// TestAgainstArgoCD checks against the real thing what the fake server of the other
// tests only pretends.
func TestAgainstArgoCD(t *testing.T) {
	cluster, stop, err := localcluster.Start(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	ca, err := os.ReadFile(cluster.ArgoCD.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	a := argo{Cluster: cluster}
	for conn, cred := range map[**argocd.Conn]argocd.Credential{
		&a.pipeline: {Token: cluster.ArgoCD.Tokens["pipeline"]},
		&a.synconly: {Token: cluster.ArgoCD.Tokens["synconly"]},
		&a.admin:    {Username: "admin", Password: cluster.ArgoCD.AdminPassword},
	} {
		if *conn, err = argocd.Dial(argocd.Server{Address: cluster.ArgoCD.Address, CA: ca}, cred, argocd.Options{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = (*conn).Close() })
	}
	t.Run("the applications with a label", a.testList)
	t.Run("an operation is terminated, and only that one", a.testTerminate)
	t.Run("a pinned commit, of one source and of several", a.testPin)
	t.Run("a workload is restarted by who may", a.testRestart)
	t.Run("a sync window refuses a sync, in its time zone", a.testWindows)
	t.Run("a sync window closes after a sync was accepted", a.testHeld)
}

// application makes one that deploys the files, in the project, and gives its first commit.
func (a argo) application(t *testing.T, project string, files map[string]string, edit func(spec map[string]any)) (app argocd.App, repository *localcluster.Repository, commit string) {
	t.Helper()
	target, err := a.CreateNamespace(t.Context(), "argocd", nil)
	if err != nil {
		t.Fatal(err)
	}
	if repository, err = a.CreateRepository(t.Context(), target, files); err != nil {
		t.Fatal(err)
	}
	spec := map[string]any{
		"project":     project,
		"source":      map[string]any{"repoURL": repository.HTTPURL, "path": ".", "targetRevision": localcluster.Branch},
		"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": target},
	}
	if edit != nil {
		edit(spec)
	}
	_, err = a.Applications().Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": map[string]any{"name": target, "labels": map[string]any{"suite": target}}, "spec": spec,
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if commit, err = repository.Tip(t.Context(), localcluster.Branch); err != nil {
		t.Fatal(err)
	}
	return argocd.App{Name: target, Namespace: a.ArgoCD.Namespace, Project: project}, repository, commit
}

// until looks until it is so, and gives the last look.
func until(t *testing.T, c *argocd.Conn, app argocd.App, what string, so func(argocd.Observation) bool) argocd.Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		o, err := c.Get(ctx, app, argocd.RefreshNone)
		switch {
		case err == nil && so(o):
			return o
		case ctx.Err() != nil:
			t.Fatalf("%s: %v, last seen %+v", what, err, o)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// sync asks for a sync until Argo CD, which may have only just heard of the application, accepts it.
func sync(t *testing.T, c *argocd.Conn, app argocd.App, r argocd.SyncRequest) {
	t.Helper()
	until(t, c, app, "a sync is accepted", func(argocd.Observation) bool {
		err := c.Sync(t.Context(), app, r)
		if err != nil && !errors.Is(err, argocd.ErrUnavailable) && !errors.Is(err, argocd.ErrPermission) && !errors.Is(err, argocd.ErrOperationInProgress) {
			t.Fatal(err)
		}
		return err == nil
	})
}

func ended(o argocd.Observation) bool { return !o.Running && o.Operation != nil && o.Operation.Done() }

func (a argo) testList(t *testing.T) {
	app, _, _ := a.application(t, "default", map[string]string{"server.yaml": fmt.Sprintf(workload, "1")}, nil)
	until(t, a.pipeline, app, "the application is known", func(argocd.Observation) bool { return true })
	labels := map[string]string{"suite": app.Name}
	var got []argocd.App
	until(t, a.pipeline, app, "the application is listed", func(argocd.Observation) (ok bool) {
		var err error
		got, err = a.pipeline.List(t.Context(), argocd.Selector{MatchLabels: labels, Namespace: app.Namespace, Project: "default"}, 16)
		return err == nil
	})
	if len(got) != 1 || got[0] != app {
		t.Errorf("got %v, want %v", got, app)
	}
	if _, err := a.pipeline.List(t.Context(), argocd.Selector{MatchLabels: labels, Project: "other"}, 16); !errors.Is(err, argocd.ErrNotFound) {
		t.Errorf("in another project: %v", err)
	}
	if _, err := a.pipeline.List(t.Context(), argocd.Selector{MatchLabels: labels}, 0); !errors.Is(err, argocd.ErrSelector) {
		t.Errorf("more than allowed: %v", err)
	}
}

func (a argo) testTerminate(t *testing.T) {
	app, _, _ := a.application(t, "default", map[string]string{"hook.yaml": stuckHook, "server.yaml": fmt.Sprintf(workload, "1")}, nil)
	sync(t, a.admin, app, argocd.SyncRequest{})
	o := until(t, a.pipeline, app, "the hook runs", func(o argocd.Observation) bool {
		return o.Running && o.Operation.Phase == argocd.PhaseRunning && strings.Contains(o.Operation.Message, "migrate")
	})
	id := o.Operation.ID()
	if o.Operation.By != "admin" || o.Operation.Progress == "" {
		t.Errorf("the operation is %+v", o.Operation)
	}
	if err := a.pipeline.Terminate(t.Context(), app, "somebody/else/0/2026"); err != nil {
		t.Errorf("of another operation: %v", err)
	}
	if o := until(t, a.pipeline, app, "a look", func(argocd.Observation) bool { return true }); !o.Running || o.Operation.Phase != argocd.PhaseRunning {
		t.Errorf("another operation's termination has ended it: %+v", o.Operation)
	}
	if err := a.pipeline.Terminate(t.Context(), app, id); err != nil {
		t.Fatal(err)
	}
	o = until(t, a.pipeline, app, "the operation ends", ended)
	if o.Operation.Phase != argocd.PhaseFailed || o.Operation.ID() != id {
		t.Errorf("it ended as %+v", o.Operation)
	}
	if err := a.pipeline.Terminate(t.Context(), app, id); err != nil {
		t.Errorf("twice: %v", err)
	}
}

func (a argo) testPin(t *testing.T) {
	for _, several := range []bool{false, true} {
		app, repository, older := a.application(t, "default", map[string]string{"app/server.yaml": fmt.Sprintf(workload, "1"), "other/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"}, func(spec map[string]any) {
			source := spec["source"].(map[string]any)
			source["path"] = "app"
			if several {
				other := map[string]any{"repoURL": source["repoURL"], "path": "other", "targetRevision": localcluster.Branch}
				spec["sources"] = []any{other, source}
				delete(spec, "source")
			}
		})
		newer, err := repository.Commit(t.Context(), localcluster.Branch, "newer", map[string]string{"app/server.yaml": fmt.Sprintf(workload, "2")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.pipeline.Get(t.Context(), app, argocd.RefreshNormal); err != nil {
			t.Fatal(err)
		}
		o := until(t, a.pipeline, app, "compared", func(o argocd.Observation) bool { return len(o.Revisions) > 0 })
		g := argocd.Goal{RepoURL: repository.HTTPURL, Branch: localcluster.Branch, Paths: []string{"app"}, Commit: older, Run: "uid-1", Since: time.Now(), Pin: true,
			Contains: map[string]argocd.Answer{newer: argocd.Yes}}
		d := argocd.Decide(o, g, time.Now())
		if d.Action != argocd.DoSync || d.Revision != older {
			t.Fatalf("several %t: decided %+v", several, d)
		}
		g.Attempt, g.Sent = d.Attempt, true
		sync(t, a.pipeline, app, argocd.SyncRequest{Revision: d.Revision, Position: d.Position, Run: g.Run, Attempt: d.Attempt})
		o = until(t, a.pipeline, app, "synced", ended)
		if d = argocd.Decide(o, g, time.Now()); d.Action != argocd.Proceed || d.Revision != older {
			t.Errorf("several %t: decided %+v on %+v", several, d, o.Operation)
		}
		live, err := a.Client.AppsV1().Deployments(app.Name).Get(t.Context(), "server", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if image := live.Spec.Template.Spec.Containers[0].Image; image != "example.com/server:1" {
			t.Errorf("several %t: runs %s, which is not the pinned commit's", several, image)
		}
	}
}

func (a argo) testRestart(t *testing.T) {
	app, _, _ := a.application(t, "default", map[string]string{"server.yaml": fmt.Sprintf(workload, "1")}, nil)
	sync(t, a.pipeline, app, argocd.SyncRequest{})
	o := until(t, a.pipeline, app, "synced", func(o argocd.Observation) bool { return ended(o) && o.Health == "Healthy" })
	server := argocd.Resource{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: app.Name, Name: "server"}
	for name, c := range map[string]*argocd.Conn{"synconly": a.synconly, "pipeline": a.pipeline} {
		got, err := c.CanRestart(t.Context(), o, "apps", "Deployment")
		if want := name == "pipeline"; got != want || err != nil {
			t.Errorf("%s may restart: %t, %v, want %t", name, got, err, want)
		}
	}
	var denied *argocd.PermissionError
	if err := a.synconly.Restart(t.Context(), app, server); !errors.As(err, &denied) || denied.Verb != "action/apps/Deployment/restart" || denied.Object != "default/"+app.Name {
		t.Errorf("synconly restarts it: %v", err)
	}
	if got := a.restartedAt(t, app, server); got != "" {
		t.Errorf("restarted at %s by asking for the right", got)
	}
	if err := a.pipeline.Restart(t.Context(), app, server); err != nil {
		t.Fatal(err)
	}
	if got := a.restartedAt(t, app, server); got == "" {
		t.Error("not restarted")
	}
	server.Name = "nobody"
	if err := a.pipeline.Restart(t.Context(), app, server); !errors.Is(err, argocd.ErrResourceNotFound) {
		t.Errorf("an object that is not there: %v", err)
	}
	tree, err := a.pipeline.Tree(t.Context(), app)
	if err != nil || len(tree.Kind("apps", "ReplicaSet")) == 0 {
		t.Fatalf("%v, %v", tree, err)
	}
	if err := a.admin.Restart(t.Context(), app, tree.Kind("apps", "ReplicaSet")[0].Resource); !errors.Is(err, argocd.ErrNoRestart) {
		t.Errorf("a kind that has no such action: %v", err)
	}
}

func (a argo) restartedAt(t *testing.T, app argocd.App, r argocd.Resource) string {
	t.Helper()
	live, err := a.pipeline.Live(t.Context(), app, r)
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Spec struct {
			Template struct {
				Metadata struct{ Annotations map[string]string }
			}
		}
	}
	if err := json.Unmarshal(live, &object); err != nil {
		t.Fatal(err)
	}
	return object.Spec.Template.Metadata.Annotations["kubectl.kubernetes.io/restartedAt"]
}
