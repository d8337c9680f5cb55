package request

import (
	"fmt"
	"slices"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// maxUpdates bounds the places that one commit changes, as in the CRD's schema.
const maxUpdates = 16

// maxValueBytes bounds the value of a scalar.
const maxValueBytes = 1024

// updates checks the places that are written. given tells whether the spec has images, whatever became of them.
func (c checks) updates(updates []v1alpha1.Update, wants []image.Want, given bool) []Update {
	if len(updates) > maxUpdates {
		c.add("update", "has %d items: at most %d", len(updates), maxUpdates)
		updates = updates[:maxUpdates]
	}
	var all []Update
	images := false
	for i, u := range updates {
		one := c.update(fmt.Sprintf("update[%d]", i), u, wants)
		images = images || one.YAML == nil
		all = append(all, one)
	}
	if images && !given {
		c.add("images", "missing: say which image to set")
	}
	return all
}

func (c checks) update(field string, u v1alpha1.Update, wants []image.Want) Update {
	one := Update{Images: c.subset(field+".images", u.Images, wants)}
	ways := 0
	if k := u.Kustomize; k != nil {
		ways++
		one.Kustomize = &Kustomize{Path: c.directory(field+".kustomize.path", string(k.Path))}
	}
	if h := u.Helm; h != nil {
		ways++
		one.Helm = c.helm(field+".helm", h)
		switch set := one.Wants(wants); {
		case len(set) > 1:
			c.add(field+".images", "has to name one image: helm sets one, and there are %d", len(set))
		case len(set) == 1 && one.Helm.Image == "" && one.Helm.Tag+one.Helm.Digest != "":
			c.helmParts(field+".helm", one.Helm, set[0])
		}
	}
	if m := u.Manifests; m != nil {
		ways++
		one.Manifests = &Manifests{
			Path:      c.directory(field+".manifests.path", string(m.Path)),
			Container: c.label(field+".manifests.container", string(m.Container)),
		}
	}
	if y := u.YAML; y != nil {
		ways++
		one.YAML = c.yaml(field+".yaml", y, wants)
		if len(u.Images) > 0 {
			c.add(field+".images", "says nothing with yaml, which sets a value and no image: leave it out")
		}
	}
	if ways != 1 {
		c.add(field, "has %d of kustomize, helm, manifests, yaml: set exactly one", ways)
	}
	return one
}

// subset checks names that have to be among the wanted images.
func (c checks) subset(field string, names []v1alpha1.ImageName, wants []image.Want) []string {
	var all []string
	for i, n := range names {
		name := string(n)
		item := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case !c.required(item, name) || !c.plain(item, name):
		case !slices.ContainsFunc(wants, func(w image.Want) bool { return image.SameName(w.Name, name) }):
			c.add(item, "%q is not one of images", clip(name))
		case slices.ContainsFunc(all, func(other string) bool { return image.SameName(other, name) }):
			c.add(item, "%q is there twice", clip(name))
		default:
			all = append(all, name)
		}
	}
	return all
}

func (c checks) helm(field string, h *v1alpha1.Helm) *Helm {
	one := &Helm{
		File:       c.file(field+".file", string(h.File)),
		Image:      c.valuePath(field+".image", string(h.Image)),
		Repository: c.valuePath(field+".repository", string(h.Repository)),
		Tag:        c.valuePath(field+".tag", string(h.Tag)),
		Digest:     c.valuePath(field+".digest", string(h.Digest)),
	}
	switch parts := one.Repository + one.Tag + one.Digest; {
	case one.Image != "" && parts != "":
		c.add(field+".image", "is the whole reference in one field: it excludes repository, tag and digest")
	case one.Image == "" && one.Tag == "" && one.Digest == "":
		c.add(field+".tag", "missing: say where the tag is, or the digest, or image for the whole reference in one field")
	}
	return one
}

// helmParts refuses to leave out a part of the image.
func (c checks) helmParts(field string, h *Helm, want image.Want) {
	for _, part := range []struct{ name, value, path string }{
		{"repository", want.NewName, h.Repository}, {"tag", want.NewTag, h.Tag}, {"digest", want.Digest, h.Digest},
	} {
		if part.value != "" && part.path == "" {
			c.add(field+"."+part.name, "the image has a %[1]s to set, and no field is named for it: give helm.%[1]s, or leave it out of the image", part.name)
		}
	}
}

func (c checks) yaml(field string, y *v1alpha1.YAML, wants []image.Want) *YAML {
	c.required(field+".path", string(y.Path))
	one := &YAML{
		File:  c.file(field+".file", string(y.File)),
		Path:  c.valuePath(field+".path", string(y.Path)),
		Value: c.value(field+".value", string(y.Value)),
	}
	if one.Value == "" && len(wants) == 1 {
		one.Value = wants[0].NewTag
		if one.Value == "" {
			one.Value = wants[0].Digest
		}
	}
	if one.Value == "" {
		c.add(field+".value", "missing: give the value to set, or exactly one image, whose tag it then is")
	}
	return one
}
