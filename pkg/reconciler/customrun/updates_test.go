package customrun

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

const digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// publish is a run that ends with its push. spec is what follows git: images, update and so on.
func (s *site) publish(spec string, params ...v1beta1.Param) *v1beta1.CustomRun {
	return embedded(`{"params":[{"name":"tag","default":""}],"git":{"url":"`+s.git.url+`","secretRef":{"name":"git"}},"lock":{"name":"catalog"},`+spec+`}`, params...)
}

// files are those of the branch.
func (s *gitServer) files() map[string]string {
	all := map[string]string{}
	names, err := s.git("", "ls-tree", "-r", "--name-only", "main")
	if err != nil {
		s.t.Fatal(err)
	}
	for name := range strings.Lines(names) {
		name = strings.TrimSpace(name)
		if all[name], err = s.git("", "cat-file", "blob", "main:"+name); err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}

const deploymentFile = `apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  template:
    spec:
      initContainers:
      - {name: migrate, image: "quay.io/team/server:1.0.0"} # the same image
      containers:
      - name: %[1]s
        image: quay.io/team/server:1.0.0
      - {name: proxy, image: quay.io/team/proxy:7}
`

// Each style makes one commit, in which nothing but the asked-for scalars differs.
func TestUpdatesOfEachStyle(t *testing.T) {
	server, values := fmt.Sprintf(deploymentFile, "server"), "# the chart\nimage:\n  repository: quay.io/team/server # where\n  tag: \"1.0.0\"\n  digest: \"\"\nsidecar: {image: 'quay.io/team/proxy:7'}\n"
	with := func(text string, oldnew ...string) string { return strings.NewReplacer(oldnew...).Replace(text) }
	for name, tc := range map[string]struct {
		files  map[string]string
		spec   string
		params []v1beta1.Param
		want   map[string]string // the files that differ
		result map[string]string
	}{
		"helm: tag": {
			map[string]string{"chart/values.yaml": values},
			`"images":[{"name":"quay.io/team/server","newTag":"1.10"}],"update":[{"helm":{"file":"chart/values.yaml","repository":"image.repository","tag":"image.tag"}}]`, nil,
			map[string]string{"chart/values.yaml": with(values, `"1.0.0"`, `"1.10"`)},
			map[string]string{"previous-image": "quay.io/team/server:1.0.0", "image": "quay.io/team/server:1.10"},
		},
		"helm: tag, digest and repository": {
			map[string]string{"chart/values.yaml": values},
			`"images":[{"name":"quay.io/team/server","newName":"mirror:5000/server","newTag":"2","digest":"` + digestA + `"}],
			 "update":[{"helm":{"file":"chart/values.yaml","repository":"image.repository","tag":"image.tag","digest":"image.digest"}}]`, nil,
			map[string]string{"chart/values.yaml": with(values, "quay.io/team/server # where", "mirror:5000/server # where", `"1.0.0"`, `"2"`, `digest: ""`, `digest: "`+digestA+`"`)},
			map[string]string{"previous-image": "quay.io/team/server:1.0.0", "image": "mirror:5000/server:2@" + digestA},
		},
		"helm: one field for the whole reference": {
			map[string]string{"chart/values.yaml": values},
			`"images":[{"name":"quay.io/team/proxy","newTag":"8"}],"update":[{"helm":{"file":"chart/values.yaml","image":"sidecar.image"}}]`, nil,
			map[string]string{"chart/values.yaml": with(values, "proxy:7", "proxy:8")},
			map[string]string{"previous-image": "quay.io/team/proxy:7", "image": "quay.io/team/proxy:8"},
		},
		"manifests: every container of a directory": {
			map[string]string{"apps/a.yaml": server, "apps/more/b.yml": with(server, "name: server", "name: other"), "apps/notes.txt": "quay.io/team/server:1.0.0", "apps/c.yaml": "# nothing in it\n"},
			`"images":[{"name":"quay.io/team/server","newTag":"2"}],"update":[{"manifests":{"path":"apps"}}]`, nil,
			map[string]string{"apps/a.yaml": with(server, "server:1.0.0", "server:2"), "apps/more/b.yml": with(server, "name: server", "name: other", "server:1.0.0", "server:2")},
			map[string]string{"previous-image": "quay.io/team/server:1.0.0", "image": "quay.io/team/server:2"},
		},
		"manifests: one container of a file": {
			map[string]string{"apps/a.yaml": server},
			`"images":[{"name":"quay.io/team/server","digest":"` + digestA + `"}],"update":[{"manifests":{"path":"apps/a.yaml","container":"migrate"}}]`, nil,
			map[string]string{"apps/a.yaml": with(server, `"quay.io/team/server:1.0.0"`, `"quay.io/team/server@`+digestA+`"`)},
			map[string]string{"previous-image": "quay.io/team/server:1.0.0", "image": "quay.io/team/server@" + digestA},
		},
		"yaml: a value from a parameter": {
			map[string]string{"env/dev.yaml": "server: {image: {tag: 1}} # dev\n"},
			`"update":[{"yaml":{"file":"env/dev.yaml","path":"server.image.tag","value":"$(params.tag)"}}]`, []v1beta1.Param{param("tag", "1e3")},
			map[string]string{"env/dev.yaml": "server: {image: {tag: \"1e3\"}} # dev\n"},
			map[string]string{"previous-image": "", "image": "", "images": ""},
		},
		"yaml: the tag of the one image": {
			map[string]string{"env/dev.yaml": "tag: v1\n"},
			`"images":[{"name":"quay.io/team/server","newTag":"v2"}],"update":[{"yaml":{"file":"env/dev.yaml","path":"tag"}}]`, nil,
			map[string]string{"env/dev.yaml": "tag: v2\n"},
			map[string]string{"previous-image": "", "image": "quay.io/team/server:v2"},
		},
		"kustomize: a component, under another file name": {
			map[string]string{"components/tag/kustomization.yml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"},
			`"images":[{"name":"quay.io/team/server","newTag":"2"}],"update":[{"kustomize":{"path":"components/tag"}}]`, nil,
			map[string]string{"components/tag/kustomization.yml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n- name: quay.io/team/server\n  newTag: \"2\"\n"},
			map[string]string{"previous-image": "", "image": "quay.io/team/server:2"},
		},
		"kustomize: several images in one file": {
			nil,
			`"images":[{"name":"quay.io/team/server","newTag":"1.2.0"},{"name":"quay.io/team/client","newName":"quay.io/fork/client","newTag":"3"}],"update":[{"kustomize":{"path":"overlays/dev"}}]`, nil,
			map[string]string{overlay: with(kustomization100, "1.0.0", "1.2.0", "images:\n", "images:\n- name: quay.io/team/client\n  newName: quay.io/fork/client\n  newTag: \"3\"\n")},
			map[string]string{
				"image": "quay.io/team/server:1.2.0", "previous-image": "quay.io/team/server:1.0.0",
				"images": `[{"name":"quay.io/team/server","previous":"quay.io/team/server:1.0.0","image":"quay.io/team/server:1.2.0"},{"name":"quay.io/team/client","previous":"","image":"quay.io/fork/client:3"}]`,
			},
		},
		"four styles and a subset of the images for each": {
			map[string]string{"chart/values.yaml": values, "apps/a.yaml": server, "env/dev.yaml": "tag: v1\n"},
			`"images":[{"name":"quay.io/team/server","newTag":"2.0.0"},{"name":"quay.io/team/proxy","newTag":"8"}],
			 "update":[
				{"images":["quay.io/team/server"],"kustomize":{"path":"overlays/dev"}},
				{"images":["quay.io/team/proxy"],"helm":{"file":"chart/values.yaml","image":"sidecar.image"}},
				{"manifests":{"path":"apps"}},
				{"yaml":{"file":"env/dev.yaml","path":"tag","value":"$(params.tag)"}},
				{"images":["quay.io/team/server"],"helm":{"file":"chart/values.yaml","tag":"image.tag"}}]`,
			[]v1beta1.Param{param("tag", "x")},
			map[string]string{
				overlay: with(kustomization100, "1.0.0", "2.0.0"), "env/dev.yaml": "tag: x\n",
				"chart/values.yaml": with(values, "proxy:7", "proxy:8", `"1.0.0"`, `"2.0.0"`), "apps/a.yaml": with(server, "server:1.0.0", "server:2.0.0", "proxy:7", "proxy:8"),
			},
			map[string]string{"images": `[{"name":"quay.io/team/server","previous":"quay.io/team/server:1.0.0","image":"quay.io/team/server:2.0.0"},{"name":"quay.io/team/proxy","previous":"quay.io/team/proxy:7","image":"quay.io/team/proxy:8"}]`},
		},
		"one image under two names": {
			map[string]string{"overlays/mirror/kustomization.yaml": "images:\n- name: quay.io/team/server\n  newName: mirror:5000/server\n  newTag: 0.9.0\n"},
			`"images":[{"name":"quay.io/team/server","newTag":"1.1.0"}],"update":[{"kustomize":{"path":"overlays/dev"}},{"kustomize":{"path":"overlays/mirror"}}]`, nil,
			map[string]string{overlay: with(kustomization100, "1.0.0", "1.1.0"), "overlays/mirror/kustomization.yaml": "images:\n- name: quay.io/team/server\n  newName: mirror:5000/server\n  newTag: 1.1.0\n"},
			map[string]string{
				"image": "quay.io/team/server:1.1.0", "previous-image": "quay.io/team/server:1.0.0",
				"images": `[{"name":"quay.io/team/server","previous":"quay.io/team/server:1.0.0","image":"quay.io/team/server:1.1.0"}]`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			if tc.files != nil {
				s.git.commit(tc.files)
			}
			want, commits := s.git.files(), s.git.commits()
			for file, text := range tc.want {
				want[file] = strings.TrimSuffix(text, "\n")
			}
			s.create(s.publish(tc.spec, tc.params...))
			cr := s.finish(testRun)
			if !cr.IsSuccessful() || s.git.commits() != commits+1 || resultOf(cr, "commit") != s.git.tip() {
				t.Fatalf("the run is %s: %s, %d commits on top of %d", reasonOf(cr), messageOf(cr), s.git.commits()-commits, commits)
			}
			if d := cmp.Diff(want, s.git.files()); d != "" {
				t.Error(d)
			}
			for result, value := range tc.result {
				if got := resultOf(cr, result); got != value {
					t.Errorf("result %s is %q, want %q", result, got, value)
				}
			}
			for file := range tc.want {
				if !strings.Contains(resultOf(cr, "diff"), "+++ b/"+file+"\n") {
					t.Errorf("%s is not in the diff %s", file, resultOf(cr, "diff"))
				}
			}

			// The same once more finds it done.
			again := s.publish(tc.spec, tc.params...)
			again.Name = "again"
			s.create(again)
			if cr := s.finish("again"); !cr.IsSuccessful() || resultOf(cr, "changed") != "false" || s.git.commits() != commits+1 {
				t.Errorf("the second run is %s: %s, changed %s", reasonOf(cr), messageOf(cr), resultOf(cr, "changed"))
			}
		})
	}
}

// The variables of a message are about the one image, however many places it is set in.
func TestImageVariablesInTheMessage(t *testing.T) {
	s := newSite(t)
	s.git.commit(map[string]string{"env/dev.yaml": "tag: v1\n"})
	s.create(s.publish(`"images":[{"name":"quay.io/team/server","newTag":"2"}],"update":[{"yaml":{"file":"env/dev.yaml","path":"tag"}},{"kustomize":{"path":"overlays/dev"}}]`))
	cr := s.get(testRun)
	cr.Spec.CustomSpec.Spec.Raw = []byte(strings.Replace(string(cr.Spec.CustomSpec.Spec.Raw), `"secretRef":{"name":"git"}`,
		`"secretRef":{"name":"git"},"message":"$(image) for $(previous-image), $(image.name) $(image.tag) $$(image)"`, 1))
	s.store(cr)
	if cr := s.finish(testRun); !cr.IsSuccessful() {
		t.Fatalf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	got, err := s.git.git("", "log", "-1", "--format=%B", "main")
	want := "quay.io/team/server:2 for quay.io/team/server:1.0.0, quay.io/team/server 2 $(image)\n\nTekton-CustomRun: team/deploy\nTekton-CustomRun-UID: uid-of-deploy\n"
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
}
