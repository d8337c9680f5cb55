package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// undone is the outcome of an Undo, as text.
func undone(edit Edit, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return string(edit.Data)
}

// undoCase is an edit, and what happened to the file since. Exactly one of the
// first four says what the edit was.
type undoCase struct {
	name                             string
	kustomize, helm, manifests, yaml string
	before                           string
	// since are texts of the edited file that somebody has replaced, and by what.
	since []string
	want  string
}

func (c undoCase) edit(t *testing.T) []byte {
	t.Helper()
	var edit Edit
	var err error
	switch {
	case c.kustomize != "":
		edit, err = SetKustomizeImage("f.yaml", []byte(c.before), parseWant(t, c.kustomize))
	case c.helm != "":
		at := HelmFields{Repository: "image.repository", Tag: "image.tag", Digest: "image.digest"}
		edit, err = SetHelmImage("f.yaml", []byte(c.before), at, parseWant(t, c.helm))
	case c.manifests != "":
		edit, err = SetContainerImages("f.yaml", []byte(c.before), "", parseWant(t, c.manifests))
	default:
		at, value, _ := strings.Cut(c.yaml, "=")
		edit, err = SetValue("f.yaml", []byte(c.before), at, value)
	}
	if err != nil || !edit.Changed {
		t.Fatalf("changed is %v: %v", edit.Changed, err)
	}
	return edit.Data
}

const twoPods = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: a:v1 # i\n  - name: d\n    image: a:v0\n" +
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: n}\nspec: {containers: [{image: a:v1, name: c}]}\n"

func TestUndo(t *testing.T) {
	for _, tc := range []undoCase{
		// kustomize
		{name: "tag, another entry was added", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1 # t\n",
			since: []string{"# t\n", "# t\n- name: b\n  newTag: v9\n"}, want: "images:\n- name: a\n  newTag: v1 # t\n- name: b\n  newTag: v9\n"},
		{name: "tag, the entries have another order", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n",
			since: []string{"- name: a", "- name: b\n  newTag: v2\n- name: a"}, want: "images:\n- name: b\n  newTag: v2\n- name: a\n  newTag: v1\n"},
		{name: "tag, written in another way", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n",
			since: []string{"- name: a\n  newTag: v2", "- {newTag: 'v2', name: a} # x"}, want: "images:\n- {newTag: v1, name: a} # x\n"},
		{name: "tag, somebody has set another", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n",
			since: []string{"v2", "v3"}, want: "images:\n- name: a\n  newTag: v3\n"},
		{name: "tag, the entry is gone", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n",
			since: []string{"- name: a\n  newTag: v2\n", "- name: b\n  newTag: v2\n"}, want: "images:\n- name: b\n  newTag: v2\n"},
		{name: "tag, the entry is there twice", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n",
			since: []string{"images:\n", "images:\n- name: a\n  newTag: v2\n"}, want: "images:\n- name: a\n  newTag: v2\n- name: a\n  newTag: v2\n"},
		{name: "quoted tag", kustomize: "a:1.10", before: "images:\n- name: a\n  newTag: '1.9'\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- name: a\n  newTag: '1.9'\n"},
		{name: "tag that was a number", kustomize: "a:1.10", before: "images:\n- name: a\n  newTag: 1.9\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- name: a\n  newTag: 1.9\n"},
		{name: "tag that was empty", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: # c\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- name: a\n  newTag: # c\n"},
		{name: "tag that was empty in braces", kustomize: "a:v2", before: "images: [{name: a, newTag: }]\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages: [{name: a, newTag: }]\n"},
		{name: "tag that was folded", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: >-\n    v1\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- name: a\n  newTag: v1\n"},
		{name: "tag that is anchored now", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n",
			since: []string{"newTag: v2", "newTag: &t v2\n- name: b\n  newTag: *t"},
			want:  "error: f.yaml:3:11: newTag carries the anchor &t, which line 5 uses too: write the values out"},
		{name: "tag that is an alias now", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n",
			since: []string{"images:\n- name: a\n  newTag: v2", "images:\n- name: b\n  newTag: &t v2\n- name: a\n  newTag: *t"},
			want:  "images:\n- name: b\n  newTag: &t v2\n- name: a\n  newTag: v1\n"},
		{name: "entry that is shared now", kustomize: "a:v2", before: "images:\n- name: a\n",
			since: []string{"- name", "- &e\n  name", "v2\n", "v2\nx: *e\n"},
			want:  "error: f.yaml:2:3: an item of images carries the anchor &e, which line 5 uses too: write the values out"},
		{name: "list that is shared now", kustomize: "b:v2", before: "images:\n- name: a\n",
			since: []string{"images:", "images: &l", "v2\n", "v2\nx: *l\n"},
			want:  "error: f.yaml:1:9: images carries the anchor &l, which line 5 uses too: write the values out"},
		{name: "digest that is shared now, in place of a tag", kustomize: "a@" + digestB, before: "images: [{name: a, newTag: v1}]\n",
			since: []string{"sha256", "&d sha256", "]\n", "]\nx: *d\n"},
			want:  "error: f.yaml:1:28: digest carries the anchor &d, which line 2 uses too: write the values out"},
		{name: "tag in place of a digest", kustomize: "a:v2", before: "images:\n- name: a # n\n  digest: " + digestA + " # d\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- name: a # n\n  digest: " + digestA + " # d\n"},
		{name: "tag in place of a digest, another since", kustomize: "a:v2", before: "images:\n- name: a\n  digest: " + digestA + "\n",
			since: []string{"v2", "v3"}, want: "images:\n- name: a\n  newTag: v3\n"},
		{name: "tag in place of a digest, a digest since", kustomize: "a:v2", before: "images:\n- name: a\n  digest: " + digestA + "\n",
			since: []string{"newTag: v2", "digest: " + digestB}, want: "images:\n- name: a\n  digest: " + digestB + "\n"},
		{name: "digest in place of a tag", kustomize: "a@" + digestB, before: "images: [{name: a, newTag: v1}]\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages: [{name: a, newTag: v1}]\n"},
		{name: "digest in place of a tag, in another order now", kustomize: "a@" + digestB, before: "images:\n- newTag: 'v1'\n  name: a\n",
			since: []string{"- digest: '" + digestB + "'\n  name: a", "- name: a\n  digest: '" + digestB + "'"}, want: "images:\n- name: a\n  newTag: 'v1'\n"},
		{name: "digest removed", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n  digest: " + digestA + " # d\n- name: b\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- name: a\n  newTag: v1\n  digest: " + digestA + " # d\n- name: b\n"},
		{name: "digest removed in front", kustomize: "a:v2", before: "images:\n- digest: " + digestA + "\n  newTag: v1\n  name: a\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- digest: " + digestA + "\n  newTag: v1\n  name: a\n"},
		{name: "digest removed in braces", kustomize: "a:v2", before: "images: [{name: a, newTag: v1, digest: '" + digestA + "'}]\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages: [{name: a, newTag: v1, digest: '" + digestA + "'}]\n"},
		{name: "digest removed in front in braces", kustomize: "a:v2", before: "images: [{digest: '" + digestA + "', newTag: v1, name: a}]\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages: [{digest: '" + digestA + "', newTag: v1, name: a}]\n"},
		{name: "digest removed, another tag since", kustomize: "a:v2", before: "images:\n- name: a\n  newTag: v1\n  digest: " + digestA + "\n",
			since: []string{"v2", "v3"}, want: "images:\n- name: a\n  newTag: v3\n"},
		{name: "digest removed, merged in since", kustomize: "a:v2", before: "x: &x {y: z}\nimages:\n- name: a\n  newTag: v1\n  digest: " + digestA + "\n",
			since: []string{"y: z", "digest: x", "- name: a\n", "- <<: *x\n  name: a\n"}, want: "x: &x {digest: x}\nimages:\n- <<: *x\n  name: a\n  newTag: v1\n"},
		{name: "field added", kustomize: "a:v2", before: "images:\n- name: a\n  newName: x\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages:\n- name: a\n  newName: x\n"},
		{name: "field added, first now", kustomize: "a:v2", before: "images:\n- name: a\n",
			since: []string{"name: a\n  newTag: v2", "newTag: v2\n  name: a"}, want: "images:\n- name: a\n"},
		{name: "field added, first now with a comment", kustomize: "a:v2", before: "images:\n- name: a\n",
			since: []string{"name: a\n  newTag: v2", "newTag: v2 # c\n  name: a"}, want: "images:\n-  # c\n  name: a\n"},
		{name: "field added, first of braces now", kustomize: "a:v2", before: "images:\n- name: a\n",
			since: []string{"name: a\n  newTag: v2", "{newTag: v2, name: a}"}, want: "images:\n- {name: a}\n"},
		{name: "new name and tag, another tag since", kustomize: "a=b:v2", before: "images:\n- name: a\n  newName: x\n  newTag: v1\n",
			since: []string{"v2", "v3"}, want: "images:\n- name: a\n  newName: x\n  newTag: v3\n"},
		{name: "entry added", kustomize: "b:v2", before: "images:\n- name: a # c\n  newTag: v1\n- name: c\n",
			since: []string{"v1", "v3"}, want: "images:\n- name: a # c\n  newTag: v3\n- name: c\n"},
		{name: "entry added, last and without a final line break", kustomize: "b:v2", before: "images:\n- name: a\n  newTag: v1",
			since: []string{"v1", "v3"}, want: "images:\n- name: a\n  newTag: v3"},
		{name: "entry added, somebody has set another tag", kustomize: "b:v2", before: "images:\n- name: a\n",
			since: []string{"v2", "v3"}, want: "images:\n- name: a\n- name: b\n  newTag: v3\n"},
		{name: "entry added, somebody has given it a name", kustomize: "b:v2", before: "images:\n- name: a\n",
			since: []string{"newTag: v2", "newName: x\n  newTag: v2"}, want: "images:\n- name: a\n- name: b\n  newName: x\n  newTag: v2\n"},
		{name: "entry added in brackets", kustomize: "b:v2", before: "images: [{name: a}, {name: c}]\n",
			since: []string{"images", "# x\nimages"}, want: "# x\nimages: [{name: a}, {name: c}]\n"},
		{name: "entry added, comments in between now", kustomize: "b:v2", before: "images:\n- name: a\n",
			since: []string{"- name: b", "# x\n- name: b # y"}, want: "images:\n- name: a\n# x\n"},
		{name: "entry added, others have no names", kustomize: "b:v2", before: "images:\n- newTag: x\n",
			since: []string{"x", "w"}, want: "images:\n- newTag: w\n"},
		{name: "list added", kustomize: "b:v2", before: "resources: [a]\n",
			since: []string{"[a]", "[b]"}, want: "resources: [b]\n"},
		{name: "list added, without a final line break", kustomize: "b:v2", before: "resources: [a]",
			since: []string{"[a]", "[b]"}, want: "resources: [b]"},
		{name: "list added in braces", kustomize: "b:v2", before: "{\"resources\": [\"a\"]}\n",
			since: []string{`"a"`, `"b"`}, want: "{\"resources\": [\"b\"]}\n"},
		{name: "list added, has another entry now", kustomize: "b:v2", before: "resources: [a]\n",
			since: []string{"images:\n", "images:\n- name: a\n"}, want: "resources: [a]\nimages:\n- name: a\n"},
		{name: "list added, is all that is left", kustomize: "b:v2", before: "resources: [a]\n",
			since: []string{"resources: [a]\n", ""}, want: "{}\n"},
		{name: "list filled", kustomize: "b:v2", before: "images: [] # c\nresources: [a]\n",
			since: []string{"[a]", "[b]"}, want: "images: [] # c\nresources: [b]\n"},
		{name: "list filled that was null", kustomize: "b:v2", before: "images: ~ # c\nresources: [a]\n",
			since: []string{"[a]", "[b]"}, want: "images: ~ # c\nresources: [b]\n"},
		{name: "list filled that had no value", kustomize: "b:v2", before: "images:\nresources: [a]\n",
			since: []string{"[a]", "[b]"}, want: "images:\nresources: [b]\n"},
		{name: "list filled that had no value, in brackets now", kustomize: "b:v2", before: "images:\nresources: [a]\n",
			since: []string{"images:\n- name: b\n  newTag: v2\n", "images: [{name: b, newTag: v2}]\n"}, want: "images:\nresources: [a]\n"},
		{name: "list filled that was null, in braces", kustomize: "b:v2", before: "{images: null, resources: [a]}\n",
			since: []string{"[a]", "[b]"}, want: "{images: null, resources: [b]}\n"},
		{name: "list filled, has another entry now", kustomize: "b:v2", before: "images: ~\n",
			since: []string{"images:\n", "images:\n- name: a\n"}, want: "images:\n- name: a\n"},
		{name: "list filled, in an odd style now", kustomize: "b:v2", before: "images: []\n",
			since: []string{"images:", "? images\n:"}, want: "error: f.yaml:3:1: images cannot be taken back: more than single values has changed there"},
		{name: "list filled in brackets", kustomize: "b:v2", before: "{images: []}\n",
			since: []string{"}\n", "} # x\n"}, want: "{images: []} # x\n"},
		{name: "old list", kustomize: "a:v2", before: "imageTags:\n- name: a\n  newTag: v1\n",
			since: []string{"imageTags", "# x\nimageTags"}, want: "# x\nimageTags:\n- name: a\n  newTag: v1\n"},
		// helm
		{name: "helm tag and digest", helm: "a:v2@" + digestB, before: "image:\n  repository: a\n  tag: \"v1\"\n  digest: ''\nn: 1\n",
			since: []string{"n: 1", "n: 2"}, want: "image:\n  repository: a\n  tag: \"v1\"\n  digest: ''\nn: 2\n"},
		{name: "helm tag, digest emptied", helm: "a:v2", before: "image: {repository: a, tag: 1.9, digest: " + digestA + "}\nn: 1\n",
			since: []string{"n: 1", "n: 2"}, want: "image: {repository: a, tag: 1.9, digest: " + digestA + "}\nn: 2\n"},
		{name: "helm tag, digest emptied, another tag since", helm: "a:v2", before: "image: {repository: a, tag: v1, digest: " + digestA + "}\n",
			since: []string{"v2", "v3"}, want: "image: {repository: a, tag: v3, digest: \"\"}\n"},
		{name: "helm repository and tag, another tag since", helm: "a=b:v2", before: "image: {repository: a, tag: v1, digest: ''}\n",
			since: []string{"v2", "v3"}, want: "image: {repository: a, tag: v3, digest: ''}\n"},
		{name: "helm tag, the block is shared now", helm: "a:v2", before: "image: {repository: a, tag: v1, digest: ''}\n",
			since: []string{"image: {", "x: *i\nimage: &i {"}, want: "error: f.yaml:1:4: not valid YAML: unknown anchor 'i' referenced"},
		// manifests
		{name: "all containers", manifests: "a:v2", before: twoPods, since: []string{"# i", "# j"}, want: strings.Replace(twoPods, "# i", "# j", 1)},
		{name: "all containers, one was set since", manifests: "a:v2", before: twoPods, since: []string{"a:v2 # i", "a:v3 # i"},
			want: strings.Replace(twoPods, "a:v1 # i", "a:v3 # i", 1)},
		{name: "all containers, documents in another order", manifests: "a:v2", before: twoPods,
			since: []string{"---\napiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: n}\nspec: {containers: [{image: a:v2, name: c}]}\n", "",
				"apiVersion: v1\nkind: Pod\nmetadata: {name: p}", "apiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: n}\nspec: {containers: [{image: a:v2, name: c}]}\n" +
					"---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}"},
			want: strings.Join([]string{strings.Split(twoPods, "---\n")[1], strings.Split(twoPods, "---\n")[0]}, "---\n")},
		{name: "one object, renamed since", manifests: "a:v2", before: object("v1", "Pod", spec("a:v1")),
			since: []string{"name: x", "name: z"}, want: strings.Replace(object("v1", "Pod", spec("a:v1")), "name: x", "name: z", 1)},
		{name: "container renamed since", manifests: "a:v2", before: object("v1", "Pod", spec("a:v1", "a:v1")),
			since: []string{"c0", "c9"}, want: strings.Replace(object("v1", "Pod", spec("a:v2", "a:v1")), "c0", "c9", 1)},
		{name: "containers without names", manifests: "a:v2", before: object("v1", "Pod", "spec: {containers: [{image: 'a:v1'}, {image: 'b:v1'}]}\n"),
			since: []string{"b:v1", "b:v2"}, want: object("v1", "Pod", "spec: {containers: [{image: 'a:v1'}, {image: 'b:v2'}]}\n")},
		{name: "containers without names, one more", manifests: "a:v2", before: object("v1", "Pod", "spec: {containers: [{image: 'a:v1'}]}\n"),
			since: []string{"containers: [", "containers: [{image: 'a:v2'}, "}, want: object("v1", "Pod", "spec: {containers: [{image: 'a:v2'}, {image: 'a:v2'}]}\n")},
		{name: "image with an anchor", manifests: "a:v2", before: object("v1", "Pod", spec("&i a:v1", "*i")+"\n"),
			since: []string{"name: x", "name: z"}, want: strings.Replace(object("v1", "Pod", spec("&i a:v1", "*i")+"\n"), "name: x", "name: z", 1)},
		{name: "item of a List", manifests: "a:v2", before: "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: p}, " + spec("a:v1") + "}\n",
			since: []string{"items:\n", "items:\n- {apiVersion: v1, kind: Pod, metadata: {name: o}}\n"},
			want:  "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: o}}\n- {apiVersion: v1, kind: Pod, metadata: {name: p}, " + spec("a:v1") + "}\n"},
		// yaml
		{name: "number", yaml: "replicas=3", before: "replicas: 2\n", since: []string{"3", "3 # x"}, want: "replicas: 2 # x\n"},
		{name: "number, equal text since", yaml: "replicas=3", before: "replicas: 2\n", since: []string{"3", "'3'"}, want: "replicas: '3'\n"},
		{name: "boolean", yaml: "on=false", before: "on: true\n", since: []string{"on", "off: 1\non"}, want: "off: 1\non: true\n"},
		{name: "text with blanks, in braces now", yaml: "a=b", before: "a: x, y\n", since: []string{"a: b", "{a: b}"}, want: "{a: \"x, y\"}\n"},
		{name: "text with blanks", yaml: "a=b", before: "a: x, y\n", since: []string{"a: b", "a: b # c"}, want: "a: x, y # c\n"},
		{name: "literal", yaml: "a=b", before: "a: |\n  x\n  y\n", since: []string{"a: b", "a: b # c"}, want: "a: \"x\\ny\\n\" # c\n"},
		{name: "alias", yaml: "b=w", before: "a: &x v\nb: *x\n", since: []string{"b: w", "b: w # c"}, want: "a: &x v\nb: v # c\n"},
		{name: "text with a tag", yaml: "a=b", before: "a: !!str 1\n", since: []string{"b", "b # c"}, want: "a: !!str \"1\" # c\n"},
		{name: "number with a tag", yaml: "a=2", before: "a: !!int 1\n", since: []string{"2", "2 # c"},
			want: "error: f.yaml:1:4: a cannot be taken back: more than single values has changed there"},
		{name: "name of an item", yaml: "a[0].name=z", before: "a: [{name: x, b: c}, {name: w}]\n", since: []string{"b: c", "b: d"}, want: "a: [{name: x, b: d}, {name: w}]\n"},
		{name: "text, is a list now", yaml: "a=b", before: "a: x\n", since: []string{"b", "[b]"}, want: "a: [b]\n"},
		{name: "text, file is empty now", yaml: "a=b", before: "a: x\n", since: []string{"a: b\n", ""}, want: ""},
		{name: "text, another document in front now", yaml: "a=b", before: "a: x\n", since: []string{"a: b\n", "a: b\n---\na: b\n"}, want: "a: b\n---\na: b\n"},
		{name: "text, broken since", yaml: "a=b", before: "a: x\n", since: []string{"b", "[b"}, want: "error: f.yaml:2:1: not valid YAML: did not find expected ',' or ']'"},
		{name: "text, there twice now", yaml: "a=b", before: "a: x\n", since: []string{"a: b", "a: b\na: b"}, want: `error: f.yaml:2:1: duplicate key "a", first on line 1: keep one`},
		{name: "text, contains itself now", yaml: "a=b", before: "a: x\n", since: []string{"a: b", "a: b\nc: &c [*c]"},
			want: "error: f.yaml:2:8: *c stands in its own anchor, so nothing can be taken back here"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := tc.edit(t)
			now := string(after)
			for i := 0; i < len(tc.since); i += 2 {
				if !strings.Contains(now, tc.since[i]) {
					t.Fatalf("%q is not in %q", tc.since[i], now)
				}
				now = strings.Replace(now, tc.since[i], tc.since[i+1], 1)
			}
			edit, err := Undo("f.yaml", []byte(tc.before), after, []byte(now))
			if diff := cmp.Diff(tc.want, undone(edit, err)); diff != "" {
				t.Errorf("%s\n%s", diff, now)
			}
			if err != nil {
				return
			}
			if edit.Changed != (now != tc.want) {
				t.Errorf("changed is %v", edit.Changed)
			}
			twice, err := Undo("f.yaml", []byte(tc.before), after, edit.Data)
			if err != nil || twice.Changed || string(twice.Data) != tc.want {
				t.Errorf("twice: %s", undone(twice, err))
			}
		})
	}
}

// lastEdits are the edits of all cases that change something.
func lastEdits(t *testing.T) map[string][2][]byte {
	t.Helper()
	all := map[string][2][]byte{}
	for _, tc := range goldenCases(t) {
		if edit, err := SetKustomizeImage("f.yaml", tc.in, tc.want); err == nil && edit.Changed {
			all["golden/"+tc.name] = [2][]byte{tc.in, edit.Data}
		}
	}
	for _, c := range corpus(t) {
		if edit, err := c.edit(t, c.in); err == nil && edit.Changed {
			all[c.id()] = [2][]byte{c.in, edit.Data}
		}
	}
	return all
}

func TestUndoOfTheLastEditIsBefore(t *testing.T) {
	for name, edit := range lastEdits(t) {
		t.Run(name, func(t *testing.T) {
			back, err := Undo("f.yaml", edit[0], edit[1], edit[1])
			want := Edit{Data: edit[0], Changed: true}
			if diff := cmp.Diff(want, back); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

// Somebody has added a comment at the end of each file: that stays, and the
// values are those of before.
func TestUndoAmongOtherChanges(t *testing.T) {
	for name, edit := range lastEdits(t) {
		t.Run(name, func(t *testing.T) {
			const since = "\n# somebody else's\n"
			before, now := string(edit[0])+since, string(edit[1])+since
			back, err := Undo("f.yaml", edit[0], edit[1], []byte(now))
			if err != nil || !back.Changed {
				t.Fatalf("changed is %v: %v\n%s", back.Changed, err, now)
			}
			old, err := parse("f.yaml", []byte(before))
			if err != nil {
				t.Fatal(err)
			}
			restored, err := parse("f.yaml", back.Data)
			if err != nil {
				t.Fatal(err)
			}
			for i, doc := range old.docs {
				if l := (likeness{}); !l.alike(doc.Content[0], restored.docs[i].Content[0]) {
					t.Errorf("document %d:\n%s--- became\n%s", i, before, back.Data)
				}
			}
			if !strings.HasSuffix(string(back.Data), since) {
				t.Errorf("lost: %s", back.Data)
			}
			twice, err := Undo("f.yaml", edit[0], edit[1], back.Data)
			if err != nil || twice.Changed {
				t.Errorf("twice: %v\n%s", err, twice.Data)
			}
		})
	}
}
