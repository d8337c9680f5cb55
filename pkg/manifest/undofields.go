package manifest

import (
	"go.yaml.in/yaml/v3"
)

// undoField is a key whose value the edit has changed, added or removed. A pair
// without a key is one that is not there.
type undoField struct{ before, after, now pair }

func (f undoField) isAdded() bool   { return f.before.key == nil }
func (f undoField) isRemoved() bool { return f.after.key == nil }

// isEmptied reports whether the edit has left nothing of a value.
func (f undoField) isEmptied() bool {
	return !f.isAdded() && !f.isRemoved() && !isCollection(f.after.value) && f.after.text() == ""
}

// isNested reports whether the change is to be looked for below the value.
func (f undoField) isNested() bool {
	return !f.isAdded() && !f.isRemoved() && isCollection(f.after.value)
}

// keyed are the pairs of a mapping by their keys.
type keyed struct {
	*source
	pairs map[string]pair
	order []string
	twice map[string]*yaml.Node // the later of two equal keys
}

func (s *source) keyed(mapping *yaml.Node) keyed {
	all := keyed{source: s, pairs: map[string]pair{}, twice: map[string]*yaml.Node{}}
	for _, p := range pairs(mapping) {
		key := resolve(p.key)
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			continue
		}
		if all.pairs[key.Value].key != nil {
			all.twice[key.Value] = p.key
			continue
		}
		all.pairs[key.Value] = p
		all.order = append(all.order, key.Value)
	}
	return all
}

// differing are the fields of a mapping that the edit has changed: those that
// are still there in the order of after, then the removed ones in that of before.
func (u *undo) differing(before, after, now keyed) ([]undoField, error) {
	var all []undoField
	add := func(key string) error {
		f := undoField{before.pairs[key], after.pairs[key], now.pairs[key]}
		if !f.isAdded() && !f.isRemoved() && u.alike(f.before.value, f.after.value) {
			return nil
		}
		for _, side := range [...]keyed{before, after, now} {
			if again := side.twice[key]; again != nil {
				return side.duplicate(again, side.pairs[key].key)
			}
		}
		all = append(all, f)
		return nil
	}
	for _, key := range after.order {
		if err := add(key); err != nil {
			return nil, err
		}
	}
	for _, key := range before.order {
		if after.pairs[key].key != nil {
			continue
		}
		if err := add(key); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// stands reports whether now still has what the edit has made of a field. What
// is below a collection is judged there.
func (u *undo) stands(f undoField, at spot) bool {
	switch {
	case f.isRemoved():
		_, inherited := merged(resolve(at.node), f.before.key.Value)
		return f.now.key == nil && inherited == nil
	case f.isNested():
		return true
	}
	return f.now.key != nil && u.alike(f.after.value, f.now.value)
}

// mapping takes back what the edit has done to the fields of a mapping.
func (u *undo) mapping(before, after *yaml.Node, at spot) error {
	old, edited, now := u.before.keyed(before), u.after.keyed(after), u.keyed(resolve(at.node))
	fields, err := u.differing(old, edited, now)
	if err != nil {
		return err
	}
	all := true
	for _, f := range fields {
		all = all && u.stands(f, at)
	}
	s := surgery{undo: u, at: at, old: old, edited: edited, now: now}
	for _, f := range fields {
		switch {
		case f.isRemoved():
			if all {
				s.back = append(s.back, f.before)
			}
		case f.now.key == nil:
		case f.isAdded() && u.stands(f, at):
			s.out = append(s.out, f.now)
		case f.isAdded():
			err = u.value(u.nothing, f.after.value, u.of(at, f.now))
		case !f.isEmptied() || all:
			err = u.value(f.before.value, f.after.value, u.of(at, f.now))
		}
		if err != nil {
			return err
		}
	}
	return s.operate()
}

// of is the spot of a pair's value.
func (s *source) of(at spot, p pair) spot {
	sub := s.below(at, p.value, resolve(p.key).Value)
	sub.key = p.key
	return sub
}
