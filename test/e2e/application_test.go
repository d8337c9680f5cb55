package e2e

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// application is what the tests look at of an Argo CD Application, with the names that Argo CD gives it.
type application struct {
	Operation *operation
	Status    struct {
		Sync struct {
			Status, Revision string
		}
		Health struct {
			Status string
		}
		History []struct {
			ID       int64
			Revision string
		}
		OperationState *operationState
	}
}

type operationState struct {
	Phase, Message string
	Operation      operation
	SyncResult     *struct{ Revision string }
}

type operation struct {
	InitiatedBy struct {
		Username  string
		Automated bool
	}
	Info []struct{ Name, Value string }
	Sync struct{ Revision string }
}

// readApplication reads an Application as the API server has it.
func (n *tenant) readApplication(environment string) *application {
	n.t.Helper()
	found, err := n.Applications().Get(n.t.Context(), n.App(environment), metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	app := &application{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, app); err != nil {
		n.t.Fatal(err)
	}
	return app
}

func (n *tenant) patchApplication(environment, patch string) {
	n.t.Helper()
	_, err := n.Applications().Patch(n.t.Context(), n.App(environment), "application/merge-patch+json", []byte(patch), metav1.PatchOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
}

// waitForApplication polls an Application until the condition holds.
func (n *tenant) waitForApplication(environment, what string, ok func(*application) bool) *application {
	n.t.Helper()
	var app *application
	n.poll(what, func() bool {
		app = n.readApplication(environment)
		return ok(app)
	})
	return app
}

// poll waits for a condition for as long as a run may take.
func (n *tenant) poll(what string, ok func() bool) {
	n.t.Helper()
	deadline := time.Now().Add(runTimeout)
	for !ok() {
		if time.Now().After(deadline) {
			n.t.Fatalf("%s did not come true in %s", what, runTimeout)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// syncedBy tells which run's sync the last operation of an application was; empty when it was nobody's.
func syncedBy(app *application) string {
	if app.Status.OperationState == nil {
		return ""
	}
	for _, info := range app.Status.OperationState.Operation.Info {
		if info.Name == "Tekton-CustomRun-UID" {
			return info.Value
		}
	}
	return ""
}

func running(app *application) bool {
	return app.Operation != nil || (app.Status.OperationState != nil && !slices.Contains([]string{"Succeeded", "Failed", "Error"}, app.Status.OperationState.Phase))
}

func syncedAndHealthy(app *application) bool {
	return !running(app) && app.Status.Sync.Status == "Synced" && app.Status.Health.Status == "Healthy"
}

// adminToken is a session of Argo CD's administrator: the person who does something by hand.
var adminToken = sync.OnceValues(func() (string, error) {
	var session struct{ Token string }
	err := bed.CallArgoCD(background(), "", http.MethodPost, "/api/v1/session",
		object{"username": "admin", "password": bed.ArgoCD.AdminPassword}, &session)
	if err == nil && session.Token == "" {
		err = errors.New("Argo CD gives no session")
	}
	bed.secrets.add(session.Token)
	return session.Token, err
})

// byHand sends a request to Argo CD as its administrator.
func (n *tenant) byHand(method, path string, body, into any) {
	n.t.Helper()
	token, err := adminToken()
	if err == nil {
		err = n.CallArgoCD(n.t.Context(), token, method, path, body, into)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// startSync begins a sync as the administrator and does not wait for its end.
func (n *tenant) startSync(environment string) {
	n.t.Helper()
	// Refused while another operation runs, or while Argo CD has just created the application.
	n.poll("the administrator's sync is accepted", func() bool {
		token, err := adminToken()
		if err != nil {
			n.t.Fatal(err)
		}
		err = n.CallArgoCD(n.t.Context(), token, http.MethodPost, "/api/v1/applications/"+n.App(environment)+"/sync", object{}, nil)
		var refused *localcluster.ArgoCDError
		if err != nil && !errors.As(err, &refused) {
			n.t.Fatal(err)
		}
		return err == nil
	})
}

// syncByHand syncs as the administrator and waits until the application is Synced and Healthy at the branch's tip.
func (n *tenant) syncByHand(environment string) {
	n.t.Helper()
	n.startSync(environment)
	tip := n.tip()
	n.waitForApplication(environment, "the administrator's sync", func(app *application) bool {
		return syncedAndHealthy(app) && app.Status.Sync.Revision == tip
	})
}

// refreshByHand makes Argo CD look at git, as its web page does.
func (n *tenant) refreshByHand(environment string) {
	n.t.Helper()
	n.byHand(http.MethodGet, "/api/v1/applications/"+n.App(environment)+"?refresh=normal", nil, nil)
}

func (n *tenant) tip() string {
	n.t.Helper()
	tip, err := n.Repository.Tip(n.t.Context(), localcluster.Branch)
	if err != nil {
		n.t.Fatal(err)
	}
	return tip
}

// push commits files to main, as another person.
func (n *tenant) push(files map[string]string) string {
	n.t.Helper()
	id, err := n.Repository.Commit(n.t.Context(), localcluster.Branch, "Somebody else's change", files)
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}
