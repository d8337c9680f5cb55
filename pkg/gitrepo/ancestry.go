package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
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
		if _, err := r.tip(ctx); err != nil {
			return Unknown, err
		}
	}
	for _, q := range r.ways(from, to) {
		store := newObjects(r.opts.MaxTotalBytes)
		got, err := r.fetch(ctx, q, store)
		var no *refusal
		switch {
		case errors.As(err, &no):
			continue
		case errors.Is(err, ErrTooLarge):
			return Unknown, nil
		case err != nil:
			return Unknown, err
		}
		return descends(store, from, to, got), nil
	}
	return Unknown, nil
}

// ways are the requests that may answer the question, best first.
func (r *Repository) ways(from, to plumbing.Hash) []request {
	plain := request{wants: []plumbing.Hash{from}, have: to, depth: maxDepthWithFiles}
	if !r.caps.Supports(capability.Filter) {
		return []request{plain}
	}
	commits := request{wants: []plumbing.Hash{from}, have: to, depth: maxDepth, filter: packp.FilterTreeDepth(0)}
	return []request{commits, plain}
}

// descends walks from a commit towards its ancestors.
func descends(store *objects, from, to plumbing.Hash, got answer) Answer {
	cut := map[plumbing.Hash]bool{}
	for _, id := range got.shallow {
		cut[id] = true
	}
	complete := true
	seen := map[plumbing.Hash]bool{from: true}
	for next := []plumbing.Hash{from}; len(next) > 0; {
		id := next[0]
		next = next[1:]
		if id == to {
			return Yes
		}
		o, here := store.byID[id]
		switch {
		case !here:
			// Left out since commit descends from it, if the server knows commit at all.
			complete = complete && got.acked
			continue
		case cut[id]:
			complete = false
		}
		for _, parent := range readHeader(o.data).parents {
			if !seen[parent] {
				seen[parent] = true
				next = append(next, parent)
			}
		}
	}
	if complete {
		return No
	}
	return Unknown
}
