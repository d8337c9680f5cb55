package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// set returns the changes that make the entry say what is wanted: none when it
// does already.
func (k *kustomization) set(e *entry, want image.Want) (changes, error) {
	var all changes
	if want.NewName != "" {
		c, err := k.setField(e, fieldNewName, want.NewName)
		if err != nil {
			return nil, err
		}
		all = append(all, c...)
	}
	c, err := k.setVersion(e, want)
	if err != nil {
		return nil, err
	}
	all = append(all, c...)
	if len(all) == 0 {
		return nil, nil
	}
	return all, k.checkOwn(e, want.Name)
}

// checkOwn refuses to change an entry that the file uses in another place too.
func (k *kustomization) checkOwn(e *entry, name string) error {
	switch list := e.list; {
	case e.alias != nil:
		return k.failAt(e.alias, "image %s is an alias (*%s): write the entry out", name, e.alias.Value)
	case list.value.Kind == yaml.AliasNode:
		return k.failAt(list.value, "%s is an alias (*%s): write the list out", list.key.Value, list.value.Value)
	}
	if err := k.checkShared(e.list.value, e.list.key.Value); err != nil {
		return err
	}
	return k.checkShared(e.node, "image "+name)
}

// setVersion sets tag and digest. Where one of them takes the other's place, it
// takes its line too, so that the change is one line.
func (k *kustomization) setVersion(e *entry, want image.Want) (changes, error) {
	switch {
	case want.Digest == "":
		return k.replaceField(e, fieldDigest, fieldNewTag, want.NewTag)
	case want.NewTag == "":
		return k.replaceField(e, fieldNewTag, fieldDigest, want.Digest)
	}
	tag, err := k.setField(e, fieldNewTag, want.NewTag)
	if err != nil {
		return nil, err
	}
	digest, err := k.setField(e, fieldDigest, want.Digest)
	return append(tag, digest...), err
}

// replaceField sets the field name and removes the field old.
func (k *kustomization) replaceField(e *entry, old, name, text string) (changes, error) {
	oldValue, oldPair, err := k.value(e.node, old)
	if err != nil {
		return nil, err
	}
	_, own, err := k.value(e.node, name)
	if err != nil {
		return nil, err
	}
	switch {
	case isCollection(oldValue):
		return nil, k.failAt(oldValue, "%s is no string", old)
	case oldPair.key != nil && k.checkShared(oldPair.value, old) != nil:
		return nil, k.checkShared(oldPair.value, old)
	case pair{value: oldValue}.text() == "":
		return k.setField(e, name, text)
	case oldPair.key == nil:
		return nil, k.failAt(e.node, "%s comes from a merge key (<<), so it cannot be removed: write the entry out", old)
	case own.key == nil:
		return k.turnInto(e, oldPair, name, text)
	case !isFlow(e.node) && !k.firstOnLine(k.offset(oldPair.key)):
		// The old field shares its line with the dash of the entry.
		c, err := k.turnInto(e, oldPair, name, text)
		return append(c, k.removeLines(k.offset(own.key), k.end(own.value, e.indent()))), err
	}
	c, err := k.setField(e, name, text)
	if err != nil {
		return nil, err
	}
	if isFlow(e.node) {
		return append(c, k.removeFlow(e.node, slices.Index(e.node.Content, oldPair.key))...), nil
	}
	return append(c, k.removeLines(k.offset(oldPair.key), k.end(oldPair.value, e.indent()))), nil
}

func isCollection(n *yaml.Node) bool {
	return n != nil && resolve(n).Kind != yaml.ScalarNode
}

// turnInto gives a pair another key and value in its place.
func (k *kustomization) turnInto(e *entry, p pair, name, text string) (changes, error) {
	c, err := k.setValue(e, p, text)
	if err != nil {
		return nil, err
	}
	key := change{from: k.content(p.key), to: k.end(p.key, 0), text: scalar(name, p.key.Style)}
	return append(changes{key}, c...), nil
}

// setField sets one field of the entry, adding it where it is missing.
func (k *kustomization) setField(e *entry, name, text string) (changes, error) {
	value, own, err := k.value(e.node, name)
	switch {
	case err != nil:
		return nil, err
	case value != nil && isString(value, text):
		return nil, nil
	case own.key != nil:
		return k.setValue(e, own, text)
	default:
		return changes{k.addField(e, name, text)}, nil
	}
}

// setValue replaces the bytes of a pair's value.
func (k *kustomization) setValue(e *entry, p pair, text string) (changes, error) {
	if p.value.Kind != yaml.AliasNode && isCollection(p.value) {
		return nil, k.failAt(p.value, "%s is no string", p.key.Value)
	}
	if err := k.checkShared(p.value, p.key.Value); err != nil {
		return nil, err
	}
	return k.replaceScalar(p.value, e.indent(), func(style yaml.Style) string { return scalar(text, style) }), nil
}

// checkShared refuses to change a node whose anchor an alias uses.
func (k *kustomization) checkShared(n *yaml.Node, what string) error {
	if n.Anchor == "" {
		return nil
	}
	if alias := aliasOf(k.root, n); alias != nil {
		return k.failAt(n, "%s carries the anchor &%s, which line %d uses too: write the values out", what, n.Anchor, alias.Line)
	}
	return nil
}

func aliasOf(in, n *yaml.Node) *yaml.Node {
	if in.Kind == yaml.AliasNode && in.Alias == n {
		return in
	}
	for _, child := range in.Content {
		if alias := aliasOf(child, n); alias != nil {
			return alias
		}
	}
	return nil
}

// indent is the column of the entry's keys, counted from 0.
func (e *entry) indent() int { return e.node.Content[0].Column - 1 }

// addField adds a field behind those that kustomize writes in front of it.
func (k *kustomization) addField(e *entry, name, text string) change {
	all := pairs(e.node)
	after := 0
	for i, p := range all {
		// Behind a merge key too: some parsers let the later one win.
		if p.key.ShortTag() == "!!merge" || comesBefore(p.key.Value, name) {
			after = i
		}
	}
	first := all[0]
	if isFlow(e.node) {
		colon := string(k.data[k.end(first.key, 0):k.content(first.value)])
		if strings.TrimSpace(colon) != ":" || colon == ":" && first.key.Style == 0 {
			colon = ": "
		}
		field := scalar(name, first.key.Style) + colon + scalar(text, first.key.Style)
		return k.insertFlow(e.node, 2*after, field)
	}
	at := k.lineEnd(k.end(all[after].value, e.indent()))
	field := scalar(name, first.key.Style) + ": " + scalar(text, 0)
	return change{from: at, to: at, text: k.lineBreak(at) + strings.Repeat(" ", e.indent()) + field}
}

func comesBefore(a, b string) bool {
	order := []string{fieldName, fieldNewName, fieldNewTag, fieldDigest}
	isA := func(s string) bool { return strings.EqualFold(s, a) }
	i, j := slices.IndexFunc(order, isA), slices.Index(order, b)
	return i >= 0 && i < j
}
