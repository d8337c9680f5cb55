package manifest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// The fuzz targets hold what is true of every edit of every file: it does not
// panic, an error is one of this package, an edit that is made twice is made
// once, what has been edited can be taken back, and what Helm and kubectl could
// read before they can read after. That nothing else differs is compared by the
// edit itself: see TestVerifyRefusesOtherDifferences and TestRewriteRefusesOtherDifferences.

// checkEdit makes an edit of data, and the same again.
func checkEdit(t *testing.T, data []byte, edit func([]byte) (Edit, error)) (Edit, bool) {
	t.Helper()
	once, err := edit(data)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || e.File != "f.yaml" || e.Msg == "" || (e.Line == 0) != (e.Column == 0) {
			t.Fatalf("%T %v", err, err)
		}
		if diff := cmp.Diff(Edit{}, once); diff != "" {
			t.Fatal(diff)
		}
		return Edit{}, false
	}
	if once.Changed == bytes.Equal(once.Data, data) {
		t.Fatalf("changed is %v\n%q\n%q", once.Changed, data, once.Data)
	}
	twice, err := edit(once.Data)
	if err != nil {
		t.Fatalf("twice: %v\n%q\n%q", err, data, once.Data)
	}
	if twice.Changed || !bytes.Equal(twice.Data, once.Data) || twice.Image != once.Image || twice.Places != once.Places {
		t.Fatalf("twice: %+v\nonce: %+v\n%q", twice, once, data)
	}
	var before, after any
	if err := sigsyaml.Unmarshal(data, &before); err == nil {
		if err := sigsyaml.Unmarshal(once.Data, &after); err != nil {
			t.Fatalf("YAML 1.1: %v\n%q\n%q", err, data, once.Data)
		}
	}
	back, err := Undo("f.yaml", data, once.Data, once.Data)
	if err != nil || !bytes.Equal(back.Data, data) {
		t.Fatalf("undo: %v\n%q\n%q", err, data, back.Data)
	}
	return once, true
}

func FuzzSetKustomizeImage(f *testing.F) {
	f.Add([]byte("images:\n- name: nginx\n  newTag: v1\n"), "nginx:v2")
	f.Add([]byte("{\"images\":[{\"name\":\"nginx\",\"digest\":\"x\"}]}"), "nginx=redis:1.10")
	f.Add([]byte("\ufeff--- # c\r\nimages: [] # c\r\n...\r\n---\r\na: &a b\r\n"), "nginx@"+digestB)
	f.Add([]byte("images:\n- <<: &b {name: nginx, digest: |2-\n     x}\n"), "nginx:null")
	f.Add([]byte("? images\n: - ? name\n    : >-\n        nginx\n"), "nginx:0x1f@"+digestB)
	f.Add([]byte("patches:\n- patch: |+\n    a\n\n"), "reg:5000/a:v1")
	for _, tc := range goldenCases(f) {
		f.Add(tc.in, tc.want.String())
	}
	f.Fuzz(func(t *testing.T, data []byte, set string) {
		want, err := image.ParseWant(set)
		if err != nil {
			t.Skip()
		}
		checkEdit(t, data, func(data []byte) (Edit, error) { return SetKustomizeImage("f.yaml", data, want) })
	})
}

func FuzzSetHelmImage(f *testing.F) {
	for _, in := range []string{
		"image:\n  repository: quay.io/a/b # r\n  tag: v1 # t\n  digest: ''\n",
		"image: {repository: a/b, tag: \"1.10\", digest: " + digestA + "}\n",
		"image: quay.io/a/b:v1\n---\nimage: x\n",
		"\ufeffimage:\r\n    repository:\r\n    tag: |-\r\n      v1\r\n    digest: ~\r\n",
		"x: &x {tag: v1}\nimage:\n  <<: *x\n  repository: &r b\n  digest: *r\n",
		"image: {tag: v1@" + digestA + ", repository: \"\", digest}\n",
	} {
		f.Add([]byte(in), "image.repository", "image.tag", "image.digest", "quay.io/a/b:v2")
		f.Add([]byte(in), "", "image.tag", "", "a:1.10")
		f.Add([]byte(in), "image.repository", "image.tag", "image.digest", "quay.io/a/b=quay.io/c:null@"+digestB)
		f.Add([]byte(in), "image.repository", "image.tag", "image.digest", "a@"+digestB)
		f.Add([]byte(in), "", "", "", "quay.io/a/b:v2") // the whole reference
	}
	f.Fuzz(func(t *testing.T, data []byte, repository, tag, digest, set string) {
		want, err := image.ParseWant(set)
		if err != nil {
			t.Skip()
		}
		at := HelmFields{Repository: repository, Tag: tag, Digest: digest}
		if tag == "" && digest == "" {
			at = HelmFields{Image: "image"}
		}
		once, ok := checkEdit(t, data, func(data []byte) (Edit, error) { return SetHelmImage("f.yaml", data, at, want) })
		if !ok {
			return
		}
		parts := map[string]string{tag: want.NewTag, digest: want.Digest}
		if at.Image != "" {
			parts = map[string]string{at.Image: once.Image.String()}
		}
		for path, value := range parts {
			if path != "" && value != "" {
				checkReads(t, once.Data, path, value)
			}
		}
	})
}

// checkReads holds that the value at a path of the first document is that text.
func checkReads(t *testing.T, data []byte, at, want string) {
	t.Helper()
	path, err := ParsePath(at)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse("f.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	place, err := s.find(s.docs[0], path)
	if err != nil || !isString(place.node, want) {
		t.Fatalf("%s is not %q: %v\n%q", at, want, err, data)
	}
}

func FuzzSetContainerImages(f *testing.F) {
	for _, in := range []string{
		twoPods,
		object("apps/v1", "Deployment", "spec:\n  template:\n    spec:\n      initContainers:\n      - name: c\n        image: >-\n          a\n      containers:\n      -\n        image: &i 'a:v1'\n      - image: *i # c\n"),
		object("batch/v1", "CronJob", "spec: {jobTemplate: {spec: {template: {"+spec("docker.io/library/a", "b")+"}}}}\n"),
		object("v1", "Pod", "x: &x {containers: [{image: a:v1}]}\nspec: {<<: *x}\n"),
		object("v1", "Pod", "x: &x a\nspec: {containers: [{image: *x, ? name : c}, {image: , <<: {image: a}}]}\n"),
		`{"apiVersion":"v1","kind":"List","items":[{"spec":{"containers":[{"image":"a:v1"}]}}]}`,
		"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n",
	} {
		f.Add([]byte(in), "", "a:v2")
		f.Add([]byte(in), "c", "a=reg:5000/x:1.10@"+digestB)
	}
	f.Fuzz(func(t *testing.T, data []byte, container, set string) {
		want, err := image.ParseWant(set)
		if err != nil {
			t.Skip()
		}
		checkEdit(t, data, func(data []byte) (Edit, error) { return SetContainerImages("f.yaml", data, container, want) })
	})
}

func FuzzSetValue(f *testing.F) {
	for _, in := range []string{
		"a:\n  b: c # d\n", "a: {b: 'c', d: [e, {f: \"g\"}]}\n", "- a\n- b: |2-\n      c\n  d: >\n    e\n", "a: &x 1\nb: *x\n",
		"x: &x {b: 1}\na:\n  <<: *x\n  b: true\n", "a: yes\n---\nb: ~\n", "\ufeffa:\r\n  b:\r\n", "a: !!int 3\nb: !x y\n", "? a\n: ? b\n  : c\n",
		"a:\n- - b\n  - c\n-\n", "\"a.b\": 'it''s'\n'c': \"\\u00fc\\x41\"\n", "a: b\n\n  c # d\n", "a: 2026-11-22\nb: 12:30\nc: 0x1f\n", "a: [b,c: d,{e}]",
	} {
		f.Add([]byte(in), "a.b", "v2")
		f.Add([]byte(in), "a", "1.10")
		f.Add([]byte(in), "[1].b", "it's \"so\"\n")
		f.Add([]byte(in), "b", "false")
		f.Add([]byte(in), `"a.b"`, "")
	}
	f.Fuzz(func(t *testing.T, data []byte, at, value string) {
		checkEdit(t, data, func(data []byte) (Edit, error) { return SetValue("f.yaml", data, at, value) })
	})
}

func FuzzUndo(f *testing.F) {
	for _, tc := range [][3]string{
		{"images:\n- name: a\n  digest: x # d\n", "images:\n- name: a\n  newTag: v2 # d\n", "images:\n- name: b\n- name: a\n  newTag: v2 # e\n"},
		{"a: 1\n", "a: 1\nimages:\n- name: a\n  newTag: v2\n", "images:\n- name: a\n  newTag: v2"},
		{"images: ~\n", "images:\n- name: a\n  newTag: v2\n", "images:\n# c\n- name: a\n  newTag: v2\n  # d\n"},
		{"{images: []}", "{images: [{name: a, newTag: v2}]}", "{images: [{newTag: v2, name: a}, ]}"},
		{"a: &x 1\nb: *x\n", "a: &x 1\nb: '2'\n", "a: &x 1\nb: &y '2'\nc: *y\n"},
		{"a: {b: x, c: d}\n", "a: {b: z, c: ''}\n", "a: {c: , b: z}\n"},
		{"a: |\n  x\n  y\n", "a: b\n", "- a: b\n"},
		{twoPods, twoPods, twoPods},
		{"a: &x [*x]\n", "a: b\n", "a: b\n"},
		{"--- a\n", "b\n", "|\n b\n"},
		{"- a\n- b\n", "- a\n- c\n", "-  - c\n"},
		{"a:\n  b: 1\n  c: 2\n", "a:\n  b: 1\n", "x: y\na: {b: 1}\n"},
	} {
		f.Add([]byte(tc[0]), []byte(tc[1]), []byte(tc[2]))
		f.Add([]byte(tc[2]), []byte(tc[1]), []byte(tc[0]))
		f.Add([]byte(tc[0]), []byte(tc[1]), []byte(tc[1]+"# c\n"))
	}
	f.Fuzz(func(t *testing.T, before, after, now []byte) {
		once, err := Undo("f.yaml", before, after, now)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.File != "f.yaml" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if bytes.Equal(after, now) {
			if !bytes.Equal(once.Data, before) {
				t.Fatalf("not before: %q", once.Data)
			}
			return
		}
		if once.Changed == bytes.Equal(once.Data, now) {
			t.Fatalf("changed is %v\n%q\n%q", once.Changed, now, once.Data)
		}
		if _, err := parse("f.yaml", once.Data); err != nil {
			t.Fatalf("%v\n%q", err, once.Data)
		}
		if bytes.Equal(once.Data, after) {
			return // an odd now: the next one would take back the rest
		}
		twice, err := Undo("f.yaml", before, after, once.Data)
		if err != nil || twice.Changed {
			t.Fatalf("twice: %v\nbefore %q\nafter  %q\nnow    %q\nonce   %q\ntwice  %q", err, before, after, now, once.Data, twice.Data)
		}
	})
}
