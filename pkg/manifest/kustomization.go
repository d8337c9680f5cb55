package manifest

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// The fields of a kustomization that an edit reads or writes. imageTags is the
// name that images had once; kustomize still reads both.
const (
	fieldImages    = "images"
	fieldImageTags = "imageTags"
	fieldName      = "name"
	fieldNewName   = "newName"
	fieldNewTag    = "newTag"
	fieldDigest    = "digest"
)

// kustomization is the file's first document: kustomize reads no other.
type kustomization struct {
	*source
	root *yaml.Node
}

// pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// entry is one image of a list of images.
type entry struct {
	list  pair
	index int
	// node is the entry's mapping. alias is the node in the list where that is
	// an alias of the mapping.
	node, alias *yaml.Node
}

func openKustomization(path string, data []byte) (*kustomization, error) {
	s, err := parse(path, data)
	if err != nil {
		return nil, err
	}
	if len(s.docs) == 0 {
		return nil, s.fail(0, 0, "holds no YAML document: want a kustomization")
	}
	k := &kustomization{source: s, root: s.docs[0].Content[0]}
	if k.root.Kind != yaml.MappingNode {
		return nil, k.failAt(k.root, "the first document is no mapping: want a kustomization")
	}
	return k, k.checkKind()
}

// checkKind refuses another kind of object under a kustomization's name, such
// as Flux's Kustomization.
func (k *kustomization) checkKind() error {
	kind, ok, err := k.field(k.root, "kind")
	if err != nil {
		return err
	}
	if value := kind.text(); ok && value != "" && value != "Kustomization" && value != "Component" {
		return k.failAt(kind.value, "kind %.80q: want Kustomization or Component", value)
	}
	version, ok, err := k.field(k.root, "apiVersion")
	if err != nil {
		return err
	}
	if value := version.text(); ok && value != "" && !strings.HasPrefix(value, "kustomize.config.k8s.io/") {
		return k.failAt(version.value, "apiVersion %.80q: want one of kustomize.config.k8s.io", value)
	}
	return nil
}

// text is the pair's value where that is a scalar with a value, else "".
func (p pair) text() string {
	if p.value == nil {
		return ""
	}
	n := resolve(p.value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

func pairs(mapping *yaml.Node) []pair {
	var all []pair
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		all = append(all, pair{key: mapping.Content[i], value: mapping.Content[i+1]})
	}
	return all
}

// field finds a key of a mapping without regard to case, as kustomize does. A
// key that is there twice is an error: YAML forbids it, and parsers differ on
// which of the two counts.
func (k *kustomization) field(mapping *yaml.Node, name string) (pair, bool, error) {
	var found pair
	for _, p := range pairs(mapping) {
		if key := resolve(p.key); key.Kind != yaml.ScalarNode || !strings.EqualFold(key.Value, name) {
			continue
		}
		if found.key != nil {
			return pair{}, false, k.failAt(p.key, "duplicate key %q, first on line %d: keep one", p.key.Value, found.key.Line)
		}
		found = p
	}
	return found, found.key != nil, nil
}

// inherited is the value that a mapping has for a key through its merge keys
// ("<<: *base"), or nil.
func inherited(mapping *yaml.Node, isKey func(string) bool) *yaml.Node {
	return inheritedBy(mapping, isKey, map[*yaml.Node]bool{})
}

// named matches a field's name as kustomize does.
func named(name string) func(string) bool {
	return func(key string) bool { return strings.EqualFold(key, name) }
}

// inheritedBy looks into each mapping once: an anchor may contain itself, and a
// few lines of merges of merges would otherwise keep it busy for ever.
func inheritedBy(mapping *yaml.Node, isKey func(string) bool, seen map[*yaml.Node]bool) *yaml.Node {
	if seen[mapping] {
		return nil
	}
	seen[mapping] = true
	for _, p := range pairs(mapping) {
		if p.key.ShortTag() != "!!merge" {
			continue
		}
		bases := []*yaml.Node{resolve(p.value)}
		if bases[0].Kind == yaml.SequenceNode {
			bases = bases[0].Content
		}
		for _, base := range bases {
			base = resolve(base)
			if base.Kind != yaml.MappingNode {
				continue
			}
			for _, own := range pairs(base) {
				if isKey(own.key.Value) {
					return own.value
				}
			}
			if value := inheritedBy(base, isKey, seen); value != nil {
				return value
			}
		}
	}
	return nil
}

// find returns the entry of the image with that name, exactly as written: so
// kustomize looks it up. Nil: there is none.
func (k *kustomization) find(name string) (*entry, error) {
	var found *entry
	for _, field := range [...]string{fieldImages, fieldImageTags} {
		list, ok, err := k.field(k.root, field)
		if err != nil {
			return nil, err
		}
		if !ok || resolve(list.value).ShortTag() == "!!null" {
			continue
		}
		if resolve(list.value).Kind != yaml.SequenceNode {
			return nil, k.failAt(list.value, "%s is no list", list.key.Value)
		}
		for i, item := range resolve(list.value).Content {
			e, err := k.entry(list, i, item, name)
			if err != nil {
				return nil, err
			}
			if e != nil && found != nil {
				return nil, k.failAt(item, "image %s is listed twice, first on line %d: keep one", name, found.node.Line)
			}
			if e != nil {
				found = e
			}
		}
	}
	return found, nil
}

func (k *kustomization) entry(list pair, index int, item *yaml.Node, name string) (*entry, error) {
	node := resolve(item)
	if node.Kind != yaml.MappingNode {
		return nil, k.failAt(item, "item %d of %s is no mapping: want name, newName, newTag, digest", index+1, list.key.Value)
	}
	if err := k.checkMerge(node); err != nil {
		return nil, err
	}
	value, _, err := k.value(node, fieldName)
	if err != nil || (pair{value: value}).text() != name {
		return nil, err
	}
	e := &entry{list: list, index: index, node: node}
	if item != node {
		e.alias = item
	}
	return e, nil
}

// checkMerge refuses a merge key behind a key that it has too: YAML lets the
// mapping's own key win, kustomize's parser the later one.
func (k *kustomization) checkMerge(mapping *yaml.Node) error {
	all := pairs(mapping)
	for i, p := range all {
		if p.key.ShortTag() != "!!merge" {
			continue
		}
		merge := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{p.key, p.value}}
		for _, own := range all[:i] {
			if inherited(merge, named(own.key.Value)) != nil {
				return k.failAt(p.key, "the merge key (<<) has %s too, and parsers differ on which counts: put it first", own.key.Value)
			}
		}
	}
	return nil
}

// ref is the reference that the entry gives its image.
func (k *kustomization) ref(e *entry) (image.Ref, error) {
	texts := map[string]string{}
	for _, name := range [...]string{fieldName, fieldNewName, fieldNewTag, fieldDigest} {
		value, _, err := k.value(e.node, name)
		if err != nil {
			return image.Ref{}, err
		}
		texts[name] = pair{value: value}.text()
	}
	ref := image.Ref{Name: texts[fieldNewName], Tag: texts[fieldNewTag], Digest: texts[fieldDigest]}
	if ref.Name == "" {
		ref.Name = texts[fieldName]
	}
	return ref, nil
}

// value is what the mapping has for a field, by itself or by a merge key; own
// has the pair in the first case. The value is nil where there is neither.
func (k *kustomization) value(mapping *yaml.Node, name string) (value *yaml.Node, own pair, err error) {
	own, ok, err := k.field(mapping, name)
	if err != nil {
		return nil, pair{}, err
	}
	if ok {
		return own.value, own, nil
	}
	return inherited(mapping, named(name)), pair{}, nil
}
