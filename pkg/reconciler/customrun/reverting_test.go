package customrun

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// failing makes the pods of what is deployed from now on fail.
func (s *site) failing() {
	s.argo.set(func(a *argoServer) { a.available, a.podMessage = 0, "Back-off pulling image" })
}

// healthy makes them well again, as those of the previous image are.
func (s *site) healthy() {
	s.argo.set(func(a *argoServer) { a.available, a.podMessage = 1, "" })
}

// revertible is a run whose rollout will fail, in the phase that puts the previous state back.
func (s *site) revertible(extra ...v1beta1.Param) {
	s.t.Helper()
	s.failing()
	s.create(s.deploy("1.0.1", append(extra, param("on-failure", "Revert"))...))
	s.inPhase(testRun, Reverting)
	s.healthy()
}

// isPlanned tells whether a run has stored the commit that it will push.
func isPlanned(cr *v1beta1.CustomRun) bool {
	_, d, _ := decodeCheckpoint(cr)
	return d != nil && d.Publish.Commit != ""
}

func revertIsPushed(cr *v1beta1.CustomRun) bool {
	_, d, _ := decodeCheckpoint(cr)
	return d != nil && d.Revert.Commit != ""
}

func TestFailedRolloutIsReverted(t *testing.T) {
	s := newSite(t)
	s.revertible()
	ours := s.git.tip()
	if got := messageOf(s.get(testRun)); !strings.HasPrefix(got, "putting back what commit "+ours[:10]+" changed, after RolloutFailed: Deployment/server: ") {
		t.Errorf("message is %q", got)
	}
	cr := s.finish(testRun)
	tip := s.git.tip()
	wantFailed(t, cr, v1alpha1.ReasonRolloutFailed, "Deployment/server: ", "Back-off pulling image", "; commit "+tip[:10]+" has put the previous state back, and it runs")
	for name, want := range map[string]string{
		"reverted": "true", "changed": "true", "commit": ours, "revision": tip, "image": "quay.io/team/server:1.0.1", "previous-image": "quay.io/team/server:1.0.0", "health": "Healthy",
	} {
		if got := resultOf(cr, name); got != want {
			t.Errorf("result %s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(resultOf(cr, "diff"), "+  newTag: 1.0.1") {
		t.Errorf("the diff is %q, want that of the deployment", resultOf(cr, "diff"))
	}
	if d := cmp.Diff(map[string]string{overlay: strings.TrimSuffix(kustomization100, "\n")}, s.git.files()); d != "" || s.git.commits() != 3 {
		t.Errorf("%d commits, %s", s.git.commits(), d)
	}
	text, _ := s.git.git("", "log", "-1", "--format=%B", "main")
	want := "Revert \"Update image in git to quay.io/team/server:1.0.1\"\n\nThis takes back commit " + ours + ", whose deployment failed: RolloutFailed.\n\nTekton-CustomRun: team/deploy\nTekton-CustomRun-UID: uid-of-deploy\n"
	if d := cmp.Diff(want, text); d != "" {
		t.Error(d)
	}
	if len(s.argo.syncedBy()) != 2 || len(s.leases()) != 0 {
		t.Errorf("syncs %v, locks %v", s.argo.syncedBy(), s.leases())
	}
	if record, err := readRecord(t.Context(), s.dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(testNamespace), "catalog"); err != nil || record != nil {
		t.Errorf("a failed run has left a record: %+v, %v", record, err)
	}
	s.noSecrets()
}

// What others have pushed in the meantime stays, to the byte.
func TestRevertKeepsWhatOthersHaveDone(t *testing.T) {
	ours := strings.ReplaceAll(kustomization100, "1.0.0", "1.0.1")
	for name, tc := range map[string]struct {
		theirs   map[string]string
		want     string // of the overlay
		reverted bool
		says     string
	}{
		"another tag of the image": {
			map[string]string{overlay: strings.ReplaceAll(kustomization100, "1.0.0", "3.0.0")}, strings.ReplaceAll(kustomization100, "1.0.0", "3.0.0"), false, "; nothing was put back: later commits have changed all of it",
		},
		"another line": {
			map[string]string{overlay: "# theirs\n" + ours + "- name: quay.io/team/client\n  newTag: \"7\"\n"}, "# theirs\n" + kustomization100 + "- name: quay.io/team/client\n  newTag: \"7\"\n", true, "has put the previous state back",
		},
		"another file":           {map[string]string{"README.md": "theirs"}, kustomization100, true, "has put the previous state back"},
		"the previous tag":       {map[string]string{overlay: kustomization100}, kustomization100, false, "nothing was put back"},
		"the image's entry gone": {map[string]string{overlay: "resources:\n- ../../base\n"}, "resources:\n- ../../base\n", false, "nothing was put back"},
		"a file that is no YAML": {map[string]string{overlay: "images: [\n"}, "images: [\n", false, "the previous state was not put back: ManifestInvalid: "},
	} {
		for _, when := range []string{"before it is planned", "as it is pushed"} {
			t.Run(name+" "+when, func(t *testing.T) {
				s := newSite(t)
				s.revertible()
				if when == "as it is pushed" {
					s.git.set(func(g *gitServer) { g.beforePush = func() { s.git.commit(tc.theirs) } })
				} else {
					s.git.commit(tc.theirs)
				}
				commits := 3
				if tc.reverted {
					commits = 4
				}
				cr := s.finish(testRun)
				wantFailed(t, cr, v1alpha1.ReasonRolloutFailed, tc.says)
				if got := s.git.files()[overlay]; got != strings.TrimSuffix(tc.want, "\n") || s.git.commits() != commits {
					t.Errorf("%d commits, want %d; the overlay is\n%s", s.git.commits(), commits, got)
				}
				if got := resultOf(cr, "reverted"); (got == "true") != tc.reverted || len(s.leases()) != 0 {
					t.Errorf("reverted is %q, locks %v", got, s.leases())
				}
			})
		}
	}
}

// A file that somebody has removed has nothing of ours left; what is left elsewhere is taken back.
func TestRevertOfSeveralFiles(t *testing.T) {
	s := newSite(t)
	s.git.commit(map[string]string{"env/dev.yaml": "tag: v1\n", "env/old.yaml": "tag: v0\n"})
	s.failing()
	s.create(embedded(s.withArgo(`"images":[{"name":"quay.io/team/server","newTag":"1.0.1"}],
		"update":[{"kustomize":{"path":"overlays/dev"}},{"yaml":{"file":"env/dev.yaml","path":"tag"}},{"yaml":{"file":"env/old.yaml","path":"tag"}}],"onFailure":"Revert"`)))
	s.inPhase(testRun, Reverting)
	s.healthy()
	if _, err := s.git.git("commit refs/heads/main\ncommitter S <s@example.com> 1700000000 +0000\ndata 1\nx\nfrom "+s.git.tip()+"\nD env/old.yaml\n", "fast-import", "--quiet", "--force"); err != nil {
		t.Fatal(err)
	}
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonRolloutFailed, "has put the previous state back, and it runs")
	if d := cmp.Diff(map[string]string{overlay: strings.TrimSuffix(kustomization100, "\n"), "env/dev.yaml": "tag: v1"}, s.git.files()); d != "" || s.git.commits() != 5 {
		t.Errorf("%d commits, %s", s.git.commits(), d)
	}
}

// withArgo is a whole spec, given what follows git and argocd.
func (s *site) withArgo(rest string) string {
	return `{"git":{"url":"` + s.git.url + `","secretRef":{"name":"git"}},"lock":{"name":"catalog"},
		"argocd":{"server":"` + s.argo.address + `","plaintext":"true","secretRef":{"name":"argocd"},"applications":[{"name":"catalog","project":"default"}]},` + rest + `}`
}

// What an image was before is told by the files once the commit is taken back, in each of its places.
func TestImagesThatHaveToRunAfterTheRevert(t *testing.T) {
	for name, tc := range map[string]struct {
		files  map[string]string
		spec   string
		theirs map[string]string
		want   []image.Ref
	}{
		"an entry that was added has no image to look for": {
			map[string]string{overlay: "resources:\n- ../../base\n"}, `"update":[{"kustomize":{"path":"overlays/dev"}}]`, nil, nil,
		},
		"two places that had two tags": {
			map[string]string{"overlays/test/kustomization.yaml": "images:\n- name: quay.io/team/server\n  newTag: 0.9.0\n"},
			`"update":[{"kustomize":{"path":"overlays/dev"}},{"kustomize":{"path":"overlays/test"}}]`, nil,
			[]image.Ref{{Name: "quay.io/team/server", Tag: "1.0.0"}, {Name: "quay.io/team/server", Tag: "0.9.0"}},
		},
		"one of two places has another tag by now": {
			map[string]string{"overlays/test/kustomization.yaml": "images:\n- name: quay.io/team/server\n  newTag: 0.9.0\n"},
			`"update":[{"kustomize":{"path":"overlays/dev"}},{"kustomize":{"path":"overlays/test"}}]`,
			map[string]string{"overlays/test/kustomization.yaml": "images:\n- name: quay.io/team/server\n  newTag: 4.0.0\n"},
			[]image.Ref{{Name: "quay.io/team/server", Tag: "1.0.0"}, {Name: "quay.io/team/server", Tag: "4.0.0"}},
		},
		"a directory that is gone by now": {
			map[string]string{"apps/a.yaml": fmt.Sprintf(deploymentFile, "a")},
			`"update":[{"kustomize":{"path":"overlays/dev"}},{"manifests":{"path":"apps"}}]`,
			map[string]string{"apps/a.yaml": "", "apps": "a file"},
			[]image.Ref{{Name: "quay.io/team/server", Tag: "1.0.0"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.git.commit(tc.files)
			before := s.git.files()
			s.failing()
			s.create(embedded(s.withArgo(`"images":[{"name":"quay.io/team/server","newTag":"1.0.1"}],"onFailure":"Revert",` + tc.spec)))
			s.inPhase(testRun, Reverting)
			if tc.theirs != nil {
				s.git.commit(tc.theirs)
			}
			cr := s.until(testRun, "the commit that reverts is pushed", revertIsPushed)
			if _, d := stateOf(t, cr); cmp.Diff(tc.want, d.Revert.Targets) != "" {
				t.Error(cmp.Diff(tc.want, d.Revert.Targets))
			}
			if tc.theirs == nil {
				if d := cmp.Diff(before, s.git.files()); d != "" {
					t.Error(d)
				}
				s.healthy()
				if tc.want == nil {
					s.argo.set(func(a *argoServer) { a.image = "quay.io/team/server:from-the-base" })
				}
				wantFailed(t, s.finish(testRun), v1alpha1.ReasonRolloutFailed, "has put the previous state back, and it runs")
			}
		})
	}
}
