package image

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	sha256a = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	sha256b = "sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3"
)

var sha512a = "sha512:" + strings.Repeat("0123456789abcdef", 8)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Ref
	}{
		{"a", Ref{Name: "a"}},
		{"a:v1", Ref{Name: "a", Tag: "v1"}},
		{"library/a:1.10", Ref{Name: "library/a", Tag: "1.10"}},
		{"docker.io/library/a", Ref{Name: "docker.io/library/a"}},
		{"reg:5000/a", Ref{Name: "reg:5000/a"}},
		{"reg:5000/a:v1", Ref{Name: "reg:5000/a", Tag: "v1"}},
		{"a@" + sha256a, Ref{Name: "a", Digest: sha256a}},
		{"a:v1@" + sha256a, Ref{Name: "a", Tag: "v1", Digest: sha256a}},
		{"reg:5000/x/y:v1@" + sha512a, Ref{Name: "reg:5000/x/y", Tag: "v1", Digest: sha512a}},
		{"Quay.IO/gnunn/server:1.2.3", Ref{Name: "Quay.IO/gnunn/server", Tag: "1.2.3"}},
		{"localhost/a:v1", Ref{Name: "localhost/a", Tag: "v1"}},
		{"[2001:db8::1]:5000/a:v1", Ref{Name: "[2001:db8::1]:5000/a", Tag: "v1"}},
		{"127.0.0.1:5000/a_b/c.d/e--f", Ref{Name: "127.0.0.1:5000/a_b/c.d/e--f"}},
		{"a:" + strings.Repeat("t", 128), Ref{Name: "a", Tag: strings.Repeat("t", 128)}},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := Parse(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.in, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty":                   "",
		"white space":             "a b",
		"upper-case repository":   "quay.io/Server",
		"empty tag":               "a:",
		"empty digest":            "a@",
		"tag of 129":              "a:" + strings.Repeat("t", 129),
		"tag with a plus":         "a:v1+x",
		"tag with a leading dot":  "a:.v1",
		"short digest":            "a@sha256:abc",
		"upper-case digest":       "a@sha256:" + strings.Repeat("A", 64),
		"unknown digest":          "a@md5:" + strings.Repeat("a", 32),
		"sha512 of sha256 length": "a@sha512:" + strings.Repeat("a", 64),
		"two digests":             "a@" + sha256a + "@" + sha256a,
		"a bare identifier":       strings.Repeat("a", 64),
		"a scheme":                "https://quay.io/a",
		"very long":               strings.Repeat("a/", 600),
		"name of 256":             strings.Repeat("a", 256),
		"a newline":               "a:v1\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(in)
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v, %v", got, err)
			}
			if diff := cmp.Diff(Ref{}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSameName(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true},
		{"a", "docker.io/library/a", true},
		{"a", "index.docker.io/library/a", true},
		{"library/a", "docker.io/a", true},
		{"gnunn/server", "docker.io/gnunn/server", true},
		{"Quay.IO/gnunn/server", "quay.io/gnunn/server", true},
		{"REG:5000/a", "reg:5000/a", true},
		{"Docker.IO/a", "a", true},
		{"DOCKER.io/library/a", "docker.io/a", true},
		{"Index.Docker.IO/a", "library/a", true},
		{"Docker.IO/gnunn/server", "gnunn/server", true},
		{"[2001:DB8::1]:5000/a", "[2001:db8::1]:5000/a", true},
		{"LOCALHOST/a", "localhost/a", true},
		{"quay.io:443/a", "quay.io/a", false},
		{"quay.io/a/b", "quay.io/a", false},
		{"Gnunn/server", "gnunn/server", false}, // a capital makes it a host
		{"a", "b", false},
		{"a", "quay.io/library/a", false},
		{"reg:5000/a", "reg/a", false},
		{"reg:5000/a", "reg:5001/a", false},
		{"localhost/a", "a", false},
		{"SERVER_IMAGE", "SERVER_IMAGE", true},
		{"SERVER_IMAGE", "server_image", false},
		{"a:v1", "a", false},
		{"a:v1", "docker.io/library/a:v1", false},
	} {
		t.Run(tc.a+" "+tc.b, func(t *testing.T) {
			if diff := cmp.Diff([]bool{tc.want, tc.want}, []bool{SameName(tc.a, tc.b), SameName(tc.b, tc.a)}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefMatches(t *testing.T) {
	for _, tc := range []struct {
		name string
		ref  Ref
		live string
		want bool
	}{
		{"same tag", Ref{Name: "a", Tag: "v1"}, "a:v1", true},
		{"normalised name", Ref{Name: "a", Tag: "v1"}, "docker.io/library/a:v1", true},
		{"other tag", Ref{Name: "a", Tag: "v1"}, "a:v2", false},
		{"other name", Ref{Name: "a", Tag: "v1"}, "b:v1", false},
		{"live has a digest too", Ref{Name: "a", Tag: "v1"}, "a:v1@" + sha256a, true},
		{"live has only a digest", Ref{Name: "a", Tag: "v1"}, "a@" + sha256a, false},
		{"same digest", Ref{Name: "a", Digest: sha256a}, "a@" + sha256a, true},
		{"same digest, live has a tag too", Ref{Name: "a", Digest: sha256a}, "a:v1@" + sha256a, true},
		{"other digest", Ref{Name: "a", Digest: sha256a}, "a@" + sha256b, false},
		{"digest wanted, tag there", Ref{Name: "a", Digest: sha256a}, "a:v1", false},
		{"both", Ref{Name: "a", Tag: "v1", Digest: sha256a}, "a:v1@" + sha256a, true},
		{"both wanted, other digest", Ref{Name: "a", Tag: "v1", Digest: sha256a}, "a:v1@" + sha256b, false},
		{"both wanted, the digest alone is there", Ref{Name: "a", Tag: "v1", Digest: sha256a}, "a@" + sha256a, true},
		{"both wanted, another digest alone", Ref{Name: "a", Tag: "v1", Digest: sha256a}, "a@" + sha256b, false},
		{"latest by default", Ref{Name: "a", Tag: "latest"}, "a", true},
		{"no tag, another wanted", Ref{Name: "a", Tag: "v1"}, "a", false},
		{"latest wanted, digest there", Ref{Name: "a", Tag: "latest"}, "a@" + sha256a, false},
		{"name alone", Ref{Name: "a"}, "a:v1", true},
		{"port is no tag", Ref{Name: "reg", Tag: "5000"}, "reg:5000/a", false},
		{"live is no reference", Ref{Name: "a"}, "A B", false},
		{"live is empty", Ref{}, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.ref.Matches(tc.live)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefIsZero(t *testing.T) {
	if diff := cmp.Diff([]bool{true, false}, []bool{Ref{}.IsZero(), Ref{Name: "a"}.IsZero()}); diff != "" {
		t.Error(diff)
	}
}

func names() *rapid.Generator[string] {
	return rapid.StringMatching(`([A-Za-z0-9]{1,8}(\.[a-z]{2,3})?(:[0-9]{2,5})?/)?[a-z0-9]{1,6}([._-][a-z0-9]{1,4})?(/[a-z0-9]{1,6})?`)
}

func tags() *rapid.Generator[string] { return rapid.StringMatching(`[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,30}`) }

func digests() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`sha256:[a-f0-9]{64}`), rapid.StringMatching(`sha512:[a-f0-9]{128}`))
}

func TestParseReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ref := Ref{
			Name:   names().Draw(t, "name"),
			Tag:    rapid.OneOf(rapid.Just(""), tags()).Draw(t, "tag"),
			Digest: rapid.OneOf(rapid.Just(""), digests()).Draw(t, "digest"),
		}
		got, err := Parse(ref.String())
		if err != nil {
			t.Skip("outside of the grammar")
		}
		if diff := cmp.Diff(ref, got); diff != "" {
			t.Error(diff)
		}
		if !ref.Matches(ref.String()) {
			t.Errorf("%s does not match itself", ref)
		}
	})
}
