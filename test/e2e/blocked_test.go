package e2e

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// closeWindow forbids every sync of the tenant's application from a minute ago on, for two hours. It gives the time at
// which the window opens, and its project.
func (n *tenant) closeWindow() (opens time.Time, project string) {
	n.t.Helper()
	closed := time.Now().UTC().Truncate(time.Minute).Add(-time.Minute)
	n.project("closed", object{"syncWindows": []any{object{
		"kind": "deny", "schedule": fmt.Sprintf("%d %d * * *", closed.Minute(), closed.Hour()), "duration": "2h", "applications": []any{"*"}, "manualSync": false,
	}}})
	project = n.Namespace + "-closed"
	n.patchApplication("dev", `{"spec":{"project":"`+project+`"}}`)
	return closed.Add(2 * time.Hour), project
}

func TestClosedSyncWindowIsSeenBeforeThePush(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	opens, _ := n.closeWindow()
	history := n.recordHistory()
	n.create(n.deploy("run", "1.0.1"))
	n.wantFailed(n.finish("run"), "SyncWindowClosed", n.App("dev"), "closed until "+opens.Format(time.RFC3339), "set sync.window to Wait")
	n.nothingChanged(0, history)
}

// The window may stay closed for longer than the timeout of the sync.
func TestSyncWindowIsWaitedFor(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	opens, project := n.closeWindow()
	n.create(n.embedded("run", with(n.spec("1.0.1"), "argocd.sync.window", "Wait", "argocd.sync.timeout", "30s")))
	n.waitForMessage("run", "waiting for its sync window", "closed until "+opens.Format(time.RFC3339))
	version := n.get("run").ResourceVersion
	time.Sleep(32 * time.Second)
	switch cr := n.get("run"); {
	case cr.IsDone() || reason(cr) != "Syncing":
		t.Fatalf("while the window is closed, the run is %s", outcome(cr))
	case cr.ResourceVersion != version:
		t.Error("the run was written to while it waited")
	}
	if app := n.readApplication("dev"); app.Status.OperationState != nil {
		t.Errorf("there was an operation: %+v", app.Status.OperationState)
	}
	_, err := n.Dynamic.Resource(projects).Namespace(n.ArgoCD.Namespace).Patch(t.Context(), project, "application/merge-patch+json", []byte(`{"spec":{"syncWindows":null}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if got := n.liveImage("dev"); got != serverImage+":1.0.1" {
		t.Errorf("it runs %s", got)
	}
	n.noLease()
}

// A sync by somebody else hangs in a hook that never ends.
func TestForeignOperationIsTerminated(t *testing.T) {
	t.Parallel()
	n := busy(t)
	n.create(n.embedded("run", with(n.spec("1.0.1"), "argocd.sync.onForeignOperation", "Terminate")))
	n.waitForMessage("run", n.App("dev"), "the operation started by admin runs")
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
	if uid := syncedBy(n.readApplication("dev")); uid != string(cr.UID) || n.liveImage("dev") != serverImage+":1.0.1" {
		t.Errorf("last synced by %q, and runs %s", uid, n.liveImage("dev"))
	}
	n.noLease()
}

// The token runs out while the run waits.
func TestTokenThatExpiresUnderWay(t *testing.T) {
	t.Parallel()
	n := busy(t)
	n.secret("short-lived", nil, map[string]string{"ARGOCD_AUTH_TOKEN": n.token(40), "ca.crt": n.authority()})
	n.create(n.deploy("run", "1.0.1", v1beta1.Params{param("argocd-secret", "short-lived")}...))
	n.waitForMessage("run", "the operation started by admin runs")
	n.wantFailed(n.finish("run"), "CredentialsInvalid", "not authenticated", "expired")
	if got := n.commits(); got < 1 {
		t.Errorf("%d commits: it had pushed before", got)
	}
	n.noLease()
}
