package image

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/distribution/reference"
)

// maxName is the longest name that registries take, in bytes.
const maxName = 255

var (
	tagGrammar    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$`)
	digestGrammar = regexp.MustCompile(`^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$`)
	// placeholderGrammar is for names that stand in manifests only to be
	// replaced by a newName: kustomize compares them as they are.
	placeholderGrammar = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]*(/[a-zA-Z0-9_][a-zA-Z0-9_.-]*)*$`)
)

// Want is what to set, in the terms of kustomize's images: the image that
// manifests call Name gets the repository NewName (when there is one), and
// NewTag, Digest or both.
type Want struct {
	// Name is the image's name in the manifests, without tag and digest.
	Name string `json:"name"`
	// NewName is the repository to use instead. Empty: what the manifest
	// already says stays.
	NewName string `json:"newName,omitempty"`
	// NewTag is the tag to set. Empty with a Digest: no tag.
	NewTag string `json:"newTag,omitempty"`
	// Digest is the digest to set, "sha256:…" or "sha512:…". Empty with a
	// NewTag: no digest.
	Digest string `json:"digest,omitempty"`
}

// ParseWant reads the syntax of kustomize edit set image: "name:tag",
// "name@digest", "name:tag@digest", and each with "name=newName" in front of
// the tag or digest. The result is valid, or the error wraps ErrInvalid.
func ParseWant(s string) (Want, error) {
	name, target, renamed := strings.Cut(s, "=")
	if !renamed {
		target = s
	}
	ref := split(target)
	if ref.String() != target {
		return Want{}, fmt.Errorf("%w: %q has an empty tag or digest: leave out the colon or the at sign", ErrInvalid, s)
	}
	w := Want{Name: ref.Name, NewTag: ref.Tag, Digest: ref.Digest}
	if renamed {
		w.Name, w.NewName = name, ref.Name
		if w.NewName == "" {
			return Want{}, fmt.Errorf("%w: %q has no name after the equals sign", ErrInvalid, s)
		}
	}
	if err := w.Validate(); err != nil {
		return Want{}, err
	}
	return w, nil
}

// Target is the reference that a container runs once w is set, where the
// manifest has no name of its own to replace Name with.
func (w Want) Target() Ref {
	r := Ref{Name: w.Name, Tag: w.NewTag, Digest: w.Digest}
	if w.NewName != "" {
		r.Name = w.NewName
	}
	return r
}

// Matches reports whether live, the reference of a container, is the wanted
// image: see Ref.Matches.
func (w Want) Matches(live string) bool { return w.Target().Matches(live) }

// String is w in the syntax that ParseWant reads.
func (w Want) String() string {
	if w.NewName == "" {
		return w.Target().String()
	}
	return w.Name + "=" + w.Target().String()
}

// Validate checks the names, the tag (at most 128 of letters, digits, "_", "."
// and "-") and the digest, and that there is a tag or a digest to set. Its
// errors wrap ErrInvalid.
func (w Want) Validate() error {
	if w.Name == "" {
		return fmt.Errorf("%w: no name: give the image's name as the manifests have it", ErrInvalid)
	}
	if !isName(w.Name) && !isPlaceholder(w.Name) {
		want := "want registry/repository without tag and digest"
		if isName(strings.ToLower(w.Name)) {
			want += ", the repository in lower case"
		}
		return fmt.Errorf("%w: name %s: %s", ErrInvalid, clip(w.Name), want)
	}
	if w.NewName != "" && !isName(w.NewName) {
		return fmt.Errorf("%w: newName %s: want registry/repository without tag and digest, the repository in lower case", ErrInvalid, clip(w.NewName))
	}
	if w.NewTag == "" && w.Digest == "" {
		return fmt.Errorf("%w: %s has neither tag nor digest: give one to set", ErrInvalid, clip(w.Name))
	}
	if w.NewTag != "" && !tagGrammar.MatchString(w.NewTag) {
		return fmt.Errorf("%w: tag %s: want at most 128 letters, digits, '_', '.' or '-', and neither '.' nor '-' first", ErrInvalid, clip(w.NewTag))
	}
	if w.Digest != "" && !digestGrammar.MatchString(w.Digest) {
		return fmt.Errorf("%w: digest %s: want sha256: and 64, or sha512: and 128 lower-case hexadecimal digits", ErrInvalid, clip(w.Digest))
	}
	return nil
}

func isName(s string) bool {
	if len(s) > maxName {
		return false
	}
	named, err := reference.ParseNormalizedNamed(s)
	return err == nil && reference.IsNameOnly(named)
}

// isPlaceholder tells a name that only stands for an image, such as
// SERVER_IMAGE, from one that is meant to be a reference and is none: what names
// a registry is meant, and quay.io/Server would become a container that never
// starts.
func isPlaceholder(s string) bool {
	if len(s) > maxName || !placeholderGrammar.MatchString(s) {
		return false
	}
	host, _, found := strings.Cut(s, "/")
	return !found || !strings.Contains(host, ".") && !strings.EqualFold(host, "localhost")
}

// clip quotes s for a message, at a bounded length.
func clip(s string) string {
	const limit = 80
	if len(s) > limit {
		return fmt.Sprintf("%.*q…", limit, s)
	}
	return fmt.Sprintf("%q", s)
}
