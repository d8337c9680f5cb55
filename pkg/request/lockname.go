package request

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"strings"
)

const (
	maxLockPrefix = 40
	lockHashChars = 10
)

// LockName derives the name of the lock of a run that names none: from the Argo CD server and the application, else
// from the repository and the branch. It is a readable prefix and a hash, at most 51 characters. Spellings of one URL
// that differ in the host's case, a final slash or ".git" give one name. A server that only the Secret knows is not
// part of it.
func LockName(r Request) string {
	if a := r.ArgoCD; a != nil {
		return lockName(a.Application.Name, "argocd", a.Server, a.Application.Namespace, a.Application.Name)
	}
	repository, base := r.Git.URL, r.Git.URL
	if u, err := url.Parse(r.Git.URL); err == nil {
		p := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git")
		repository, base = strings.ToLower(u.Host)+p, path.Base(p)
	}
	return lockName(base+"-"+r.Git.Branch, "git", repository, r.Git.Branch)
}

func lockName(readable string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	prefix := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(readable))
	prefix = strings.Trim(prefix[:min(len(prefix), maxLockPrefix)], "-")
	if prefix == "" {
		prefix = "lock"
	}
	return prefix + "-" + hex.EncodeToString(sum[:])[:lockHashChars]
}
