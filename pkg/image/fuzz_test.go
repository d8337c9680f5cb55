package image

import (
	"testing"

	"github.com/distribution/reference"
	"github.com/google/go-cmp/cmp"
)

// seeds are of every form, and of those that are nearly one.
func seeds() []string {
	return []string{
		"a", "a:v1", "a@" + sha256a, "a:v1@" + sha256a, "reg:5000/a:v1", "Quay.IO/gnunn/server:1.2.3", "docker.io/library/a",
		"[2001:db8::1]:5000/a", "a:", "a@", "a:v1@", "a:@" + sha256a, "a=b:v1", "SERVER_IMAGE=quay.io/b@" + sha512a, "a=", "=a:v1", "quay.io/A:v1", "",
	}
}

// FuzzParse: what is read is written back as it was, is itself, and is what the
// reference grammar reads.
func FuzzParse(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := Parse(s)
		if err != nil {
			if diff := cmp.Diff(Ref{}, ref); diff != "" {
				t.Error(diff)
			}
			return
		}
		if diff := cmp.Diff(s, ref.String()); diff != "" {
			t.Error(diff)
		}
		if !ref.Matches(s) || !SameName(ref.Name, ref.Name) {
			t.Errorf("%q is not itself", s)
		}
		named, err := reference.ParseNormalizedNamed(s)
		if err != nil {
			t.Fatal(err)
		}
		want := Ref{}
		if tagged, ok := named.(reference.Tagged); ok {
			want.Tag = tagged.Tag()
		}
		if digested, ok := named.(reference.Digested); ok {
			want.Digest = digested.Digest().String()
		}
		if diff := cmp.Diff(want, Ref{Tag: ref.Tag, Digest: ref.Digest}); diff != "" {
			t.Error(diff)
		}
		if !SameName(ref.Name, named.Name()) {
			t.Errorf("%q is not %q", ref.Name, named.Name())
		}
	})
}

// FuzzParseWant: what is read is valid, and is written back as it was.
func FuzzParseWant(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := ParseWant(s)
		if err != nil {
			if diff := cmp.Diff(Want{}, want); diff != "" {
				t.Error(diff)
			}
			return
		}
		if err := want.Validate(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(s, want.String()); diff != "" {
			t.Error(diff)
		}
		again, err := ParseWant(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, again); diff != "" {
			t.Error(diff)
		}
	})
}
