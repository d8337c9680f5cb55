package credentials

import (
	"cmp"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	schemeHTTPS = "https"
	schemeSSH   = "ssh"
	portSSH     = "22"
)

// address is a URL as far as it decides where a credential may go. The host has its
// port, but for anyPort.
type address struct {
	scheme, host, path string
	anyPort            bool
}

// scpForm is user@host:path.
var scpForm = regexp.MustCompile(`^[A-Za-z0-9._-]+@([A-Za-z0-9.-]+):(.+)$`)

// parseRepository reads the URL of a repository.
func parseRepository(raw string) (address, bool) {
	if m := scpForm.FindStringSubmatch(raw); m != nil {
		return address{scheme: schemeSSH, host: net.JoinHostPort(strings.ToLower(m[1]), portSSH)}, true
	}
	if !strings.Contains(raw, "://") {
		return address{}, false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != schemeSSH {
		return parseAddress(raw)
	}
	if _, has := u.User.Password(); has || u.Hostname() == "" {
		return address{}, false
	}
	return address{scheme: schemeSSH, host: net.JoinHostPort(strings.ToLower(u.Hostname()), cmp.Or(u.Port(), portSSH))}, true
}

// parseSSHHost reads an annotation for ssh. Tekton puts it into ssh's own
// configuration, so it has neither scheme nor path.
func parseSSHHost(raw string) (address, bool) {
	u, err := url.Parse("ssh://" + raw)
	if err != nil || u.Host != raw || u.Hostname() == "" || strings.Contains(u.Host, "*") {
		return address{}, false
	}
	host := strings.ToLower(u.Hostname())
	if u.Port() == "" {
		return address{scheme: schemeSSH, host: host, anyPort: true}, true
	}
	return address{scheme: schemeSSH, host: net.JoinHostPort(host, u.Port())}, true
}

func hostOnly(hostPort string) string {
	host, _, _ := net.SplitHostPort(hostPort)
	return host
}

// secretType is the type of the Secrets that are made for the scheme.
func (a address) secretType() corev1.SecretType {
	if a.scheme == schemeSSH {
		return corev1.SecretTypeSSHAuth
	}
	return corev1.SecretTypeBasicAuth
}

// parseAddress reads a URL of http or https; a text without scheme is taken as https.
func parseAddress(raw string) (address, bool) {
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || strings.Contains(u.Host, "*") {
		return address{}, false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	// Cleaned, so that https://host/ours/../theirs is not under https://host/ours.
	p := path.Clean("/" + u.Path)
	if base := path.Base(p); base != ".git" {
		p = strings.TrimSuffix(p, ".git")
	}
	p = strings.TrimSuffix(p, "/")
	return address{scheme: u.Scheme, host: net.JoinHostPort(host, port), path: p}, true
}

func (a address) covers(target address) bool {
	if a.anyPort {
		target.host = hostOnly(target.host)
	}
	return a.scheme == target.scheme && a.host == target.host &&
		(a.path == "" || a.path == target.path || strings.HasPrefix(target.path, a.path+"/"))
}

// longer says whether an address is more exact than another one that covers the same.
func (a address) longer(b address) bool {
	return len(a.path) > len(b.path) || len(a.path) == len(b.path) && b.anyPort && !a.anyPort
}

func (a address) origin() string { return a.scheme + "://" + a.host }

func (a address) String() string { return a.origin() + a.path }
