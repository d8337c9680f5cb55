package gitrepo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSameRepository(t *testing.T) {
	cases := map[string]struct {
		a, b string
		want bool
	}{
		"equal":                    {"https://github.com/acme/catalog", "https://github.com/acme/catalog", true},
		".git and a slash":         {"https://github.com/acme/catalog.git/", "https://github.com/acme/catalog", true},
		"case":                     {"https://GitHub.com/Acme/catalog", "https://github.com/acme/Catalog.git", true},
		"a user":                   {"https://me:secret@github.com/acme/catalog", "https://github.com/acme/catalog", true},
		"default port":             {"https://github.com:443/acme/catalog", "https://github.com/acme/catalog", true},
		"http":                     {"http://git:80/acme/catalog", "https://git/acme/catalog", true},
		"scp-like and https":       {"git@github.com:acme/catalog.git", "https://github.com/acme/catalog", true},
		"ssh and scp-like":         {"ssh://git@github.com:22/acme/catalog", "git@github.com:acme/catalog.git", true},
		"ssh's port and https":     {"ssh://git@gitea.acme.io:2222/acme/catalog", "https://gitea.acme.io/acme/catalog", true},
		"ssh's ports":              {"ssh://git@git:2222/acme/catalog", "ssh://git@git/acme/catalog", false},
		"scp-like from the root":   {"git@git.acme.io:/acme/catalog.git", "https://git.acme.io/acme/catalog", true},
		"ssh's port for firewalls": {"ssh://git@ssh.github.com:443/acme/catalog.git", "https://github.com/acme/catalog", true},
		"and another repository":   {"ssh://git@ssh.github.com:443/acme/catalog.git", "https://github.com/acme/other", false},
		"https ports":              {"https://git:8443/acme/catalog", "https://git/acme/catalog", false},
		"blanks around":            {" https://github.com/acme/catalog\n", "https://github.com/acme/catalog", true},
		"another host":             {"https://github.com/acme/catalog", "https://gitlab.com/acme/catalog", false},
		"another path":             {"https://github.com/acme/catalog", "https://github.com/acme/catalog2", false},
		"a deeper path":            {"https://gitlab.com/acme/team/catalog", "https://gitlab.com/acme/catalog", false},
		"nothing":                  {"", "https://github.com/acme/catalog", false},
		"a chart registry's name":  {"ghcr.io", "https://ghcr.io/acme", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := SameRepository(c.a, c.b); got != c.want {
				t.Errorf("%q and %q: %v", c.a, c.b, got)
			}
			if got := SameRepository(c.b, c.a); got != c.want {
				t.Errorf("the other way round: %v", got)
			}
		})
	}
}

func TestCommitURL(t *testing.T) {
	cases := map[string]string{
		"https://github.com/acme/catalog.git":           "https://github.com/acme/catalog/commit/abc",
		"git@github.com:acme/catalog.git":               "https://github.com/acme/catalog/commit/abc",
		"https://u:p@gitlab.example.com/a/b/catalog":    "https://gitlab.example.com/a/b/catalog/-/commit/abc",
		"ssh://git@gitea.example.com:2222/acme/catalog": "https://gitea.example.com/acme/catalog/commit/abc",
		"ssh://git@altssh.gitlab.com:443/acme/catalog":  "https://gitlab.com/acme/catalog/-/commit/abc",
		"http://gitea.internal:3000/acme/catalog/":      "http://gitea.internal:3000/acme/catalog/commit/abc",
		"https://codeberg.org/acme/catalog":             "https://codeberg.org/acme/catalog/commit/abc",
		"https://bitbucket.org/acme/catalog":            "https://bitbucket.org/acme/catalog/commits/abc",
		"https://git.example.com/acme/catalog":          "",
		"":                                              "",
	}
	for in, want := range cases {
		if diff := cmp.Diff(want, CommitURL(in, "abc")); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}
