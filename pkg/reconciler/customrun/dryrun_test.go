package customrun

import (
	"strings"
	"testing"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// A dry run tells what would change. It needs no right to push or to sync, and no lock: it does not even wait for one.
func TestDryRun(t *testing.T) {
	diff := "--- a/" + overlay + "\n+++ b/" + overlay + "\n@@ -2,4 +2,4 @@\n - ../../base\n images:\n - name: quay.io/team/server\n-  newTag: 1.0.0 # moved by the pipeline\n+  newTag: 1.0.1 # moved by the pipeline\n"
	for name, tc := range map[string]struct {
		tag     string
		prepare func(*site)
		app     bool
		says    string
		want    map[string]string
	}{
		"with an application": {
			"1.0.1", func(s *site) { s.git.readOnly, s.argo.denied = true, true }, true, "dry run: " + overlay + " would be changed on branch main, nothing was pushed or synced; the result diff has the change",
			map[string]string{"diff": diff, "changed": "false", "commit": "", "image": "quay.io/team/server:1.0.1", "previous-image": "quay.io/team/server:1.0.0"},
		},
		"without an application": {
			"1.0.1", func(s *site) { s.git.readOnly = true }, false, "would be changed on branch main", map[string]string{"diff": diff, "changed": "false", "commit": ""},
		},
		"no change": {
			"1.0.0", func(*site) {}, true, "dry run: branch main has the wanted state already, nothing would be pushed", map[string]string{"diff": "", "changed": "false", "commit": "the tip", "previous-image": "quay.io/team/server:1.0.0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			tc.prepare(s)
			holder := byParameters()
			holder.Name = "holder"
			s.lockFor(s.create(holder), "catalog")
			s.kube.ClearActions()
			run := s.deploy(tc.tag, param("dry-run", "true"))
			if !tc.app {
				run = s.publish(`"dryRun":"true","images":[{"name":"quay.io/team/server","newTag":"` + tc.tag + `"}],"update":[{"kustomize":{"path":"overlays/dev"}}]`)
			}
			s.create(run)
			cr := s.until(testRun, "the end", func(cr *v1beta1.CustomRun) bool {
				if p := reasonOf(cr); p != "" && p != string(Preparing) && !cr.IsDone() {
					t.Fatalf("it is %s", p)
				}
				return cr.IsDone()
			})
			if !cr.IsSuccessful() || !strings.Contains(messageOf(cr), tc.says) {
				t.Fatalf("the run is %s: %s", reasonOf(cr), messageOf(cr))
			}
			for result, want := range tc.want {
				if want == "the tip" {
					want = s.git.tip()
				}
				if got := resultOf(cr, result); got != want {
					t.Errorf("result %s is %q, want %q", result, got, want)
				}
			}
			if s.git.commits() != 1 || s.git.pushes != 0 || len(s.argo.syncedBy()) != 0 {
				t.Errorf("%d commits, %d pushes, syncs %v", s.git.commits(), s.git.pushes, s.argo.syncedBy())
			}
			for _, a := range writingActions(s.kube.Actions()) {
				t.Errorf("the API server was asked to %s", a)
			}
		})
	}
}

// What a deployment would fail with for the manifests' or the application's sake, a dry run fails with.
func TestDryRunFailsForWhatADeploymentWouldFailFor(t *testing.T) {
	s := newSite(t)
	s.argo.repository = "https://git.example.com/other"
	s.create(s.deploy("1.0.1", param("dry-run", "true")))
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonApplicationMismatch, "https://git.example.com/other")
}
