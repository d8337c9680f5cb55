package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// TipOf is the commit id of another branch now, or "" if there is no such branch. It fails with [ErrURL] for
// a name that is none, and as [Repository.Tip].
func (r *Repository) TipOf(ctx context.Context, branch string) (string, error) {
	if err := checkBranchName(branch); err != nil {
		return "", err
	}
	tip, err := r.tipOf(ctx, branchRef(branch))
	switch {
	case errors.Is(err, ErrBranchNotFound):
		return "", nil
	case err != nil:
		return "", r.fail(fmt.Sprintf("read branch %s of %s", branch, r), err)
	}
	return tip, nil
}

// PushTo makes the planned commit the tip of another branch, if that is at the commit old, or does not exist
// and old is "". What the branch had is replaced, whether or not the commit descends from it: it is the
// caller who knows that old is his own to replace.
//
// Snapshot, commit and files are as for [Repository.Push], and so are the errors. [ErrMoved] says that the
// branch is elsewhere, or exists although old is "". [ErrRejected] also that a branch stands in the way, as a
// does for a/b. After each error but [ErrMismatch] and [ErrURL] ask [Repository.TipOf]: the commit may be there.
func (r *Repository) PushTo(ctx context.Context, branch, old string, s *Snapshot, c Commit, files map[string][]byte) error {
	if err := r.checkOther(branch); err != nil {
		return err
	}
	if err := r.pushTo(ctx, branch, old, s, c, files); err != nil {
		return r.fail(fmt.Sprintf("push to branch %s of %s", branch, r), err)
	}
	return nil
}

func (r *Repository) pushTo(ctx context.Context, branch, old string, s *Snapshot, c Commit, files map[string][]byte) error {
	from, ok := parseID(old)
	if !ok && old != "" {
		return fmt.Errorf("%w: the old tip is not a full commit id", ErrMismatch)
	}
	to, pack, err := s.pack(ctx, c, files)
	if err != nil {
		return err
	}
	ref := branchRef(branch)
	err = r.update(ctx, change{ref: ref, old: from, new: to, pack: pack, replaces: old != ""})
	if errors.Is(err, ErrMoved) && old == "" {
		return r.inTheWay(ctx, ref, err)
	}
	return err
}

// DeleteBranch deletes another branch, if it is at the commit old. It is not an error when there is no such
// branch. It fails with [ErrMoved], and as [Repository.PushTo].
func (r *Repository) DeleteBranch(ctx context.Context, branch, old string) error {
	if err := r.checkOther(branch); err != nil {
		return err
	}
	if err := r.deleteBranch(ctx, branchRef(branch), old); err != nil {
		return r.fail(fmt.Sprintf("delete branch %s of %s", branch, r), err)
	}
	return nil
}

func (r *Repository) deleteBranch(ctx context.Context, ref, old string) error {
	from, ok := parseID(old)
	if !ok {
		return fmt.Errorf("%w: the old tip is not a full commit id", ErrMismatch)
	}
	err := r.update(ctx, change{ref: ref, old: from})
	if !errors.Is(err, ErrMoved) {
		return err
	}
	// For the server, a branch that is gone has moved.
	if _, tipErr := r.tipOf(ctx, ref); errors.Is(tipErr, ErrBranchNotFound) || errors.Is(tipErr, ErrEmpty) {
		return nil
	}
	return err
}

// checkOther keeps what may overwrite away from the branch that only grows.
func (r *Repository) checkOther(branch string) error {
	if err := checkBranchName(branch); err != nil {
		return err
	}
	if branch == r.branch {
		return fmt.Errorf("%w: %s is the base branch itself", ErrURL, branch)
	}
	return nil
}

// inTheWay tells a branch that exists from one that cannot exist beside another one: git says the same about
// both, but the second will never change.
func (r *Repository) inTheWay(ctx context.Context, ref string, moved error) error {
	other := ""
	err := r.references(ctx, func(_, name []byte) {
		if n := string(name); strings.HasPrefix(n, ref+"/") || strings.HasPrefix(ref, n+"/") {
			other = n
		}
	})
	if err != nil || other == "" {
		return moved
	}
	return fmt.Errorf("%w: branch %s stands in the way, choose another name", ErrRejected,
		strings.TrimPrefix(other, branchRef("")))
}
