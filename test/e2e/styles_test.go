package e2e

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const workerFile = `# One file, no kustomize.
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec:
  replicas: 1
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      initContainers:
      - {name: migrate, image: "quay.io/product-catalog/worker:1.0.0"}  # the same image
      containers:
      - name: worker
        image: quay.io/product-catalog/worker:1.0.0
`

// Two images in four places of four styles are one commit, and each of two applications shows its part of it.
func TestSeveralStylesInOneCommit(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	const workerImage = "quay.io/product-catalog/worker"
	n.push(map[string]string{
		"plain/worker.yaml": workerFile,
		"env/values.yaml":   "worker:\n  image: {repository: " + workerImage + ", tag: '1.0.0'}\n",
		"env/dev.yaml":      "release: r1 # of all\n",
	})
	if err := n.CreateApplication(t.Context(), localcluster.Application{Name: n.App("worker"), RepoURL: n.Repository.HTTPURL, Path: "plain", Namespace: n.Targets["dev"]}); err != nil {
		t.Fatal(err)
	}
	spec := n.spec("1.0.1")
	spec["params"] = []any{object{"name": "release"}}
	spec["images"] = []any{object{"name": serverImage, "newTag": "1.0.1"}, object{"name": workerImage, "newTag": "2.0.0"}}
	spec["update"] = []any{
		object{"images": []any{serverImage}, "kustomize": object{"path": "overlays/dev"}},
		object{"images": []any{workerImage}, "manifests": object{"path": "plain"}},
		object{"images": []any{workerImage}, "helm": object{"file": "env/values.yaml", "repository": "worker.image.repository", "tag": "worker.image.tag"}},
		object{"yaml": object{"file": "env/dev.yaml", "path": "release", "value": "$(params.release)"}},
	}
	spec["argocd"] = object{"applications": []any{object{"name": n.App("dev")}, object{"name": n.App("worker")}}}
	n.create(n.embedded("run", spec, param("release", "1e3")))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if got := n.commits(); got != 2 {
		t.Errorf("%d commits, want the preparation and one of the run", got)
	}
	var images []map[string]string
	if err := json.Unmarshal([]byte(result(cr, "images")), &images); err != nil {
		t.Fatal(err)
	}
	want := []map[string]string{
		{"name": serverImage, "previous": serverImage + ":1.0.0", "image": serverImage + ":1.0.1"},
		{"name": workerImage, "previous": workerImage + ":1.0.0", "image": workerImage + ":2.0.0"},
	}
	if d := cmp.Diff(want, images); d != "" {
		t.Error(d)
	}
	changed, err := n.Repository.Git(t.Context(), "diff", "--unified=0", "--no-prefix", "main~1", "main", "--", "plain", "env")
	if err != nil {
		t.Fatal(err)
	}
	wantSays(t, changed, "+release: \"1e3\" # of all\n", "tag: '2.0.0'}\n", "image: \""+workerImage+":2.0.0\"}  # the same image\n", "+        image: "+workerImage+":2.0.0")
	if n.liveImage("dev") != serverImage+":1.0.1" {
		t.Errorf("the server's Deployment runs %s", n.liveImage("dev"))
	}
	worker := n.deployment("dev", "worker").Spec.Template.Spec
	if worker.Containers[0].Image != workerImage+":2.0.0" || worker.InitContainers[0].Image != workerImage+":2.0.0" {
		t.Errorf("the worker's Deployment is %+v", worker)
	}
	n.noLease()
}

// A dry run reads everything and changes nothing: no push, no sync, and never a Lease.
func TestDryRun(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	tip, history := n.tip(), n.recordHistory()
	const diff = `--- a/overlays/dev/kustomization.yaml
+++ b/overlays/dev/kustomization.yaml
@@ -7,6 +7,6 @@
 - name: quay.io/product-catalog/client
   newTag: 1.0.0
 - name: quay.io/product-catalog/server
-  newTag: 1.0.0  # moved by the pipeline
+  newTag: 1.0.1  # moved by the pipeline
 - name: docker.io/library/postgres
   newTag: "16"
`
	without := n.spec("1.0.1")
	delete(without, "argocd")
	for run, c := range map[string]struct {
		spec object
		want map[string]string
	}{
		"with-an-application": {n.spec("1.0.1"), map[string]string{"diff": diff, "commit": "", "image": serverImage + ":1.0.1", "previous-image": serverImage + ":1.0.0"}},
		"without":             {without, map[string]string{"diff": diff, "commit": ""}},
		"no-change":           {n.spec("1.0.0"), map[string]string{"diff": "", "commit": tip}},
	} {
		n.create(n.embedded(run, with(c.spec, "dryRun", "true")))
		cr := n.finish(run)
		wantSucceeded(t, cr)
		wantSays(t, message(cr), "dry run: ")
		wantResults(t, cr, c.want)
		wantResults(t, cr, map[string]string{"changed": "false", "revision": ""})
		if got := n.phases(cr); got != "Preparing Releasing" {
			t.Errorf("the phases are %s", got)
		}
	}
	history.until(n, "with-an-application", "without", "no-change")
	if got := history.leases(); len(got) != 0 {
		t.Errorf("Leases: %v", got)
	}
	if app := n.readApplication("dev"); n.tip() != tip || app.Status.OperationState != nil {
		t.Errorf("the branch is at %s, was at %s; the application's operation is %+v", n.tip(), tip, app.Status.OperationState)
	}
}
