package request

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	maxDuration    = 168 * time.Hour
	maxURLBytes    = 2048
	maxBranchBytes = 244
	maxPathBytes   = 1024
	maxLineBytes   = 256
)

// checks holds the grammar of every kind of field. They repeat the rules of the CRD's schema (scalars.go of the API
// package) for values after substitution. Each reports to problems and returns the value to use.
type checks struct{ *problems }

// plain refuses a value that still holds a variable: Tekton leaves one in place when it does not know it, and no field
// but a message may hold one.
func (c checks) plain(field, v string) bool {
	if strings.Contains(v, "$(") {
		c.add(field, "holds a variable that nothing has replaced: %q", clip(v))
		return false
	}
	return true
}

func (c checks) required(field, v string) bool {
	if v == "" {
		c.add(field, "missing")
	}
	return v != ""
}

func (c checks) boolean(field, v string) bool {
	switch v {
	case "", "false":
	case "true":
		return true
	default:
		c.add(field, "is %q: write true or false", clip(v))
	}
	return false
}

func (c checks) duration(field, v string, unset, least time.Duration) metav1.Duration {
	if v == "" {
		return metav1.Duration{Duration: unset}
	}
	d, err := time.ParseDuration(v)
	switch {
	case err != nil:
		c.add(field, "is %q: write a duration such as 90s, 10m or 1h30m", clip(v))
	case d < least || d > maxDuration:
		c.add(field, "is %s: at least %s and at most %s", d, least, maxDuration)
	}
	return metav1.Duration{Duration: d}
}

// object checks the name of a Kubernetes object.
func (c checks) object(field, v string) string {
	if v != "" && c.plain(field, v) && len(validation.IsDNS1123Subdomain(v)) > 0 {
		c.add(field, "is %q: write the name of an object: lower case letters, digits, '-' and '.'", clip(v))
	}
	return v
}

// secret checks the name of a Secret, which is always one of the run's namespace.
func (c checks) secret(field, v string) string {
	if strings.Contains(v, "/") {
		c.add(field, "is %q: name a Secret of the run's own namespace; no other can be used", clip(v))
		return v
	}
	return c.object(field, v)
}

// label checks the name of a namespace or a container.
func (c checks) label(field, v string) string {
	if v != "" && c.plain(field, v) && len(validation.IsDNS1123Label(v)) > 0 {
		c.add(field, "is %q: write a name of lower case letters, digits and '-', at most 63 characters", clip(v))
	}
	return v
}

// repository checks a URL. Its messages never repeat it: there might be a password in it.
func (c checks) repository(field, v string) string {
	if strings.Contains(v, "$(") {
		c.add(field, "holds a variable that nothing has replaced")
		return v
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || len(v) > maxURLBytes || strings.ContainsFunc(v, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		c.add(field, "is not a URL: write https://HOST/PATH")
	case u.User != nil:
		c.add(field, "holds a user name or password: put them into a Secret, and take them out of the URL everywhere")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		c.add(field, "holds a query or fragment: write https://HOST/PATH")
	case u.Scheme == "file": // Well formed, and denied by policy, which names the reason.
	case u.Scheme != "https" && u.Scheme != "http":
		c.add(field, "is not an https URL: write https://HOST/PATH")
	case !isServer(u.Host):
		c.add(field, "has no usable host: write https://HOST/PATH")
	case u.Opaque != "" || strings.Trim(u.Path, "/") == "" || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/"):
		c.add(field, "has no usable path: write https://HOST/PATH, without '..' and '//'")
	}
	return v
}

// isServer tells whether s is host or host:port.
func isServer(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "443"
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			host = s[1 : len(s)-1]
		}
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return false
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == "" && addr.Is6() == strings.HasPrefix(s, "[")
	}
	return len(validation.IsDNS1123Subdomain(strings.ToLower(host))) == 0
}

func (c checks) server(field, v string) string {
	if v != "" && c.plain(field, v) && !isServer(v) {
		c.add(field, "is %q: write host or host:port, without https:// and without a path", clip(v))
	}
	return strings.ToLower(v)
}

// branchForbidden is what git check-ref-format forbids inside a branch name.
var branchForbidden = regexp.MustCompile(`[[:space:][:cntrl:]~^:?*\[\\]|\.\.|//|/\.|@\{|\.lock(/|$)`)

func (c checks) branch(field, v string) string {
	if v == "" {
		return defaultBranch
	}
	if !c.plain(field, v) {
		return v
	}
	if len(v) > maxBranchBytes || branchForbidden.MatchString(v) || v == "@" || strings.HasPrefix(v, "refs/") ||
		strings.ContainsAny(v[:1], "-./") || strings.ContainsAny(v[len(v)-1:], "./") {
		c.add(field, "is %q: write the short name of a branch, such as main", clip(v))
	}
	return v
}

// directory checks a path inside the repository, and returns it clean.
func (c checks) directory(field, v string) string {
	if !c.required(field, v) || !c.plain(field, v) {
		return v
	}
	clean := path.Clean(strings.TrimSuffix(strings.TrimPrefix(v, "./"), "/"))
	bad := len(v) > maxPathBytes || strings.HasPrefix(v, "/") || strings.Contains(v, "//") ||
		strings.ContainsFunc(v, func(r rune) bool { return r == '\\' || unicode.IsControl(r) })
	for _, part := range strings.Split(v, "/") {
		bad = bad || part == ".." || strings.EqualFold(part, ".git")
	}
	if bad {
		c.add(field, "is %q: write a path below the root of the repository, such as overlays/dev, without '..'", clip(v))
	}
	return clean
}

// line checks one part of an identity in git, which git itself would otherwise cut off or misread.
func (c checks) line(field, v, unset string) string {
	v = strings.TrimSpace(v)
	if v == "" {
		return unset
	}
	if c.plain(field, v) && (len(v) > maxLineBytes || strings.ContainsFunc(v, func(r rune) bool { return r == '<' || r == '>' || unicode.IsControl(r) })) {
		c.add(field, "is %q: write one line of at most %d bytes, without '<' and '>'", clip(v), maxLineBytes)
	}
	return v
}

var syncOption = regexp.MustCompile(`^[A-Za-z]+=[A-Za-z0-9]+$`)

func (c checks) syncOption(field, v string) string {
	if c.plain(field, v) && !syncOption.MatchString(v) {
		c.add(field, "is %q: write an option as Name=value", clip(v))
	}
	return v
}
