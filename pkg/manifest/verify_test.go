package manifest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// The comparison is what stands between a wrong edit and a commit: it is given
// results that no edit makes.
func TestVerifyRefusesOtherDifferences(t *testing.T) {
	const before = "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v1\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n"
	const other = "cannot be set: something else in the file would change with it"
	const notAsked = "cannot be set: the result would not be what was asked for"
	for _, tc := range []struct {
		name, after string
		why         string // "": accepted
	}{
		{"asked for", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", ""},
		{"style and comments are bytes, not values", "resources: &r\n- 'a'\n- &b\n  c: d\nimages:\n- newTag: v2\n  name: nginx\n- {name: redis, newName: x}\nx: *r # c\n---\n'second': 1\n", ""},
		{"newName added", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n  newName: y\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", other},
		{"unknown field added", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n  y: z\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", other},
		{"digest added", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n  digest: y\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", notAsked},
		{"another tag", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v3\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", notAsked},
		{"no tag", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", notAsked},
		{"other entry changed", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: y\nx: *r\n---\nsecond: 1\n", other},
		{"other entry gone", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\nx: *r\n---\nsecond: 1\n", other},
		{"other order", "resources: &r [a, &b {c: d}]\nimages:\n- name: redis\n  newName: x\n- name: nginx\n  newTag: v2\nx: *r\n---\nsecond: 1\n", other},
		{"entry gone", "resources: &r [a, &b {c: d}]\nimages:\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", "cannot be set: the result would not set the image"},
		{"list anchored", "resources: &r [a, &b {c: d}]\nimages: &i\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", other},
		{"other field changed", "resources: &r [a, &b {c: e}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", other},
		{"type changed", "resources: &r [a, &b {c: !x d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", other},
		{"anchor gone", "resources: &r [a, {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 1\n", other},
		{"alias written out", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: [a, {c: d}]\n---\nsecond: 1\n", other},
		{"field added", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\ny: z\n---\nsecond: 1\n", other},
		{"field gone", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\n---\nsecond: 1\n", other},
		{"second document changed", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\n---\nsecond: 2\n", other},
		{"second document gone", "resources: &r [a, &b {c: d}]\nimages:\n- name: nginx\n  newTag: v2\n- name: redis\n  newName: x\nx: *r\n", other},
		{"no YAML", "resources: [", "cannot be set: the result would be no valid kustomization (k.yaml:1:1: not valid YAML: did not find expected node content)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k, err := openKustomization("k.yaml", []byte(before))
			if err != nil {
				t.Fatal(err)
			}
			e, err := k.find("nginx")
			if err != nil {
				t.Fatal(err)
			}
			ref, err := k.verify([]byte(tc.after), e, image.Want{Name: "nginx", NewTag: "v2"})
			checkRefusal(t, "k.yaml:3:3: image nginx ", tc.why, err)
			if err == nil {
				if diff := cmp.Diff(image.Ref{Name: "nginx", Tag: "v2"}, ref); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestVerifyRefusesMoreThanOneAddition(t *testing.T) {
	const other = "cannot be set: something else in the file would change with it"
	for _, tc := range []struct {
		name, before, after string
		why                 string
	}{
		{"asked for", "a: b\n", "a: b\nimages: [{name: nginx, newTag: v2}]\n", ""},
		{"in front", "a: b\n", "images: [{name: nginx, newTag: v2}]\na: b\n", ""},
		{"two entries", "a: b\n", "a: b\nimages: [{name: nginx, newTag: v2}, {name: y}]\n", other},
		{"to a list", "images: [{name: y}]\n", "images: [{name: nginx, newTag: v2}, {name: y}]\n", ""},
		{"two to a list", "images: [{name: y}]\n", "images: [{name: nginx, newTag: v2}, {name: y}, {name: z}]\n", other},
		{"list replaced by an alias", "x: &x [{name: nginx, newTag: v2}]\nimages: []\n", "x: &x [{name: nginx, newTag: v2}]\nimages: *x\n", other},
		{"unasked newName in it", "a: b\n", "a: b\nimages: [{name: nginx, newName: z}]\n", "cannot be set: the result would not be what was asked for"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k, err := openKustomization("k.yaml", []byte(tc.before))
			if err != nil {
				t.Fatal(err)
			}
			_, err = k.verify([]byte(tc.after), nil, image.Want{Name: "nginx", NewTag: "v2"})
			checkRefusal(t, "k.yaml:1:1: image nginx ", tc.why, err)
		})
	}
}

func checkRefusal(t *testing.T, prefix, why string, err error) {
	t.Helper()
	want, got := "", ""
	if why != "" {
		want = prefix + why + "; write the entry in plain block style, without anchors"
	}
	if err != nil {
		got = err.Error()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err != nil && !errors.Is(err, ErrInvalid) {
		t.Errorf("%T", err)
	}
}
