//go:build e2e

package argocd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// project makes one that allows everything, outside of the sync windows.
func (a argo) project(t *testing.T, windows ...any) string {
	t.Helper()
	created, err := a.projects().Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": map[string]any{"generateName": "windows-"},
		"spec": map[string]any{
			"sourceRepos": []any{"*"}, "destinations": []any{map[string]any{"server": "*", "namespace": "*"}}, "syncWindows": windows,
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created.GetName()
}

func (a argo) projects() dynamic.ResourceInterface {
	return a.Dynamic.Resource(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}).Namespace(a.ArgoCD.Namespace)
}

// setWindows replaces the project's windows: a JSON list.
func (a argo) setWindows(t *testing.T, project, windows string) {
	t.Helper()
	_, err := a.projects().Patch(t.Context(), project, types.MergePatchType, []byte(`{"spec":{"syncWindows":`+windows+`}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// testHeld closes a window while the operation of this run waits for a hook.
func (a argo) testHeld(t *testing.T) {
	project := a.project(t)
	app, repository, commit := a.application(t, project, map[string]string{"hook.yaml": stuckHook, "server.yaml": fmt.Sprintf(workload, "1")}, nil)
	g := argocd.Goal{RepoURL: repository.HTTPURL, Branch: localcluster.Branch, Commit: commit, Run: "uid-1", Attempt: 1, Sent: true, Since: time.Now(), WaitForWindow: true}
	sync(t, a.pipeline, app, argocd.SyncRequest{Run: g.Run, Attempt: g.Attempt})
	until(t, a.pipeline, app, "the hook runs", func(o argocd.Observation) bool {
		return o.Running && strings.Contains(o.Operation.Message, "migrate")
	})
	// until takes its own looks, and these are the ones that count: a refresh makes
	// Argo CD look at its operation too.
	var o argocd.Observation
	decided := func(action argocd.Action) func(argocd.Observation) bool {
		return func(argocd.Observation) bool {
			var err error
			o, err = a.pipeline.Get(t.Context(), app, argocd.RefreshNormal)
			return err == nil && argocd.Decide(o, g, time.Now()).Action == action
		}
	}
	a.setWindows(t, project, `[{"kind":"deny","schedule":"0 0 1 * *","duration":"744h","applications":["*"]}]`)
	until(t, a.pipeline, app, "the window holds it", decided(argocd.AskWindows))
	windows, err := a.pipeline.Windows(t.Context(), app)
	if err != nil || windows.Open || windows.Text == "" {
		t.Errorf("got %+v, %v", windows, err)
	}
	if d := argocd.WindowClosed(o, g, windows, time.Now()); d.Action != argocd.Wait || !strings.Contains(d.Message, "accepted the sync of this run") {
		t.Errorf("decided %+v", d)
	}
	a.setWindows(t, project, `[]`)
	until(t, a.pipeline, app, "it goes on", decided(argocd.Wait))
	if err := a.pipeline.Terminate(t.Context(), app, o.Operation.ID()); err != nil {
		t.Fatal(err)
	}
	until(t, a.pipeline, app, "it ends", ended)
}

// testWindows has a window of three hours in a zone far from UTC, so that reading its
// times as UTC contradicts what Argo CD says.
func (a argo) testWindows(t *testing.T) {
	zone, err := time.LoadLocation("Pacific/Kiritimati") // UTC+14
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().In(zone).Add(-time.Hour)
	project := a.project(t, map[string]any{
		"kind": "deny", "schedule": fmt.Sprintf("%d %d * * *", began.Minute(), began.Hour()), "duration": "3h", "timeZone": zone.String(), "applications": []any{"*"},
	})
	app, _, _ := a.application(t, project, map[string]string{"server.yaml": fmt.Sprintf(workload, "1")}, nil)
	o := until(t, a.pipeline, app, "the sync is refused", func(argocd.Observation) bool {
		return errors.Is(a.pipeline.Sync(t.Context(), app, argocd.SyncRequest{}), argocd.ErrSyncWindow)
	})
	opens := began.Truncate(time.Minute).Add(3 * time.Hour)
	for name, tt := range map[string]struct {
		conn *argocd.Conn
		want time.Time
	}{"who may read the project": {a.admin, opens}, "who may not": {a.pipeline, time.Time{}}} {
		got, err := tt.conn.Windows(t.Context(), app)
		if err != nil || got.Open || !got.Opens.Equal(tt.want) {
			t.Errorf("%s: got %+v, %v, want closed until %s", name, got, err, tt.want)
		}
		if d := argocd.WindowClosed(o, argocd.Goal{}, got, time.Now()); !errors.Is(d.Err, argocd.ErrSyncWindow) {
			t.Errorf("%s: decided %+v", name, d)
		}
	}
}
