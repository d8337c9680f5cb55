package manifest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

const digestA = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// parseWant is image.ParseWant for a wish that is known to be good.
func parseWant(t testing.TB, s string) image.Want {
	t.Helper()
	want, err := image.ParseWant(s)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func TestSetHelmImage(t *testing.T) {
	both := HelmFields{Repository: "image.repository", Tag: "image.tag"}
	all := HelmFields{Repository: "image.repository", Tag: "image.tag", Digest: "image.digest"}
	whole := HelmFields{Image: "image"}
	tag := HelmFields{Tag: "image.tag"}
	for _, tc := range []struct {
		name, in        string
		at              HelmFields
		set             string
		out             string
		previous, image string
	}{
		{"tag", "image:\n  repository: quay.io/a/b # r\n  tag: v1 # t\n", both, "quay.io/a/b:v2",
			"image:\n  repository: quay.io/a/b # r\n  tag: v2 # t\n", "quay.io/a/b:v1", "quay.io/a/b:v2"},
		{"only the tag's field", "image: {tag: v1}\n", tag, "quay.io/a/b:v2", "image: {tag: v2}\n", "quay.io/a/b:v1", "quay.io/a/b:v2"},
		{"tag that is a number", "image: {tag: 1.9}\n", tag, "a:1.10", "image: {tag: \"1.10\"}\n", "a:1.9", "a:1.10"},
		{"equal tag that is a number", "image: {tag: 2}\n", tag, "a:2", "image: {tag: \"2\"}\n", "a:2", "a:2"},
		{"equal", "image: {repository: a, tag: 'v1'}\n", both, "a:v1", "image: {repository: a, tag: 'v1'}\n", "a:v1", "a:v1"},
		{"no tag yet", "image:\n  repository: a\n  tag:\n", both, "a:v1", "image:\n  repository: a\n  tag: v1\n", "a", "a:v1"},
		{"empty tag", "image: {repository: a, tag: \"\"}\n", both, "a:v1", "image: {repository: a, tag: \"v1\"}\n", "a", "a:v1"},
		{"null tag", "image: {repository: a, tag: ~}\n", both, "a:v1", "image: {repository: a, tag: v1}\n", "a", "a:v1"},
		{"tag by alias", "x: &t v1\nimage: {tag: *t}\n", tag, "a:v2", "x: &t v1\nimage: {tag: v2}\n", "a:v1", "a:v2"},
		{"normalised repository", "image: {repository: docker.io/library/a, tag: v1}\n", both, "a:v2",
			"image: {repository: docker.io/library/a, tag: v2}\n", "docker.io/library/a:v1", "docker.io/library/a:v2"},
		{"registry elsewhere", "image: {registry: quay.io, repository: a/b, tag: v1}\n", both, "quay.io/a/b:v2",
			"image: {registry: quay.io, repository: a/b, tag: v2}\n", "quay.io/a/b:v1", "quay.io/a/b:v2"},
		{"only the last part of the name", "image: {repository: b, tag: v1}\n", both, "reg:5000/a/b:v2",
			"image: {repository: b, tag: v2}\n", "reg:5000/a/b:v1", "reg:5000/a/b:v2"},
		{"no repository yet", "image: {repository: , tag: v1}\n", both, "quay.io/a/b:v2",
			"image: {repository: , tag: v2}\n", "quay.io/a/b:v1", "quay.io/a/b:v2"},
		{"placeholder", "image: {repository: SERVER_IMAGE, tag: v1}\n", both, "SERVER_IMAGE:v2",
			"image: {repository: SERVER_IMAGE, tag: v2}\n", "SERVER_IMAGE:v1", "SERVER_IMAGE:v2"},
		{"new name", "image: {repository: a, tag: v1}\n", both, "a=ghcr.io/x/a:v2", "image: {repository: ghcr.io/x/a, tag: v2}\n", "a:v1", "ghcr.io/x/a:v2"},
		{"new name is there", "image: {repository: ghcr.io/x/a, tag: v1}\n", both, "a=ghcr.io/x/a:v2",
			"image: {repository: ghcr.io/x/a, tag: v2}\n", "ghcr.io/x/a:v1", "ghcr.io/x/a:v2"},
		{"new name is there in another form", "image: {repository: docker.io/x/a, tag: v1}\n", both, "a=x/a:v2",
			"image: {repository: docker.io/x/a, tag: v2}\n", "docker.io/x/a:v1", "docker.io/x/a:v2"},
		{"new name, none yet", "image:\n  repository:\n  tag: v1\n", both, "a=b:v2", "image:\n  repository: b\n  tag: v2\n", "a:v1", "b:v2"},
		{"new name in place of another image", "image: {repository: nginx, tag: v1}\n", both, "a=ghcr.io/x/a:v2",
			"image: {repository: ghcr.io/x/a, tag: v2}\n", "nginx:v1", "ghcr.io/x/a:v2"},
		{"new name, registry elsewhere", "image: {repository: a/b, tag: v1}\n", both, "quay.io/a/b=quay.io/c/d:v2",
			"image: {repository: c/d, tag: v2}\n", "quay.io/a/b:v1", "quay.io/c/d:v2"},
		{"new name is there, registry elsewhere", "image: {repository: c/d, tag: v1}\n", both, "quay.io/a/b=quay.io/c/d:v2",
			"image: {repository: c/d, tag: v2}\n", "quay.io/c/d:v1", "quay.io/c/d:v2"},
		{"new name is the old one, registry elsewhere", "image: {repository: a/b, tag: v1}\n", both, "quay.io/a/b=quay.io/a/b:v2",
			"image: {repository: a/b, tag: v2}\n", "quay.io/a/b:v1", "quay.io/a/b:v2"},
		{"digest", "image: {repository: a, tag: v1, digest: ''}\n", all, "a@" + digestB,
			"image: {repository: a, tag: v1, digest: '" + digestB + "'}\n", "a:v1", "a@" + digestB},
		{"digest in place of another", "image:\n  repository: a\n  tag: v1\n  digest: " + digestA + "\n", all, "a@" + digestB,
			"image:\n  repository: a\n  tag: v1\n  digest: " + digestB + "\n", "a:v1@" + digestA, "a@" + digestB},
		{"tag and digest", "image:\n  repository: a\n  tag: v1\n  digest:\n", all, "a:v2@" + digestB,
			"image:\n  repository: a\n  tag: v2\n  digest: " + digestB + "\n", "a:v1", "a:v2@" + digestB},
		{"tag empties the digest", "image:\n  repository: a\n  tag: v1\n  digest: " + digestA + " # d\n", all, "a:v2",
			"image:\n  repository: a\n  tag: v2\n  digest: \"\" # d\n", "a:v1@" + digestA, "a:v2"},
		{"tag leaves an empty digest", "image: {repository: a, tag: v1, digest: ~}\n", all, "a:v2",
			"image: {repository: a, tag: v2, digest: ~}\n", "a:v1", "a:v2"},
		{"equal tag empties the digest", "image: {repository: a, tag: v1, digest: '" + digestA + "'}\n", all, "a:v1",
			"image: {repository: a, tag: v1, digest: ''}\n", "a:v1@" + digestA, "a:v1"},
		{"tag with a digest of its own", "image: {tag: v1@" + digestA + "}\n", tag, "a:v2", "image: {tag: v2}\n", "a:v1@" + digestA, "a:v2"},
		{"digest, tag with one of its own", "image: {repository: a, tag: \"v1@" + digestA + "\", digest: ''}\n", all, "a@" + digestB,
			"image: {repository: a, tag: \"v1\", digest: '" + digestB + "'}\n", "a:v1@" + digestA, "a@" + digestB},
		{"digest, tag that is one", "image: {repository: a, tag: '" + digestA + "', digest: ''}\n", all, "a@" + digestB,
			"image: {repository: a, tag: '', digest: '" + digestB + "'}\n", "a:" + digestA, "a@" + digestB},
		{"digest, no tag's field", "image: {digest: ''}\n", HelmFields{Digest: "image.digest"}, "a@" + digestB,
			"image: {digest: '" + digestB + "'}\n", "a", "a@" + digestB},
		{"whole reference", "image: a:v1 # c\n", whole, "a:v2", "image: a:v2 # c\n", "a:v1", "a:v2"},
		{"whole reference, registry with a port", "image: reg:5000/a\n", whole, "reg:5000/a:v2", "image: reg:5000/a:v2\n", "reg:5000/a", "reg:5000/a:v2"},
		{"whole reference, digest goes", "image: 'a:v1@" + digestA + "'\n", whole, "a:v2", "image: 'a:v2'\n", "a:v1@" + digestA, "a:v2"},
		{"whole reference, tag goes", "image: a:v1\n", whole, "a@" + digestB, "image: a@" + digestB + "\n", "a:v1", "a@" + digestB},
		{"whole reference, name as written", "image: docker.io/library/a:v1\n", whole, "a:v2",
			"image: docker.io/library/a:v2\n", "docker.io/library/a:v1", "docker.io/library/a:v2"},
		{"whole reference, upper-case host", "image: Quay.io/a/b:v1\n", whole, "quay.io/a/b:v2", "image: Quay.io/a/b:v2\n", "Quay.io/a/b:v1", "Quay.io/a/b:v2"},
		{"whole reference, placeholder", "image: SERVER_IMAGE\n", whole, "SERVER_IMAGE:v2", "image: SERVER_IMAGE:v2\n", "SERVER_IMAGE", "SERVER_IMAGE:v2"},
		{"whole reference, placeholder with a tag", "image: SERVER_IMAGE:v1\n", whole, "SERVER_IMAGE:v2", "image: SERVER_IMAGE:v2\n", "SERVER_IMAGE:v1", "SERVER_IMAGE:v2"},
		{"whole reference, new name", "image: a:v1\n", whole, "a=b:v2", "image: b:v2\n", "a:v1", "b:v2"},
		{"whole reference, nothing yet", "image:\n", whole, "a:v2", "image: a:v2\n", "", "a:v2"},
		{"whole reference, equal", "image: a:v2\n", whole, "a:v2", "image: a:v2\n", "a:v2", "a:v2"},
		{"item of a list", "servers:\n- {image: a:v1}\n- {image: b:v1}\n", HelmFields{Image: "servers[1].image"}, "b:v2",
			"servers:\n- {image: a:v1}\n- {image: b:v2}\n", "b:v1", "b:v2"},
		{"only the first document", "image: a:v1\n---\nimage: a:v1\n", whole, "a:v2", "image: a:v2\n---\nimage: a:v1\n", "a:v1", "a:v2"},
		{"everything on one line in lines", "\ufeffimage:\r\n    repository: \"a\"\r\n    # c\r\n    tag: |-\r\n      v1\r\n    digest: ''\r\n", all, "a:1e3",
			"\ufeffimage:\r\n    repository: \"a\"\r\n    # c\r\n    tag: \"1e3\"\r\n    digest: ''\r\n", "a:v1", "a:1e3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := SetHelmImage("v.yaml", []byte(tc.in), tc.at, parseWant(t, tc.set))
			if err != nil {
				t.Fatal(err)
			}
			got := []string{string(edit.Data), edit.Previous.String(), edit.Image.String()}
			if diff := cmp.Diff([]string{tc.out, tc.previous, tc.image}, got); diff != "" {
				t.Error(diff)
			}
			if edit.Changed != (tc.in != tc.out) || edit.Places != 1 || edit.Others != nil {
				t.Errorf("changed %v, places %d, others %q", edit.Changed, edit.Places, edit.Others)
			}
			twice, err := SetHelmImage("v.yaml", edit.Data, tc.at, parseWant(t, tc.set))
			if err != nil || twice.Changed || twice.Image != edit.Image {
				t.Errorf("twice: %v, image %s, %s", err, twice.Image, twice.Data)
			}
		})
	}
}

func TestSetHelmImageRefuses(t *testing.T) {
	both := HelmFields{Repository: "image.repository", Tag: "image.tag"}
	all := HelmFields{Repository: "image.repository", Tag: "image.tag", Digest: "image.digest"}
	for _, tc := range []struct {
		name, in string
		at       HelmFields
		set      string
		sentinel error
		message  string
	}{
		{"another image", "image: {repository: quay.io/x/c, tag: v1}\n", both, "quay.io/a/b:v2", ErrImageNotFound,
			`v.yaml:1:21: image.repository is "quay.io/x/c", not the image quay.io/a/b`},
		{"end of the name that is not behind a slash", "image: {repository: erver, tag: v1}\n", both, "quay.io/a/server:v2", ErrImageNotFound,
			`v.yaml:1:21: image.repository is "erver", not the image quay.io/a/server`},
		{"longer name", "image: {repository: x/quay.io/a, tag: v1}\n", both, "quay.io/a:v2", ErrImageNotFound,
			`v.yaml:1:21: image.repository is "x/quay.io/a", not the image quay.io/a`},
		{"repository with a tag", "image: {repository: 'a:v1', tag: v1}\n", both, "a:v2", ErrImageNotFound, `v.yaml:1:21: image.repository is "a:v1", not the image a`},
		{"whole reference of another image", "image: nginx:1.27\n", HelmFields{Image: "image"}, "a:v2", ErrImageNotFound, `v.yaml:1:8: image is "nginx:1.27", not the image a`},
		{"whole reference that is none", "image: '{{ .x }}'\n", HelmFields{Image: "image"}, "a:v2", ErrImageNotFound, `v.yaml:1:8: image is "{{ .x }}", not the image a`},
		{"new name of another registry", "image: {repository: a/b, tag: v1}\n", both, "quay.io/a/b=ghcr.io/c/d:v2", ErrInvalid,
			`v.yaml:1:21: image.repository is "a/b": the rest of quay.io/a/b is in another field, which is not known here, so newName ghcr.io/c/d cannot be set`},
		{"new name with the same end", "image: {repository: a/b, tag: v1}\n", both, "quay.io/a/b=ghcr.io/a/b:v2", ErrInvalid,
			`v.yaml:1:21: image.repository is "a/b": the rest of quay.io/a/b is in another field, which is not known here, so newName ghcr.io/a/b cannot be set`},
		{"new name that would then read as the old one", "image: {repository: q/y, tag: v1}\n", both, "reg.io/q/y=reg.io/y:v2", ErrInvalid,
			`v.yaml:1:21: image.repository is "q/y": the rest of reg.io/q/y is in another field, which is not known here, so newName reg.io/y cannot be set`},
		{"digest without a field", "image: {tag: v1}\n", HelmFields{Tag: "image.tag"}, "a@" + digestB, ErrInvalid,
			"v.yaml: the image to set has the digest " + digestB + ", and no field of the file is named for it: give the path of the digest too"},
		{"tag without a field", "image: {digest: ''}\n", HelmFields{Digest: "image.digest"}, "a:v1@" + digestB, ErrInvalid,
			"v.yaml: the image to set has the tag v1, and no field of the file is named for it: give the path of the tag too"},
		{"new name without a field", "image: {tag: v1}\n", HelmFields{Tag: "image.tag"}, "a=b:v1", ErrInvalid,
			"v.yaml: the image to set has the repository b, and no field of the file is named for it: give the path of the repository too"},
		{"missing tag", "image: {repository: a}\n", both, "a:v2", ErrInvalid, `v.yaml:1:8: image.tag is missing: image has no key "tag"; its keys are: "repository"`},
		{"missing repository", "image: {tag: a}\n", both, "a:v2", ErrInvalid, `v.yaml:1:8: image.repository is missing: image has no key "repository"; its keys are: "tag"`},
		{"missing digest, though only a tag is set", "image: {repository: a, tag: v1}\n", all, "a:v2", ErrInvalid,
			`v.yaml:1:8: image.digest is missing: image has no key "digest"; its keys are: "repository", "tag"`},
		{"missing whole reference", "a: b\n", HelmFields{Image: "image"}, "a:v2", ErrInvalid, `v.yaml:1:1: image is missing: the document has no key "image"; its keys are: "a"`},
		{"no document", "# c\n", both, "a:v2", ErrInvalid, "v.yaml: image.repository is missing: the file holds no YAML document"},
		{"tag is a mapping", "image: {repository: a, tag: {b: c}}\n", both, "a:v2", ErrInvalid, `v.yaml:1:29: image.tag is no single value: it is a mapping with the keys "b"`},
		{"one path for two parts", "image: {tag: v1}\n", HelmFields{Tag: "image.tag", Digest: "image.tag"}, "a:v2", ErrInvalid,
			"v.yaml:1:14: image.tag is named for two parts of the image: give each a path of its own"},
		{"bad path", "image: a:v1\n", HelmFields{Image: "image."}, "a:v2", ErrInvalid,
			`v.yaml: invalid value path "image.": want a key instead of ""; a key with any of ][."$(){} or a blank goes into double quotes`},
		{"shared tag", "a: {tag: &t v1}\nb: {tag: *t}\n", HelmFields{Tag: "a.tag"}, "a:v2", ErrInvalid,
			"v.yaml:1:10: a.tag carries the anchor &t, which line 2 uses too: write the values out"},
		{"shared digest", "a: {tag: v1, digest: &t x}\nb: {tag: *t}\n", HelmFields{Tag: "a.tag", Digest: "a.digest"}, "a:v2", ErrInvalid,
			"v.yaml:1:22: a.digest carries the anchor &t, which line 2 uses too: write the values out"},
		{"shared repository", "a: {repository: &t x, tag: v1}\nb: {tag: *t}\n", HelmFields{Repository: "a.repository", Tag: "a.tag"}, "x=y:v2", ErrInvalid,
			"v.yaml:1:17: a.repository carries the anchor &t, which line 2 uses too: write the values out"},
		{"shared block", "x: &x {tag: v1}\na: *x\n", HelmFields{Tag: "a.tag"}, "a:v2", ErrInvalid, "v.yaml:2:4: a is an alias (*x): write the value out"},
		{"template", "image:\n  {{- toYaml .x }}\n  tag: v1\n", both, "a:v2", ErrInvalid, "v.yaml:2:3: not valid YAML: did not find expected node content"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := SetHelmImage("v.yaml", []byte(tc.in), tc.at, parseWant(t, tc.set))
			checkError(t, tc.message, err, tc.sentinel)
			if diff := cmp.Diff(Edit{}, edit); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The limits are those of every edit, and so is the check of what is wanted.
func TestEveryEditChecksItsInput(t *testing.T) {
	want, bad := image.Want{Name: "a", NewTag: "v1"}, image.Want{Name: "a"}
	large := []byte(strings.Repeat("a: b\n", 1<<20))
	const tooLarge = "f.yaml: 5242880 bytes are more than the limit of 1048576"
	const binary = "f.yaml: not a text file in UTF-8"
	for _, tc := range []struct {
		name    string
		edit    func(data []byte, want image.Want, o ...Option) (Edit, error)
		noImage bool
	}{
		{"kustomize", func(data []byte, want image.Want, o ...Option) (Edit, error) {
			return SetKustomizeImage("f.yaml", data, want, o...)
		}, false},
		{"helm", func(data []byte, want image.Want, o ...Option) (Edit, error) {
			return SetHelmImage("f.yaml", data, HelmFields{Tag: "tag"}, want, o...)
		}, false},
		{"manifests", func(data []byte, want image.Want, o ...Option) (Edit, error) {
			return SetContainerImages("f.yaml", data, "", want, o...)
		}, false},
		{"yaml", func(data []byte, _ image.Want, o ...Option) (Edit, error) {
			return SetValue("f.yaml", data, "tag", "much longer than before", o...)
		}, true},
		{"undo", func(data []byte, _ image.Want, o ...Option) (Edit, error) {
			return Undo("f.yaml", []byte("a: much longer than before\n"), []byte("a: b\n"), data, o...)
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tc.edit(large, want)
			checkError(t, tooLarge, err, ErrTooLarge)
			for _, data := range []string{"a: \x00", "\xff\xfea\x00", "\x89PNG\r\n\x1a\n", "a: \xfcber\n"} {
				_, err = tc.edit([]byte(data), want)
				checkError(t, binary, err, ErrInvalid)
			}
			small := []byte("kind: X\napiVersion: v1\nspec: {containers: [{image: a}]}\ntag: v\na: b\n")
			if _, err = tc.edit(small, want, MaxBytes(len(small))); tc.name != "kustomize" {
				if !errors.Is(err, ErrTooLarge) {
					t.Errorf("result above the limit: %v", err)
				}
			}
			_, err = tc.edit(small, bad)
			if errors.Is(err, image.ErrInvalid) == tc.noImage {
				t.Errorf("no tag and no digest: %v", err)
			}
		})
	}
}
