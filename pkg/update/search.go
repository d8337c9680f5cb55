package update

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
)

// kustomization finds the one kustomization file of a directory.
func (w *workspace) kustomization(ctx context.Context, dir string) (file string, err error) {
	entries, err := w.files.List(ctx, dir)
	if err != nil {
		return "", err
	}
	var found []string
	for _, name := range manifest.KustomizationNames() {
		if slices.ContainsFunc(entries, func(e gitrepo.Entry) bool { return e.Name == name }) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%w: directory %s has no %s", manifest.ErrInvalid, dir, strings.Join(manifest.KustomizationNames(), ", "))
	case 1:
		return path.Join(dir, found[0]), nil
	}
	return "", fmt.Errorf("%w: directory %s has more than one kustomization file: %s", manifest.ErrInvalid, dir, strings.Join(found, ", "))
}

// Bounds of a directory of plain manifests. Each file is one more object to fetch, and one more to hold.
const (
	maxManifestFiles = 500
	maxManifestDepth = 16
)

// manifests are the YAML files of a directory and of those below it, or the one file that the path names.
func (w *workspace) manifests(ctx context.Context, at string) ([]string, error) {
	if ext := path.Ext(at); ext == ".yaml" || ext == ".yml" {
		return []string{at}, nil
	}
	var files []string
	err := w.walk(ctx, at, 0, &files)
	if errors.Is(err, gitrepo.ErrPath) {
		// Not a directory: a manifest under another name.
		if _, readErr := w.read(ctx, at); readErr == nil {
			return []string{at}, nil
		}
	}
	return files, err
}

func (w *workspace) walk(ctx context.Context, dir string, depth int, files *[]string) error {
	if depth > maxManifestDepth {
		return fmt.Errorf("%w: %s is more than %d directories deep: name a directory further down", manifest.ErrTooLarge, dir, maxManifestDepth)
	}
	entries, err := w.files.List(ctx, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		ext := path.Ext(e.Name)
		switch {
		case e.Kind == gitrepo.Directory:
			if err := w.walk(ctx, name, depth+1, files); err != nil {
				return err
			}
		case e.Kind == gitrepo.File && (ext == ".yaml" || ext == ".yml"):
			*files = append(*files, name)
		}
		if len(*files) > maxManifestFiles {
			return fmt.Errorf("%w: more than %d YAML files below %s: name a directory further down", manifest.ErrTooLarge, maxManifestFiles, dir)
		}
	}
	return nil
}
