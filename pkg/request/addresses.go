package request

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	maxURLBytes    = 2048
	maxBranchBytes = 244
)

var (
	// scpForm is an ssh address as scp writes it.
	scpForm = regexp.MustCompile(`^[A-Za-z0-9._][-A-Za-z0-9._]*@([-A-Za-z0-9.]+):([^?#@\p{Z}\p{Cc}]+)$`)
	sshUser = regexp.MustCompile(`^[A-Za-z0-9._][-A-Za-z0-9._]*$`)
)

// repository checks a URL. Its messages never repeat it: there might be a password in it.
func (c checks) repository(field, v string) string {
	if !c.plainSecret(field, v) {
		return v
	}
	if m := scpForm.FindStringSubmatch(v); m != nil && len(v) <= maxURLBytes {
		if !isServer(m[1]) || !isRepositoryPath(m[2]) {
			c.add(field, "has no usable host or path: write git@HOST:PATH or ssh://git@HOST/PATH")
		}
		return v
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || len(v) > maxURLBytes || strings.ContainsFunc(v, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		c.add(field, "is not a URL: write https://HOST/PATH, ssh://git@HOST/PATH or git@HOST:PATH")
	case u.User != nil && !isSSHUser(u):
		c.add(field, "holds a user name or password: put them into a Secret, and take them out of the URL everywhere")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(v, "#"):
		c.add(field, "holds a query or fragment: write https://HOST/PATH")
	case u.Scheme == "file": // Well formed, and denied by policy, which names the reason.
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		c.add(field, "is not an https or ssh URL: write https://HOST/PATH or ssh://git@HOST/PATH")
	case !isServer(u.Host):
		c.add(field, "has no usable host: write https://HOST/PATH")
	case !isRepositoryPath(u.Path):
		c.add(field, "has no usable path: write https://HOST/PATH, without '..' and '//'")
	}
	return v
}

// plainSecret is plain for what may hold a password, and is not repeated.
func (c checks) plainSecret(field, v string) bool {
	if strings.Contains(v, "$(") {
		c.add(field, "holds a variable that nothing has replaced")
		return false
	}
	return true
}

// isSSHUser tells whether the user in u is part of an ssh address, as in ssh://git@host, and no credential.
func isSSHUser(u *url.URL) bool {
	_, password := u.User.Password()
	return u.Scheme == "ssh" && !password && sshUser.MatchString(u.User.Username())
}

// isRepositoryPath takes a path with or without a slash in front of it.
func isRepositoryPath(p string) bool {
	clean := path.Clean(p)
	return strings.Trim(p, "/") != "" && clean == strings.TrimSuffix(p, "/") && clean != "." && clean != ".." && !strings.HasPrefix(clean, "../")
}

// isServer tells whether s is host or host:port.
func isServer(s string) bool {
	bracketed := strings.HasPrefix(s, "[")
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "443"
		if bracketed && strings.HasSuffix(s, "]") {
			host = s[1 : len(s)-1]
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || port[0] == '0' {
		return false
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == "" && addr.Is6() == bracketed
	}
	return !bracketed && len(validation.IsDNS1123Subdomain(strings.ToLower(host))) == 0
}

func (c checks) server(field, v string) string {
	if v != "" && c.plain(field, v) && !isServer(v) {
		c.add(field, "is %q: write host or host:port, without https:// and without a path", clip(v))
	}
	return strings.ToLower(v)
}

// branchForbidden is what git check-ref-format forbids inside a branch name.
var branchForbidden = regexp.MustCompile(`[[:space:][:cntrl:]~^:?*\[\\]|\.\.|//|/\.|@\{|\.lock(/|$)`)

func (c checks) branch(field, v, unset string) string {
	if v == "" {
		return unset
	}
	if c.plain(field, v) && (!isReference(v) || strings.HasPrefix(v, "refs/")) {
		c.add(field, "is %q: write the short name of a branch, such as main", clip(v))
	}
	return v
}

// revision checks a branch, a tag, a full reference or a commit; empty is none.
func (c checks) revision(field, v string) string {
	if v != "" && c.plain(field, v) && !isReference(v) {
		c.add(field, "is %q: write a branch, a tag or a commit", clip(v))
	}
	return v
}

// isReference is what git check-ref-format says, of a reference or what stands behind refs/heads/. v is not empty.
func isReference(v string) bool {
	return len(v) <= maxBranchBytes && !branchForbidden.MatchString(v) && v != "@" &&
		!strings.ContainsAny(v[:1], "-./") && !strings.ContainsAny(v[len(v)-1:], "./")
}
