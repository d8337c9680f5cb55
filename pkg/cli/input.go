package cli

import (
	"context"
	"io"
)

// readerFunc is a reader.
type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// untilDone reads like in, until ctx ends: a terminal and a pipe cannot be told to give up. The read that was under way then
// goes on, on its own, until the program ends, and what it gets is lost.
func untilDone(ctx context.Context, in io.Reader) io.Reader {
	type answer struct {
		n   int
		err error
	}
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		// p is the caller's again when Read returns.
		own, answers := make([]byte, len(p)), make(chan answer, 1)
		go func() {
			n, err := in.Read(own)
			answers <- answer{n, err}
		}()
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case a := <-answers:
			return copy(p, own[:a.n]), a.err
		}
	})
}
