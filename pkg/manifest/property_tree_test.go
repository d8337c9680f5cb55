package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
	"sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// decode reads a file as Go values; a key is its text.
func decode(t *rapid.T, data []byte) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return texts(value)
}

func texts(value any) any {
	all := map[string]any{}
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			all[k] = texts(v)
		}
	case map[any]any:
		for k, v := range value {
			all[fmt.Sprint(k)] = texts(v)
		}
	case []any:
		list := make([]any, len(value))
		for i, v := range value {
			list[i] = texts(v)
		}
		return list
	default:
		return value
	}
	return all
}

// with is a decoded file with another value at a path.
func with(tree any, steps []step, value any) any {
	if len(steps) == 0 {
		return value
	}
	switch tree := tree.(type) {
	case map[string]any:
		tree[steps[0].key] = with(tree[steps[0].key], steps[1:], value)
	case []any:
		tree[steps[0].index] = with(tree[steps[0].index], steps[1:], value)
	}
	return tree
}

// at is the value at a path of a decoded file.
func at(tree any, steps []step) any {
	for _, s := range steps {
		switch t := tree.(type) {
		case map[string]any:
			tree = t[s.key]
		case []any:
			tree = t[s.index]
		}
	}
	return tree
}

// The generator is only as good as what it knows of its files.
func TestRandomTreeIsWhatTheGeneratorSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawTree(t)
		tree := decode(t, []byte(f.text))
		for _, l := range f.leaves {
			if diff := cmp.Diff(l.value, at(tree, l.path.steps)); diff != "" {
				t.Errorf("%s: %s\n%s", l.path, diff, f.text)
			}
		}
	})
}

// checkOutside holds that no byte outside of the leaf has changed.
func checkOutside(t *rapid.T, before string, l leaf, after string) {
	t.Helper()
	if !strings.HasPrefix(after, before[:l.from]) || !strings.HasSuffix(after, before[l.to:]) {
		t.Errorf("bytes outside of %q changed:\n%s--- became\n%s", before[l.from:l.to], before, after)
	}
}

func TestRandomValueIsAllThatChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawTree(t)
		l, value := f.leaf(t, "leaf"), drawText().Draw(t, "value")
		edit, err := SetValue("f.yaml", []byte(f.text), l.path.String(), value)
		if err != nil {
			t.Fatalf("%v\n%s", err, f.text)
		}
		want := any(value)
		switch l.value.(type) {
		case int, float64:
			if numberTag(value) != "" {
				want = decode(t, []byte(value))
			}
		case bool:
			if isBoolean(value) {
				want = value == "true"
			}
		}
		tree := with(decode(t, []byte(f.text)), l.path.steps, want)
		if diff := cmp.Diff(tree, decode(t, edit.Data)); diff != "" {
			t.Errorf("%s\n%s--- became\n%s", diff, f.text, edit.Data)
		}
		checkOutside(t, f.text, l, string(edit.Data))
		twice, err := SetValue("f.yaml", edit.Data, l.path.String(), value)
		if err != nil || twice.Changed {
			t.Errorf("twice: %v\n%s--- became\n%s", err, edit.Data, twice.Data)
		}
		// The same text at the same place changes nothing, unless it is no string
		// to every parser.
		same, err := SetValue("f.yaml", []byte(f.text), l.path.String(), l.text)
		if _, isText := l.value.(string); err != nil || isText && same.Changed {
			t.Errorf("same: %v\n%s--- became\n%s", err, f.text, same.Data)
		}
	})
}

// Helm reads values with sigs.k8s.io/yaml, which is YAML 1.1.
func TestRandomHelmValuesAreStringsToHelm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawTree(t)
		l, value := f.leaf(t, "leaf"), drawTag().Draw(t, "tag")
		edit, err := SetHelmImage("f.yaml", []byte(f.text), HelmFields{Tag: l.path.String()}, image.Want{Name: "a", NewTag: value})
		if err != nil {
			t.Fatalf("%v\n%s", err, f.text)
		}
		var before, after any
		if err := sigsyaml.Unmarshal([]byte(f.text), &before); err != nil {
			t.Fatalf("%v\n%s", err, f.text)
		}
		if err := sigsyaml.Unmarshal(edit.Data, &after); err != nil {
			t.Fatalf("%v\n%s", err, edit.Data)
		}
		if diff := cmp.Diff(with(before, l.path.steps, value), after); diff != "" {
			t.Errorf("%s\n%s--- became\n%s", diff, f.text, edit.Data)
		}
		checkOutside(t, f.text, l, string(edit.Data))
		want := image.Ref{Name: "a", Tag: value}
		if edit.Image != want || edit.Previous.Name != "a" {
			t.Errorf("image %s, previous %s", edit.Image, edit.Previous)
		}
	})
}

// Somebody's change before the edit or after it: the undo leaves just that one.
func TestRandomUndoLeavesTheOtherChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawTree(t)
		ours, theirs := f.leaf(t, "ours"), f.leaf(t, "theirs")
		value, other := drawText().Draw(t, "value"), drawText().Draw(t, "other")
		set := func(data []byte, l leaf, value string) []byte {
			edit, err := SetValue("f.yaml", data, l.path.String(), value)
			if err != nil {
				t.Fatal(err)
			}
			return edit.Data
		}
		before := []byte(f.text)
		after := set(before, ours, value)
		now := set(after, theirs, other)
		edit, err := Undo("f.yaml", before, after, now)
		if err != nil {
			t.Fatalf("%v\n%s--- after\n%s--- now\n%s", err, before, after, now)
		}
		want := decode(t, set(before, theirs, other))
		if ours.path.String() == theirs.path.String() {
			want = decode(t, now)
			if cmp.Equal(decode(t, after), want) {
				want = decode(t, before) // the other change said nothing else
			}
		}
		if diff := cmp.Diff(want, decode(t, edit.Data)); diff != "" {
			t.Errorf("%s\n%s--- after\n%s--- now\n%s--- undone\n%s", diff, before, after, now, edit.Data)
		}
		if ours.path.String() != theirs.path.String() && !ours.lines {
			if diff := cmp.Diff(string(set(before, theirs, other)), string(edit.Data)); diff != "" {
				t.Errorf("bytes: %s\n%s--- after\n%s--- now\n%s", diff, before, after, now)
			}
		}
		twice, err := Undo("f.yaml", before, after, edit.Data)
		if err != nil || twice.Changed {
			t.Errorf("twice: %v\n%s", err, twice.Data)
		}
	})
}

// Two people set two images; the one edit is taken back.
func TestRandomUndoOfAnImageLeavesTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, ours, theirs := drawFile(t), drawWant(t), drawWant(t)
		if ours.Name == theirs.Name {
			t.Skip("one image")
		}
		set := func(data []byte, want image.Want) []byte {
			edit, err := SetKustomizeImage("f.yaml", data, want)
			if err != nil {
				t.Fatal(err)
			}
			return edit.Data
		}
		before := []byte(f.text)
		after := set(before, ours)
		now := set(after, theirs)
		edit, err := Undo("f.yaml", before, after, now)
		if err != nil {
			t.Fatalf("%v\n%s--- after\n%s--- now\n%s", err, before, after, now)
		}
		var want, got types.Kustomization
		if err := want.Unmarshal(set(before, theirs)); err != nil {
			t.Fatal(err)
		}
		if err := got.Unmarshal(edit.Data); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sorted(want.Images), sorted(got.Images)); diff != "" {
			t.Errorf("%s\n%s--- after\n%s--- now\n%s--- undone\n%s", diff, before, after, now, edit.Data)
		}
		for _, comment := range comments.FindAllString(string(now), -1) {
			if !strings.Contains(string(edit.Data), comment) {
				t.Errorf("comment lost: %s\n%s--- undone\n%s", comment, now, edit.Data)
			}
		}
		twice, err := Undo("f.yaml", before, after, edit.Data)
		if err != nil || twice.Changed {
			t.Errorf("twice: %v\n%s", err, twice.Data)
		}
	})
}
