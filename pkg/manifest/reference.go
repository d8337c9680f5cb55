package manifest

import "github.com/tekton-gitops/tekton-gitops/pkg/image"

// reference reads what a field says of an image. A name that no registry knows
// (a placeholder such as SERVER_IMAGE, with or without a tag) counts too; any
// other text is a name as a whole, which no image has.
func reference(text string) image.Ref {
	if ref, err := image.Parse(text); err == nil {
		return ref
	}
	if want, err := image.ParseWant(text); err == nil && want.NewName == "" {
		return want.Target()
	}
	return image.Ref{Name: text}
}

// isReference reports whether text is fit to stand in a message as it is.
func isReference(text string) bool {
	_, err := image.Parse(text)
	return err == nil
}

// retarget is the reference that takes old's place once want is set; false when
// old is another image. The name stays as it is written where that is the
// wanted repository already.
func retarget(old image.Ref, want image.Want) (image.Ref, bool) {
	target := want.Target()
	switch {
	case image.SameName(old.Name, target.Name):
		target.Name = old.Name
	case !image.SameName(old.Name, want.Name):
		return image.Ref{}, false
	}
	return target, true
}
