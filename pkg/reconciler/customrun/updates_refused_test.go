package customrun

import (
	"fmt"
	"strings"
	"testing"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// special puts what is no file onto the branch: a symbolic link or a submodule.
func (s *gitServer) special(mode, name, content string) {
	s.t.Helper()
	change := fmt.Sprintf("M %s inline %s\ndata %d\n%s\n", mode, name, len(content), content)
	if mode == "160000" {
		change = fmt.Sprintf("M %s %s %s\n", mode, content, name)
	}
	in := "commit refs/heads/main\ncommitter Somebody <somebody@example.com> 1700000000 +0000\ndata 4\nwork\nfrom " + s.tip() + "\n" + change
	if _, err := s.git(in, "fast-import", "--quiet", "--force"); err != nil {
		s.t.Fatal(err)
	}
}

// What cannot be edited is named, and nothing is pushed or locked.
func TestManifestsThatCannotBeEdited(t *testing.T) {
	const server = `"images":[{"name":"quay.io/team/server","newTag":"2"}],"update":`
	plain := func(path string) string { return server + `[{"manifests":{"path":"` + path + `"}}]` }
	kustomize := func(path string) string { return server + `[{"kustomize":{"path":"` + path + `"}}]` }
	helm := func(file string) string {
		return server + `[{"helm":{"file":"` + file + `","tag":"image.tag"}}]`
	}
	for name, tc := range map[string]struct {
		git    func(*gitServer)
		spec   string
		reason v1alpha1.Reason
		says   []string
	}{
		"no container has the image": {
			func(g *gitServer) {
				g.commit(map[string]string{"apps/a.yaml": strings.ReplaceAll(fmt.Sprintf(deploymentFile, "a"), "team/server", "team/other"), "apps/b.yaml": "{}"})
				g.commit(map[string]string{"apps/b.yaml": "{apiVersion: v1, kind: Pod, spec: {containers: [{name: x, image: nginx}]}}"})
			},
			plain("apps"), v1alpha1.ReasonImageNotInManifest, []string{"quay.io/team/server", "apps/a.yaml", "apps/b.yaml", "nginx", "quay.io/team/other:1.0.0", "quay.io/team/proxy:7"},
		},
		"no such container": {
			func(g *gitServer) {
				g.commit(map[string]string{"apps/a.yaml": fmt.Sprintf(deploymentFile, "a")})
			},
			server + `[{"manifests":{"path":"apps","container":"nobody"}}]`, v1alpha1.ReasonImageNotInManifest, []string{"no container nobody in apps/a.yaml has image quay.io/team/server", `quay.io/team/server:1.0.0 (container "a")`},
		},
		"no manifests": {
			func(g *gitServer) { g.commit(map[string]string{"apps/README.md": "x"}) }, plain("apps"), v1alpha1.ReasonImageNotInManifest, []string{"no container in apps has image quay.io/team/server; there is no YAML file"},
		},
		"another image in the values": {
			func(g *gitServer) {
				g.commit(map[string]string{"values.yaml": "image: quay.io/team/client:1\n"})
			},
			server + `[{"helm":{"file":"values.yaml","image":"image"}}]`, v1alpha1.ReasonImageNotInManifest, []string{"quay.io/team/server", "quay.io/team/client:1", "values.yaml:1:8"},
		},
		"no such value": {
			func(g *gitServer) { g.commit(map[string]string{"values.yaml": "image:\n  tagg: 1\n"}) },
			helm("values.yaml"), v1alpha1.ReasonManifestInvalid, []string{"values.yaml:2:3", "tagg"},
		},
		"no YAML": {
			func(g *gitServer) { g.commit(map[string]string{"values.yaml": "image: {tag: 1\nx: [\n"}) },
			helm("values.yaml"), v1alpha1.ReasonManifestInvalid, []string{"values.yaml:2"},
		},
		"a second update that cannot be made": {
			func(*gitServer) {},
			server + `[{"kustomize":{"path":"overlays/dev"}},{"helm":{"file":"absent.yaml","tag":"image.tag"}}]`, v1alpha1.ReasonManifestInvalid, []string{"absent.yaml", "not found"},
		},
		"a path that leaves the repository": {func(*gitServer) {}, kustomize("../x"), v1alpha1.ReasonInvalidSpec, []string{"update[0].kustomize.path", "../x"}},
		"an absolute path":                  {func(*gitServer) {}, helm("/etc/x"), v1alpha1.ReasonInvalidSpec, []string{"update[0].helm.file", "/etc/x"}},
		"a link that leaves the repository": {
			func(g *gitServer) { g.special("120000", "apps", "../../etc") }, plain("apps"), v1alpha1.ReasonManifestInvalid, []string{"apps", "symbolic link"},
		},
		"a file that is a link": {
			func(g *gitServer) { g.special("120000", "values.yaml", "/etc/passwd") }, helm("values.yaml"), v1alpha1.ReasonManifestInvalid, []string{"values.yaml", "symbolic link"},
		},
		"a submodule on the path": {
			func(g *gitServer) { g.special("160000", "vendor", g.tip()) }, kustomize("vendor/app"), v1alpha1.ReasonManifestInvalid, []string{"vendor", "submodule"},
		},
		"a directory where a file is meant": {
			func(*gitServer) {}, helm("overlays/dev"), v1alpha1.ReasonManifestInvalid, []string{"overlays/dev", "directory"},
		},
		"a file where a directory is meant": {
			func(*gitServer) {}, kustomize(overlay), v1alpha1.ReasonManifestInvalid, []string{overlay, "directory"},
		},
		"5 MB": {
			func(g *gitServer) {
				g.commit(map[string]string{"values.yaml": "image: {tag: 1}\n" + strings.Repeat("# more\n", 5<<20/7)})
			},
			helm("values.yaml"), v1alpha1.ReasonManifestInvalid, []string{"values.yaml", "too large"},
		},
		"a binary file": {
			func(g *gitServer) { g.commit(map[string]string{"values.yaml": "\x7fELF\x00\x01\xff\xfe"}) },
			helm("values.yaml"), v1alpha1.ReasonManifestInvalid, []string{"values.yaml"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			tc.git(s.git)
			before := s.git.commits()
			s.create(s.publish(tc.spec))
			cr := s.finish(testRun)
			wantFailed(t, cr, tc.reason, tc.says...)
			if s.git.commits() != before || len(s.leases()) != 0 || resultOf(cr, "changed") != "false" {
				t.Errorf("%d commits on top of %d, locks %v", s.git.commits()-before, before, s.leases())
			}
			for _, a := range writingActions(s.kube.Actions()) {
				t.Errorf("the API server was asked to %s", a)
			}
		})
	}
}
