package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// specOf is that of a GitOpsDeploy for several environments of the tenant, in one commit.
func (n *tenant) specOf(tag string, environments ...string) object {
	spec := n.spec(tag)
	var updates, applications []any
	for _, e := range environments {
		updates = append(updates, object{"kustomize": object{"path": "overlays/" + e}})
		applications = append(applications, object{"name": n.App(e)})
	}
	spec["update"] = updates
	spec["argocd"] = object{"applications": applications}
	return spec
}

func TestSeveralApplications(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Environments: []string{"dev", "test"}})
	n.create(n.embedded("run", n.specOf("1.0.1", "dev", "test")))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip(), "health": "Healthy"})
	for _, e := range []string{"dev", "test"} {
		if uid := syncedBy(n.readApplication(e)); uid != string(cr.UID) || n.liveImage(e) != serverImage+":1.0.1" {
			t.Errorf("%s was last synced by %q, and runs %s", e, uid, n.liveImage(e))
		}
		wantSays(t, message(cr), "Deployment/server ("+n.App(e)+")")
	}
	if got := result(cr, "application-url"); !strings.HasSuffix(got, "/applications/argocd/"+n.App("dev")) {
		t.Errorf("application-url is %s", got)
	}
	record := n.record(n.progress(cr).Lock)
	if record == nil || record.Application != n.App("dev")+","+n.App("test") || len(record.Live) != 2 {
		t.Errorf("the record is %+v", record)
	}
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1 for both", got)
	}
	n.noLease()
}

// badPods makes every pod of the server in an environment fail to pull its image.
func (n *tenant) badPods(environment string) {
	n.t.Helper()
	file := "overlays/" + environment + "/kustomization.yaml"
	old, err := n.Repository.ReadFile(n.t.Context(), "main", file)
	if err != nil {
		n.t.Fatal(err)
	}
	n.push(map[string]string{file: old + `patches:
- target: {kind: Deployment, name: server}
  patch: |-
    - op: add
      path: /spec/template/metadata/annotations
      value: {kubelet.local/behaviour: never-pulls}
`})
}

func TestOneOfSeveralApplicationsFails(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Environments: []string{"dev", "test"}})
	n.badPods("test")
	n.create(n.embedded("run", with(n.specOf("1.0.1", "dev", "test"), "verify.failureGrace", "1s")))
	cr := n.finish("run")
	n.wantFailed(cr, "RolloutFailed", "application "+n.App("test")+": Deployment/server: ", "ImagePullBackOff", serverImage+":1.0.1")
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip()})
	if strings.Contains(message(cr), n.App("dev")) {
		t.Errorf("message %q names the application that is good", message(cr))
	}
	n.noLease()
}

func TestApplicationsByLabel(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Environments: []string{"dev", "test"}})
	for _, e := range []string{"dev", "test"} {
		n.patchApplication(e, `{"metadata":{"labels":{"suite":"`+n.Namespace+`"}}}`)
	}
	n.poll("Argo CD lists both", func() bool {
		var list struct{ Items []any }
		n.byHand(http.MethodGet, "/api/v1/applications?selector="+url.QueryEscape("suite="+n.Namespace), nil, &list)
		return len(list.Items) == 2
	})
	bySelector := func(labels object) object {
		spec := n.specOf("1.0.1", "dev", "test")
		spec["argocd"] = object{"selector": object{"matchLabels": labels}}
		return spec
	}
	n.create(n.embedded("none", bySelector(object{"suite": n.Namespace, "tier": "none"})))
	n.wantFailed(n.finish("none"), "ApplicationNotFound", "suite="+n.Namespace, "tier=none", "check the labels")
	if got := n.commits(); got != 0 {
		t.Errorf("%d commits by a run that has no application", got)
	}
	n.create(n.embedded("run", bySelector(object{"suite": n.Namespace})))
	wantSucceeded(t, n.finish("run"))
	for _, e := range []string{"dev", "test"} {
		if got := n.liveImage(e); got != serverImage+":1.0.1" {
			t.Errorf("%s runs %s", e, got)
		}
	}
	n.noLease()
}

// Applications may live in other namespaces than Argo CD's, and then two may have the same name.
func TestApplicationInAnotherNamespace(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	project := n.Namespace + "-team"
	if err := n.CreateProject(t.Context(), localcluster.Project{Name: project, Namespaces: []string{n.Namespace}}); err != nil {
		t.Fatal(err)
	}
	target, err := n.CreateNamespace(t.Context(), n.Namespace+"-other", nil)
	if err != nil {
		t.Fatal(err)
	}
	n.Targets["other"] = target
	for _, name := range []string{n.App("dev"), n.App("only")} {
		app := localcluster.Application{Name: name, Own: n.Namespace, Project: project, RepoURL: n.Repository.HTTPURL, Path: "overlays/dev", Namespace: target}
		if err := n.CreateApplication(t.Context(), app); err != nil {
			t.Fatal(err)
		}
	}
	there := param("argocd-namespace", n.Namespace)
	n.create(n.deploy("elsewhere", "1.0.1", param("argocd-application", n.App("only"))))
	n.wantFailed(n.finish("elsewhere"), "ApplicationNotFound", n.App("only"), "in Argo CD's own namespace", "one of that name is in namespace "+n.Namespace+" (project "+project+")")
	n.create(n.deploy("wrong-project", "1.0.1", there, param("argocd-project", "default")))
	n.wantFailed(n.finish("wrong-project"), "ApplicationNotFound", n.Namespace+"/"+n.App("dev"), "in project default")

	n.create(n.deploy("run", "1.0.1", there, param("argocd-project", project)))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if got := n.liveImage("other"); got != serverImage+":1.0.1" {
		t.Errorf("it runs %s", got)
	}
	if got := result(cr, "application-url"); !strings.HasSuffix(got, "/applications/"+n.Namespace+"/"+n.App("dev")) {
		t.Errorf("application-url is %s", got)
	}
	if app := n.readApplication("dev"); app.Status.OperationState != nil {
		t.Errorf("the application of the same name was synced: %+v", app.Status.OperationState)
	}
	list, err := n.Client.AppsV1().Deployments(n.Targets["dev"]).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("its objects: %v, %v", list, err)
	}
	n.noLease()
}

// The application has two sources, of two repositories, and ours is the second.
func TestSecondOfTwoSources(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	other, err := n.CreateRepository(t.Context(), n.Namespace+"-settings", map[string]string{"settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {level: debug}\n"})
	if err != nil {
		t.Fatal(err)
	}
	n.patchApplication("dev", `{"spec":{"source":null,"sources":[{"repoURL":"`+other.HTTPURL+`","path":".","targetRevision":"main"},{"repoURL":"`+n.Repository.HTTPURL+`","path":"overlays/dev","targetRevision":"main"}]}}`)
	for i, tag := range []string{"1.0.1", "1.0.2"} {
		n.create(n.deploy(tag, tag))
		cr := n.finish(tag)
		wantSucceeded(t, cr)
		wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
		if got := n.liveImage("dev"); got != serverImage+":"+tag {
			t.Errorf("it runs %s", got)
		}
		settings, err := n.Client.CoreV1().ConfigMaps(n.Targets["dev"]).Get(t.Context(), "settings", metav1.GetOptions{})
		if want := []string{"debug", "info"}[i]; err != nil || settings.Data["level"] != want {
			t.Errorf("the other source gives %v, %v", settings, err)
		}
		if _, err := other.Commit(t.Context(), "main", "Less", map[string]string{"settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {level: info}\n"}); err != nil {
			t.Fatal(err)
		}
	}
	n.noLease()
}

// With this annotation, a commit below other paths gives the application a revision without comparing anything.
func TestManifestGeneratePaths(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.patchApplication("dev", `{"metadata":{"annotations":{"argocd.argoproj.io/manifest-generate-paths":".;../../base"}}}`)
	n.create(n.deploy("first", "1.0.1"))
	wantSucceeded(t, n.finish("first"))
	before := n.readApplication("dev")
	n.push(map[string]string{"docs/README.md": "Nothing to deploy."})
	n.create(n.deploy("second", "1.0.1"))
	cr := n.finish("second")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "false", "commit": n.tip(), "revision": n.tip()})
	if after := n.readApplication("dev"); len(after.Status.History) != len(before.Status.History) {
		t.Errorf("%d deployments after %d: there was nothing to sync", len(after.Status.History), len(before.Status.History))
	}
	n.create(n.deploy("third", "1.0.2"))
	wantSucceeded(t, n.finish("third"))
	n.noLease()
}

const ignoreImage = `{"spec":{"ignoreDifferences":[{"group":"apps","kind":"Deployment","jsonPointers":["/spec/template/spec/containers/0/image"]}]`

// Argo CD is told to ignore the image, and not to apply what it ignores: nothing brings the image there.
func TestImageThatArgoCDIgnores(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.syncByHand("dev")
	n.patchApplication("dev", ignoreImage+`,"syncPolicy":{"syncOptions":["RespectIgnoreDifferences=true"]}}}`)
	n.create(n.deploy("run", "1.0.1"))
	n.wantFailed(n.finish("run"), "ImageMismatch", "Deployment/server runs "+serverImage+":1.0.0", "ignoreDifferences")
	if got := n.liveImage("dev"); got != serverImage+":1.0.0" {
		t.Errorf("it runs %s", got)
	}
	n.noLease()
}

// Where Argo CD ignores the difference but applies it with a sync, the run asks for one.
func TestImageWhoseDifferenceIsIgnored(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.syncByHand("dev")
	n.patchApplication("dev", ignoreImage+`}}`)
	n.create(n.deploy("run", "1.0.1"))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if uid := syncedBy(n.readApplication("dev")); uid != string(cr.UID) || n.liveImage("dev") != serverImage+":1.0.1" {
		t.Errorf("last synced by %q, and runs %s", uid, n.liveImage("dev"))
	}
	n.noLease()
}

func TestPinnedRevision(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.embedded("run", with(n.spec("1.0.1"), "argocd.sync.pinRevision", "true")))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "revision": n.tip()})
	if got := n.readApplication("dev").Status.OperationState.Operation.Sync.Revision; got != n.tip() {
		t.Errorf("the sync asked for revision %q, want the commit", got)
	}
	n.patchApplication("dev", `{"spec":{"syncPolicy":{"automated":{}}}}`)
	n.create(n.embedded("refused", with(n.spec("1.0.2"), "argocd.sync.pinRevision", "true")))
	n.wantFailed(n.finish("refused"), "ApplicationMismatch", n.App("dev"), "auto-sync", "remove pinRevision")
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1: the second run was refused before its push", got)
	}
	n.noLease()
}
