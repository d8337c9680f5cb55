package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// verify parses the edited file and refuses it when it differs from this one in
// anything but the image: e is its entry here, nil when that was to be added.
// It returns what the file sets for the image now.
func (k *kustomization) verify(data []byte, e *entry, want image.Want) (image.Ref, error) {
	after, err := openKustomization(k.path, data)
	if err != nil {
		return image.Ref{}, k.refuse(e, want, "the result would be no valid kustomization ("+err.Error()+")")
	}
	edited, err := after.find(want.Name)
	if err != nil || edited == nil {
		return image.Ref{}, k.refuse(e, want, "the result would not set the image")
	}
	c := comparison{seen: map[[2]*yaml.Node]bool{}, added: e == nil, renamed: want.NewName != "", before: k, after: after, edited: edited}
	if e != nil {
		c.entry = e.node
	}
	if !c.documents() {
		return image.Ref{}, k.refuse(e, want, "something else in the file would change with it")
	}
	ref, err := after.ref(edited)
	if err != nil || !after.says(edited, want) {
		return image.Ref{}, k.refuse(e, want, "the result would not be what was asked for")
	}
	return ref, nil
}

func (k *kustomization) refuse(e *entry, want image.Want, why string) *Error {
	at := k.root
	if e != nil {
		at = e.node
	}
	return k.failAt(at, "image %s cannot be set: %s; write the entry in plain block style, without anchors", want.Name, why)
}

// says reports whether the entry says what is wanted, to every parser.
func (k *kustomization) says(e *entry, want image.Want) bool {
	for _, f := range [...][2]string{{fieldNewName, want.NewName}, {fieldNewTag, want.NewTag}, {fieldDigest, want.Digest}} {
		value, _, err := k.value(e.node, f[0])
		switch {
		case err != nil:
			return false
		case f[1] != "":
			if value == nil || !isString(value, f[1]) {
				return false
			}
		case f[0] != fieldNewName:
			if value != nil && (isCollection(value) || pair{value: value}.text() != "") {
				return false
			}
		}
	}
	return true
}

// comparison compares two files, but for the entry of an image.
type comparison struct {
	before, after *kustomization
	entry         *yaml.Node // the entry before; nil when it was added
	edited        *entry     // the entry after
	added         bool
	renamed       bool // a newName was asked for
	seen          map[[2]*yaml.Node]bool
}

func (c *comparison) documents() bool {
	if len(c.before.docs) != len(c.after.docs) {
		return false
	}
	for i := 1; i < len(c.before.docs); i++ {
		if !c.same(c.before.docs[i], c.after.docs[i]) {
			return false
		}
	}
	return c.fields(pairs(c.before.root), pairs(c.after.root))
}

// fields compares the pairs of the root.
func (c *comparison) fields(before, after []pair) bool {
	i := 0
	for _, p := range after {
		isList := p.key == c.edited.list.key
		switch {
		case isList && c.added && (i == len(before) || before[i].key.Value != p.key.Value):
			if len(resolve(p.value).Content) != 1 {
				return false
			}
			continue // the list is new
		case i == len(before) || !c.same(before[i].key, p.key):
			return false
		case isList:
			if !c.list(before[i].value, p.value) {
				return false
			}
		case !c.same(before[i].value, p.value):
			return false
		}
		i++
	}
	return i == len(before)
}

// list compares the items of the list of images, but for an added one.
func (c *comparison) list(before, after *yaml.Node) bool {
	if before.Anchor != after.Anchor {
		return false
	}
	old, items := before.Content, after.Content
	if before.Kind == yaml.AliasNode || after.Kind == yaml.AliasNode {
		return c.same(before, after)
	}
	if c.added {
		i := c.edited.index
		items = append(append([]*yaml.Node{}, items[:i]...), items[i+1:]...)
	}
	return c.sameAll(old, items)
}

// same compares two trees: kinds, tags, values, anchors and aliases.
func (c *comparison) same(a, b *yaml.Node) bool {
	pair := [2]*yaml.Node{a, b}
	if c.seen[pair] {
		return true // compared, or being compared further up
	}
	c.seen[pair] = true
	switch {
	case a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Anchor != b.Anchor || a.Value != b.Value:
		return false
	case a.Kind == yaml.AliasNode:
		// An alias of the entry would change with it.
		return a.Alias != c.entry && c.same(a.Alias, b.Alias)
	case a == c.entry:
		return b == c.edited.node && c.sameEntry(a, b)
	}
	return c.sameAll(a.Content, b.Content)
}

func (c *comparison) sameAll(a, b []*yaml.Node) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !c.same(a[i], b[i]) {
			return false
		}
	}
	return true
}

// sameEntry compares what was not asked for in the edited entry.
func (c *comparison) sameEntry(a, b *yaml.Node) bool {
	return c.sameAll(c.kept(a), c.kept(b))
}

func (c *comparison) kept(entry *yaml.Node) []*yaml.Node {
	var kept []*yaml.Node
	for _, p := range pairs(entry) {
		switch name := p.key.Value; {
		case strings.EqualFold(name, fieldNewTag), strings.EqualFold(name, fieldDigest):
		case strings.EqualFold(name, fieldNewName) && c.renamed:
		default:
			kept = append(kept, p.key, p.value)
		}
	}
	return kept
}
