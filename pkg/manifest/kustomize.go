package manifest

import (
	"bytes"
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// DefaultMaxBytes is the size limit of a manifest file.
const DefaultMaxBytes = 1 << 20

// KustomizationNames returns the names that a kustomization file may have. A
// directory holds at most one of them.
func KustomizationNames() []string {
	return []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
}

// Edit is the outcome of an edit.
type Edit struct {
	// Data is the file after the edit; the very bytes that came in when
	// nothing changed.
	Data []byte
	// Changed is false when the file already said what was wanted.
	Changed bool
	// Previous is what the file set for the image before. Zero: it had no entry.
	Previous image.Ref
	// Image is what the file sets for the image now. It differs from the
	// target of the wish where the file keeps a newName of its own.
	Image image.Ref
}

// Option changes a limit of an edit.
type Option func(*limits)

type limits struct{ maxBytes int }

// MaxBytes sets the size limit of the file, before and after the edit. The
// default is DefaultMaxBytes.
func MaxBytes(n int) Option { return func(l *limits) { l.maxBytes = n } }

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
	edit := Edit{}
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

func (l limits) check(path string, data []byte) error {
	if len(data) > l.maxBytes {
		return &Error{
			File: path,
			Msg:  fmt.Sprintf("%d bytes are more than the limit of %d", len(data), l.maxBytes),
			Err:  ErrTooLarge,
		}
	}
	return nil
}
