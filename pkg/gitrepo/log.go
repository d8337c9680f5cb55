package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// MaxLog bounds the commits that a [Log] lists.
const MaxLog = 250

// Bounds of how far back an abbreviated id is looked for, and an ancestor recognised. Commits alone are small:
// that many are a megabyte at most. With their files it is no more than a list needs.
const (
	maxLogDepth          = 2000
	maxLogDepthWithFiles = MaxLog + 1
)

// Bounds of what is shown of a commit.
const (
	maxSubject = 200
	maxAuthor  = 100
)

// Log is the list of commits from one revision to another.
type Log struct {
	// From and To are full commit ids.
	From, To string
	// Commits are those that To has and From has not, newest first.
	Commits []LogEntry
	// More: there are more commits than Commits.
	More bool
	// Diverged: From is not an ancestor of To. To is older than From, or on another branch. It is not said
	// where that lies too far back to be seen.
	Diverged bool
}

// LogEntry is a commit in a list.
type LogEntry struct {
	ID string
	// Subject and Author are one line each, without control characters, at most 200 and 100 bytes and a "…".
	// They are somebody's text: whoever shows them quotes them.
	Subject, Author string
	// When the author wrote it, in UTC.
	When time.Time
}

// Log lists the commits that to has and from has not, at most that many, and [MaxLog] if limit is 0 or above
// that. Each of the two is a tag, a branch, HEAD for the repository's default branch, a full commit id or its
// first digits, at least 7. A tag goes before a branch of that name, and both before a commit, as in git. An
// empty to is the tip of Remote.Branch.
//
// First digits are looked for in the last 2000 commits or so (250, from a server that cannot send commits
// without files) of Remote.Branch (of the default branch where Remote.Branch does not exist) and of what the
// other revision names; and so is a full id where the server gives out only what references point to.
//
// It fails with [ErrRevisionNotFound], [ErrEmpty], [ErrBranchNotFound] when to is empty, or [ErrTooLarge] when the
// server cannot send commits without files.
func (r *Repository) Log(ctx context.Context, from, to string, limit int) (Log, error) {
	if limit <= 0 || limit > MaxLog {
		limit = MaxLog
	}
	l, err := r.log(ctx, from, to, limit)
	if err != nil {
		return Log{}, r.fail("list commits of "+r.String(), err)
	}
	return l, nil
}

func (r *Repository) log(ctx context.Context, from, to string, limit int) (Log, error) {
	q, err := r.lookUp(ctx, from, to)
	if err != nil {
		return Log{}, err
	}
	if !q.from.known() || !q.to.known() {
		nearby, err := r.nearby(ctx, q)
		if err != nil {
			return Log{}, err
		}
		if err := q.identify(nearby); err != nil {
			return Log{}, err
		}
	}
	if q.from.id == q.to.id {
		return Log{From: q.from.id.String(), To: q.to.id.String()}, nil
	}
	h, err := r.commits(ctx, request{wants: []plumbing.Hash{q.to.id}, have: q.from.id, depth: maxLogDepth}, maxLogDepthWithFiles)
	var no *refusal
	switch {
	case errors.As(err, &no) && notOurRef(no.text):
		if h, err = r.amongTips(ctx, q); err != nil {
			return Log{}, err
		}
	case err != nil:
		return Log{}, err
	case !h.acked:
		return Log{}, q.from.missing("the repository has no such commit")
	}
	return h.log(q.from.id, q.to.id, limit)
}

func (h history) log(from, to plumbing.Hash, limit int) (Log, error) {
	if o, here := h.byID[to]; here && o.kind != plumbing.CommitObject {
		return Log{}, fmt.Errorf("%w: %s is a %s, not a commit", ErrRevisionNotFound, to, o.kind)
	}
	l := Log{From: from.String(), To: to.String(), Diverged: h.descends(to, from) == No}
	ids, more := h.newest(from, to, limit)
	l.More = more
	for _, id := range ids {
		l.Commits = append(l.Commits, readEntry(id, h.byID[id].data))
	}
	return l, nil
}
