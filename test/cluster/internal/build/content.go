package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// takeRest adds what base has and r does not make. Binaries are linked: they are
// large, and a link stays when the cache of base is removed.
func (c Cache) takeRest(base Cache, r recipe) error {
	binaries, err := os.ReadDir(base.BinDir())
	if err != nil {
		return err
	}
	for _, e := range binaries {
		if slices.ContainsFunc(r.parts, func(p Part) bool { return p.Name == e.Name() }) {
			continue
		}
		if err := os.Link(base.Bin(e.Name()), c.Bin(e.Name())); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	folders, err := os.ReadDir(base.Manifests(""))
	if err != nil {
		return err
	}
	for _, e := range folders {
		if slices.ContainsFunc(r.manifests, func(f folder) bool { return f.name == e.Name() }) {
			continue
		}
		if err := copyFiles(base.Manifests(e.Name()), c.Manifests(e.Name()), ".yaml"); err != nil {
			return err
		}
	}
	return nil
}

// copyFolder replaces a folder by one of a module, or those files of it that have
// an extension.
func copyFolder(ctx context.Context, moduleDir string, f folder, to, extension string) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", f.module)
	cmd.Dir = moduleDir
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("find module %s: %w", f.module, err)
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return copyFiles(filepath.Join(strings.TrimSpace(string(out)), f.path), to, extension)
}

// copyFiles copies the files of a folder. Not os.CopyFS: the module cache is
// read-only, and so would the copy be.
func copyFiles(from, to, extension string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || extension != "" && filepath.Ext(path) != extension {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
