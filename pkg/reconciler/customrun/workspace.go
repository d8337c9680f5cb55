package customrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// workspace are the files that updates have read and changed, in memory, on top of one commit. An update sees what
// those before it have done.
type workspace struct {
	snapshot      *gitrepo.Snapshot
	limit         manifest.Option
	before, after map[string][]byte
}

func newWorkspace(snapshot *gitrepo.Snapshot, maxBytes int) *workspace {
	return &workspace{snapshot: snapshot, limit: manifest.MaxBytes(maxBytes), before: map[string][]byte{}, after: map[string][]byte{}}
}

// read gives a file as it is by now.
func (w *workspace) read(ctx context.Context, file string) ([]byte, error) {
	if data, ok := w.after[file]; ok {
		return data, nil
	}
	data, err := w.snapshot.ReadFile(ctx, file)
	if err != nil {
		return nil, err
	}
	w.before[file], w.after[file] = data, data
	return data, nil
}

// edited is what came out of it.
func (w *workspace) edited() edited {
	e := edited{snapshot: w.snapshot, tip: w.snapshot.Commit(), files: map[string][]byte{}}
	left := v1alpha1.MaxDiffBytes
	for _, file := range slices.Sorted(maps.Keys(w.after)) {
		if bytes.Equal(w.before[file], w.after[file]) {
			continue
		}
		e.files[file] = w.after[file]
		if left > 0 {
			one := manifest.Diff(file, w.before[file], w.after[file], left)
			e.diff += one
			left -= len(one)
		}
	}
	e.changed = len(e.files) > 0
	return e
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

// each sets each image in each file. In a search, an image that none of the files has is an error, which says what they
// have.
func (w *workspace) each(ctx context.Context, search *request.Manifests, files []string, wants []image.Want, found images, set func(string, []byte, image.Want) (manifest.Edit, error)) error {
	for _, want := range wants {
		places := 0
		var others []string
		for _, file := range files {
			data, err := w.read(ctx, file)
			if err != nil {
				return err
			}
			one, err := set(file, data, want)
			if err != nil {
				return err
			}
			w.after[file] = one.Data
			// Only a search has places; the other edits know theirs.
			if one.Places > 0 || search == nil {
				places++
				found.note(want.Name, one.Previous, one.Image)
			}
			others = append(others, one.Others...)
		}
		if search != nil && places == 0 {
			return notInFiles(want.Name, *search, files, others)
		}
	}
	return nil
}

// notInFiles says which images the files do have.
func notInFiles(name string, search request.Manifests, files, others []string) error {
	slices.Sort(others)
	there := "there is no image in it"
	if others = slices.Compact(others); len(others) > 0 {
		if more := len(others) - maxNamesInMessage; more > 0 {
			others = append(others[:maxNamesInMessage], fmt.Sprintf("and %d more", more))
		}
		there = "there are " + strings.Join(others, ", ")
	}
	where, container := list(files), "container "
	if len(files) == 0 {
		where, there = search.Path, "there is no YAML file"
	}
	if search.Container != "" {
		container += search.Container + " "
	}
	return fmt.Errorf("%w: no %sin %s has image %s; %s", manifest.ErrImageNotFound, container, where, name, there)
}

// kustomization finds the one kustomization file of a directory.
func (w *workspace) kustomization(ctx context.Context, dir string) (file string, err error) {
	entries, err := w.snapshot.List(ctx, dir)
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
	entries, err := w.snapshot.List(ctx, dir)
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

// images collects what the files had and have for each image.
type images map[string]*imageEdit

// imageEdit is what the places of one image had and have, each reference once, in the order of the updates.
type imageEdit struct {
	previous []image.Ref
	targets  []image.Ref
}

func (i images) note(name string, previous, now image.Ref) {
	e := i[name]
	if e == nil {
		e = &imageEdit{}
		i[name] = e
	}
	if !slices.Contains(e.previous, previous) {
		e.previous = append(e.previous, previous)
	}
	if !slices.Contains(e.targets, now) {
		e.targets = append(e.targets, now)
	}
}

// inOrder gives one previous and one target for each wanted image, in that order, and behind them the other targets. An
// image that no update sets is wanted all the same: it is verified.
func (i images) inOrder(wants []image.Want) (previous []string, targets []image.Ref) {
	var more []image.Ref
	for _, want := range wants {
		e := i[want.Name]
		if e == nil {
			e = &imageEdit{previous: []image.Ref{{}}, targets: []image.Ref{want.Target()}}
		}
		previous = append(previous, e.previous[0].String())
		targets = append(targets, e.targets[0])
		more = append(more, e.targets[1:]...)
	}
	return previous, append(targets, more...)
}
