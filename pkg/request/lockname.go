package request

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
)

const (
	maxLockPrefix = 40
	lockHashChars = 10
)

// LockName derives the name of the lock of a run that names none: from the Argo CD server and the applications, in
// whatever order they are named, or their selector; else from the repository and the branch. It is a readable prefix
// and a hash, at most 51 characters.
//
// One repository gives one name over https, ssh and scp's form, with and without user, port, ".git", and in any case.
// So do two repositories that differ in nothing else: their runs wait for each other without need. A server with and
// without the default port is the same; one that only the Secret knows is not part of the name.
func LockName(r Request) string {
	if r.ArgoCD != nil {
		return argoLockName(r.ArgoCD)
	}
	repository := repositoryKey(r.Git.URL)
	return lockName(path.Base(repository)+"-"+r.Git.Branch, "git", repository, r.Git.Branch)
}

// repositoryKey is what all addresses of one repository have in common: host/path in lower case. It is the address
// itself where it cannot be read.
func repositoryKey(address string) string {
	var host, p string
	if m := scpForm.FindStringSubmatch(address); m != nil {
		host, p = m[1], m[2]
	} else if u, err := url.Parse(address); err == nil {
		host, p = u.Hostname(), u.Path
	} else {
		return address
	}
	return strings.ToLower(host + "/" + strings.TrimSuffix(strings.Trim(p, "/"), ".git"))
}

func argoLockName(a *ArgoCD) string {
	parts := []string{"argocd", serverKey(a)}
	if s := a.Selector; s != nil {
		var readable []string
		for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
			readable = append(readable, s.MatchLabels[key])
			parts = append(parts, key+"="+s.MatchLabels[key])
		}
		return lockName(strings.Join(readable, "-"), append(parts, s.Namespace, s.Project)...)
	}
	apps := slices.SortedFunc(slices.Values(a.Applications), func(x, y Application) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	var names []string
	for _, app := range apps {
		names = append(names, app.Name)
		parts = append(parts, app.Namespace, app.Name)
	}
	return lockName(strings.Join(names, "-"), parts...)
}

// serverKey is the server with its port, which is 443 by default, and 80 without TLS.
func serverKey(a *ArgoCD) string {
	if _, _, err := net.SplitHostPort(a.Server); err == nil || a.Server == "" {
		return a.Server
	}
	if a.Plaintext {
		return a.Server + ":80"
	}
	return a.Server + ":443"
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
