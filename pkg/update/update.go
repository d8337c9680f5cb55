// Package update makes the updates of a resolved request in the files of a repository, and takes them back.
//
// Promises:
//   - Nothing is written: what comes out is a [Change], the new content of the files that differ.
//   - An update sees what those before it have done. An update that fails fails the whole.
//   - Only the bytes of the wanted values differ (package manifest), and no file is read that the request does not name,
//     but the YAML files below a directory of plain manifests.
//   - The same files and the same request give the same change.
//   - Sizes are bounded: of one file by the caller, of a directory by 500 files and 16 levels.
//   - Errors wrap those of package manifest or of the [Files], and name the file.
//
// It does not promise that what is written can be built or deployed, nor that the files are still the newest.
package update

import (
	"bytes"
	"context"
	"maps"
	"slices"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// Files are the files of one state of a repository: a *gitrepo.Snapshot, or a directory on disk. Names are relative to the
// root, with slashes; "." is the root. They fail as a Snapshot does: with gitrepo.ErrFileNotFound where nothing is, and
// gitrepo.ErrPath for a path that crosses a symbolic link or a submodule, or is not of the wanted kind.
type Files interface {
	ReadFile(ctx context.Context, name string) ([]byte, error)
	List(ctx context.Context, dir string) ([]gitrepo.Entry, error)
}

// Change is what updates do to files.
type Change struct {
	// Files has the new content of each file that differs.
	Files map[string][]byte
	// Diff is the change as a unified diff, at most v1alpha1.MaxDiffBytes.
	Diff string
	// Previous and Targets are what the files had and have for each image of the request, in its order. Behind the
	// targets come those of further places that give an image another name. An image that no update sets has itself as
	// its target: it is verified.
	Previous []string
	Targets  []image.Ref
}

// Changed tells whether any file differs.
func (c Change) Changed() bool { return len(c.Files) > 0 }

// Make makes every update of a request, in files of at most maxBytes each.
func Make(ctx context.Context, files Files, req request.Request, maxBytes int) (Change, error) {
	w := newWorkspace(files, maxBytes)
	found, err := w.updates(ctx, req)
	if err != nil {
		return Change{}, err
	}
	c := w.change()
	c.Previous, c.Targets = found.inOrder(req.Images)
	return c, nil
}

// workspace are the files that updates have read and changed, in memory. An update sees what those before it have done.
type workspace struct {
	files         Files
	limit         manifest.Option
	before, after map[string][]byte
}

func newWorkspace(files Files, maxBytes int) *workspace {
	return &workspace{files: files, limit: manifest.MaxBytes(maxBytes), before: map[string][]byte{}, after: map[string][]byte{}}
}

// read gives a file as it is by now.
func (w *workspace) read(ctx context.Context, file string) ([]byte, error) {
	if data, ok := w.after[file]; ok {
		return data, nil
	}
	data, err := w.files.ReadFile(ctx, file)
	if err != nil {
		return nil, err
	}
	w.before[file], w.after[file] = data, data
	return data, nil
}

// change is what came out of it.
func (w *workspace) change() Change {
	c := Change{Files: map[string][]byte{}}
	left := v1alpha1.MaxDiffBytes
	for _, file := range slices.Sorted(maps.Keys(w.after)) {
		if bytes.Equal(w.before[file], w.after[file]) {
			continue
		}
		c.Files[file] = w.after[file]
		if left > 0 {
			one := manifest.Diff(file, w.before[file], w.after[file], left)
			c.Diff += one
			left -= len(one)
		}
	}
	return c
}

// updates makes every update of a request, and tells which images it has found.
func (w *workspace) updates(ctx context.Context, req request.Request) (images, error) {
	found := images{}
	for _, u := range req.Updates {
		if err := w.update(ctx, u, u.Wants(req.Images), found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// update makes one update.
func (w *workspace) update(ctx context.Context, u request.Update, wants []image.Want, found images) error {
	switch {
	case u.Kustomize != nil:
		file, err := w.kustomization(ctx, u.Kustomize.Path)
		if err != nil {
			return err
		}
		return w.each(ctx, nil, []string{file}, wants, found, func(file string, data []byte, want image.Want) (manifest.Edit, error) {
			return manifest.SetKustomizeImage(file, data, want, w.limit)
		})
	case u.Helm != nil:
		at := manifest.HelmFields{Image: u.Helm.Image, Repository: u.Helm.Repository, Tag: u.Helm.Tag, Digest: u.Helm.Digest}
		return w.each(ctx, nil, []string{u.Helm.File}, wants, found, func(file string, data []byte, want image.Want) (manifest.Edit, error) {
			return manifest.SetHelmImage(file, data, at, want, w.limit)
		})
	case u.Manifests != nil:
		files, err := w.manifests(ctx, u.Manifests.Path)
		if err != nil {
			return err
		}
		return w.each(ctx, u.Manifests, files, wants, found, func(file string, data []byte, want image.Want) (manifest.Edit, error) {
			return manifest.SetContainerImages(file, data, u.Manifests.Container, want, w.limit)
		})
	case u.YAML != nil:
		data, err := w.read(ctx, u.YAML.File)
		if err != nil {
			return err
		}
		one, err := manifest.SetValue(u.YAML.File, data, u.YAML.Path, u.YAML.Value, w.limit)
		if err != nil {
			return err
		}
		w.after[u.YAML.File] = one.Data
	}
	return nil
}
