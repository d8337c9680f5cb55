package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// revision is a commit as somebody wrote it, and what is known about it.
type revision struct {
	role, text string // "from" or "to", and what it says
	// names of references that it means, best first; those that are better than the one that was found.
	names []string
	// prefix of a commit's id, in lower case; "" if it cannot be one.
	prefix string

	id plumbing.Hash // zero until it is known
	// tip: it is the name of a reference, so that every server gives it out.
	tip bool
}

// revisions are the ends of a list of commits, and the tips below which they may be.
type revisions struct {
	from, to     *revision
	branch, head plumbing.Hash
	// tips have an id that one of the two says or abbreviates. They may be tags.
	tips []plumbing.Hash
}

// maxTips bounds revisions.tips.
const maxTips = 10

// abbreviation is the form that git itself gives to people, and the full one.
var abbreviation = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)

func newRevision(role, text string) (*revision, error) {
	v := &revision{role: role, text: text}
	if id, ok := parseID(text); ok {
		v.id, v.prefix = id, id.String()
		return v, nil
	}
	if abbreviation.MatchString(text) {
		v.prefix = strings.ToLower(text)
	}
	switch {
	case text == "HEAD":
		v.names = []string{text}
	case checkBranchName(text) == nil:
		// What an annotated tag points to is a line of its own.
		v.names = []string{"refs/tags/" + text + "^{}", "refs/tags/" + text, branchRef(text)}
	default:
		return nil, v.missing("it is neither a name nor a commit id")
	}
	return v, nil
}

func (v *revision) known() bool { return !v.id.IsZero() }

func (v *revision) missing(why string) error {
	return fmt.Errorf("%w: %s %q: %s", ErrRevisionNotFound, v.role, clean(v.text, maxWords), why)
}

// see takes what a reference tells about it.
func (v *revision) see(id, name []byte) {
	if at := slices.Index(v.names, string(name)); at >= 0 {
		v.id, v.tip = plumbing.NewHash(string(id)), true
		v.names = v.names[:at]
	}
}

// find looks for an abbreviation in these commits.
func (v *revision) find(h history) error {
	for id := range h.byID {
		if _, ok := h.commit(id); !ok || !strings.HasPrefix(id.String(), v.prefix) {
			continue
		}
		if v.known() {
			v.id = plumbing.ZeroHash
			return v.missing("several commits begin with that, write more digits")
		}
		v.id = id
	}
	if !v.known() {
		return v.missing("it is no tag, no branch and none of the last commits")
	}
	return nil
}

// identify finds what is abbreviated.
func (q *revisions) identify(h history) error {
	for _, v := range []*revision{q.from, q.to} {
		if v.known() {
			continue
		}
		if err := v.find(h); err != nil {
			return err
		}
	}
	return nil
}

// lookUp resolves what the references tell. What remains unknown is abbreviated.
func (r *Repository) lookUp(ctx context.Context, from, to string) (*revisions, error) {
	q := &revisions{}
	var err error
	if q.from, err = newRevision("from", from); err != nil {
		return nil, err
	}
	if to == "" {
		q.to = &revision{role: "to", text: r.branch, names: []string{branchRef(r.branch)}}
	} else if q.to, err = newRevision("to", to); err != nil {
		return nil, err
	}
	branch := branchRef(r.branch)
	err = r.references(ctx, func(id, name []byte) {
		q.from.see(id, name)
		q.to.see(id, name)
		switch string(name) {
		case branch:
			q.branch = plumbing.NewHash(string(id))
		case "HEAD":
			q.head = plumbing.NewHash(string(id))
		}
		q.seeTip(id)
	})
	switch {
	case err != nil:
		return nil, err
	case !q.to.known() && to == "":
		return nil, ErrBranchNotFound
	}
	for _, v := range []*revision{q.from, q.to} {
		if !v.known() && v.prefix == "" {
			return nil, v.missing("there is no such tag or branch")
		}
	}
	return q, nil
}

func (q *revisions) seeTip(id []byte) {
	for _, v := range []*revision{q.from, q.to} {
		if v.prefix == "" || len(q.tips) == maxTips || !bytes.HasPrefix(id, []byte(v.prefix)) {
			continue
		}
		if tip := plumbing.NewHash(string(id)); !slices.Contains(q.tips, tip) {
			q.tips = append(q.tips, tip)
		}
	}
}

// nearby fetches the commits in which revisions are looked for.
func (r *Repository) nearby(ctx context.Context, q *revisions) (history, error) {
	main := q.branch
	if main.IsZero() {
		main = q.head
	}
	wants := slices.Concat([]plumbing.Hash{main}, q.tips)
	for _, v := range []*revision{q.from, q.to} {
		if v.tip || v == q.to && r.anyID() {
			wants = append(wants, v.id)
		}
	}
	wants = slices.DeleteFunc(wants, plumbing.Hash.IsZero)
	if len(wants) == 0 {
		return history{}, ErrBranchNotFound
	}
	h, err := r.commits(ctx, request{wants: wants, depth: maxLogDepth}, maxLogDepthWithFiles)
	var no *refusal
	if errors.As(err, &no) && notOurRef(no.text) {
		return history{}, q.to.missing("the server does not have or give out that commit")
	}
	return h, err
}

// amongTips is for a server that did not give out to: unless it gives out everything it has, to may be there
// below a tip.
func (r *Repository) amongTips(ctx context.Context, q *revisions) (history, error) {
	if r.anyID() {
		return history{}, q.to.missing("the repository has no such commit")
	}
	h, err := r.nearby(ctx, q)
	if err != nil {
		return history{}, err
	}
	for _, v := range []*revision{q.from, q.to} {
		if _, here := h.commit(v.id); !here {
			return history{}, v.missing("it is none of the last commits, and the server gives out no others")
		}
	}
	return h, nil
}

// anyID: the server gives out commits that no reference points to, as long as one descends from them.
func (r *Repository) anyID() bool { return r.caps.Supports(capability.AllowReachableSHA1InWant) }
