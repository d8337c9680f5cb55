package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Answer is what Contains knows.
type Answer string

// Answers of Contains.
const (
	Yes     Answer = "Yes"
	No      Answer = "No"
	Unknown Answer = "Unknown"
)

// Contains fetches commits only, so this many are some hundred kilobytes. A server that cannot leave
// out the files gets a smaller bound.
const (
	maxDepth          = 1000
	maxDepthWithFiles = 50
)

// Contains says whether the commit revision is commit or descends from it. Unknown means that it
// cannot be decided within the bounds: the revision is not to be had, or lies too far ahead.
//
// It costs one request whatever the distance: the server is told that commit is here, and then sends
// exactly what lies between. The commits at the lower end of that have parents which were not sent;
// commit is one of them if and only if revision descends from it.
func (r *Repository) Contains(ctx context.Context, revision, commit string) (Answer, error) {
	if revision == commit {
		return Yes, nil
	}
	if a, ok := r.opts.Memory.answer(r.url.String(), revision, commit); ok {
		return a, nil
	}
	a, err := r.contains(ctx, revision, commit)
	if err != nil {
		return Unknown, r.fail(fmt.Sprintf("compare commits of %s", r), err)
	}
	r.opts.Memory.keepAnswer(r.url.String(), revision, commit, a)
	return a, nil
}

func (r *Repository) contains(ctx context.Context, revision, commit string) (Answer, error) {
	from, okFrom := parseID(revision)
	to, okTo := parseID(commit)
	if !okFrom || !okTo {
		return Unknown, nil
	}
	if r.caps == nil {
		if err := r.references(ctx, nil); err != nil {
			return Unknown, err
		}
	}
	h, err := r.commits(ctx, request{wants: []plumbing.Hash{from}, have: to, depth: maxDepth}, maxDepthWithFiles)
	var no *refusal
	switch {
	case errors.As(err, &no), errors.Is(err, ErrTooLarge):
		return Unknown, nil
	case err != nil:
		return Unknown, err
	}
	return h.descends(from, to), nil
}
