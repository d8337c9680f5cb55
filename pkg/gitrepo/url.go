package gitrepo

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
)

const (
	schemeSSH = "ssh"
	portSSH   = "22"
)

// parseRemoteURL refuses a password inside the URL: it would end up in every place that shows one.
func parseRemoteURL(s string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(s)
	if scp := parseSCP(s); scp != nil {
		u, err = scp, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the URL cannot be parsed", ErrURL)
	}
	if _, has := u.User.Password(); has {
		return nil, fmt.Errorf("%w: %s: put the password into a Secret, not into the URL", ErrURL, redact(u))
	}
	switch {
	case u.Scheme == "http" && !allowHTTP:
		return nil, fmt.Errorf("%w: %s: plain http is not allowed, use https", ErrURL, redact(u))
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != schemeSSH:
		return nil, fmt.Errorf("%w: %s: write https://HOST/PATH, ssh://git@HOST/PATH or git@HOST:PATH", ErrURL, redact(u))
	case u.Hostname() == "", strings.Trim(u.Path, "/") == "":
		return nil, fmt.Errorf("%w: %s: the URL needs a host and a path", ErrURL, redact(u))
	case u.RawQuery != "", u.Fragment != "":
		return nil, fmt.Errorf("%w: %s: the URL must not have a query or a fragment", ErrURL, redact(u))
	case u.Scheme == schemeSSH && !plainSSHPath(u.Path):
		return nil, fmt.Errorf("%w: %s: the path of an ssh URL must not begin with a dash or have control characters", ErrURL, redact(u))
	}
	u.Host = strings.ToLower(u.Host)
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// redact leaves out everything that may hold a secret, a user name that is really a token included.
func redact(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// checkBranchName follows git-check-ref-format(1), as far as a name could break a request or be
// taken for another reference.
func checkBranchName(name string) error {
	bad := name == "" || len(name) > 255 || strings.HasPrefix(name, "refs/") || strings.HasPrefix(name, "-") ||
		strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.HasSuffix(name, ".") || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' })
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return fmt.Errorf("%w: %q is not a branch name; write main, not refs/heads/main", ErrURL, clean(name, maxWords))
	}
	return nil
}

// user@host:path, the form that only ssh has. Git does not ask for a user, but then c:/path is one too.
var (
	scpLike   = regexp.MustCompile(`^(?:[^/@:]+@)?([^/:@]+):(.+)$`)
	scpRemote = regexp.MustCompile(`^([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+):(.+)$`)
)

// parseSCP reads user@host:path, where a path without a leading slash is relative to the user's home.
func parseSCP(s string) *url.URL {
	m := scpRemote.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	return &url.URL{Scheme: schemeSSH, User: url.User(m[1]), Host: m[2], Path: m[3]}
}

// plainSSHPath refuses a path that the server's git would take for an option, as git(1) does, and one
// that could end its line.
func plainSSHPath(p string) bool {
	p = strings.TrimPrefix(p, "/")
	return !strings.HasPrefix(p, "-") && !strings.ContainsFunc(p, unicode.IsControl)
}

// place is what remains of a URL once the way to get there is taken away.
type place struct {
	host, path string
	port       string // "" for the scheme's own
	ssh        bool
}

// canonicalSSH knows the names under which forges serve ssh on the port of https, for those behind a
// firewall.
func canonicalSSH(host string) (string, bool) {
	switch host {
	case "ssh.github.com":
		return "github.com", true
	case "altssh.gitlab.com":
		return "gitlab.com", true
	case "altssh.bitbucket.org":
		return "bitbucket.org", true
	}
	return host, false
}

func placeOf(s string) (place, bool) {
	s = strings.TrimSpace(s)
	var p place
	if m := scpLike.FindStringSubmatch(s); m != nil && !strings.Contains(s, "://") {
		p = place{host: m[1], path: m[2], ssh: true}
	} else {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" {
			return place{}, false
		}
		p = place{host: u.Hostname(), path: u.Path, port: u.Port(), ssh: strings.Contains(u.Scheme, "ssh")}
		if p.port == map[string]string{"https": "443", "http": "80", "ssh": "22", "git+ssh": "22"}[strings.ToLower(u.Scheme)] {
			p.port = ""
		}
	}
	p.host = strings.ToLower(strings.TrimSuffix(p.host, "."))
	if host, ok := canonicalSSH(p.host); ok && p.ssh {
		p.host, p.port = host, ""
	}
	p.path = strings.Trim(path.Clean("/"+p.path), "/")
	p.path = strings.TrimSuffix(p.path, ".git")
	return p, p.host != "" && p.path != ""
}

// SameRepository says whether two URLs mean one repository. Scheme, user, default port, case, a
// trailing slash and .git make no difference: Argo CD compares without case too. The ports of
// ssh and https have nothing to do with each other, so they are compared within one of them only.
// URLs that cannot be understood are the same only when they are equal.
func SameRepository(a, b string) bool {
	pa, okA := placeOf(a)
	pb, okB := placeOf(b)
	if !okA || !okB {
		return strings.TrimSpace(a) == strings.TrimSpace(b)
	}
	return pa.host == pb.host && strings.EqualFold(pa.path, pb.path) && (pa.ssh != pb.ssh || pa.port == pb.port)
}

// CommitURL is the web page of a commit, or "" when the forge cannot be told from the host name
// (github.com, gitlab.example.com, gitea.internal).
func CommitURL(repoURL, commit string) string {
	p, ok := placeOf(repoURL)
	if !ok || commit == "" {
		return ""
	}
	host, scheme := p.host, "https"
	if !p.ssh && p.port != "" {
		host += ":" + p.port
	}
	if strings.HasPrefix(strings.ToLower(repoURL), "http://") {
		scheme = "http"
	}
	for label := range strings.SplitSeq(p.host, ".") {
		switch label {
		case "github", "gitea", "forgejo", "codeberg":
			return scheme + "://" + host + "/" + p.path + "/commit/" + commit
		case "gitlab":
			return scheme + "://" + host + "/" + p.path + "/-/commit/" + commit
		case "bitbucket":
			return scheme + "://" + host + "/" + p.path + "/commits/" + commit
		}
	}
	return ""
}
