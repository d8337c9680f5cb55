package manifest

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// model is what the file must say after the edit, by kustomize's own types.
func model(before types.Kustomization, want image.Want) []types.Image {
	set := func(i types.Image) types.Image {
		if want.NewName != "" {
			i.NewName = want.NewName
		}
		i.NewTag, i.Digest = want.NewTag, want.Digest
		return i
	}
	var all []types.Image
	found := false
	for _, i := range before.Images {
		if i.Name == want.Name {
			i, found = set(i), true
		}
		all = append(all, i)
	}
	if !found {
		all = append(all, set(types.Image{Name: want.Name}))
	}
	return all
}

func TestRandomFileSaysWhatWasAskedForAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, want := drawFile(t), drawWant(t)
		edit, err := SetKustomizeImage("kustomization.yaml", []byte(f.text), want)
		if err != nil {
			t.Fatalf("%v\n%s", err, f.text)
		}
		var before, after types.Kustomization
		if err := before.Unmarshal([]byte(f.text)); err != nil {
			t.Fatalf("%v\n%s", err, f.text)
		}
		if err := after.Unmarshal(edit.Data); err != nil {
			t.Fatalf("%v\n%s", err, edit.Data)
		}
		wantImages := model(before, want)
		if diff := cmp.Diff(sorted(wantImages), sorted(after.Images)); diff != "" {
			t.Errorf("%s\n%s", diff, edit.Data)
		}
		before.Images, after.Images = nil, nil
		if diff := cmp.Diff(before, after, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
			t.Error(diff)
		}
		checkBytes(t, f, want, edit)
	})
}

func sorted(images []types.Image) map[string]types.Image {
	all := map[string]types.Image{}
	for _, i := range images {
		all[i.Name] = i
	}
	return all
}

// comments are all but those on a line of the entry's values, which go with a
// line that is removed.
var comments = regexp.MustCompile(`(?m)^ *# <[0-9]+>[^\r\n]*`)

// checkBytes holds that only bytes of the wanted entry changed, or that only
// lines were added where there was none.
func checkBytes(t *rapid.T, f file, want image.Want, edit Edit) {
	before, after := f.text, string(edit.Data)
	head, tail := 0, 0
	for head < min(len(before), len(after)) && before[head] == after[head] {
		head++
	}
	for tail < min(len(before), len(after))-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	var found *drawn
	for _, d := range f.entries {
		if d.name == want.Name {
			found = &d
		}
	}
	wantPrevious := image.Ref{}
	switch {
	case found != nil:
		wantPrevious = image.Ref{Name: found.name, Tag: found.newTag, Digest: found.digest}
		if found.newName != "" {
			wantPrevious.Name = found.newName
		}
		if !strings.HasPrefix(after, before[:found.from]) || !strings.HasSuffix(after, before[min(found.to, len(before)):]) {
			t.Errorf("bytes outside of the entry changed:\n%s--- became\n%s", before, after)
		}
	case len(f.entries) > 0 && head+tail < len(before):
		t.Errorf("not only an insertion:\n%s--- became\n%s", before, after)
	}
	if diff := cmp.Diff(wantPrevious, edit.Previous); diff != "" {
		t.Error(diff)
	}
	for _, comment := range comments.FindAllString(before, -1) {
		if !strings.Contains(after, comment) {
			t.Errorf("comment lost: %s\n%s--- became\n%s", comment, before, after)
		}
	}
	if strings.HasSuffix(before, "\n") != strings.HasSuffix(after, "\n") {
		t.Errorf("final line break: %q became %q", before, after)
	}
	if strings.Contains(before, "\r\n") && strings.Count(after, "\n") != strings.Count(after, "\r\n") {
		t.Errorf("line breaks: %q became %q", before, after)
	}
}

func TestRandomEditTwiceIsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, want := drawFile(t), drawWant(t)
		once, err := SetKustomizeImage("kustomization.yaml", []byte(f.text), want)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := SetKustomizeImage("kustomization.yaml", once.Data, want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Edit{Data: once.Data, Previous: once.Image, Image: once.Image, Places: 1}, twice); diff != "" {
			t.Errorf("%s\n%s", diff, once.Data)
		}
	})
}

func TestRandomBuildDiffersOnlyInTheImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, want := drawFile(t), drawWant(t)
		edit, err := SetKustomizeImage("kustomization.yaml", []byte(f.text), want)
		if err != nil {
			t.Fatal(err)
		}
		before, err := build([]byte(f.text))
		if err != nil {
			t.Fatalf("%v\n%s", err, f.text)
		}
		after, err := build(edit.Data)
		if err != nil {
			t.Fatalf("%v\n%s", err, edit.Data)
		}
		checkImages(t, before, after, edit.Image)
	})
}
