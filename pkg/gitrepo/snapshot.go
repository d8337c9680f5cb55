package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// maxTreesAtOnce decides how trees are fetched. All of them in one request is fastest for nearly
// every repository: one round trip costs more than a few hundred trees. A pack announces its size
// in its first bytes, so a larger one is dropped there and the trees are fetched one by one along
// the path. With 30,000 trees that is 0.1 s and 0.1 MB instead of 0.5 s and 3 MB; to find out costs
// 0.2 s, once if there is a Memory.
const maxTreesAtOnce = 2000

// Snapshot is one commit, of which objects are fetched as they are needed.
type Snapshot struct {
	repo    *Repository
	id      plumbing.Hash
	head    header
	objects *objects
	// partial: objects that are missing can be fetched by id.
	partial bool
}

// Snapshot fetches a commit, usually the tip of a branch, of this one or another. It fails with [ErrMoved] when the server
// gives out tips only and the commit is no tip any more, and with [ErrTooLarge].
func (r *Repository) Snapshot(ctx context.Context, commit string) (*Snapshot, error) {
	s, err := r.snapshot(ctx, commit)
	if err != nil {
		return nil, r.fail("fetch commit "+clean(commit, 40)+" of "+r.String(), err)
	}
	return s, nil
}

func (r *Repository) snapshot(ctx context.Context, commit string) (*Snapshot, error) {
	id, ok := parseID(commit)
	if !ok {
		return nil, fmt.Errorf("%w: not a full commit id", ErrMismatch)
	}
	if r.caps == nil {
		if err := r.references(ctx, nil); err != nil {
			return nil, err
		}
	}
	s := &Snapshot{repo: r, id: id, objects: newObjects(r.opts.MaxTotalBytes)}
	s.partial = r.caps.Supports(capability.Filter) && r.caps.Supports(capability.AllowReachableSHA1InWant)
	var err error
	if s.partial {
		err = s.fetchPartial(ctx)
	}
	if !s.partial {
		err = s.fetchPlain(ctx)
	}
	if err != nil {
		return nil, err
	}
	o, ok := s.objects.byID[id]
	if !ok || o.kind != plumbing.CommitObject {
		return nil, fmt.Errorf("server did not send commit %s", id)
	}
	s.head = readHeader(o.data)
	return s, nil
}

// Commit is the id of the commit.
func (s *Snapshot) Commit() string { return s.id.String() }

// fetchPartial gets the commit, with all trees when they are few. It clears partial when the server
// announces partial fetch but refuses it.
func (s *Snapshot) fetchPartial(ctx context.Context) error {
	q := request{wants: []plumbing.Hash{s.id}, depth: 1, filter: packp.FilterBlobNone(), maxCount: maxTreesAtOnce}
	err := errManyObjects
	if !s.repo.bigTrees {
		_, err = s.repo.fetch(ctx, q, s.objects)
	}
	if errors.Is(err, errManyObjects) {
		s.repo.bigTrees = true
		s.repo.opts.Memory.keepBig(s.repo.url.String())
		q.filter, q.maxCount = packp.FilterTreeDepth(0), 0
		_, err = s.repo.fetch(ctx, q, s.objects)
	}
	var no *refusal
	if errors.As(err, &no) {
		s.partial = false
		return nil
	}
	return err
}

// fetchPlain gets everything that belongs to the commit, without files above the limit if the server
// can leave them out.
func (s *Snapshot) fetchPlain(ctx context.Context) error {
	var err error
	for _, filter := range []packp.Filter{packp.FilterBlobLimit(uint64(s.repo.opts.MaxObjectBytes)+1, ""), ""} {
		_, err = s.repo.fetch(ctx, request{wants: []plumbing.Hash{s.id}, depth: 1, filter: filter}, s.objects)
		var no *refusal
		if !errors.As(err, &no) || notOurRef(no.text) {
			break
		}
	}
	var no *refusal
	switch {
	case errors.As(err, &no) && notOurRef(no.text):
		return errNotGivenOut
	case errors.Is(err, ErrTooLarge):
		return fmt.Errorf("%w: the limit is %d bytes and this server cannot send single files; enable uploadpack.allowFilter and uploadpack.allowAnySHA1InWant there",
			err, s.repo.opts.MaxTotalBytes)
	}
	return err
}

// errNotGivenOut: the commit is no tip any more, and the server gives out nothing else.
var errNotGivenOut = fmt.Errorf("%w: the server does not give out this commit any more", ErrMoved)

// get returns an object, fetching it by id if that is possible.
func (s *Snapshot) get(ctx context.Context, id plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	if _, ok := s.objects.byID[id]; !ok {
		if err := s.fetchOne(ctx, id, kind); err != nil {
			return nil, err
		}
	}
	o, ok := s.objects.byID[id]
	switch {
	case !ok && kind == plumbing.BlobObject && !s.partial:
		return nil, ErrTooLarge // left out by the filter of fetchPlain
	case !ok:
		return nil, fmt.Errorf("server did not send object %s", id)
	case o.kind != kind:
		return nil, fmt.Errorf("object %s is a %s, not a %s", id, o.kind, kind)
	}
	return o.data, nil
}

func (s *Snapshot) fetchOne(ctx context.Context, id plumbing.Hash, kind plumbing.ObjectType) error {
	if !s.partial {
		return nil
	}
	if kind == plumbing.BlobObject {
		s.objects.maxObject = s.repo.opts.MaxObjectBytes
		defer func() { s.objects.maxObject = s.repo.opts.MaxTotalBytes }()
	}
	// An object that is wanted by id is sent whatever the filter says; what is below it is not.
	_, err := s.repo.fetch(ctx, request{wants: []plumbing.Hash{id}, filter: packp.FilterTreeDepth(0)}, s.objects)
	var no *refusal
	if !errors.As(err, &no) {
		return err
	}
	s.partial = false
	return s.fetchPlain(ctx)
}

// ReadFile returns the content of a regular file. It fails with [ErrFileNotFound], [ErrPath] or
// [ErrTooLarge].
func (s *Snapshot) ReadFile(ctx context.Context, name string) ([]byte, error) {
	data, err := s.readFile(ctx, name)
	if err != nil {
		return nil, s.repo.fail("read "+name, err)
	}
	return data, nil
}

func (s *Snapshot) readFile(ctx context.Context, name string) ([]byte, error) {
	e, err := s.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if e.Kind != File {
		return nil, fmt.Errorf("%w: it is a %s, not a file", ErrPath, e.Kind)
	}
	data, err := s.get(ctx, e.id, plumbing.BlobObject)
	limit := s.repo.opts.MaxObjectBytes
	if errors.Is(err, ErrTooLarge) || int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: the limit for a file is %d bytes", ErrTooLarge, limit)
	}
	return data, err
}

// List returns the entries of a directory; "" and "." are the root. It fails with [ErrFileNotFound]
// or [ErrPath].
func (s *Snapshot) List(ctx context.Context, dir string) ([]Entry, error) {
	entries, err := s.list(ctx, dir)
	if err != nil {
		return nil, s.repo.fail("list "+dir, err)
	}
	return entries, nil
}

func (s *Snapshot) list(ctx context.Context, dir string) ([]Entry, error) {
	e, err := s.lookup(ctx, dir)
	if err != nil {
		return nil, err
	}
	if e.Kind != Directory {
		return nil, fmt.Errorf("%w: it is a %s, not a directory", ErrPath, e.Kind)
	}
	data, err := s.get(ctx, e.id, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	err = readTree(data, func(e treeEntry) bool {
		entries = append(entries, e.Entry)
		return true
	})
	return entries, err
}

// lookup follows a path, through directories only: a symbolic link may lead out of the repository,
// and a submodule is another one.
func (s *Snapshot) lookup(ctx context.Context, name string) (treeEntry, error) {
	parts, err := splitPath(name)
	if err != nil {
		return treeEntry{}, err
	}
	e := treeEntry{Entry: Entry{Kind: Directory}, id: s.head.tree}
	for i, part := range parts {
		if e.Kind != Directory {
			return treeEntry{}, fmt.Errorf("%w: %s is a %s, not a directory", ErrPath, path.Join(parts[:i]...), e.Kind)
		}
		data, err := s.get(ctx, e.id, plumbing.TreeObject)
		if err != nil {
			return treeEntry{}, err
		}
		var ok bool
		if e, ok, err = findEntry(data, part); err != nil {
			return treeEntry{}, err
		}
		if !ok {
			return treeEntry{}, fmt.Errorf("%w: %s does not exist in commit %s", ErrFileNotFound, strings.Join(parts[:i+1], "/"), s.id)
		}
	}
	return e, nil
}
