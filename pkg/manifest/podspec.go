package manifest

import (
	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// runs is a container of a pod template, and the image that it runs.
type runs struct {
	container string
	image     spot
	ref       image.Ref
}

// finder looks for the containers of a file.
type finder struct {
	*source
	found []runs
	// seen are the images that were found: a list that is used in two places by
	// an alias counts once.
	seen map[*yaml.Node]bool
}

// document looks for containers in a document, which must be a Kubernetes
// object or empty.
func (f *finder) document(doc *yaml.Node) error {
	at := root(doc)
	if at.node.ShortTag() == "!!null" {
		return nil
	}
	for _, key := range [...]string{"apiVersion", "kind"} {
		field := spot{}
		if at.node.Kind == yaml.MappingNode {
			var err error
			if field, err = f.under(at, key, key); err != nil {
				return err
			}
		}
		if field.text() == "" {
			return f.failAt(at.node, "is no Kubernetes object: it has no %s", key)
		}
	}
	if err := f.checkKeys(at.node); err != nil {
		return err
	}
	return f.walk(at, "")
}

// checkKeys refuses keys that are collections: no Kubernetes object has one, and
// the braces of a template make some.
func (f *finder) checkKeys(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		for _, p := range pairs(n) {
			if isCollection(p.key) {
				return f.failAt(p.key, "a key of a Kubernetes object must be a text; the braces of a template ({{ }}) need quotes around them")
			}
		}
	}
	for _, child := range n.Content {
		if err := f.checkKeys(child); err != nil {
			return err
		}
	}
	return nil
}

// walk looks for pod templates in a value and below it, each where it is
// written: what an alias stands for was looked at there.
func (f *finder) walk(at spot, key string) error {
	if key == "spec" {
		if err := f.podSpec(at); err != nil {
			return err
		}
	}
	switch at.node.Kind {
	case yaml.SequenceNode:
		for _, item := range at.node.Content {
			if err := f.walk(f.below(at, item, "an item of "+at.name), ""); err != nil {
				return err
			}
		}
	case yaml.MappingNode:
		first := map[string]*yaml.Node{}
		for _, p := range pairs(at.node) {
			key := resolve(p.key).Value
			sub := f.below(at, p.value, key)
			if sub.refusal == nil && first[key] != nil {
				sub.refusal = f.duplicate(p.key, first[key])
			}
			first[key] = p.key
			if err := f.walk(sub, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// podSpec notes the containers of a spec, where it is one of a pod.
func (f *finder) podSpec(at spot) error {
	if resolve(at.node).Kind != yaml.MappingNode {
		return nil
	}
	for _, field := range [...]string{"containers", "initContainers"} {
		list, err := f.under(at, field, field)
		if err != nil {
			return err
		}
		if list.node == nil || resolve(list.node).Kind != yaml.SequenceNode {
			continue
		}
		for _, item := range resolve(list.node).Content {
			if err := f.container(f.below(list, item, "a container")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *finder) container(at spot) error {
	if resolve(at.node).Kind != yaml.MappingNode {
		return nil
	}
	name, err := f.under(at, "name", "the name of a container")
	if err != nil {
		return err
	}
	field, err := f.under(at, "image", "image")
	switch {
	case err != nil:
		return err
	case field.node == nil || f.seen[field.node]:
		return nil
	case isCollection(field.node):
		return f.failAt(field.node, "image is no text: it is %s", describe(resolve(field.node)))
	}
	f.seen[field.node] = true
	f.found = append(f.found, runs{container: name.text(), image: field, ref: reference(field.text())})
	return nil
}
