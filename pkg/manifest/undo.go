package manifest

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Undo takes back, in now, what led from before to after: three states of one
// file, of which an edit of this package has made the second out of the first.
// Each value that the edit has set goes back to what it was, if it still is in
// now what the edit made of it; what somebody else has set since stays. Every
// other byte of now stays too. The result is before, to the byte, where now is
// after.
//
// A value is found again by its keys; an item of a list by its name, or else by
// its index if the list is as long as it was; a document by its kind, namespace
// and name, or else by its index likewise. What the edit has added (an entry of
// images, the list itself, a field) is removed if nobody has changed it since.
// What it has removed or emptied (a digest that a tag replaced) comes back only
// if everything else that the edit did in the same mapping still stands: it
// would otherwise win over a value that somebody else has set.
//
// Changed is false when nothing of the edit stands any more. The other fields of
// the Edit are empty. Undo of an undo changes nothing. A value whose old form
// takes several lines comes back as the same text in quotes, unless now is
// after. Errors are an *Error that wraps ErrInvalid, for a place that cannot be
// taken back without touching something else, or ErrTooLarge; path is for their
// messages only.
func Undo(path string, before, after, now []byte, options ...Option) (Edit, error) {
	r, err := open(path, now, options)
	if err != nil {
		return Edit{}, err
	}
	if bytes.Equal(after, now) {
		return Edit{Data: before, Changed: !bytes.Equal(before, now)}, nil
	}
	r.verb = "taken back"
	u := undo{rewrite: r, likeness: likeness{}, nothing: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}}
	if u.before, err = u.parse(before); err != nil {
		return Edit{}, err
	}
	if u.after, err = u.parse(after); err != nil {
		return Edit{}, err
	}
	if err := u.documents(); err != nil {
		return Edit{}, err
	}
	if err := u.putAll(u.puts); err != nil {
		return Edit{}, err
	}
	return r.finish(Edit{})
}

// undo is an Undo under way; the rewrite is that of now.
type undo struct {
	*rewrite
	likeness
	before, after *source
	puts          []put
	// nothing stands for the value of a key that was not there.
	nothing *yaml.Node
}

func (u *undo) parse(data []byte) (*source, error) {
	s, err := parse(u.path, data)
	if err != nil {
		return nil, err
	}
	for _, doc := range append(s.docs, u.docs...) {
		if alias := containsItself(doc, map[*yaml.Node]bool{}); alias != nil {
			return nil, s.failAt(alias, "*%s stands in its own anchor, so nothing can be taken back here", alias.Value)
		}
	}
	return s, nil
}

func (u *undo) documents() error {
	if len(u.before.docs) != len(u.after.docs) {
		return u.fail(0, 0, "cannot be taken back: the edit has added or removed a document")
	}
	edited, now := identify(u.after.docs), identify(u.docs)
	for i, doc := range u.before.docs {
		match := edited.counterpart(i, now)
		if len(u.after.docs) == 1 && len(u.docs) == 1 {
			match = 0 // whatever it is called by now
		}
		if match < 0 {
			continue
		}
		if err := u.value(doc.Content[0], u.after.docs[i].Content[0], root(u.docs[match])); err != nil {
			return err
		}
	}
	return nil
}

// value takes back what led from a value to another one, at its spot in now.
func (u *undo) value(before, after *yaml.Node, at spot) error {
	if u.alike(before, after) {
		return nil
	}
	old, edited, now := resolve(before), resolve(after), resolve(at.node)
	switch {
	case edited.Kind == yaml.MappingNode && old.Kind == edited.Kind && now.Kind == edited.Kind:
		return u.mapping(old, edited, at)
	case edited.Kind == yaml.SequenceNode && old.Kind == edited.Kind && now.Kind == edited.Kind:
		return u.list(old, edited, at)
	case edited.Kind == yaml.SequenceNode && old.ShortTag() == "!!null" && now.Kind == edited.Kind:
		return u.list(old, edited, at)
	case !u.alike(edited, now):
		return nil // somebody else's by now
	case isCollection(old) || isCollection(edited):
		return u.stuck(at)
	}
	l, err := u.literal(old, at)
	u.puts = append(u.puts, put{at, l})
	return err
}

// stuck refuses what no edit of this package does.
func (u *undo) stuck(at spot) *Error {
	return u.failAt(at.node, "%s cannot be taken back: more than single values has changed there", at.name)
}

// literal is how a scalar of before is written in now.
func (u *undo) literal(old *yaml.Node, at spot) (literal, error) {
	from, to := u.before.content(old), u.before.end(old, 0)
	l := literal{tag: old.ShortTag(), value: old.Value}
	switch {
	case old.Style&yaml.TaggedStyle != 0 && l.tag != "!!str":
		return l, u.stuck(at)
	case old.Style&(yaml.TaggedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0,
		isPlain(old) && l.tag == "!!str" && !staysString(old.Value) && at.inFlow(),
		bytes.ContainsFunc(u.before.data[from:to], isBreak):
		return l, nil
	}
	l.isRaw, l.raw = true, string(u.before.data[from:to])
	return l, nil
}

func isBreak(r rune) bool { return strings.ContainsRune("\n\r\u0085\u2028\u2029", r) }

// list takes back what the edit has done to the items of a list; before has a
// list too, or null.
func (u *undo) list(before, after *yaml.Node, at spot) error {
	items, list := after.Content, resolve(at.node)
	old, edited, now := identify(before.Content), identify(items), identify(list.Content)
	var out []int
	for i, item := range items {
		j := i
		if len(before.Content) != len(items) {
			id := edited.ids[i]
			if _, twice := old.index[id]; id == "" || twice && old.find(id) < 0 {
				continue // nobody can tell whether it was there before
			}
			j = old.find(id)
		}
		match := edited.counterpart(i, now)
		switch {
		case match < 0:
		case j >= 0:
			if err := u.value(before.Content[j], item, u.below(at, list.Content[match], "an item of "+at.name)); err != nil {
				return err
			}
		case u.alike(item, list.Content[match]):
			out = append(out, match)
		}
	}
	if len(before.Content) > len(items) {
		return u.stuck(at)
	}
	return u.takeOut(before, at, out)
}

// takeOut removes items of a list. A list that has none left becomes what it was
// before.
func (u *undo) takeOut(before *yaml.Node, at spot, out []int) error {
	if len(out) == 0 {
		return nil
	}
	if err := u.checkOwn(at); err != nil {
		return err
	}
	list := resolve(at.node)
	rest := *list
	rest.Content = nil
	for i, item := range list.Content {
		if !slices.Contains(out, i) {
			rest.Content = append(rest.Content, item)
		}
	}
	u.want[list] = &rest
	if len(rest.Content) == 0 && (!isFlow(list) || before.Kind == yaml.ScalarNode) {
		return u.clear(before, at, list)
	}
	for _, i := range out {
		u.changes = append(u.changes, u.remove(list, i)...)
	}
	return nil
}

// clear makes a list what it was before it had items: null, or else no list in
// block style.
func (u *undo) clear(before *yaml.Node, at spot, list *yaml.Node) error {
	text := "[]"
	if before.Kind == yaml.ScalarNode && before != u.nothing {
		l, err := u.literal(before, at)
		if err != nil {
			return err
		}
		text = l.raw
		u.want[list] = &yaml.Node{Kind: yaml.ScalarNode, Tag: l.tag, Value: l.value, Anchor: list.Anchor}
	}
	if isFlow(list) {
		from, to := u.content(list), u.end(list, 0)
		u.changes = append(u.changes, change{from: from, to: to, text: text})
		if text == "" && !at.inFlow() {
			u.changes = append(u.changes, u.blanksBefore(from))
		}
		return nil
	}
	colon := -1
	if at.key != nil {
		colon = u.skipBlanks(u.end(at.key, 0))
	}
	if colon < 0 || colon == len(u.data) || u.data[colon] != ':' {
		return u.stuck(at)
	}
	if text != "" {
		u.changes = append(u.changes, change{from: colon + 1, to: colon + 1, text: " " + text})
	}
	for i := range list.Content {
		u.changes = append(u.changes, u.remove(list, i)...)
	}
	return nil
}
