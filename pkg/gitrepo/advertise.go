package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// Tip is the commit id of the branch now. It fails with [ErrEmpty], [ErrBranchNotFound] or one of
// the errors about the address and the credentials.
func (r *Repository) Tip(ctx context.Context) (string, error) {
	tip, err := r.tip(ctx)
	if err != nil {
		return "", r.fail(fmt.Sprintf("read branch %s of %s", r.branch, r), err)
	}
	return tip, nil
}

// CheckPush asks the server whether these credentials may push at all, without pushing. It fails
// with [ErrUnauthorized] or [ErrForbidden] when not. Branch protection and hooks only show at the
// push itself.
//
// It begins a push and ends it before anything is sent. Ask [Repository.Tip] first: some forges create a
// repository for the first who begins a push to it.
func (r *Repository) CheckPush(ctx context.Context) error {
	_, err := r.advertised(ctx, receivePack, nil)
	if err != nil {
		return r.fail(fmt.Sprintf("check the right to push to %s", r), err)
	}
	return nil
}

func (r *Repository) tip(ctx context.Context) (string, error) {
	return r.tipOf(ctx, branchRef(r.branch))
}

func (r *Repository) tipOf(ctx context.Context, ref string) (string, error) {
	tip := ""
	err := r.references(ctx, func(id, name []byte) {
		if string(name) == ref {
			tip = string(id)
		}
	})
	switch {
	case err != nil:
		return "", err
	case tip == "":
		return "", ErrBranchNotFound
	}
	return tip, nil
}

// references shows all references of a repository that has any, and learns what its server can do.
func (r *Repository) references(ctx context.Context, see visitor) error {
	adv, err := r.advertised(ctx, uploadPack, see)
	if err != nil {
		return err
	}
	r.caps = adv.caps
	if !adv.any {
		return ErrEmpty
	}
	return nil
}

func (r *Repository) advertised(ctx context.Context, service string, see visitor) (adv advertisement, err error) {
	err = r.transport.discover(ctx, service, func(body io.Reader) (err error) {
		adv, err = readAdvertisement(body, service, see)
		return err
	})
	return adv, err
}

// visitor is shown a reference: an object id of 40 digits, and a name. The name of an annotated tag comes a
// second time, with ^{} at its end and the id of the commit. The slices must not be kept.
type visitor func(id, name []byte)

type advertisement struct {
	caps *capability.List
	any  bool // the repository has a reference at all
}

// readAdvertisement reads the list of references as a stream: repositories with a hundred thousand
// of them (one per pull request) are common, and few are wanted.
func readAdvertisement(body io.Reader, service string, see visitor) (advertisement, error) {
	adv := advertisement{caps: capability.NewList()}
	lines := pktline.NewScanner(bufio.NewReaderSize(body, 32<<10))
	preamble, first := false, true
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\n"))
		switch {
		case bytes.Equal(line, []byte("# service="+service)):
			preamble = true
			continue
		case len(line) == 0 && preamble:
			preamble = false
			continue
		case len(line) == 0:
			return adv, nil
		case first:
			first = false
			head, err := adv.readCapabilities(line)
			if err != nil {
				return adv, err
			}
			line = head
		}
		if len(line) < 42 {
			return adv, fmt.Errorf("%w: unreadable reference", ErrNotGit)
		}
		if bytes.HasPrefix(line, zeroID) {
			continue
		}
		adv.any = true
		if see != nil {
			see(line[:40], line[41:])
		}
	}
	return adv, lineError(lines.Err())
}

// zeroID stands where an empty repository has no reference.
var zeroID = []byte(plumbing.ZeroHash.String())

// readCapabilities takes them off the first reference's line.
func (a *advertisement) readCapabilities(line []byte) ([]byte, error) {
	head, caps, ok := bytes.Cut(line, []byte{0})
	if !ok || a.caps.Decode(caps) != nil {
		return nil, fmt.Errorf("%w: unreadable capabilities", ErrNotGit)
	}
	if format := a.caps.Get("object-format"); len(format) > 0 && format[0] != "sha1" {
		return nil, fmt.Errorf("%w: repositories with object format %s are not supported", ErrNotGit, clean(format[0], 20))
	}
	return head, nil
}

// lineError is the error of a stream of lines that ended without its last one.
func lineError(err error) error {
	var line *pktline.ErrorLine
	switch {
	case err == nil:
		return fmt.Errorf("answer of the server: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, pktline.ErrInvalidPktLen):
		return fmt.Errorf("%w: the answer is not made of packet lines", ErrNotGit)
	case errors.As(err, &line):
		return fmt.Errorf("server says: %s", clean(line.Text, maxWords))
	}
	return err
}
