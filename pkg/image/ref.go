package image

import (
	// The digest check of the reference grammar refuses an algorithm whose
	// implementation is not linked into the program.
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// ErrInvalid is wrapped by every error of this package.
var ErrInvalid = errors.New("invalid image")

// maxReference bounds what is handed to the grammar: a name of 255 bytes, a
// tag of 128 and the longest digest fit several times over.
const maxReference = 1024

// latest is the tag that a reference with neither tag nor digest stands for.
const latest = "latest"

// Ref is an image reference, taken apart. Name is the registry and repository
// as they were written, not normalised.
type Ref struct {
	Name   string `json:"name"`
	Tag    string `json:"tag,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// Parse reads "name", "name:tag", "name@digest" or "name:tag@digest". Its
// errors wrap ErrInvalid.
func Parse(s string) (Ref, error) {
	if len(s) > maxReference {
		return Ref{}, fmt.Errorf("%w: reference of %d bytes is longer than %d", ErrInvalid, len(s), maxReference)
	}
	if _, err := reference.ParseNormalizedNamed(s); err != nil {
		return Ref{}, fmt.Errorf("%w: %q: %w", ErrInvalid, s, err)
	}
	return split(s), nil
}

// String is the reference in the form that Parse reads.
func (r Ref) String() string {
	s := r.Name
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// IsZero reports whether r names no image.
func (r Ref) IsZero() bool { return r == Ref{} }

// Matches reports whether live, the reference of a container, is the image r:
// the same repository, and the tag and the digest that r has. What r leaves
// open matches anything. A live reference with neither tag nor digest has the
// tag "latest"; one that has r's digest and no tag is r, whatever tag r has.
func (r Ref) Matches(live string) bool {
	l, err := Parse(live)
	if err != nil || !SameName(r.Name, l.Name) {
		return false
	}
	if l.Tag == "" && l.Digest == "" {
		l.Tag = latest
	}
	sameTag := r.Tag == "" || r.Tag == l.Tag || (l.Tag == "" && r.Digest != "")
	return sameTag && (r.Digest == "" || r.Digest == l.Digest)
}

// SameName reports whether two names, as they were written, are one
// repository. Names outside of the reference grammar (a placeholder such as
// "SERVER_IMAGE") are the same only when they are equal.
func SameName(a, b string) bool {
	return a == b || normalise(a) == normalise(b)
}

func normalise(name string) string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil || !reference.IsNameOnly(named) {
		return name
	}
	host, path := strings.ToLower(reference.Domain(named)), reference.Path(named)
	// The grammar knows Docker Hub by lower-case names only, so Docker.IO/a has
	// not got its "library/" yet.
	if host == "docker.io" || host == "index.docker.io" {
		if named, err := reference.ParseNormalizedNamed(host + "/" + path); err == nil {
			return named.Name()
		}
	}
	return host + "/" + path
}

// split takes a reference apart without judging it. A colon belongs to a tag
// only behind the last slash; in front of it, it is a port.
func split(s string) Ref {
	name, digest, _ := strings.Cut(s, "@")
	r := Ref{Name: name, Digest: digest}
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		r.Name, r.Tag = name[:colon], name[colon+1:]
	}
	return r
}
