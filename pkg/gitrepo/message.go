package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxMessage bounds what is told of a commit's message. Commits of this package are smaller.
const maxMessage = 64 << 10

// Message is the text of a commit that is the tip of a branch, the first 64 KiB of it, and the commit's
// parents. It fails as [Repository.Snapshot].
func (r *Repository) Message(ctx context.Context, commit string) (text string, parents []string, err error) {
	text, parents, err = r.message(ctx, commit)
	if err != nil {
		return "", nil, r.fail("fetch commit "+clean(commit, 40)+" of "+r.String(), err)
	}
	return text, parents, nil
}

func (r *Repository) message(ctx context.Context, commit string) (string, []string, error) {
	id, ok := parseID(commit)
	if !ok {
		return "", nil, fmt.Errorf("%w: not a full commit id", ErrMismatch)
	}
	if r.caps == nil {
		if err := r.references(ctx, nil); err != nil {
			return "", nil, err
		}
	}
	h, err := r.commits(ctx, request{wants: []plumbing.Hash{id}, depth: 1}, 1)
	var no *refusal
	if errors.As(err, &no) && notOurRef(no.text) {
		return "", nil, errNotGivenOut
	}
	if err != nil {
		return "", nil, err
	}
	head, ok := h.commit(id)
	if !ok {
		return "", nil, fmt.Errorf("server did not send commit %s", id)
	}
	var parents []string
	for _, p := range head.parents {
		parents = append(parents, p.String())
	}
	text := messageOf(h.byID[id].data)
	return strings.ToValidUTF8(string(text[:min(len(text), maxMessage)]), ""), parents, nil
}

// messageOf is what stands below the headers of a commit.
func messageOf(encoded []byte) []byte {
	_, text, _ := bytes.Cut(encoded, []byte("\n\n"))
	return text
}
