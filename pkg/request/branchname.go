package request

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// otherBranch checks the branch of the change next to the one that it is for. Git has one file for each branch, and a
// file cannot be a directory too.
func (c checks) otherBranch(field, v, base string) {
	switch {
	case v == base:
		c.add(field, "is %q, the branch to merge into: name another", clip(v))
	case strings.HasPrefix(v, base+"/") || strings.HasPrefix(base, v+"/"):
		c.add(field, "is %q, which git cannot have next to the branch %q: name one that does not begin with it", clip(v), clip(base))
	}
}

const (
	branchPrefix   = "tekton-gitops/"
	maxBranchPart  = 60
	branchHashSize = 4
)

// branchFor derives the branch of a change that names none: readable where there is one image, and different for
// different changes, because several places of one repository get the same version, each in its own pull request.
func branchFor(r Request) string {
	// What is hashed are strings only.
	change, _ := json.Marshal(struct {
		Base    string
		Images  []image.Want
		Updates []Update
	}{r.Git.Branch, r.Images, r.Updates})
	sum := sha256.Sum256(change)
	hash := hex.EncodeToString(sum[:branchHashSize])
	readable := "update"
	if len(r.Images) == 1 {
		want := r.Images[0]
		_, digest, _ := strings.Cut(want.Digest, ":")
		readable = branchPart(path.Base(cmp.Or(want.NewName, want.Name))) + "-" + branchPart(cmp.Or(want.NewTag, digest[:min(len(digest), 12)]))
	}
	branch := branchPrefix + r.Git.Branch + "/" + readable + "-" + hash
	if len(branch) > maxBranchBytes {
		branch = branchPrefix + readable + "-" + hash
	}
	return branch
}

var dots = regexp.MustCompile(`\.{2,}`)

// branchPart makes s a part of a branch's name, which neither begins nor ends it.
func branchPart(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, s)
	s = strings.Trim(dots.ReplaceAllString(s, "."), "-.")
	return s[:min(len(s), maxBranchPart)]
}
