//go:build oracle

package manifest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// kustomizeBinary is the real kustomize: $KUSTOMIZE, the one in PATH, or the
// one that the local control plane has built. A test with the tag "oracle"
// wants one; without it, it fails.
func kustomizeBinary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("KUSTOMIZE"); path != "" {
		return path
	}
	if path, err := exec.LookPath("kustomize"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(cache, "tekton-gitops", "*", "bin", "kustomize"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no kustomize in $KUSTOMIZE, PATH or %s/tekton-gitops/*: build it with make cluster", cache)
	}
	return found[len(found)-1]
}

// kustomizeEdit is what the real kustomize edit set image makes of a file. A
// newName that is there is to stay: kustomize spells that with an asterisk.
func kustomizeEdit(t interface{ Fatal(...any) }, binary, dir, name string, data []byte, want image.Want) ([]byte, string) {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if want.NewName == "" {
		want.NewName = "*"
	}
	cmd := exec.Command(binary, "edit", "set", "image", want.String())
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, string(out)
	}
	edited, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return edited, ""
}

// beyondKustomizeEdit are cases that kustomize edit refuses or spoils, and how.
var beyondKustomizeEdit = map[string]string{
	"number-becomes-string": "cannot unmarshal number",
	"crlf":                  "cannot unmarshal number",
}

func TestBuildEqualsKustomizeEdit(t *testing.T) {
	binary := kustomizeBinary(t)
	for _, tc := range goldenCases(t) {
		edit, err := SetKustomizeImage("kustomization.yaml", tc.in, tc.want)
		if err != nil {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			edited, failure := kustomizeEdit(t, binary, t.TempDir(), "kustomization.yaml", tc.in, tc.want)
			if known := beyondKustomizeEdit[tc.name]; failure != "" || known != "" {
				if known == "" || !strings.Contains(failure, known) {
					t.Fatalf("kustomize edit: %q, want %q", failure, known)
				}
				return
			}
			compareBuilds(t, edited, edit.Data)
		})
	}
}

func compareBuilds(t interface {
	Fatalf(string, ...any)
	Errorf(string, ...any)
}, theirs, ours []byte) {
	want, err := build(theirs)
	if err != nil {
		t.Fatalf("kustomize edit's result does not build: %v\n%s", err, theirs)
	}
	got, err := build(ours)
	if err != nil {
		t.Fatalf("our result does not build: %v\n%s", err, ours)
	}
	changes, err := imageChanges("", want, got)
	if err != nil || len(changes) > 0 {
		t.Errorf("differs from kustomize edit: %v %q\n%s\n--- ours\n%s", err, changes, theirs, ours)
	}
}

func TestRandomBuildsEqualKustomizeEdit(t *testing.T) {
	binary := kustomizeBinary(t)
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		f, want := drawFile(t), drawWant(t)
		edit, err := SetKustomizeImage("kustomization.yaml", []byte(f.text), want)
		if err != nil {
			t.Fatal(err)
		}
		edited, failure := kustomizeEdit(t, binary, dir, "kustomization.yaml", []byte(f.text), want)
		if failure != "" {
			t.Fatalf("kustomize edit: %s\n%s", failure, f.text)
		}
		compareBuilds(t, edited, edit.Data)
	})
}
