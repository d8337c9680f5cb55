package update

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// Undo takes back in now what the request has changed when it was made on before: value by value, and only where it still
// stands. Targets of the Change are the images that stand afterwards where the updates would set them, in any order; it has
// no Previous.
func Undo(ctx context.Context, before, now Files, req request.Request, maxBytes int) (Change, error) {
	ours := newWorkspace(before, maxBytes)
	if _, err := ours.updates(ctx, req); err != nil {
		return Change{}, err
	}
	w := newWorkspace(now, maxBytes)
	for _, file := range slices.Sorted(maps.Keys(ours.change().Files)) {
		current, err := w.read(ctx, file)
		if errors.Is(err, gitrepo.ErrFileNotFound) || errors.Is(err, gitrepo.ErrPath) {
			continue // Somebody has removed it, or put something else there: nothing of ours stands.
		}
		if err != nil {
			return Change{}, err
		}
		one, err := manifest.Undo(file, ours.before[file], ours.after[file], current, w.limit)
		if err != nil {
			return Change{}, err
		}
		w.after[file] = one.Data
	}
	c := w.change()
	var err error
	c.Targets, err = w.standing(ctx, req)
	return c, err
}

// standing are the images that the files have where the updates would set them. An update that no longer finds its place,
// or a place that has no image, has none.
func (w *workspace) standing(ctx context.Context, req request.Request) ([]image.Ref, error) {
	var all []image.Ref
	for _, u := range req.Updates {
		// Each on its own copy, so that none takes what another one has set for what stands there.
		look, found := *w, images{}
		look.before, look.after = maps.Clone(w.before), maps.Clone(w.after)
		if err := look.update(ctx, u, u.Wants(req.Images), found); err != nil && !isAboutFiles(err) {
			return nil, err
		}
		for _, want := range u.Wants(req.Images) {
			if e := found[want.Name]; e != nil {
				all = append(all, slices.DeleteFunc(e.previous, func(r image.Ref) bool { return r.IsZero() || slices.Contains(all, r) })...)
			}
		}
	}
	return all, nil
}

// isAboutFiles tells an error that says something of the files from one of reading them.
func isAboutFiles(err error) bool {
	return slices.ContainsFunc([]error{
		manifest.ErrInvalid, manifest.ErrTooLarge, manifest.ErrPath, manifest.ErrImageNotFound,
		gitrepo.ErrFileNotFound, gitrepo.ErrPath, gitrepo.ErrTooLarge, image.ErrInvalid,
	}, func(kind error) bool { return errors.Is(err, kind) })
}
