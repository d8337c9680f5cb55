package manifest

import (
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// parts sets the image where it has a field for each part.
func (h helm) parts(at HelmFields, edit *Edit) error {
	if err := h.checkFields(at); err != nil {
		return err
	}
	var fields [3]spot
	for i, path := range [...]string{at.Repository, at.Tag, at.Digest} {
		field, err := h.field(path)
		if err != nil {
			return err
		}
		for _, other := range fields[:i] {
			if field.node != nil && field.node == other.node {
				return h.failAt(field.node, "%s is named for two parts of the image: give each a path of its own", field.name)
			}
		}
		fields[i] = field
	}
	repository, tag, digest := fields[0], fields[1], fields[2]
	names, err := h.names(repository)
	if err != nil {
		return err
	}
	edit.Previous = image.Ref{Name: names.before, Tag: tag.text(), Digest: digest.text()}
	edit.Image = image.Ref{Name: names.after, Tag: h.want.NewTag, Digest: h.want.Digest}
	if name, inTag, ok := strings.Cut(edit.Previous.Tag, "@"); ok {
		edit.Previous.Tag = name
		if edit.Previous.Digest == "" {
			edit.Previous.Digest = inTag
		}
	}
	if names.write != "" {
		if err := h.set(repository, names.write); err != nil {
			return err
		}
	}
	if err := h.setTag(tag); err != nil {
		return err
	}
	return h.setDigest(digest)
}

// checkFields refuses to leave out a part of the wanted image.
func (h helm) checkFields(at HelmFields) error {
	for _, part := range [...]struct{ name, value, path string }{
		{"repository", h.want.NewName, at.Repository}, {"tag", h.want.NewTag, at.Tag}, {"digest", h.want.Digest, at.Digest},
	} {
		if part.value != "" && part.path == "" {
			return h.fail(0, 0, "the image to set has the %s %s, and no field of the file is named for it: give the path of the %s too",
				part.name, part.value, part.name)
		}
	}
	return nil
}

// names are the image's name before and after, and what the repository's field
// has to say for that; empty: what it says.
type names struct{ before, after, write string }

// names compares the repository's field with the image. A chart may keep the
// registry in another field; then this one has only the end of the name.
func (h helm) names(repository spot) (names, error) {
	text, name, target := repository.text(), h.want.Name, h.want.Target().Name
	front, isEnd := cutTail(name, text)
	_, isTargetsEnd := cutTail(target, text)
	switch {
	case text == "" && h.want.NewName == "":
		return names{before: name, after: name}, nil
	case text == "":
		return names{before: name, after: target, write: target}, nil
	case image.SameName(text, target):
		return names{before: text, after: text}, nil
	case isEnd && name == target:
		return names{before: name, after: name}, nil
	case h.want.NewName == "":
		return names{}, h.notFound(repository)
	case image.SameName(text, name):
		return names{before: text, after: target, write: target}, nil
	case isEnd:
		write, fits := strings.CutPrefix(target, front)
		if _, again := cutTail(name, write); !fits || again || isTargetsEnd {
			return names{}, h.failAt(repository.node, "%s is %s: the rest of %s is in another field, which is not known here, so newName %s cannot be set", repository.name, clip(text), name, target)
		}
		return names{before: name, after: target, write: write}, nil
	case isTargetsEnd:
		return names{before: target, after: target}, nil
	}
	return names{before: text, after: target, write: target}, nil
}

// cutTail takes the end of a name off, if that begins behind a slash.
func cutTail(name, tail string) (front string, ok bool) {
	front, ok = strings.CutSuffix(name, tail)
	return front, ok && tail != "" && strings.HasSuffix(front, "/")
}

func (h helm) setTag(field spot) error {
	switch {
	case h.want.NewTag != "":
		return h.set(field, h.want.NewTag)
	case field.node == nil:
		return nil
	}
	old := field.text()
	kept, _, _ := strings.Cut(old, "@")
	if strings.HasPrefix(kept, "sha256:") || strings.HasPrefix(kept, "sha512:") {
		kept = ""
	}
	if kept == old {
		return nil
	}
	return h.set(field, kept)
}

func (h helm) setDigest(field spot) error {
	if h.want.Digest == "" && field.text() == "" {
		return nil
	}
	return h.set(field, h.want.Digest)
}
