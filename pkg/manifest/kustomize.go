package manifest

import (
	"bytes"
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// KustomizationNames returns the names that a kustomization file may have. A
// directory holds at most one of them.
func KustomizationNames() []string {
	return []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
}

// SetKustomizeImage sets an image in the kustomization file data, with the
// meaning of "kustomize edit set image":
//
//   - the entry is looked up by its name as it is written;
//   - a missing entry is added, and the list with it, in the file's own
//     indentation and line breaks, in the order that kustomize writes;
//   - tag and digest exclude each other, unless both are wanted.
//
// It differs where kustomize edit loses what it was not asked to change: order,
// comments and quotes stay, other entries stay where they are, and an entry's
// newName stays when want has none (kustomize spells that "name=*:tag").
//
// path is for messages only. Errors are an *Error that wraps ErrInvalid or
// ErrTooLarge, or wrap image.ErrInvalid when want is not valid.
func SetKustomizeImage(path string, data []byte, want image.Want, options ...Option) (Edit, error) {
	l := limits{maxBytes: DefaultMaxBytes}
	for _, option := range options {
		option(&l)
	}
	if err := want.Validate(); err != nil {
		return Edit{}, fmt.Errorf("set image in %s: %w", path, err)
	}
	if err := l.check(path, data); err != nil {
		return Edit{}, err
	}
	k, err := openKustomization(path, data)
	if err != nil {
		return Edit{}, err
	}
	e, err := k.find(want.Name)
	if err != nil {
		return Edit{}, err
	}
	edit := Edit{Places: 1}
	changes := changes{}
	if e == nil {
		changes, err = k.add(want)
	} else if edit.Previous, err = k.ref(e); err == nil {
		changes, err = k.set(e, want)
	}
	if err != nil {
		return Edit{}, err
	}
	edit.Data = changes.apply(data)
	edit.Changed = !bytes.Equal(data, edit.Data)
	if !edit.Changed {
		edit.Image = edit.Previous
		return edit, nil
	}
	if err := l.check(path, edit.Data); err != nil {
		return Edit{}, err
	}
	if edit.Image, err = k.verify(edit.Data, e, want); err != nil {
		return Edit{}, err
	}
	return edit, nil
}
