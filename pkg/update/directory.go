package update

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
)

// Directory is a work tree on disk, as it is. It reads as a Snapshot does: through directories only, no symbolic link and
// nothing outside.
type Directory struct {
	root     *os.Root
	maxBytes int64
}

// OpenDirectory opens a work tree; files above maxBytes are gitrepo.ErrTooLarge. Close it.
func OpenDirectory(dir string, maxBytes int64) (*Directory, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Directory{root: root, maxBytes: maxBytes}, nil
}

// Close gives the directory back.
func (d *Directory) Close() error { return d.root.Close() }

// ReadFile implements Files.
func (d *Directory) ReadFile(_ context.Context, name string) ([]byte, error) {
	kind, err := d.kind(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if kind != gitrepo.File {
		return nil, fmt.Errorf("read %s: %w: it is a %s, not a file", name, gitrepo.ErrPath, kind)
	}
	info, err := d.root.Stat(filepath.FromSlash(name))
	if err == nil && info.Size() > d.maxBytes {
		err = fmt.Errorf("read %s: %w: the limit for a file is %d bytes", name, gitrepo.ErrTooLarge, d.maxBytes)
	}
	if err != nil {
		return nil, err
	}
	return d.root.ReadFile(filepath.FromSlash(name))
}

// List implements Files.
func (d *Directory) List(_ context.Context, dir string) ([]gitrepo.Entry, error) {
	kind, err := d.kind(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	if kind != gitrepo.Directory {
		return nil, fmt.Errorf("list %s: %w: it is a %s, not a directory", dir, gitrepo.ErrPath, kind)
	}
	found, err := fs.ReadDir(d.root.FS(), path.Clean(dir))
	if err != nil {
		return nil, err
	}
	entries := make([]gitrepo.Entry, 0, len(found))
	for _, e := range found {
		if e.Name() == ".git" {
			continue
		}
		kind, err := d.kind(path.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", dir, err)
		}
		entries = append(entries, gitrepo.Entry{Name: e.Name(), Kind: kind})
	}
	return entries, nil
}

// kind follows a path, through directories only.
func (d *Directory) kind(name string) (gitrepo.Kind, error) {
	if !fs.ValidPath(name) {
		return "", fmt.Errorf("%w: it is not a path below the root", gitrepo.ErrPath)
	}
	at, kind := "", gitrepo.Directory
	if name == "." {
		return kind, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if kind != gitrepo.Directory {
			return "", fmt.Errorf("%w: %s is a %s, not a directory", gitrepo.ErrPath, at, kind)
		}
		at = path.Join(at, part)
		info, err := d.root.Lstat(filepath.FromSlash(at))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("%w: %s does not exist in %s", gitrepo.ErrFileNotFound, at, d.root.Name())
		case err != nil:
			return "", err
		}
		kind = d.kindOf(at, info)
	}
	return kind, nil
}

func (d *Directory) kindOf(name string, info fs.FileInfo) gitrepo.Kind {
	switch {
	case info.Mode().IsRegular():
		return gitrepo.File
	case !info.IsDir():
		return gitrepo.Symlink // Or a device, which a repository does not have either.
	}
	// The work tree of a submodule has a .git of its own.
	if _, err := d.root.Lstat(filepath.FromSlash(path.Join(name, ".git"))); err == nil {
		return gitrepo.Submodule
	}
	return gitrepo.Directory
}
