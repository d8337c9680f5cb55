package gitrepo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// object is a git object without its header.
type object struct {
	kind plumbing.ObjectType
	data []byte
}

// objects holds what was fetched, below a total size. Objects are keyed by the hash of what really
// arrived, so a server cannot pass one object off as another.
type objects struct {
	byID map[plumbing.Hash]object
	left int64
	// maxObject bounds each object. It is above the limit for files, since trees may be larger.
	maxObject int64
}

func newObjects(maxTotal int64) *objects {
	return &objects{byID: map[plumbing.Hash]object{}, left: maxTotal, maxObject: maxTotal}
}

// take reserves memory before it is used.
func (s *objects) take(n int64) error {
	if n < 0 || n > s.maxObject || n > s.left {
		return fmt.Errorf("objects of the repository: %w", ErrTooLarge)
	}
	s.left -= n
	return nil
}

func (s *objects) add(o object) plumbing.Hash {
	id := plumbing.ComputeHash(o.kind, o.data)
	if _, ok := s.byID[id]; ok {
		s.left += int64(len(o.data))
		return id
	}
	s.byID[id] = o
	return id
}

// delta is an object of a pack that is stored as a difference to another one.
type delta struct {
	offset     int64
	baseOffset int64 // 0 when base counts
	base       plumbing.Hash
	data       []byte
}

// readPack adds the objects of a pack as it streams in. It stops with errManyObjects before the
// first object if there are more than maxCount; 0 means any number.
//
// It is not go-git's parser because that one allocates what a pack claims, without a limit.
func (s *objects) readPack(r io.Reader, maxCount uint32) error {
	scanner := packfile.NewScanner(r)
	_, count, err := scanner.Header()
	if err != nil {
		return err
	}
	if maxCount > 0 && count > maxCount {
		return errManyObjects
	}
	at := map[int64]plumbing.Hash{}
	var waiting []delta
	for range count {
		h, err := scanner.NextObjectHeader()
		if err != nil {
			return err
		}
		if err := s.take(h.Length); err != nil {
			return err
		}
		buf := bytes.NewBuffer(make([]byte, 0, min(h.Length, 1<<20)))
		if n, _, err := scanner.NextObject(buf); err != nil || n != h.Length {
			return fmt.Errorf("object at offset %d of the pack is damaged: %w", h.Offset, errOr(err, io.ErrUnexpectedEOF))
		}
		switch h.Type {
		case plumbing.OFSDeltaObject:
			waiting = append(waiting, delta{offset: h.Offset, baseOffset: h.OffsetReference, data: buf.Bytes()})
		case plumbing.REFDeltaObject:
			waiting = append(waiting, delta{offset: h.Offset, base: h.Reference, data: buf.Bytes()})
		case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
			at[h.Offset] = s.add(object{kind: h.Type, data: buf.Bytes()})
		default:
			return fmt.Errorf("object at offset %d of the pack is of no known type", h.Offset)
		}
	}
	if _, err := scanner.Checksum(); err != nil {
		return err
	}
	return s.resolve(waiting, at)
}

// resolve applies deltas until none is left. A delta by offset follows its base in the pack, so one
// pass does it; a delta by name may come first and needs another.
func (s *objects) resolve(waiting []delta, at map[int64]plumbing.Hash) error {
	for len(waiting) > 0 {
		var rest []delta
		for _, d := range waiting {
			id := d.base
			if d.baseOffset != 0 {
				id = at[d.baseOffset]
			}
			base, ok := s.byID[id]
			if !ok {
				rest = append(rest, d)
				continue
			}
			data, err := s.patch(base, d)
			if err != nil {
				return err
			}
			at[d.offset] = s.add(object{kind: base.kind, data: data})
		}
		if len(rest) == len(waiting) {
			return fmt.Errorf("pack has %d deltas without a base", len(rest))
		}
		waiting = rest
	}
	return nil
}

// patch reserves the size that the delta announces before it is applied: seven bytes of a delta can
// ask for 16 MiB.
func (s *objects) patch(base object, d delta) ([]byte, error) {
	_, n := binary.Uvarint(d.data)
	if n <= 0 {
		return nil, packfile.ErrInvalidDelta
	}
	size, m := binary.Uvarint(d.data[n:])
	if m <= 0 {
		return nil, packfile.ErrInvalidDelta
	}
	s.left += int64(len(d.data))
	if err := s.take(int64(min(size, 1<<62))); err != nil {
		return nil, err
	}
	data, err := packfile.PatchDelta(base.data, d.data)
	if err != nil {
		return nil, fmt.Errorf("object at offset %d of the pack: %w", d.offset, err)
	}
	return data, nil
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
