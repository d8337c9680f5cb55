package request

import (
	"cmp"
	"net/url"
	"path"
	"regexp"
	"strings"
)

var apiPathForm = regexp.MustCompile(`^(/[-A-Za-z0-9._~]+)*/?$`)

// apiURL returns the URL without the slash at its end. Its messages never repeat it, as for repository.
func (c checks) apiURL(field, v string) string {
	if v == "" || !c.plainSecret(field, v) {
		return v
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || len(v) > maxURLBytes || u.Opaque != "":
		c.add(field, "is not a URL: write https://HOST or https://HOST/PATH")
	case u.User != nil:
		c.add(field, "holds a user name or password: put them into a Secret, and take them out of the URL everywhere")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(v, "#"):
		c.add(field, "holds a query or fragment: write https://HOST/PATH")
	case u.Scheme != "https" && u.Scheme != "http":
		c.add(field, "is not an https URL: write https://HOST/PATH")
	case !isServer(u.Host):
		c.add(field, "has no usable host: write https://HOST/PATH")
	case !apiPathForm.MatchString(u.EscapedPath()) || u.Path != "" && path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/":
		c.add(field, "has no usable path: write https://HOST/PATH, without '..' and '//'")
	default:
		return u.Scheme + "://" + strings.ToLower(u.Host) + strings.TrimSuffix(u.Path, "/")
	}
	return v
}

// tokenMayGo tells whether the API is on the host of the repository, or on api. in front of it, so that it may get what
// is there to log in to the repository. Over http and https the port is part of the host, and what goes to the one over
// https does not go to the other over http. Addresses that cannot be read have been refused already.
func tokenMayGo(repository, api string) bool {
	a, err := url.Parse(api)
	if err != nil {
		return true
	}
	var host string
	if m := scpForm.FindStringSubmatch(repository); m != nil {
		host = m[1]
	} else {
		g, err := url.Parse(repository)
		if err != nil {
			return true
		}
		host = g.Hostname()
		if g.Scheme == "https" && a.Scheme != "https" || g.Scheme != "ssh" && strings.EqualFold(host, a.Hostname()) && port(g) != port(a) {
			return false
		}
	}
	return strings.EqualFold(host, a.Hostname()) || strings.EqualFold("api."+host, a.Hostname())
}

func port(u *url.URL) string {
	if u.Scheme == "http" {
		return cmp.Or(u.Port(), "80")
	}
	return cmp.Or(u.Port(), "443")
}
