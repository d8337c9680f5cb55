package manifest

import (
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// DefaultMaxBytes is the size limit of a manifest file.
const DefaultMaxBytes = 1 << 20

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
	// Places is how many places of the file carry the image. 0: it is not in
	// the file.
	Places int
	// Others are other images that the file has, for messages: at most
	// maxOthers, each once, in the order of the file.
	Others []string
}

// Option changes a limit of an edit.
type Option func(*limits)

type limits struct{ maxBytes int }

// MaxBytes sets the size limit of the file, before and after the edit. The
// default is DefaultMaxBytes.
func MaxBytes(n int) Option { return func(l *limits) { l.maxBytes = n } }

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
