package image

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseWant(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Want
	}{
		{"a:v1", Want{Name: "a", NewTag: "v1"}},
		{"a@" + sha256a, Want{Name: "a", Digest: sha256a}},
		{"a:v1@" + sha256a, Want{Name: "a", NewTag: "v1", Digest: sha256a}},
		{"reg:5000/a:v1", Want{Name: "reg:5000/a", NewTag: "v1"}},
		{"reg:5000/a=other:5001/b:v1", Want{Name: "reg:5000/a", NewName: "other:5001/b", NewTag: "v1"}},
		{"a=b@" + sha256a, Want{Name: "a", NewName: "b", Digest: sha256a}},
		{"a=b:v1@" + sha512a, Want{Name: "a", NewName: "b", NewTag: "v1", Digest: sha512a}},
		{"SERVER_IMAGE=quay.io/gnunn/server:1.2.3", Want{Name: "SERVER_IMAGE", NewName: "quay.io/gnunn/server", NewTag: "1.2.3"}},
		{"SERVER_IMAGE:1.2.3", Want{Name: "SERVER_IMAGE", NewTag: "1.2.3"}},
		{"apps/SERVER.IMAGE=quay.io/gnunn/server:1.2.3", Want{Name: "apps/SERVER.IMAGE", NewName: "quay.io/gnunn/server", NewTag: "1.2.3"}},
		{"Quay.IO/gnunn/server:1.2.3", Want{Name: "Quay.IO/gnunn/server", NewTag: "1.2.3"}},
		{"localhost:5000/a:1@" + sha256a, Want{Name: "localhost:5000/a", NewTag: "1", Digest: sha256a}},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := ParseWant(tc.in)
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

func TestParseWantRefuses(t *testing.T) {
	for _, tc := range []struct{ in, message string }{
		{"", `invalid image: no name: give the image's name as the manifests have it`},
		{"=b:v1", `invalid image: no name: give the image's name as the manifests have it`},
		{"a=", `invalid image: "a=" has no name after the equals sign`},
		{"a=:v1", `invalid image: "a=:v1" has no name after the equals sign`},
		{"a", `invalid image: "a" has neither tag nor digest: give one to set`},
		{"a=b", `invalid image: "a" has neither tag nor digest: give one to set`},
		{"reg:5000/a", `invalid image: "reg:5000/a" has neither tag nor digest: give one to set`},
		{"a:v1@sha256:abc", `invalid image: digest "sha256:abc": want sha256: and 64, or sha512: and 128 lower-case hexadecimal digits`},
		{"a:b:v1", `invalid image: name "a:b": want registry/repository without tag and digest`},
		{"a=B:v1", `invalid image: newName "B": want registry/repository without tag and digest, the repository in lower case`},
		{"a=b=c:v1", `invalid image: newName "b=c": want registry/repository without tag and digest, the repository in lower case`},
		{"a:v1@", `invalid image: "a:v1@" has an empty tag or digest: leave out the colon or the at sign`},
		{"a=b:@" + sha256a, `invalid image: "a=b:@` + sha256a + `" has an empty tag or digest: leave out the colon or the at sign`},
		{"quay.io/Gnunn/server:v1", `invalid image: name "quay.io/Gnunn/server": want registry/repository without tag and digest, the repository in lower case`},
		{"Localhost/Server:v1", `invalid image: name "Localhost/Server": want registry/repository without tag and digest, the repository in lower case`},
		{"apps//SERVER:v1", `invalid image: name "apps//SERVER": want registry/repository without tag and digest`},
		{"a b:v1", `invalid image: name "a b": want registry/repository without tag and digest`},
		{"a:*", `invalid image: tag "*": want at most 128 letters, digits, '_', '.' or '-', and neither '.' nor '-' first`},
		{"a:" + strings.Repeat("t", 129), `invalid image: tag "` + strings.Repeat("t", 80) + `"…: want at most 128 letters, digits, '_', '.' or '-', and neither '.' nor '-' first`},
		{strings.Repeat("a", 256) + ":v1", `invalid image: name "` + strings.Repeat("a", 80) + `"…: want registry/repository without tag and digest`},
		{"a=" + strings.Repeat("b", 256) + ":v1", `invalid image: newName "` + strings.Repeat("b", 80) + `"…: want registry/repository without tag and digest, the repository in lower case`},
	} {
		t.Run(tc.in, func(t *testing.T) {
			got, err := ParseWant(tc.in)
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v, %v", got, err)
			}
			if diff := cmp.Diff(tc.message, err.Error()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(Want{}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWantTarget(t *testing.T) {
	for _, tc := range []struct {
		want   Want
		target string
	}{
		{Want{Name: "a", NewTag: "v1"}, "a:v1"},
		{Want{Name: "a", NewName: "b", NewTag: "v1"}, "b:v1"},
		{Want{Name: "a", Digest: sha256a}, "a@" + sha256a},
		{Want{Name: "a", NewName: "b", NewTag: "v1", Digest: sha256a}, "b:v1@" + sha256a},
	} {
		t.Run(tc.target, func(t *testing.T) {
			if diff := cmp.Diff(tc.target, tc.want.Target().String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWantMatches(t *testing.T) {
	want := Want{Name: "a", NewName: "quay.io/b", NewTag: "v1"}
	got := map[string]bool{}
	for _, live := range []string{"quay.io/b:v1", "Quay.io/b:v1", "quay.io/b:v1@" + sha256a, "a:v1", "quay.io/b:v2", "quay.io/b"} {
		got[live] = want.Matches(live)
	}
	if diff := cmp.Diff(map[string]bool{
		"quay.io/b:v1":            true,
		"Quay.io/b:v1":            true,
		"quay.io/b:v1@" + sha256a: true,
		"a:v1":                    false,
		"quay.io/b:v2":            false,
		"quay.io/b":               false,
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWantAsJSON(t *testing.T) {
	want := Want{Name: "a", NewName: "b", NewTag: "1.10", Digest: sha256a}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"name":"a","newName":"b","newTag":"1.10","digest":"`+sha256a+`"}`, string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestParseWantReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Want{
			Name:    rapid.OneOf(names(), rapid.StringMatching(`[A-Z]{2,6}_[A-Z]{2,6}`)).Draw(t, "name"),
			NewName: rapid.OneOf(rapid.Just(""), names()).Draw(t, "newName"),
			NewTag:  rapid.OneOf(rapid.Just(""), tags()).Draw(t, "newTag"),
			Digest:  rapid.OneOf(rapid.Just(""), digests()).Draw(t, "digest"),
		}
		if want.Validate() != nil {
			t.Skip("not valid")
		}
		got, err := ParseWant(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
