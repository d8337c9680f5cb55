package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// object is a Kubernetes object with something at a place of its own.
func object(version, kind, rest string) string {
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: x}\n%s", version, kind, rest)
}

// spec is a pod's spec in flow style.
func spec(images ...string) string {
	var all []string
	for i, one := range images {
		all = append(all, fmt.Sprintf("{name: c%d, image: %s}", i, one))
	}
	return "spec: {containers: [" + strings.Join(all, ", ") + "]}"
}

func TestEveryPodTemplateIsFound(t *testing.T) {
	for _, tc := range []struct {
		name, in string // each with "a:v1" where "a:v2" is wanted
		places   int
	}{
		{"Pod", object("v1", "Pod", spec("a:v1")+"\n"), 1},
		{"Deployment", object("apps/v1", "Deployment", "spec:\n  replicas: 2\n  template:\n    spec:\n      initContainers:\n      - name: i\n        image: a:v1 # c\n"+
			"      containers:\n      - image: \"a:v1\"\n        name: c\n      - {name: d, image: b:v1}\n"), 2},
		{"StatefulSet", object("apps/v1", "StatefulSet", "spec: {template: {"+spec("a:v1", "b:v1")+"}}\n"), 1},
		{"DaemonSet", object("apps/v1", "DaemonSet", "spec: {template: {"+spec("b:v1", "a:v1")+"}}\n"), 1},
		{"ReplicaSet", object("apps/v1", "ReplicaSet", "spec: {template: {"+spec("a:v1")+"}}\n"), 1},
		{"Job", object("batch/v1", "Job", "spec: {template: {"+spec("a:v1")+"}}\n"), 1},
		{"CronJob", object("batch/v1", "CronJob", "spec: {jobTemplate: {spec: {template: {"+spec("a:v1")+"}}}}\n"), 1},
		{"Rollout", object("argoproj.io/v1alpha1", "Rollout", "spec: {strategy: {canary: {}}, template: {"+spec("a:v1", "a:v1")+"}}\n"), 2},
		{"PodTemplate", object("v1", "PodTemplate", "template: {"+spec("a:v1")+"}\n"), 1},
		{"custom resource", object("example.com/v1", "Fleet", "spec:\n  groups:\n  - name: g\n    podTemplate: {"+spec("a:v1")+"}\n  - name: h\n    template: {"+spec("a:v1")+"}\n"), 2},
		{"only init containers, as in a patch", object("apps/v1", "Deployment", "spec: {template: {spec: {initContainers: [{name: i, image: a:v1}]}}}\n"), 1},
		{"List", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  " + spec("a:v1") + "\n- {apiVersion: v1, kind: Pod, " + spec("b:v1", "a:v1") + "}\n", 2},
		{"several documents", "---\n# nothing\n---\n" + object("v1", "Pod", spec("a:v1")+"\n") + "---\n" + object("v1", "Service", "spec: {ports: []}\n") +
			"---\n" + object("v1", "Pod", spec("a:v1")) + "\n...\n", 2},
		{"JSON", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"a:v1"}]}}`, 1},
		{"anchor of all", object("v1", "Pod", "spec: {containers: [{name: c, image: &i a:v1}, {name: d, image: *i}]}\n"), 2},
		{"anchor of all, init container first", object("v1", "Pod", "spec:\n  initContainers: [{name: c, image: &i 'a:v1'}]\n  containers: [{name: d, image: *i}]\n"), 2},
		{"ephemeral container", object("v1", "Pod", "spec: {containers: [{image: a:v1}], ephemeralContainers: [{image: 'a:v0'}]}\n"), 1},
		{"text that looks like a manifest", object("v1", "ConfigMap", "data:\n  pod.yaml: |\n    spec:\n      containers:\n      - image: a:v0\n"), 0},
		{"schema", object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "spec: {properties: {spec: {properties: {containers: {items: {image: a:v0}}}}}}\n"), 0},
		{"other fields called image", object("example.com/v1", "X", "spec: {image: 'a:v0', containers: {image: 'a:v0'}, initContainers: null}\n"), 0},
		{"containers that are none", object("v1", "Pod", "spec: {containers: [a, [b], {name: c}, {name: d, image: }]}\n"), 0},
		{"spec that is none", object("v1", "Pod", "spec: [{containers: [{image: 'a:v0'}]}]\n"), 0},
		{"carriage returns, byte order mark, no final line break", "\ufeff" + strings.ReplaceAll(object("v1", "Pod", "spec:\n  containers:\n  - image: a:v1"), "\n", "\r\n"), 1},
		{"tab in a comment", object("v1", "Pod", "spec:\n  containers:\n  - image: a:v1\t#\tc\n"), 1},
		{"duplicate keys elsewhere", object("v1", "Pod", "x: 1\nx: 2\n"+spec("a:v1")+"\n"), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := image.Want{Name: "a", NewTag: "v2"}
			edit, err := SetContainerImages("m.yaml", []byte(tc.in), "", want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(tc.in, "a:v1", "a:v2"), string(edit.Data)); diff != "" {
				t.Error(diff)
			}
			if edit.Places != tc.places || edit.Changed != (tc.places > 0) {
				t.Errorf("%d places, want %d; changed is %v", edit.Places, tc.places, edit.Changed)
			}
			twice, err := SetContainerImages("m.yaml", edit.Data, "", want)
			if err != nil || twice.Changed || twice.Places != tc.places || twice.Image != edit.Image {
				t.Errorf("twice: %v, changed is %v, %d places, image %s", err, twice.Changed, twice.Places, twice.Image)
			}
		})
	}
}

func TestSetContainerImages(t *testing.T) {
	pod := func(images ...string) string { return object("v1", "Pod", spec(images...)+"\n") }
	for _, tc := range []struct {
		name, in, container, set string
		out                      string
		previous, image          string
		places                   int
		others                   []string
	}{
		{"tag", pod("a:v1"), "", "a:v2", pod("a:v2"), "a:v1", "a:v2", 1, nil},
		{"no tag yet", pod("a"), "", "a:v2", pod("a:v2"), "a", "a:v2", 1, nil},
		{"digest", pod("a:v1"), "", "a@" + digestB, pod("a@" + digestB), "a:v1", "a@" + digestB, 1, nil},
		{"digest goes", pod("a:v1@" + digestA), "", "a:v2", pod("a:v2"), "a:v1@" + digestA, "a:v2", 1, nil},
		{"tag and digest", pod("a:v1"), "", "a:v2@" + digestB, pod("a:v2@" + digestB), "a:v1", "a:v2@" + digestB, 1, nil},
		{"registry with a port", pod("reg:5000/a", "reg:5000/a:v1", "reg:5001/a:v1"), "", "reg:5000/a:v2", pod("reg:5000/a:v2", "reg:5000/a:v2", "reg:5001/a:v1"),
			"reg:5000/a", "reg:5000/a:v2", 2, []string{"reg:5001/a:v1"}},
		{"names as they are written", pod("docker.io/library/a:v1", "index.docker.io/library/a:v1", "a:v1"), "", "a:v2",
			pod("docker.io/library/a:v2", "index.docker.io/library/a:v2", "a:v2"), "docker.io/library/a:v1", "docker.io/library/a:v2", 3, nil},
		{"upper-case host", pod("Quay.io/x/a:v1"), "", "quay.io/x/a:v2", pod("Quay.io/x/a:v2"), "Quay.io/x/a:v1", "Quay.io/x/a:v2", 1, nil},
		{"placeholder", pod("SERVER_IMAGE", "SERVER_IMAGE:v0"), "", "SERVER_IMAGE=x/a:v2", pod("x/a:v2", "x/a:v2"), "SERVER_IMAGE", "x/a:v2", 2, nil},
		{"new name", pod("a:v1", "b:v1"), "", "a=x/a:v2", pod("x/a:v2", "b:v1"), "a:v1", "x/a:v2", 1, []string{"b:v1"}},
		{"new name is there", pod("x/a:v1"), "", "a=x/a:v2", pod("x/a:v2"), "x/a:v1", "x/a:v2", 1, nil},
		{"one of two is there already", pod("a:v2", "a:v1"), "", "a:v2", pod("a:v2", "a:v2"), "a:v1", "a:v2", 2, nil},
		{"all are there already", pod("a:v2", "docker.io/a:v2"), "", "a:v2", pod("a:v2", "docker.io/a:v2"), "a:v2", "a:v2", 2, nil},
		{"only one container", pod("a:v1", "a:v1"), "c1", "a:v2", pod("a:v1", "a:v2"), "a:v1", "a:v2", 1, []string{`a:v1 (container "c0")`}},
		{"container of another image", pod("a:v1", "b:v1", "b:v1"), "c1", "a:v2", pod("a:v1", "b:v1", "b:v1"), "", "", 0,
			[]string{`a:v1 (container "c0")`, `b:v1 (container "c1")`, `b:v1 (container "c2")`}},
		{"no such image", pod("b:v1", "c", "b:v1", "''", "'{{ x }}'", "ab:v1"), "", "a:v2", pod("b:v1", "c", "b:v1", "''", "'{{ x }}'", "ab:v1"), "", "", 0,
			[]string{"b:v1", "c", `"{{ x }}"`, "ab:v1"}},
		{"no more than ten others", pod("i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9", "j0"), "", "a:v2",
			pod("i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9", "j0"), "", "", 0,
			[]string{"i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9"}},
		{"nothing in the file", "# c\n", "", "a:v2", "# c\n", "", "", 0, nil},
		{"empty file", "", "", "a:v2", "", "", "", 0, nil},
		{"alias of what is no container", object("v1", "Pod", "x: &i a:v1\n"+spec("*i", "*i")+"\n"), "", "a:v2",
			object("v1", "Pod", "x: &i a:v1\n"+spec("a:v2", "a:v2")+"\n"), "a:v1", "a:v2", 2, nil},
		{"alias in the one container", pod("&i a:v1", "*i"), "c1", "a:v2", pod("&i a:v1", "a:v2"), "a:v1", "a:v2", 1, []string{`a:v1 (container "c0")`}},
		{"list of another template, nothing to do", object("v1", "X", "a: {spec: {containers: &c [{image: a:v2}]}}\nb: {spec: {containers: *c}}\n"), "", "a:v2",
			object("v1", "X", "a: {spec: {containers: &c [{image: a:v2}]}}\nb: {spec: {containers: *c}}\n"), "a:v2", "a:v2", 1, nil},
		{"folded", object("v1", "Pod", "spec:\n  containers:\n  - image: >-\n      a:v1\n    name: c\n"), "", "a:v2",
			object("v1", "Pod", "spec:\n  containers:\n  - image: a:v2\n    name: c\n"), "a:v1", "a:v2", 1, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := SetContainerImages("m.yaml", []byte(tc.in), tc.container, parseWant(t, tc.set))
			if err != nil {
				t.Fatal(err)
			}
			previous, now := edit.Previous.String(), edit.Image.String()
			if diff := cmp.Diff([]string{tc.out, tc.previous, tc.image}, []string{string(edit.Data), previous, now}); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.others, edit.Others); diff != "" {
				t.Error(diff)
			}
			if edit.Places != tc.places || edit.Changed != (tc.in != tc.out) {
				t.Errorf("%d places, want %d; changed is %v", edit.Places, tc.places, edit.Changed)
			}
		})
	}
}

func TestSetContainerImagesRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, message string }{
		{"no kind", "apiVersion: v1\nspec: {}\n", "m.yaml:1:1: is no Kubernetes object: it has no kind"},
		{"no apiVersion, second document", "# c\n---\nkind: Pod\n", "m.yaml:3:1: is no Kubernetes object: it has no apiVersion"},
		{"list of objects", "- apiVersion: v1\n  kind: Pod\n", "m.yaml:1:1: is no Kubernetes object: it has no apiVersion"},
		{"text", "hello\n", "m.yaml:1:1: is no Kubernetes object: it has no apiVersion"},
		{"kind is a mapping", "apiVersion: v1\nkind: {}\n", "m.yaml:1:1: is no Kubernetes object: it has no kind"},
		{"kind is there twice", "apiVersion: v1\nkind: Pod\nkind: Pod\n", `m.yaml:3:1: duplicate key "kind", first on line 2: keep one`},
		{"template for the image", object("v1", "Pod", "spec:\n  containers:\n  - image: {{ .Values.image }}\n"),
			"m.yaml:6:13: a key of a Kubernetes object must be a text; the braces of a template ({{ }}) need quotes around them"},
		{"template elsewhere", object("v1", "Pod", "replicas: {{ .Values.n }}\n"+spec("a:v1")+"\n"),
			"m.yaml:4:12: a key of a Kubernetes object must be a text; the braces of a template ({{ }}) need quotes around them"},
		{"template that is no YAML", object("v1", "Pod", "spec:\n  {{- if .x }}\n  containers: []\n  {{- end }}\n"), "m.yaml:5:3: not valid YAML: did not find expected node content"},
		{"image is a mapping", object("v1", "Pod", "spec: {containers: [{image: {b: c}}]}\n"), `m.yaml:4:29: image is no text: it is a mapping with the keys "b"`},
		{"image is there twice", object("v1", "Pod", "spec: {containers: [{image: a, image: b}]}\n"), `m.yaml:4:32: duplicate key "image", first on line 4: keep one`},
		{"name is there twice", object("v1", "Pod", "spec: {containers: [{name: a, name: b}]}\n"), `m.yaml:4:31: duplicate key "name", first on line 4: keep one`},
		{"containers is there twice", object("v1", "Pod", "spec: {containers: [], containers: []}\n"), `m.yaml:4:24: duplicate key "containers", first on line 4: keep one`},
		{"spec is there twice", object("v1", "Pod", spec("a:v2")+"\n"+spec("a:v1")+"\n"), `m.yaml:5:1: duplicate key "spec", first on line 4: keep one`},
		{"image from a merge key", object("v1", "Pod", "x: &x {image: a:v1}\nspec: {containers: [{<<: *x, name: c}]}\n"),
			"m.yaml:5:22: image comes from a merge key (<<): write the value out"},
		{"containers from a merge key", object("v1", "Pod", "x: &x {containers: [{image: a:v1}]}\nspec: {<<: *x}\n"),
			"m.yaml:5:8: containers comes from a merge key (<<): write the value out"},
		{"container by alias", object("v1", "Pod", "x: &x {image: a:v1}\nspec: {containers: [*x]}\n"), "m.yaml:5:21: a container is an alias (*x): write the value out"},
		{"containers by alias", object("v1", "Pod", "x: &x [{image: a:v1}]\nspec: {containers: *x}\n"), "m.yaml:5:20: containers is an alias (*x): write the value out"},
		{"spec by alias", object("v1", "Pod", "x: &x {containers: [{image: a:v1}]}\nspec: *x\n"), "m.yaml:5:7: spec is an alias (*x): write the value out"},
		{"container that another template uses", object("v1", "X", "a: {spec: {containers: [&x {image: a:v1}]}}\nb: {spec: {containers: [*x]}}\n"),
			"m.yaml:4:25: a container carries the anchor &x, which line 5 uses too: write the values out"},
		{"template that another object uses", object("v1", "X", "a: &x {spec: {containers: [{image: a:v1}]}}\nb: *x\n"),
			"m.yaml:4:4: a carries the anchor &x, which line 5 uses too: write the values out"},
		{"image that something else uses", object("v1", "X", "a: {spec: {containers: [{image: &x a:v1}]}}\nb: *x\n"),
			"m.yaml:4:33: image carries the anchor &x, which line 5 uses too: write the values out"},
		{"image with a tag of its own", object("v1", "Pod", spec("!env a:v1")+"\n"),
			"m.yaml:4:44: cannot be set: the result would not be what was asked for; write it as a plain value on one line, without anchors and tags"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := SetContainerImages("m.yaml", []byte(tc.in), "", image.Want{Name: "a", NewTag: "v2"})
			checkError(t, tc.message, err, ErrInvalid)
			if diff := cmp.Diff(Edit{}, edit); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSharedContainerThatIsNotAskedForStays(t *testing.T) {
	in := object("v1", "Pod", spec("&i a:v1", "*i")+"\n")
	_, err := SetContainerImages("m.yaml", []byte(in), "c0", image.Want{Name: "a", NewTag: "v2"})
	checkError(t, "m.yaml:4:39: image carries the anchor &i, which line 4 uses too: write the values out", err, ErrInvalid)
}

func TestDeepNestingEnds(t *testing.T) {
	in := object("v1", "X", "a: "+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+"\n"+spec("a:v1")+"\n")
	edit, err := SetContainerImages("m.yaml", []byte(in), "", image.Want{Name: "a", NewTag: "v2"})
	if err != nil || edit.Places != 1 {
		t.Errorf("%v, %d places", err, edit.Places)
	}
}
