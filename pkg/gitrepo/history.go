package gitrepo

import (
	"context"
	"errors"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// history is a part of a repository's commits.
type history struct {
	*objects
	cut   map[plumbing.Hash]bool // their parents were left out because of depth
	acked bool                   // the server knows the commit that we said to have
}

// commits fetches commits alone where the server can do that, and up to another depth with all that
// belongs to them where it cannot. It fails with a refusal when the server does neither.
func (r *Repository) commits(ctx context.Context, q request, depthWithFiles int) (history, error) {
	plain := q
	plain.depth = min(q.depth, depthWithFiles)
	ways := []request{plain}
	if r.caps.Supports(capability.Filter) {
		q.filter = packp.FilterTreeDepth(0)
		ways = []request{q, plain}
	}
	var no *refusal
	for _, q := range ways {
		h := history{objects: newObjects(r.opts.MaxTotalBytes), cut: map[plumbing.Hash]bool{}}
		got, err := r.fetch(ctx, q, h.objects)
		if err == nil {
			h.acked = got.acked
			for _, id := range got.shallow {
				h.cut[id] = true
			}
			return h, nil
		}
		if !errors.As(err, &no) || notOurRef(no.text) {
			return history{}, err
		}
	}
	return history{}, no
}

func (h history) commit(id plumbing.Hash) (header, bool) {
	o, here := h.byID[id]
	if !here || o.kind != plumbing.CommitObject {
		return header{}, false
	}
	return readHeader(o.data), true
}

// descends walks from a commit towards its ancestors.
func (h history) descends(from, to plumbing.Hash) Answer {
	complete := true
	seen := map[plumbing.Hash]bool{from: true}
	for next := []plumbing.Hash{from}; len(next) > 0; {
		id := next[0]
		next = next[1:]
		if id == to {
			return Yes
		}
		commit, here := h.commit(id)
		switch {
		case !here:
			// Left out since commit descends from it, if the server knows commit at all.
			complete = complete && h.acked
			continue
		case h.cut[id]:
			complete = false
		}
		for _, parent := range commit.parents {
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

// ancestors are the commits here that a commit has, itself included.
func (h history) ancestors(of plumbing.Hash) map[plumbing.Hash]bool {
	seen := map[plumbing.Hash]bool{of: true}
	for next := []plumbing.Hash{of}; len(next) > 0; next = next[1:] {
		commit, _ := h.commit(next[0])
		for _, parent := range commit.parents {
			if !seen[parent] {
				seen[parent] = true
				next = append(next, parent)
			}
		}
	}
	return seen
}

// newest are the first commits that to has and from has not, in git-log(1)'s order: by time, but none before
// one that descends from it, as long as clocks were right. A commit that is not here was left out because
// from has it. more says that there are others, here or beyond what was fetched.
func (h history) newest(from, to plumbing.Hash, limit int) (found []plumbing.Hash, more bool) {
	type dated struct {
		id plumbing.Hash
		header
	}
	seen := h.ancestors(from)
	var next []dated
	add := func(id plumbing.Hash) {
		if commit, here := h.commit(id); here && !seen[id] {
			seen[id] = true
			next = append(next, dated{id, commit})
		}
	}
	for add(to); len(next) > 0; {
		if len(found) == limit {
			return found, true
		}
		at := 0
		for i, c := range next {
			if c.time.After(next[at].time) {
				at = i
			}
		}
		c := next[at]
		next = slices.Delete(next, at, at+1)
		found = append(found, c.id)
		for _, parent := range c.parents {
			_, here := h.byID[parent]
			more = more || h.cut[c.id] && !here && !seen[parent]
			add(parent)
		}
	}
	return found, more
}
