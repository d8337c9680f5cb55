package gitrepo

import (
	"context"
	"fmt"
	"io"
)

// The two services of the git protocol.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// transport carries the two services of one repository. Each call has a deadline, and its answer a limit.
type transport interface {
	// discover lets read have the references and capabilities that a service announces.
	discover(ctx context.Context, service string, read func(io.Reader) error) error
	// call sends a request to a service. The answer must be closed.
	call(ctx context.Context, service string, request []byte) (io.ReadCloser, error)
	// close drops idle connections. It may be called while another goroutine uses the transport.
	close()
}

// limited refuses to read more than its limit.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("answer of the server: %w", ErrTooLarge)
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}
