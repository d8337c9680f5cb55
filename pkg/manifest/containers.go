package manifest

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// SetContainerImages sets an image in Kubernetes manifests: in every container
// and init container of every pod template in every document of the file.
//
// A pod template is any mapping with a spec that has a list of containers or of
// initContainers, wherever it is: in a Pod, a Deployment, a CronJob, a Rollout,
// a custom resource, an item of a List. Ephemeral containers are not looked at:
// they are not part of a manifest that is applied.
//
// A container is set when its image is want.Name, or want.NewName already, by
// image.SameName, and when it has the name container where that is not empty.
// Its image then has exactly want's tag and digest, and the name that it had
// unless want has a NewName. An image that several containers share by an
// anchor is set for all of them.
//
// A file without such a container is no error: Places is 0 then, and Others has
// the images that are there. Previous and Image are those of the first container
// that changed, or else of the first that was found.
//
// Every document has to be a Kubernetes object, or empty. Errors are an *Error
// that wraps ErrInvalid or ErrTooLarge, or wrap image.ErrInvalid when want is
// not valid; path is for their messages only.
func SetContainerImages(path string, data []byte, container string, want image.Want, options ...Option) (Edit, error) {
	if err := want.Validate(); err != nil {
		return Edit{}, fmt.Errorf("set image in %s: %w", path, err)
	}
	r, err := open(path, data, options)
	if err != nil {
		return Edit{}, err
	}
	f := finder{source: r.source, seen: map[*yaml.Node]bool{}}
	for _, doc := range r.docs {
		if err := f.document(doc); err != nil {
			return Edit{}, err
		}
	}
	var edit Edit
	var found []runs
	for _, one := range f.found {
		_, ok := retarget(one.ref, want)
		if ok && (container == "" || one.container == container) {
			found = append(found, one)
			continue
		}
		edit.Others = note(edit.Others, one, container)
	}
	edit.Places = len(found)
	if err := r.setAll(found, want, &edit); err != nil {
		return Edit{}, err
	}
	return r.finish(edit)
}

// maxOthers bounds the images that an Edit reports.
const maxOthers = 10

// note adds the image of a container that is not set. Its name tells why, where
// a container was asked for.
func note(others []string, one runs, container string) []string {
	text := one.image.text()
	if text == "" {
		return others
	}
	if !isReference(text) {
		text = clip(text)
	}
	if container != "" {
		text += fmt.Sprintf(" (container %s)", clip(one.container))
	}
	if len(others) == maxOthers || slices.Contains(others, text) {
		return others
	}
	return append(others, text)
}

// setAll sets the images of containers.
func (r *rewrite) setAll(found []runs, want image.Want, edit *Edit) error {
	var puts []put
	for i, one := range found {
		target, _ := retarget(one.ref, want)
		stays := isString(one.image.node, target.String())
		if i == 0 || !stays && len(puts) == 0 {
			edit.Previous, edit.Image = one.ref, target
		}
		if !stays {
			puts = append(puts, put{one.image, text(target.String())})
		}
	}
	return r.putAll(puts)
}
