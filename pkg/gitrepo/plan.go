package gitrepo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Plan makes the commit that gives the files their new content, without sending anything. Keys are
// paths of existing regular files; their modes stay. It fails with [ErrNoChange] when all of them
// have that content already, and with [ErrTooLarge] above [MaxCommitBytes] or the limit for files.
//
// The time of the commit is chosen here, once: the message's, or the parent's if that is later. A
// clock that is behind the last author's must not make history run backwards.
func (s *Snapshot) Plan(ctx context.Context, files map[string][]byte, m Message) (Commit, error) {
	c, err := s.plan(ctx, files, m)
	if err != nil {
		return Commit{}, s.repo.fail("plan commit on "+s.repo.branch, err)
	}
	return c, nil
}

func (s *Snapshot) plan(ctx context.Context, files map[string][]byte, m Message) (Commit, error) {
	edited, err := s.edit(ctx, files)
	if err != nil {
		return Commit{}, err
	}
	if edited.root == s.head.tree {
		return Commit{}, ErrNoChange
	}
	when := m.When
	if when.IsZero() {
		when = s.repo.opts.Clock.Now()
	}
	if when.Before(s.head.time) {
		when = s.head.time
	}
	encoded, err := encodeCommit(edited.root, s.id, m, when)
	if err != nil {
		return Commit{}, err
	}
	return ParseCommit(encoded)
}

// edited is the outcome of changing files: the new root and the objects that the server lacks.
type edited struct {
	root    plumbing.Hash
	objects []object
}

// edit is deterministic: the same files on the same commit give the same objects.
func (s *Snapshot) edit(ctx context.Context, files map[string][]byte) (edited, error) {
	var out edited
	ids := map[string]plumbing.Hash{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e, err := s.lookup(ctx, name)
		if err != nil {
			return edited{}, err
		}
		if e.Kind != File {
			return edited{}, fmt.Errorf("%w: %s is a %s, not a file", ErrPath, name, e.Kind)
		}
		if limit := s.repo.opts.MaxObjectBytes; int64(len(files[name])) > limit {
			return edited{}, fmt.Errorf("%s: %w: the limit for a file is %d bytes", name, ErrTooLarge, limit)
		}
		parts, _ := splitPath(name)
		clean := strings.Join(parts, "/")
		if _, twice := ids[clean]; twice {
			return edited{}, fmt.Errorf("%w: %s is named twice", ErrPath, clean)
		}
		blob := object{kind: plumbing.BlobObject, data: files[name]}
		ids[clean] = plumbing.ComputeHash(blob.kind, blob.data)
		if ids[clean] != e.id {
			out.objects = append(out.objects, blob)
		}
	}
	var err error
	out.root, err = s.editTree(s.head.tree, ids, &out.objects)
	return out, err
}

// editTree puts new ids into a tree and the trees below it. Paths are relative to the tree, and all
// trees on them have been fetched by lookup.
func (s *Snapshot) editTree(id plumbing.Hash, ids map[string]plumbing.Hash, added *[]object) (plumbing.Hash, error) {
	below := map[string]map[string]plumbing.Hash{}
	direct := map[string]plumbing.Hash{}
	for name, blob := range ids {
		dir, rest, nested := strings.Cut(name, "/")
		if !nested {
			direct[name] = blob
			continue
		}
		if below[dir] == nil {
			below[dir] = map[string]plumbing.Hash{}
		}
		below[dir][rest] = blob
	}
	data := slices.Clone(s.objects.byID[id].data)
	for _, dir := range slices.Sorted(maps.Keys(below)) {
		e, _, err := findEntry(data, dir)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if direct[dir], err = s.editTree(e.id, below[dir], added); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	for name, changed := range direct {
		e, _, err := findEntry(data, name)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		copy(data[e.at:], changed[:])
	}
	tree := object{kind: plumbing.TreeObject, data: data}
	now := plumbing.ComputeHash(tree.kind, tree.data)
	if now != id {
		*added = append(*added, tree)
	}
	return now, nil
}
