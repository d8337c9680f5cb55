package build

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/progress"
)

func TestKeyChangesWithWhatIsBuilt(t *testing.T) {
	const goMod = "module " + ModulePath + "\n\ngo 1.26.0\n"
	base := keyOf(t, goMod, "sum\n", "linux/amd64 go1.26.0")
	if again := keyOf(t, goMod, "sum\n", "linux/amd64 go1.26.0"); again != base {
		t.Errorf("the same module has two keys: %s, %s", base, again)
	}
	for _, other := range []struct{ name, goMod, goSum, platform string }{
		{"go.mod", goMod + "\n", "sum\n", "linux/amd64 go1.26.0"},
		{"go.sum", goMod, "sum\nsum\n", "linux/amd64 go1.26.0"},
		{"a line that moved", goMod + "sum\n", "", "linux/amd64 go1.26.0"},
		{"the toolchain", goMod, "sum\n", "linux/amd64 go1.26.1"},
	} {
		if got := keyOf(t, other.goMod, other.goSum, other.platform); got == base {
			t.Errorf("%s does not change the key", other.name)
		}
	}
}

func keyOf(t *testing.T, goMod, goSum, platform string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), goMod)
	writeFile(t, filepath.Join(dir, "go.sum"), goSum)
	key, err := ownRecipe(dir).key(nil, platform)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyRefusesAnotherModule(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/other\n")
	writeFile(t, filepath.Join(dir, "go.sum"), "")
	if _, err := ownRecipe(dir).key(nil, "any"); err == nil || !strings.Contains(err.Error(), "-module") {
		t.Errorf("got %v, want an error that names -module", err)
	}
}

// Every part must be a tool of go.mod, or "go mod tidy" drops what it needs.
func TestPartsAreTools(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	goMod := string(data)
	for _, p := range Parts() {
		if !strings.Contains(goMod, "\t"+p.Package+"\n") {
			t.Errorf("go.mod has no tool %s", p.Package)
		}
	}
	for _, required := range []string{"k8s.io/kubernetes " + kubernetesVersion, "github.com/argoproj/argo-cd/v2 " + DefaultArgoCD} {
		if !strings.Contains(goMod, "\t"+required+" ") {
			t.Errorf("go.mod does not require %s, which is said of the binaries", required)
		}
	}
}

// Every other version is in a folder that is named after what it requires.
func TestOtherVersionsOfArgoCD(t *testing.T) {
	all := versions("../..")
	if len(all) < 2 {
		t.Fatalf("there is only %v", all)
	}
	for _, version := range all[1:] {
		r, err := argocdRecipe("../..", version)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.key(nil, "any"); err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(filepath.Join(r.dir, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		module := strings.TrimSuffix(r.parts[0].Package, "/cmd")
		for _, line := range []string{"tool " + r.parts[0].Package + "\n", module + " " + version + " "} {
			if !strings.Contains(string(data), line) {
				t.Errorf("%s/go.mod lacks %q", r.dir, line)
			}
		}
	}
	_, err := Ensure(t.Context(), "../..", t.TempDir(), "v1.0.0", quiet(t))
	if err == nil || !strings.Contains(err.Error(), "choose from "+strings.Join(all, ", ")) {
		t.Errorf("got %v, want the versions that there are", err)
	}
}

func TestOtherArgoCDTakesTheRest(t *testing.T) {
	base, other := Cache{dir: filepath.Join(t.TempDir(), "base")}, Cache{dir: filepath.Join(t.TempDir(), "other")}
	for c, files := range map[Cache][]string{
		base:  {"bin/argocd", "bin/etcd", "manifests/argocd/a.yaml", "manifests/tekton/b/c.yaml"},
		other: {"bin/argocd", "manifests/argocd/d.yaml"},
	} {
		for _, name := range files {
			path := filepath.Join(c.dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			writeFile(t, path, filepath.Base(c.dir))
		}
	}
	r := recipe{parts: []Part{{Name: "argocd"}}, manifests: []folder{{name: "argocd"}}}
	for range 2 { // as after an interruption
		if err := other.takeRest(base, r); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	err := filepath.WalkDir(other.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(other.dir, path)
		got[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"bin/argocd": "other", "bin/etcd": "base", "manifests/argocd/d.yaml": "other", "manifests/tekton/b/c.yaml": "base"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCompleteCacheNeedsNoGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := t.TempDir()
	key, err := ownRecipe("../..").key(nil, platform())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, key), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, key, "complete"), "")
	c, err := Ensure(t.Context(), "../..", root, "", quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(root, key, "bin", "etcd"); c.Bin("etcd") != want {
		t.Errorf("etcd is %s, want %s", c.Bin("etcd"), want)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	if _, err := exec.LookPath("false"); err != nil {
		t.Skip(err)
	}
	bin := t.TempDir()
	writeFile(t, filepath.Join(bin, "go"), "#!/bin/sh\necho it is broken >&2\nexit 1\n")
	if err := os.Chmod(filepath.Join(bin, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	c, err := Ensure(t.Context(), "../..", t.TempDir(), DefaultArgoCD, quiet(t))
	if err == nil || !strings.Contains(err.Error(), "it is broken") {
		t.Errorf("got %v, want what the go command said", err)
	}
	left, err := os.ReadDir(c.BinDir())
	if err != nil || len(left) > 0 {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path, quiet(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second lock: %v, want it to wait", err)
	}
	unlock()
	again, err := lock(t.Context(), path, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestPruneRemovesWhatIsLongUnused(t *testing.T) {
	root := t.TempDir()
	now := time.Now()
	for name, used := range map[string]time.Time{"old": now.Add(-2 * time.Hour), "new": now} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		mark := filepath.Join(root, name, "complete")
		writeFile(t, mark, "")
		if err := os.Chtimes(mark, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "unfinished"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := prune(root, now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(root, "new"), filepath.Join(root, "unfinished")}
	if !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}

func quiet(t *testing.T) *progress.Printer {
	p := progress.New(io.Discard, false, time.Now)
	t.Cleanup(p.Close)
	return p
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The module of tkn has a recipe that can be built, and requires the version
// that the program says it is.
func TestTknIsATool(t *testing.T) {
	r := tknRecipe("../..")
	if _, err := r.key(nil, "any"); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tool " + r.parts[0].Package + "\n", "\tgithub.com/tektoncd/cli " + tknVersion + " "} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s/go.mod lacks %q", r.dir, want)
		}
	}
}

// The module of helm has a recipe that can be built, and requires what it names.
func TestHelmIsATool(t *testing.T) {
	r := helmRecipe("../..")
	if _, err := r.key(nil, "any"); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if tool := "tool " + r.parts[0].Package + "\n"; !strings.Contains(string(data), tool) {
		t.Errorf("%s/go.mod lacks %q", r.dir, tool)
	}
}

// The module of Gitea has a recipe that can be built, and requires the version
// that the program says it is. A change of the program's source is another key.
func TestGitea(t *testing.T) {
	r := giteaRecipe("../..")
	key, err := r.key(nil, "any")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if required := "\tcode.gitea.io/gitea " + giteaVersion + "\n"; !strings.Contains(string(data), required) {
		t.Errorf("%s/go.mod lacks %q", r.dir, required)
	}
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), string(data))
	}
	writeFile(t, filepath.Join(dir, "main.go"), "package main\n")
	r.dir = dir
	if other, err := r.key(nil, "any"); err != nil || other == key {
		t.Errorf("another main.go: key %s, %v", other, err)
	}
}
