package manifest

import (
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// HelmFields are the value paths (see ParsePath) at which a values file has the
// parts of one image. Either Image is set, for a field that holds the whole
// reference, or at least one of Tag and Digest.
type HelmFields struct {
	Image      string
	Repository string
	Tag        string
	Digest     string
}

// SetHelmImage sets an image in a Helm values file: in its first document, the
// only one that Helm reads.
//
// A field for the whole reference must hold the image want.Name (or already
// want.NewName), or nothing; its tag and digest become those of want. Of single
// fields
//
//   - Repository is written when want has a NewName. Otherwise it must be the
//     image's name, or the end of it behind a slash where the chart keeps the
//     registry in a field of its own, or empty;
//   - Tag and Digest are written when want has them, and a part that want has
//     needs its field;
//   - Digest is emptied when want has only a tag: charts let an old digest win;
//   - Tag stays when want has only a digest, because many charts fail without
//     one and a digest wins. Only a digest in the tag's own field goes: it would
//     contradict ("v1@sha256:…" becomes "v1").
//
// What is written is a string to every parser, in the style of the old value. A
// digest is written with its algorithm. Every path must be there: a missing one
// is an error that says which part of it is missing and which keys there are.
//
// Previous is the reference that the fields made before; its name is want's
// where no field has it. Image has tag and digest as in want: whether a chart
// shows an old tag next to a digest is not known here. Errors are an *Error
// that wraps ErrImageNotFound for a field with another image, ErrInvalid or
// ErrTooLarge; or they wrap image.ErrInvalid when want is not valid.
func SetHelmImage(path string, data []byte, at HelmFields, want image.Want, options ...Option) (Edit, error) {
	if err := want.Validate(); err != nil {
		return Edit{}, fmt.Errorf("set image in %s: %w", path, err)
	}
	r, err := open(path, data, options)
	if err != nil {
		return Edit{}, err
	}
	h := helm{rewrite: r, want: want}
	edit := Edit{Places: 1}
	if at.Image != "" {
		err = h.whole(at.Image, &edit)
	} else {
		err = h.parts(at, &edit)
	}
	if err != nil {
		return Edit{}, err
	}
	return r.finish(edit)
}

type helm struct {
	*rewrite
	want image.Want
}

// field finds a field, which must hold a scalar. A field that is not asked for
// has no node.
func (h helm) field(at string) (spot, error) {
	if at == "" {
		return spot{}, nil
	}
	way, err := h.way(at)
	if err != nil {
		return spot{}, err
	}
	if len(h.docs) == 0 {
		return spot{}, h.fail(0, 0, "%s is missing: the file holds no YAML document", way)
	}
	place, err := h.find(h.docs[0], way)
	if err == nil && isCollection(place.node) {
		err = h.failAt(place.node, "%s is no single value: it is %s", place.name, describe(resolve(place.node)))
	}
	return place, err
}

// set makes a field a text, unless it already is.
func (h helm) set(field spot, s string) error {
	if isString(field.node, s) {
		return nil
	}
	return h.put(field, text(s))
}

// whole sets a field that holds the whole reference.
func (h helm) whole(at string, edit *Edit) error {
	field, err := h.field(at)
	if err != nil {
		return err
	}
	edit.Previous = reference(field.text())
	target, ok := retarget(edit.Previous, h.want)
	switch {
	case edit.Previous.IsZero():
		target = h.want.Target()
	case !ok:
		return h.notFound(field)
	}
	edit.Image = target
	return h.set(field, target.String())
}

func (h helm) notFound(field spot) *Error {
	e := h.failAt(field.node, "%s is %s, not the image %s", field.name, clip(field.text()), h.want.Name)
	e.Err = ErrImageNotFound
	return e
}
