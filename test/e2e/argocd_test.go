package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

func TestAutoSync(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{AutoSync: true})
	n.waitForApplication("dev", "the first automated sync", syncedAndHealthy)
	n.create(n.deploy("run", "1.0.1"))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
	app := n.readApplication("dev")
	if op := app.Status.OperationState; !op.Operation.InitiatedBy.Automated || syncedBy(app) != "" || op.SyncResult.Revision != n.tip() {
		t.Errorf("the last operation is %+v, want one of auto-sync: it acts in time, so the run needs no sync of its own", op)
	}
	if got := n.liveImage("dev"); got != serverImage+":1.0.1" {
		t.Errorf("the Deployment runs %s", got)
	}
	n.noLease()
}

// The application is Synced and Healthy before the push, and Argo CD does not look at git by itself for minutes. Only
// the commit's own revision counts.
func TestSyncedAndHealthyBeforeThePushProvesNothing(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.syncByHand("dev")
	before := n.readApplication("dev")
	n.create(n.deploy("run", "1.0.1"))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	app := n.readApplication("dev")
	if app.Status.Sync.Revision != n.tip() || app.Status.Sync.Revision == before.Status.Sync.Revision {
		t.Errorf("the application is at %s, was at %s, the commit is %s", app.Status.Sync.Revision, before.Status.Sync.Revision, n.tip())
	}
	if len(app.Status.History) != len(before.Status.History)+1 || syncedBy(app) != string(cr.UID) {
		t.Errorf("%d deployments after %d, the last by %q: want one more, by this run", len(app.Status.History), len(before.Status.History), syncedBy(app))
	}
	d := n.deployment("dev", "server")
	if d.Status.UpdatedReplicas != 2 || d.Status.Replicas != 2 || n.liveImage("dev") != serverImage+":1.0.1" {
		t.Errorf("the run ended while the Deployment ran %s in state %+v", n.liveImage("dev"), d.Status)
	}
}

// busy is a tenant whose application somebody is syncing to an older commit: that operation lasts until endHook. The
// hook is in that commit only.
func busy(t *testing.T) *tenant {
	t.Helper()
	n := newTenant(t, testbed.TenantOptions{})
	n.addHook()
	n.startSync("dev")
	n.poll("the hook of the administrator's sync", func() bool { return len(n.pods(t.Context(), "dev")) > 0 })
	n.removeHook()
	return n
}

func TestForeignOperationIsWaitedFor(t *testing.T) {
	t.Parallel()
	n := busy(t)
	n.create(n.deploy("run", "1.0.1"))
	cr := n.waitForMessage("run", n.App("dev"), "the operation started by admin runs")
	if reason(cr) != "Syncing" {
		t.Errorf("the run waits in phase %s, want Syncing", reason(cr))
	}
	if app := n.readApplication("dev"); !running(app) || app.Status.OperationState.Operation.InitiatedBy.Username != "admin" {
		t.Errorf("the operation is %+v, want the administrator's", app.Status.OperationState)
	}
	n.endHook("healthy")
	cr = n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
	if uid := syncedBy(n.readApplication("dev")); uid != string(cr.UID) {
		t.Errorf("the last sync is of %q, want this run", uid)
	}
	n.noLease()
}

func TestNewerCommitThatContainsOurs(t *testing.T) {
	t.Parallel()
	n := busy(t)
	n.create(n.deploy("run", "1.0.1"))
	n.waitForMessage("run", "the operation started by admin runs")
	ours := n.tip()
	newer := n.push(map[string]string{"README.md": "Somebody works on."})
	n.endHook("healthy")
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": ours, "revision": newer})
	if got := n.liveImage("dev"); got != serverImage+":1.0.1" {
		t.Errorf("the Deployment runs %s", got)
	}
	n.noLease()
}

func TestNewerCommitWithAnotherImage(t *testing.T) {
	t.Parallel()
	n := busy(t)
	n.create(n.deploy("run", "1.0.1"))
	n.waitForMessage("run", "the operation started by admin runs")
	ours := n.tip()
	newer := n.setTag("dev", "1.0.1", "2.0.0")
	n.endHook("healthy")
	cr := n.finish("run")
	n.wantFailed(cr, "Superseded", "Deployment/server runs "+serverImage+":2.0.0", newer[:8], ours[:8])
	wantResults(t, cr, map[string]string{"changed": "true", "commit": ours})
	n.noLease()
}

// setTag replaces the server's tag in an overlay, as another person.
func (n *tenant) setTag(environment, from, to string) string {
	n.t.Helper()
	file := "overlays/" + environment + "/kustomization.yaml"
	old, err := n.Repository.ReadFile(n.t.Context(), "main", file)
	if err != nil {
		n.t.Fatal(err)
	}
	at := "- name: " + serverImage + "\n  newTag: "
	changed := strings.Replace(old, at+from, at+to, 1)
	if changed == old {
		n.t.Fatalf("%s does not have %q:\n%s", file, at+from, old)
	}
	return n.push(map[string]string{file: changed})
}

// Two applications live in one repository. What is committed for one gives the other a new revision without any
// difference, for which Argo CD runs no operation.
func TestCommitWithoutDifferenceForTheApplication(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Environments: []string{"dev", "test"}})
	for _, environment := range []string{"dev", "test"} {
		n.create(n.deploy(environment, "1.0.1", param("path", "overlays/"+environment), param("argocd-application", n.App(environment))))
		wantSucceeded(t, n.finish(environment))
	}
	before := n.readApplication("dev")
	if before.Status.Sync.Revision == n.tip() {
		t.Fatal("the application of dev has seen the commit for test already")
	}
	n.create(n.deploy("again", "1.0.1"))
	cr := n.finish("again")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "false", "commit": n.tip(), "revision": n.tip()})
	if after := n.readApplication("dev"); len(after.Status.History) != len(before.Status.History) {
		t.Errorf("%d deployments after %d, want no more: there is nothing to sync", len(after.Status.History), len(before.Status.History))
	}
	if got := n.commits(); got != 2 {
		t.Errorf("%d commits, want 2", got)
	}
}

// The same for a commit of the run itself: the manifests name the tag that it sets.
func TestOwnCommitWithoutDifference(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	server, err := n.Repository.ReadFile(t.Context(), "main", "base/server.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n.push(map[string]string{
		"base/server.yaml":                strings.Replace(server, "image: "+serverImage, "image: "+serverImage+":1.0.1", 1),
		"overlays/dev/kustomization.yaml": "resources:\n- ../../base\n",
	})
	n.syncByHand("dev")
	before := n.readApplication("dev")
	n.create(n.deploy("run", "1.0.1"))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
	after := n.readApplication("dev")
	if len(after.Status.History) != len(before.Status.History) || after.Status.Sync.Revision != n.tip() {
		t.Errorf("%d deployments after %d at %s, want no more at %s", len(after.Status.History), len(before.Status.History), after.Status.Sync.Revision, n.tip())
	}
}

func TestRollBackByAPerson(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.syncByHand("dev")
	first := n.readApplication("dev").Status.History[0]
	n.create(n.embedded("run", with(n.spec("never-pulls-1"), "verify.failureGrace", "80s")))
	n.waitForMessage("run", "Back-off pulling image")
	ours := n.tip()
	n.waitForApplication("dev", "the end of the run's sync", func(app *application) bool { return !running(app) })
	n.byHand(http.MethodPost, "/api/v1/applications/"+n.App("dev")+"/rollback", object{"name": n.App("dev"), "id": first.ID}, nil)
	cr := n.finish("run")
	n.wantFailed(cr, "RolledBack", n.App("dev"), "after commit "+ours[:8], "revision "+first.Revision[:8], "by admin")
	if got := n.liveImage("dev"); got != serverImage+":1.0.0" {
		t.Errorf("the Deployment runs %s, want what was rolled back to", got)
	}
	n.noLease()
}

func TestSyncWindowClosed(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.project("closed", object{"syncWindows": []any{object{
		"kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": []any{"*"}, "manualSync": false,
	}}})
	n.patchApplication("dev", `{"spec":{"project":"`+n.Namespace+`-closed"}}`)
	n.create(n.deploy("run", "1.0.1"))
	n.wantFailed(n.finish("run"), "SyncWindowClosed", n.App("dev"), "sync window")
	if app := n.readApplication("dev"); app.Status.OperationState != nil {
		t.Errorf("there was an operation: %+v", app.Status.OperationState)
	}
	n.noLease()
}

// project creates an Argo CD project that permits everything but what its spec forbids.
func (n *tenant) project(name string, spec object) {
	n.t.Helper()
	spec["sourceRepos"] = []any{"*"}
	spec["destinations"] = []any{object{"server": "*", "namespace": "*"}}
	n.mustCreate(projects, n.ArgoCD.Namespace, object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": object{"name": n.Namespace + "-" + name}, "spec": spec,
	})
}

// unhealthy is a Deployment of the application that has nothing to do with the run and never becomes ready.
const unhealthy = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: reports
spec:
  selector:
    matchLabels: {app: reports}
  template:
    metadata:
      labels: {app: reports}
    spec:
      containers:
      - name: reports
        image: quay.io/product-catalog/reports:never-pulls
`

func TestSomethingElseWasUnhealthyBefore(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDevResources(map[string]string{"reports.yaml": unhealthy})
	n.startSync("dev")
	n.waitForApplication("dev", "all but reports is rolled out", func(app *application) bool {
		return !running(app) && app.Status.Health.Status == "Progressing" && n.deployment("dev", "server").Status.AvailableReplicas == 2
	})
	n.refreshByHand("dev")
	n.create(n.embedded("strict", with(n.spec("1.0.1"), "verify.timeout", "30s")))
	cr := n.finish("strict")
	n.wantFailed(cr, "VerifyTimeout", "30s", "not healthy before this run either", "Deployment", "reports", "verify.health to Workloads")
	if got := n.liveImage("dev"); got != serverImage+":1.0.1" {
		t.Errorf("the Deployment runs %s", got)
	}
	n.noLease()

	n.create(n.deploy("lenient", "1.0.2", param("health", "Workloads")))
	cr = n.finish("lenient")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "health": "Progressing", "image": serverImage + ":1.0.2"})
	n.noLease()
}

func TestResourceThatCannotBeApplied(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDevResources(map[string]string{"broken.yaml": `apiVersion: v1
kind: Service
metadata:
  name: broken
spec:
  selector: {app: broken}
  ports:
  - port: 99999
`})
	n.create(n.deploy("run", "1.0.1"))
	cr := n.finish("run")
	n.wantFailed(cr, "SyncFailed", n.App("dev"), "Service", "broken", "99999")
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip()})
	if op := n.readApplication("dev").Status.OperationState; op == nil || op.Phase != "Failed" {
		t.Errorf("the operation is %+v, want a failed one", op)
	}
	n.noLease()
}

func TestImageThatNoResourceUses(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.deploy("run", "1.0.1", param("image", "quay.io/product-catalog/serverr")))
	cr := n.finish("run")
	n.wantFailed(cr, "ImageNotInManifest", "quay.io/product-catalog/serverr",
		serverImage+":1.0.0", "quay.io/product-catalog/client:1.0.0", "docker.io/library/postgres:16")
	n.noLease()
}

// Argo CD can sync what is not valid for a hook: a failed hook is a failed sync, in the hook's name.
func TestHookThatFails(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.addHook()
	n.create(n.deploy("run", "1.0.1"))
	n.waitForMessage("run", "the sync of this run runs")
	n.endHook("fails")
	began := time.Now()
	n.wantFailed(n.finish("run"), "SyncFailed", "Job", "migrate")
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s to see that the hook has failed", took)
	}
	n.noLease()
}
