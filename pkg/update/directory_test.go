package update

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
)

// workTree is a directory with files, links (-> target) and a submodule.
func workTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		err := error(nil)
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openTree(t *testing.T, files map[string]string, maxBytes int64) *Directory {
	t.Helper()
	d, err := OpenDirectory(workTree(t, files), maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

var odd = map[string]string{
	".git/HEAD": "ref: refs/heads/main\n", "README.md": "x", "app/a.yaml": "a: 1", "out": "-> /etc", "app/link.yaml": "-> a.yaml",
	"vendor/.git": "gitdir: ../.git/modules/vendor", "vendor/b.yaml": "b: 1",
}

func TestDirectoryList(t *testing.T) {
	d := openTree(t, odd, 100)
	for dir, want := range map[string][]gitrepo.Entry{
		".": {
			{Name: "README.md", Kind: gitrepo.File}, {Name: "app", Kind: gitrepo.Directory},
			{Name: "out", Kind: gitrepo.Symlink}, {Name: "vendor", Kind: gitrepo.Submodule},
		},
		"app": {{Name: "a.yaml", Kind: gitrepo.File}, {Name: "link.yaml", Kind: gitrepo.Symlink}},
	} {
		got, err := d.List(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dir, diff)
		}
	}
}

// A directory on disk refuses what a commit refuses, so that render says what the run would say.
func TestDirectoryRefuses(t *testing.T) {
	d := openTree(t, odd, 2)
	for name, tc := range map[string]struct {
		file string
		want error
	}{
		"no such file":           {"app/x.yaml", gitrepo.ErrFileNotFound},
		"no such directory":      {"x/a.yaml", gitrepo.ErrFileNotFound},
		"a directory":            {"app", gitrepo.ErrPath},
		"a link":                 {"app/link.yaml", gitrepo.ErrPath},
		"a link on the way":      {"out/passwd", gitrepo.ErrPath},
		"a submodule on the way": {"vendor/b.yaml", gitrepo.ErrPath},
		"a file on the way":      {"README.md/x", gitrepo.ErrPath},
		"out of the tree":        {"../x", gitrepo.ErrPath},
		"from the root":          {"/etc/passwd", gitrepo.ErrPath},
		"above the limit":        {"app/a.yaml", gitrepo.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := d.ReadFile(context.Background(), tc.file); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	if _, err := d.List(context.Background(), "README.md"); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("a file was listed: %v", err)
	}
	if _, err := d.List(context.Background(), "out"); !errors.Is(err, gitrepo.ErrPath) {
		t.Errorf("a link was listed: %v", err)
	}
}
