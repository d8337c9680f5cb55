package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// The expectation is what stands between a wrong edit and a commit: it is given
// results that no edit makes.
func TestRewriteRefusesOtherDifferences(t *testing.T) {
	const before = "a: &a [x, {b: c}]\nd: v1\ne: *a\n---\nf: 1\n"
	const hint = "; write it as a plain value on one line, without anchors and tags"
	const other = "f.yaml:2:4: cannot be set: something else in the file would change with it" + hint
	const notAsked = "f.yaml:2:4: cannot be set: the result would not be what was asked for" + hint
	for _, tc := range []struct{ name, after, message string }{
		{"asked for", "a: &a [x, {b: c}]\nd: v2\ne: *a\n---\nf: 1\n", ""},
		{"style and comments are bytes, not values", "'a': &a\n- \"x\"\n- b: c # c\n\nd: 'v2'\ne: *a\n---\nf: 1 # c\n", ""},
		{"another value", "a: &a [x, {b: c}]\nd: v3\ne: *a\n---\nf: 1\n", notAsked},
		{"old value", "a: &a [x, {b: c}]\nd: v1 # c\ne: *a\n---\nf: 1\n", notAsked},
		{"another type", "a: &a [x, {b: c}]\nd: !x v2\ne: *a\n---\nf: 1\n", notAsked},
		{"anchor added", "a: &a [x, {b: c}]\nd: &d v2\ne: *a\n---\nf: 1\n", notAsked},
		{"list in its place", "a: &a [x, {b: c}]\nd: [v2]\ne: *a\n---\nf: 1\n", notAsked},
		{"another item changed", "a: &a [y, {b: c}]\nd: v2\ne: *a\n---\nf: 1\n", other},
		{"another item gone", "a: &a [{b: c}]\nd: v2\ne: *a\n---\nf: 1\n", other},
		{"key changed", "a: &a [x, {c: c}]\nd: v2\ne: *a\n---\nf: 1\n", other},
		{"key added", "a: &a [x, {b: c}]\nd: v2\ne: *a\ng: h\n---\nf: 1\n", other},
		{"key gone", "a: &a [x, {b: c}]\nd: v2\n---\nf: 1\n", other},
		{"other order", "d: v2\na: &a [x, {b: c}]\ne: *a\n---\nf: 1\n", other},
		{"anchor renamed", "a: &b [x, {b: c}]\nd: v2\ne: *b\n---\nf: 1\n", other},
		{"alias written out", "a: &a [x, {b: c}]\nd: v2\ne: [x, {b: c}]\n---\nf: 1\n", other},
		{"alias of another one of that name", "a: &a [x, &a {b: c}]\nd: v2\ne: *a\n---\nf: 1\n", other},
		{"second document changed", "a: &a [x, {b: c}]\nd: v2\ne: *a\n---\nf: 2\n", other},
		{"second document gone", "a: &a [x, {b: c}]\nd: v2\ne: *a\n", other},
		{"third document", "a: &a [x, {b: c}]\nd: v2\ne: *a\n---\nf: 1\n---\n", other},
		{"no YAML", "a: [", "f.yaml:2:4: cannot be set: the result would be no valid YAML (f.yaml:1:1: not valid YAML: did not find expected node content)" + hint},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := open("f.yaml", []byte(before), nil)
			if err != nil {
				t.Fatal(err)
			}
			place, err := r.find(r.docs[0], ValuePath{[]step{{key: "d"}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.put(place, text("v2")); err != nil {
				t.Fatal(err)
			}
			// Another result than that of the change.
			r.changes = changes{{from: r.changes[0].from, to: r.changes[0].from}, {from: 0, to: len(before), text: tc.after}}
			edit, err := r.finish(Edit{})
			if tc.message != "" {
				checkError(t, tc.message, err, ErrInvalid)
				return
			}
			if diff := cmp.Diff(Edit{Data: []byte(tc.after), Changed: true}, edit); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

// A text that YAML 1.2 takes for a string is not enough.
func TestRewriteRefusesWhatYAML11ReadsInAnotherWay(t *testing.T) {
	r, err := open("f.yaml", []byte("a: b\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	place := r.of(root(r.docs[0]), pairs(r.docs[0].Content[0])[0])
	if err := r.put(place, text("yes")); err != nil {
		t.Fatal(err)
	}
	r.changes = changes{{from: 3, to: 4, text: "yes"}}
	_, err = r.finish(Edit{})
	checkError(t, "f.yaml:1:4: cannot be set: the result would not be what was asked for; write it as a plain value on one line, without anchors and tags", err, ErrInvalid)
}

func TestRewriteRefusesToSetASpotTwice(t *testing.T) {
	r, err := open("f.yaml", []byte("a: b\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	place := r.of(root(r.docs[0]), pairs(r.docs[0].Content[0])[0])
	if err := r.put(place, text("c")); err != nil {
		t.Fatal(err)
	}
	checkError(t, "f.yaml:1:4: a is set twice: give each part a path of its own", r.put(place, text("d")), ErrInvalid)
}

func TestRewriteRefusesToChangeWhatAnAliasStandsFor(t *testing.T) {
	r, err := open("f.yaml", []byte("a: &a b\nc: *a\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	shared := pairs(r.docs[0].Content[0])[0].value
	r.changes = changes{{from: 6, to: 7, text: "d"}}
	r.want[shared] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "d", Anchor: "a"}
	_, err = r.finish(Edit{})
	checkError(t, "f.yaml:1:7: cannot be set: something else in the file would change with it; write it as a plain value on one line, without anchors and tags", err, ErrInvalid)
}

func TestAlike(t *testing.T) {
	for _, tc := range []struct {
		name, a, b string
		want       bool
	}{
		{"equal", "a: [1, {b: c}]\n", "a: [1, {b: c}]\n", true},
		{"other order of keys", "{a: 1, b: {c: d, e: f}}\n", "b: {e: f, c: d}\na: 1\n", true},
		{"other style", "a: 'b'\n", "\"a\": b # c\n", true},
		{"alias", "a: &x {b: c}\nd: *x\n", "a: {b: c}\nd: {b: c}\n", true},
		{"other order of items", "[1, 2]\n", "[2, 1]\n", false},
		{"other type", "a: 1\n", "a: '1'\n", false},
		{"other value", "a: 1\n", "a: 2\n", false},
		{"other value in another order", "{a: 1, b: 2}\n", "{b: 1, a: 2}\n", false},
		{"other key", "a: 1\n", "b: 1\n", false},
		{"other type of a key", "1: a\n", "'1': a\n", false},
		{"more keys", "a: 1\n", "{a: 1, b: 1}\n", false},
		{"list and mapping", "[a, b]\n", "{a: b}\n", false},
		{"equal keys twice", "{a: 1, a: 2}\n", "{a: 1, a: 2}\n", true},
		{"keys twice in another order", "{a: 1, a: 2}\n", "{a: 2, a: 1}\n", false},
		{"keys twice in one of them", "{a: 1, a: 1}\n", "{a: 1, b: 1}\n", false},
		{"complex keys", "? [a]\n: b\n", "? [a]\n: b\n", true},
		{"complex keys in another order", "{? [a] : b, c: d}\n", "{c: d, ? [a] : b}\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var a, b yaml.Node
			if err := yaml.Unmarshal([]byte(tc.a), &a); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal([]byte(tc.b), &b); err != nil {
				t.Fatal(err)
			}
			l := likeness{}
			got := []bool{l.alike(a.Content[0], b.Content[0]), l.alike(a.Content[0], b.Content[0]), likeness{}.alike(b.Content[0], a.Content[0])}
			if diff := cmp.Diff([]bool{tc.want, tc.want, tc.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
