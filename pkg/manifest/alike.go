package manifest

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// likeness compares values of files: what a parser makes of them, without
// order of keys, style and comments. It remembers what it has compared, so that
// anchors of anchors are compared once.
type likeness map[[2]*yaml.Node]bool

// alike compares two values. Neither may contain itself: see contains.
func (l likeness) alike(a, b *yaml.Node) bool {
	a, b = resolve(a), resolve(b)
	both := [2]*yaml.Node{a, b}
	if known, ok := l[both]; ok {
		return known
	}
	l[both] = l.compare(a, b)
	return l[both]
}

func (l likeness) compare(a, b *yaml.Node) bool {
	switch {
	case a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Value != b.Value || len(a.Content) != len(b.Content):
		return false
	case a.Kind == yaml.MappingNode:
		return l.fields(a, b)
	}
	return slices.EqualFunc(a.Content, b.Content, l.alike)
}

// fields compares two mappings of one length. Keys that are not plain words
// have to be in one order.
func (l likeness) fields(a, b *yaml.Node) bool {
	if slices.EqualFunc(a.Content, b.Content, l.alike) {
		return true
	}
	values := map[[2]string]*yaml.Node{}
	for _, p := range pairs(b) {
		values[[2]string{p.key.ShortTag(), p.key.Value}] = p.value
	}
	if len(values) < len(pairs(b)) {
		return false
	}
	for _, p := range pairs(a) {
		key := [2]string{p.key.ShortTag(), p.key.Value}
		value := values[key]
		if value == nil || p.key.Kind != yaml.ScalarNode || !l.alike(p.value, value) {
			return false
		}
		delete(values, key)
	}
	return true
}

// containsItself reports an alias of a collection that it stands in, or nil.
func containsItself(n *yaml.Node, open map[*yaml.Node]bool) *yaml.Node {
	if n.Kind == yaml.AliasNode && open[n.Alias] {
		return n
	}
	open[n] = true
	defer delete(open, n)
	for _, child := range n.Content {
		if alias := containsItself(child, open); alias != nil {
			return alias
		}
	}
	return nil
}
