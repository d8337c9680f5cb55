package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Push makes the planned commit the tip of the branch, if its parent still is the tip. The snapshot
// is of the parent and the files are those of the plan; a process that was restarted makes a new
// Snapshot of c.Parent. The bytes that are sent are c.Encoded, unchanged.
//
// It fails with [ErrMismatch] before anything is sent when commit, snapshot and files do not belong
// together, with [ErrMoved] when the branch is somewhere else, with [ErrRejected] and the server's words
// when a rule or hook says no, and with the errors about the credentials. Any other error is
// transient. After each error but ErrMismatch ask [Repository.Tip]: the commit may be there.
func (r *Repository) Push(ctx context.Context, s *Snapshot, c Commit, files map[string][]byte) error {
	if err := r.push(ctx, s, c, files); err != nil {
		return r.fail(fmt.Sprintf("push to branch %s of %s", r.branch, r), err)
	}
	return nil
}

func (r *Repository) push(ctx context.Context, s *Snapshot, c Commit, files map[string][]byte) error {
	id, pack, err := s.pack(ctx, c, files)
	if err != nil {
		return err
	}
	return r.update(ctx, change{ref: branchRef(r.branch), old: s.id, new: id, pack: pack})
}

// pack has what the server needs for a planned commit, which is checked again.
func (s *Snapshot) pack(ctx context.Context, c Commit, files map[string][]byte) (plumbing.Hash, []byte, error) {
	known, err := ParseCommit(c.Encoded)
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	if known.ID != c.ID || known.Parent != s.Commit() {
		return plumbing.ZeroHash, nil, fmt.Errorf("%w: the commit's id or its parent is not what the snapshot has", ErrMismatch)
	}
	edited, err := s.edit(ctx, files)
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	if edited.root.String() != known.Tree {
		return plumbing.ZeroHash, nil, fmt.Errorf("%w: the files do not give the planned tree", ErrMismatch)
	}
	pack, err := encodePack(append(edited.objects, object{kind: plumbing.CommitObject, data: c.Encoded}))
	return plumbing.NewHash(c.ID), pack, err
}

// change is what a push does to a branch.
type change struct {
	ref      string
	old, new plumbing.Hash // zero where the branch does not exist
	pack     []byte        // nil when it is deleted
	replaces bool          // new need not descend from old
}

// update is one request. The discovery that other clients do first is skipped. It would only tell
// capabilities that every server has had since git 1.7, and the caller knows the old value.
func (r *Repository) update(ctx context.Context, c change) error {
	req := packp.NewReferenceUpdateRequest()
	_ = req.Capabilities.Set(capability.ReportStatus)
	_ = req.Capabilities.Set(capability.Sideband64k)
	_ = req.Capabilities.Set(capability.Agent, "tekton-gitops")
	req.Commands = []*packp.Command{{Name: plumbing.ReferenceName(c.ref), Old: c.old, New: c.new}}
	if c.new.IsZero() {
		_ = req.Capabilities.Set(capability.DeleteRefs)
	} else {
		req.Packfile = io.NopCloser(bytes.NewReader(c.pack))
	}
	var buf bytes.Buffer
	if err := req.Encode(&buf); err != nil {
		return err
	}
	body, err := r.transport.call(ctx, receivePack, buf.Bytes())
	if err != nil {
		return err
	}
	defer body.Close()

	said := &capped{}
	demuxer := sideband.NewDemuxer(sideband.Sideband64k, body)
	demuxer.Progress = said
	report := packp.NewReportStatus()
	if err := report.Decode(demuxer); err != nil {
		return fmt.Errorf("answer to the push: %w%s", errOr(noEOF(err), err), remark(said.String()))
	}
	// What a hook prints may come after the report.
	_, _ = io.Copy(io.Discard, demuxer)
	return verdict(report, said.String(), c.replaces)
}

// noEOF makes an answer that ends early look like what it is; a bare EOF reads as if all was well.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// encodePack writes full objects: for a handful of small ones, deltas save nothing.
func encodePack(all []object) ([]byte, error) {
	store := memory.NewStorage()
	var ids []plumbing.Hash
	for _, o := range all {
		m := &plumbing.MemoryObject{}
		m.SetType(o.kind)
		if _, err := m.Write(o.data); err != nil {
			return nil, err
		}
		id, err := store.SetEncodedObject(m)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	var buf bytes.Buffer
	if _, err := packfile.NewEncoder(&buf, store, false).Encode(ids, 0); err != nil {
		return nil, fmt.Errorf("encode pack: %w", err)
	}
	return buf.Bytes(), nil
}

// capped keeps the beginning of what is written to it. The buffer is not embedded: io.Copy would find its
// ReadFrom, which knows no limit.
type capped struct{ start bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	c.start.Write(p[:min(len(p), max(0, 4*maxWords-c.start.Len()))])
	return len(p), nil
}

func (c *capped) String() string { return c.start.String() }
