package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// identified are the items of a list, or the documents of a file, by what they
// are known by.
type identified struct {
	ids []string
	// index has -1 for what more than one is known by.
	index map[string]int
}

func identify(items []*yaml.Node) identified {
	all := identified{index: map[string]int{}}
	for i, item := range items {
		id := identity(item)
		if _, ok := all.index[id]; ok {
			i = -1
		}
		all.index[id] = i
		all.ids = append(all.ids, id)
	}
	return all
}

// find is the index of what is known by id. -1: there is none, or more than one.
func (l identified) find(id string) int {
	if i, ok := l.index[id]; ok && id != "" {
		return i
	}
	return -1
}

// counterpart is the index in now of an item: by its identity, or by its index
// where it has none and the lists are as long. -1: there is none, or more than
// one.
func (l identified) counterpart(i int, now identified) int {
	switch id := l.ids[i]; {
	case id == "" && len(l.ids) == len(now.ids) && now.ids[i] == "":
		return i
	case l.find(id) < 0:
		return -1
	default:
		return now.find(id)
	}
}

// identity is what an item of a list or a document is known by: its name, or
// the kind, namespace and name of a Kubernetes object. Empty: it has none.
func identity(n *yaml.Node) string {
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	if name := textOf(n, "name"); name != "" {
		return "name " + name
	}
	metadata := valueOf(n, "metadata")
	kind, name := textOf(n, "kind"), textOf(metadata, "name")
	if kind == "" || name == "" {
		return ""
	}
	return strings.Join([]string{"object", kind, textOf(metadata, "namespace"), name}, " ")
}

// valueOf is the value of a key in a mapping, or nil.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || resolve(n).Kind != yaml.MappingNode {
		return nil
	}
	for _, p := range pairs(resolve(n)) {
		if isKey(p.key, key) {
			return p.value
		}
	}
	return nil
}

func textOf(n *yaml.Node, key string) string { return pair{value: valueOf(n, key)}.text() }
