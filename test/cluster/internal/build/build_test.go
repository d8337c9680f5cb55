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
	key, err := Key(dir, platform)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyRefusesAnotherModule(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/other\n")
	writeFile(t, filepath.Join(dir, "go.sum"), "")
	if _, err := Key(dir, "any"); err == nil || !strings.Contains(err.Error(), "-module") {
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
	if !strings.Contains(goMod, "\tk8s.io/kubernetes "+kubernetesVersion+" ") {
		t.Errorf("go.mod does not require k8s.io/kubernetes %s, which the binaries are stamped with", kubernetesVersion)
	}
}

func TestCompleteCacheNeedsNoGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := t.TempDir()
	key, err := Key("../..", platform())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, key), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, key, "complete"), "")
	c, err := Ensure(t.Context(), "../..", root, quiet(t))
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
	c, err := Ensure(t.Context(), "../..", t.TempDir(), quiet(t))
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
