package manifest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

const digestB = "sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3"

func TestSizeLimit(t *testing.T) {
	small := []byte("resources: [../base]\n")
	for _, tc := range []struct {
		name    string
		data    []byte
		options []Option
		message string // "": no error
	}{
		{"below", small, nil, ""},
		{"at the default", append(small, strings.Repeat("#", DefaultMaxBytes-len(small)-100)...), nil, ""},
		{"above the default", append(small, strings.Repeat("#", DefaultMaxBytes)...), nil,
			"k.yaml: 1048597 bytes are more than the limit of 1048576"},
		{"five megabytes", []byte(strings.Repeat("a: b\n", 1<<20)), nil,
			"k.yaml: 5242880 bytes are more than the limit of 1048576"},
		{"above the given one", small, []Option{MaxBytes(20)}, "k.yaml: 21 bytes are more than the limit of 20"},
		{"above after the edit", small, []Option{MaxBytes(21)}, "k.yaml: 56 bytes are more than the limit of 21"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := SetKustomizeImage("k.yaml", tc.data, image.Want{Name: "nginx", NewTag: "v1"}, tc.options...)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.message, got); diff != "" {
				t.Error(diff)
			}
			if errors.Is(err, ErrTooLarge) != (tc.message != "") || errors.Is(err, ErrInvalid) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWantMustBeValid(t *testing.T) {
	_, err := SetKustomizeImage("k.yaml", []byte("resources: []\n"), image.Want{Name: "nginx"})
	if !errors.Is(err, image.ErrInvalid) || errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
	want := `set image in k.yaml: invalid image: "nginx" has neither tag nor digest: give one to set`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestUnchangedDataIsTheSameSlice(t *testing.T) {
	data := []byte("images: [{name: nginx, newTag: v1}]\n")
	edit, err := SetKustomizeImage("k.yaml", data, image.Want{Name: "nginx", NewTag: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	if edit.Changed || &edit.Data[0] != &data[0] {
		t.Errorf("changed: %v", edit.Changed)
	}
}

func TestInputIsNotWrittenTo(t *testing.T) {
	data := append(make([]byte, 0, 1000), "images: [{name: nginx, newTag: v1}]\n"...)
	if _, err := SetKustomizeImage("k.yaml", data, image.Want{Name: "nginx", NewTag: "longer"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("images: [{name: nginx, newTag: v1}]\n", string(data)); diff != "" {
		t.Error(diff)
	}
}

func TestKustomizationNames(t *testing.T) {
	if diff := cmp.Diff([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, KustomizationNames()); diff != "" {
		t.Error(diff)
	}
}

// Odd but legal YAML: the result, or the refusal, is exactly this.
func TestOddFiles(t *testing.T) {
	tag := image.Want{Name: "nginx", NewTag: "v2"}
	digest := image.Want{Name: "nginx", Digest: digestB}
	for _, tc := range []struct {
		name string
		in   string
		want image.Want
		out  string
	}{
		{"carriage returns", "images:\r- name: nginx\r  newTag: v1\r", tag, "images:\r- name: nginx\r  newTag: v2\r"},
		{"carriage returns, added", "images:\r- name: nginx\r", tag, "images:\r- name: nginx\r  newTag: v2\r"},
		{"empty tagged value", "images:\n- name: nginx\n  newTag: !!str\n", tag, "images:\n- name: nginx\n  newTag: !!str v2\n"},
		{"empty value with anchor and tag", "images:\n- name: nginx\n  newTag: &a !!str # c\n", tag,
			"images:\n- name: nginx\n  newTag: &a !!str v2 # c\n"},
		{"empty value in braces", "images: [{name: nginx, newTag: }]\n", tag, "images: [{name: nginx, newTag: v2}]\n"},
		{"quoted escapes", `images: [{"name": "ngin\x78", "newTag": "v\"1", "newName": 'it''s'}]`, tag,
			`images: [{"name": "ngin\x78", "newTag": "v2", "newName": 'it''s'}]`},
		{"plain value over two lines", "images:\n- name: nginx\n  newTag: v1\n    or so # c\n", tag,
			"images:\n- name: nginx\n  newTag: v2 # c\n"},
		{"empty literal", "images:\n- name: nginx\n  newTag: |-\n", tag, "images:\n- name: nginx\n  newTag: v2\n"},
		{"literal with a comment behind", "images:\n- name: nginx\n  newTag: |\n    v1\n  # c\n  newName: x\n", tag,
			"images:\n- name: nginx\n  newTag: v2\n  # c\n  newName: x\n"},
		{"null digest stays", "images:\n- name: nginx\n  digest: ~\n", tag, "images:\n- name: nginx\n  newTag: v2\n  digest: ~\n"},
		{"JSON, no blanks, one field", `{"images":[{"name":"nginx"}]}`, tag, `{"images":[{"name":"nginx", "newTag":"v2"}]}`},
		{"JSON, first of two in lines", "{\n \"images\": [],\n \"resources\": []\n}", tag,
			"{\n \"images\": [{\"name\": \"nginx\", \"newTag\": \"v2\"}],\n \"resources\": []\n}"},
		{"empty braces", "{}\n", tag, "{\"images\": [{\"name\": \"nginx\", \"newTag\": \"v2\"}]}\n"},
		{"no list, plain braces", "{resources: []}\n", tag, "{resources: [], images: [{name: nginx, newTag: v2}]}\n"},
		{"brackets over two lines", "images: [\n]\n", tag, "images: [{name: nginx, newTag: v2}\n]\n"},
		{"last of lines, bracket behind", "images: [\n  {name: redis}]\n", tag,
			"images: [\n  {name: redis},\n  {name: nginx, newTag: v2}]\n"},
		{"comma on the next line", "images: [\n  {name: redis} # c\n  , {name: web}]\n", tag,
			"images: [\n  {name: redis} # c\n  , {name: web}, {name: nginx, newTag: v2}]\n"},
		{"last in lines with a comment", "images: [\n  {name: redis} # c\n]\n", tag,
			"images: [\n  {name: redis}, # c\n  {name: nginx, newTag: v2}\n]\n"},
		{"a single pair in brackets", "images: [name: nginx]\n", tag,
			"error: k.yaml:1:10: image nginx cannot be set: something else in the file would change with it; write the entry in plain block style, without anchors"},
		{"digest goes, comment between", "images:\n- {name: nginx, newTag: v1, # c\n   digest: x}\n", tag,
			"images:\n- {name: nginx, newTag: v2 # c\n   }\n"},
		{"first in braces goes", "images:\n- {digest: x, newTag: v1, name: nginx}\n", tag,
			"images:\n- {newTag: v2, name: nginx}\n"},
		{"list with a tag", "images: !!seq\n- name: redis\n", tag, "images: !!seq\n- name: nginx\n  newTag: v2\n- name: redis\n"},
		{"list with an anchor", "images: &all # c\n- name: redis\n", tag,
			"images: &all # c\n- name: nginx\n  newTag: v2\n- name: redis\n"},
		{"name by alias", "images:\n- name: &n nginx\n  newName: *n\n", tag,
			"images:\n- name: &n nginx\n  newName: *n\n  newTag: v2\n"},
		{"comment is all that follows", "resources: [a]\n# end", tag, "resources: [a]\n# end\nimages:\n- name: nginx\n  newTag: v2"},
		{"one key that ends in a literal", "namePrefix: |-\n  a\n  b", tag, "images:\n- name: nginx\n  newTag: v2\nnamePrefix: |-\n  a\n  b"},
		{"folded with blank lines inside", "images:\n- name: nginx\n  digest: >\n\n    x\n\n\nresources: [a]\n", digest,
			"images:\n- name: nginx\n  digest: " + digestB + "\n\n\nresources: [a]\n"},
		{"unnamed entry", "images:\n- newTag: v1\n", tag, "images:\n- newTag: v1\n- name: nginx\n  newTag: v2\n"},
		{"entry that is empty", "images:\n- {}\n", tag, "images:\n- {}\n- {name: nginx, newTag: v2}\n"},
		{"merge of something else", "images:\n- <<: {newName: x}\n  name: nginx\n", tag,
			"images:\n- <<: {newName: x}\n  name: nginx\n  newTag: v2\n"},
		{"kind is null", "kind:\nimages: [{name: nginx}]\n", tag, "kind:\nimages: [{name: nginx, newTag: v2}]\n"},
		{"kind is a list", "kind: []\nimages: [{name: nginx}]\n", tag, "kind: []\nimages: [{name: nginx, newTag: v2}]\n"},
		{"keys that are no scalars", "? [a]\n: b\nimages: [{name: nginx}]\n", tag, "? [a]\n: b\nimages: [{name: nginx, newTag: v2}]\n"},
		{"anchor that contains itself", "x: &x [*x]\nimages: [{name: nginx}]\n", tag, "x: &x [*x]\nimages: [{name: nginx, newTag: v2}]\n"},
		{"key without a value", "images: [{name: nginx, newTag}]\n", tag,
			"error: k.yaml:1:10: image nginx cannot be set: something else in the file would change with it; write the entry in plain block style, without anchors"},
		{"merge that contains itself", "images:\n- &e {<<: *e, newName: x}\n", tag, "images:\n- &e {<<: *e, newName: x}\n- {name: nginx, newTag: v2}\n"},
		{"merge of a text", "images:\n- {<<: x, name: nginx}\n", tag, "images:\n- {<<: x, name: nginx, newTag: v2}\n"},
		{"duplicate imageTags", "imageTags: []\nimageTags: []\n", tag, `error: k.yaml:2:1: duplicate key "imageTags", first on line 1: keep one`},
		{"duplicate newName", "images: [{name: nginx, newName: a, newName: b}]\n", tag,
			`error: k.yaml:1:36: duplicate key "newName", first on line 1: keep one`},
		{"comments in braces", "images: [ # c\n {name: nginx # d\n , newTag: v1 # e\n }\n]\nresources: [\n# f\n]", tag,
			"images: [ # c\n {name: nginx # d\n , newTag: v2 # e\n }\n]\nresources: [\n# f\n]"},
		{"dash on a line of its own, added first", "images:\n-\n  name: redis\n", tag, "images:\n- name: nginx\n  newTag: v2\n-\n  name: redis\n"},
		{"quotes at the end", "images: []\nnamePrefix: 'it''s \\'", tag, "images:\n- name: nginx\n  newTag: v2\nnamePrefix: 'it''s \\'"},
		{"single quotes at the end, no list", "namePrefix: 'it''s \\'", tag, "namePrefix: 'it''s \\'\nimages:\n- name: nginx\n  newTag: v2"},
		{"double quotes at the end, no list", `namePrefix: "\"\\"`, tag, "namePrefix: \"\\\"\\\\\"\nimages:\n- name: nginx\n  newTag: v2"},
		{"plain text over lines at the end, no list", "namePrefix: a\n  b\n\n  c # d", tag,
			"namePrefix: a\n  b\n\n  c # d\nimages:\n- name: nginx\n  newTag: v2"},
		{"newName is a list", "images: [{name: nginx, newName: []}]\n", image.Want{Name: "nginx", NewName: "a", NewTag: "v2"},
			"error: k.yaml:1:33: newName is no string"},
		{"newTag is a list, both wanted", "images: [{name: nginx, newTag: []}]\n", image.Want{Name: "nginx", NewTag: "v2", Digest: digestB},
			"error: k.yaml:1:32: newTag is no string"},
		{"digest is a list, both wanted", "images: [{name: nginx, digest: []}]\n", image.Want{Name: "nginx", NewTag: "v2", Digest: digestB},
			"error: k.yaml:1:32: digest is no string"},
		{"shared digest gives way", "images: [{name: nginx, digest: &d x}, {name: redis, digest: *d}]\n", tag,
			"error: k.yaml:1:32: digest carries the anchor &d, which line 1 uses too: write the values out"},
		{"shared digest, tag there", "images: [{name: nginx, newTag: v1, digest: &d x}, {name: redis, digest: *d}]\n", tag,
			"error: k.yaml:1:44: digest carries the anchor &d, which line 1 uses too: write the values out"},
		{"merge gives the digest too", "images:\n- &a {name: redis, digest: x}\n- <<: *a\n  name: nginx\n  digest: y\n", tag,
			"error: k.yaml:3:3: image nginx cannot be set: the result would not be what was asked for; write the entry in plain block style, without anchors"},
		{"images is a text", "images: nginx\n", tag, "error: k.yaml:1:9: images is no list"},
		{"control character", "a: \x01\n", tag, "error: k.yaml:1:4: not valid YAML: control characters are not allowed"},
		{"UTF-16", "\xff\xfea\x00:\x00", tag, "error: k.yaml: not a text file in UTF-8"},
		{"Latin-1", "a: \xfcber\n", tag, "error: k.yaml: not a text file in UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := SetKustomizeImage("k.yaml", []byte(tc.in), tc.want)
			got := string(edit.Data)
			if err != nil {
				got = "error: " + err.Error()
			}
			if diff := cmp.Diff(tc.out, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBillionLaughsIsNotExpanded(t *testing.T) {
	var b strings.Builder
	b.WriteString("x0: &x0 [lol]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "x%d: &x%d [*x%d, *x%d, *x%d, *x%d]\n", i, i, i-1, i-1, i-1, i-1)
	}
	edit, err := SetKustomizeImage("k.yaml", []byte(b.String()), image.Want{Name: "nginx", NewTag: "v2"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String()+"images:\n- name: nginx\n  newTag: v2\n", string(edit.Data)); diff != "" {
		t.Error(diff)
	}
}

func TestMergesOfMergesAreReadOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("x0: &x0 {other: x}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "x%d: &x%d {<<: [*x%d, *x%d, *x%d]}\n", i, i, i-1, i-1, i-1)
	}
	b.WriteString("images:\n- <<: *x39\n  name: nginx\n")
	edit, err := SetKustomizeImage("k.yaml", []byte(b.String()), image.Want{Name: "nginx", NewTag: "v2"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String()+"  newTag: v2\n", string(edit.Data)); diff != "" {
		t.Error(diff)
	}
}
