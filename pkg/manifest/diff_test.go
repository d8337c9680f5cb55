package manifest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	numbers := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n"
	for _, tc := range []struct {
		name, path, before, after string
		want                      string
	}{
		{"equal", "a", "x\n", "x\n", ""},
		{"one line", "overlays/dev/kustomization.yaml", "images:\n- name: a\n  newTag: v1\n", "images:\n- name: a\n  newTag: v2\n",
			"--- a/overlays/dev/kustomization.yaml\n+++ b/overlays/dev/kustomization.yaml\n@@ -1,3 +1,3 @@\n images:\n - name: a\n-  newTag: v1\n+  newTag: v2\n"},
		{"three lines of context", "a", numbers, strings.Replace(numbers, "8\n", "eight\n", 1),
			"--- a/a\n+++ b/a\n@@ -5,7 +5,7 @@\n 5\n 6\n 7\n-8\n+eight\n 9\n 10\n 11\n"},
		{"two hunks", "a", numbers, strings.Replace(strings.Replace(numbers, "2\n", "", 1), "15\n", "15\n16\n", 1),
			"--- a/a\n+++ b/a\n@@ -1,5 +1,4 @@\n 1\n-2\n 3\n 4\n 5\n@@ -13,3 +12,4 @@\n 13\n 14\n 15\n+16\n"},
		{"hunks that touch are one", "a", numbers, strings.Replace(strings.Replace(numbers, "3\n", "", 1), "10\n", "", 1),
			"--- a/a\n+++ b/a\n@@ -1,13 +1,11 @@\n 1\n 2\n-3\n 4\n 5\n 6\n 7\n 8\n 9\n-10\n 11\n 12\n 13\n"},
		{"no final newline", "a", "x\ny", "x\nz", "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n x\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n"},
		{"final newline added", "a", "x", "x\n", "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n"},
		{"carriage returns", "a", "x\r\n", "y\r\n", "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\r\n+y\r\n"},
		{"from empty", "a", "", "x\n", "--- a/a\n+++ b/a\n@@ -0,0 +1 @@\n+x\n"},
		{"to empty", "a", "x\ny\n", "", "--- a/a\n+++ b/a\n@@ -1,2 +0,0 @@\n-x\n-y\n"},
		{"path with a blank", "a b", "x\n", "y\n", "--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-x\n+y\n"},
		{"path with quotes", "a\"\\\tb", "x\n", "y\n", "--- \"a/a\\\"\\\\\\011b\"\n+++ \"b/a\\\"\\\\\\011b\"\n@@ -1 +1 @@\n-x\n+y\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Diff(tc.path, []byte(tc.before), []byte(tc.after), 0)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiffIsBounded(t *testing.T) {
	before, after := []byte("1\n2\n3\n"), []byte("1\n2\nthree\n")
	whole := "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n 1\n 2\n-3\n+three\n"
	for _, tc := range []struct {
		name string
		max  int
		want string
	}{
		{"no limit", 0, whole},
		{"negative is no limit", -1, whole},
		{"it fits", len(whole), whole},
		{"one byte short", len(whole) - 1, "--- a/a\n... diff truncated: 6 more lines\n"},
		{"only the note", 40, "... diff truncated: 7 more lines\n"},
		{"not even the note", 20, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Diff("a", before, after, tc.max)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiffOfLargeFilesIsWholeButRight(t *testing.T) {
	before, after := strings.Repeat("a\nb\n", 2000), strings.Repeat("b\nc\n", 2000)
	applied := applyWithGit(t, t.TempDir(), "big", []byte(before), []byte(after))
	if diff := cmp.Diff(after, applied); diff != "" {
		t.Error(diff)
	}
}

// applyWithGit writes before, applies the diff with git apply, and returns what
// the file is then.
func applyWithGit(t interface {
	Helper()
	Fatalf(string, ...any)
}, dir, path string, before, after []byte) string {
	t.Helper()
	file := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.WriteFile(file, before, 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	text := Diff(path, before, after, 0)
	cmd := exec.Command("git", "apply", "--whitespace=nowarn", "-")
	cmd.Dir = dir
	// git apply outside of a repository: it would ignore paths of one above.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v: %s\n%s", err, out, text)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(data)
}

func TestDiffOfEditsAppliesWithGit(t *testing.T) {
	paths := []string{"kustomization.yaml", "overlays/dev stage/kustomization.yaml", "ümläut/Kustomization", `q"u\o/kustomization.yml`}
	for i, tc := range goldenCases(t) {
		edit, err := SetKustomizeImage("kustomization.yaml", tc.in, tc.want)
		if err != nil || !edit.Changed {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			got := applyWithGit(t, t.TempDir(), paths[i%len(paths)], tc.in, edit.Data)
			if diff := cmp.Diff(string(edit.Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRandomDiffAppliesWithGit(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-c]{0,1}\n){0,30}[a-c]{0,1}`)
		before, after := text.Draw(t, "before"), text.Draw(t, "after")
		// git apply deletes a file that becomes empty, and has no diff of nothing.
		if before == after || before == "" || after == "" {
			t.Skip("no change of a file")
		}
		if diff := cmp.Diff(after, applyWithGit(t, dir, "f", []byte(before), []byte(after))); diff != "" {
			t.Error(diff)
		}
		for _, limit := range []int{30, 60, 200} {
			if n := len(Diff("f", []byte(before), []byte(after), limit)); n > limit {
				t.Errorf("%d bytes, limit %d", n, limit)
			}
		}
	})
}
