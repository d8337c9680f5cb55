package pullrequest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	for url, want := range map[string]Address{
		"https://github.com/acme/shop.git":           {"https", "github.com", "acme", "shop"},
		"https://GitHub.com/acme/shop/":              {"https", "github.com", "acme", "shop"},
		"https://git.example.com:8443/acme/shop":     {"https", "git.example.com:8443", "acme", "shop"},
		"http://127.0.0.1:3000/acme/shop.git":        {"http", "127.0.0.1:3000", "acme", "shop"},
		"https://git.example.com/scm/acme/shop.name": {"https", "git.example.com", "acme", "shop.name"},
		"ssh://git@git.example.com:2222/acme/shop":   {"https", "git.example.com", "acme", "shop"},
		"git@github.com:acme/shop.git":               {"https", "github.com", "acme", "shop"},
		"github.com:acme/shop":                       {"https", "github.com", "acme", "shop"},
	} {
		got, err := ParseAddress(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", url, diff)
		}
	}
	for _, url := range []string{"", "shop", "https://github.com/shop", "https://github.com//shop", "file:///srv/acme/shop", "https://", "://x"} {
		if _, err := ParseAddress(url); !errors.Is(err, ErrURL) {
			t.Errorf("%q: got %v, want ErrURL", url, err)
		}
	}
}
