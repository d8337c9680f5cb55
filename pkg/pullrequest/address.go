package pullrequest

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Address is where a repository is, as its git URL tells.
type Address struct {
	// Scheme is https or http: what the API of the host is reached with. For an ssh URL it is https.
	Scheme string
	// Host is host or host:port. The port of an ssh URL says nothing about the API, and is left out.
	Host string
	// Owner and Name are the last two parts of the path.
	Owner, Name string
}

// scpLike is git@host:path, which is no URL.
var scpLike = regexp.MustCompile(`^(?:[^@/]+@)?([^@/:]+):(.+)$`)

// ParseAddress reads the URL of a repository: https://host/owner/name.git, ssh://git@host/owner/name or
// git@host:owner/name. It fails with ErrURL.
func ParseAddress(repository string) (Address, error) {
	u, err := url.Parse(repository)
	if err != nil || u.Scheme == "" || u.Host == "" {
		at := scpLike.FindStringSubmatch(repository)
		if at == nil || strings.Contains(repository, "://") {
			// Not quoted: it may hold a password.
			return Address{}, fmt.Errorf("%w: the repository's URL cannot be read", ErrURL)
		}
		u = &url.URL{Scheme: "ssh", Host: at[1], Path: at[2]}
	}
	a := Address{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}
	switch u.Scheme {
	case "https", "http":
	case "ssh":
		a.Scheme, a.Host = "https", strings.ToLower(u.Hostname())
	default:
		return Address{}, fmt.Errorf("%w: no git host is reached with %s", ErrURL, u.Scheme)
	}
	parts := strings.Split(strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git"), "/")
	if len(parts) < 2 {
		return Address{}, fmt.Errorf("%w: the path of the repository's URL must end in OWNER/NAME", ErrURL)
	}
	a.Owner, a.Name = parts[len(parts)-2], parts[len(parts)-1]
	if a.Owner == "" || a.Name == "" {
		return Address{}, fmt.Errorf("%w: the path of the repository's URL must end in OWNER/NAME", ErrURL)
	}
	return a, nil
}
