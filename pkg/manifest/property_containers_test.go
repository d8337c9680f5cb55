package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// drawManifests is a random file of objects with a pod's spec, in the styles of
// a random tree, and the images in it by container.
func drawManifests(t *rapid.T) (text string, images [][2]string) {
	w := &writer{T: t, eol: rapid.SampledFrom([]string{"\n", "\n", "\r\n"}).Draw(t, "eol")}
	for i := range rapid.IntRange(1, 3).Draw(t, "documents") {
		w.b.WriteString("---" + w.eol)
		kind := rapid.SampledFrom([][]string{
			{"Pod"}, {"Deployment", "spec", "template"}, {"CronJob", "spec", "jobTemplate", "spec", "template"}, {"Rollout", "spec", "template"},
			{"Fleet", "spec", "pods"},
		}).Draw(t, "kind")
		w.line(0, "apiVersion: example.com/v1")
		w.line(0, "kind: "+kind[0])
		w.line(0, fmt.Sprintf("metadata: {name: x%d}", i))
		indent := 0
		for _, key := range append(kind[1:], "spec") {
			w.between(indent)
			w.line(indent, key+":")
			indent += 2
		}
		for _, field := range rapid.SampledFrom([][]string{{"containers"}, {"initContainers", "containers"}, {"initContainers"}}).Draw(t, "fields") {
			w.line(indent, field+":")
			for j := range rapid.IntRange(1, 3).Draw(t, "containers") {
				name := fmt.Sprintf("c%d", j)
				ref := rapid.SampledFrom([]string{"nginx", "docker.io/library/nginx", "redis", "reg:5000/nginx", "NGINX"}).Draw(t, "image") +
					rapid.SampledFrom([]string{"", ":v1", ":1.10", "@" + digestA, ":v1@" + digestA}).Draw(t, "version")
				images = append(images, [2]string{name, ref})
				w.between(indent)
				value := w.value(ref, indent+2, false)
				w.b.WriteString(strings.Repeat(" ", indent) + "- image: " + value)
				if strings.ContainsAny(value, "|>") {
					w.b.WriteString(w.eol)
				} else {
					w.line(0, "")
				}
				w.line(indent+2, "name: "+name)
			}
		}
	}
	return w.b.String(), images
}

func TestRandomContainersHaveTheImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, before := drawManifests(t)
		container := rapid.SampledFrom([]string{"", "", "c0", "c1"}).Draw(t, "container")
		want := image.Want{Name: "nginx", NewTag: drawTag().Draw(t, "tag")}
		edit, err := SetContainerImages("f.yaml", []byte(text), container, want)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		var wanted [][2]string
		places := 0
		for _, one := range before {
			name, ref := one[0], one[1]
			bare, _, _ := strings.Cut(strings.Split(ref, "@")[0], ":")
			if (bare == "nginx" || bare == "docker.io/library/nginx") && (container == "" || container == name) {
				ref = bare + ":" + want.NewTag
				places++
			}
			wanted = append(wanted, [2]string{name, ref})
		}
		s, err := parse("f.yaml", edit.Data)
		if err != nil {
			t.Fatal(err)
		}
		f := finder{source: s, seen: map[*yaml.Node]bool{}}
		for _, doc := range s.docs {
			if err := f.document(doc); err != nil {
				t.Fatal(err)
			}
		}
		var got [][2]string
		for _, one := range f.found {
			got = append(got, [2]string{one.container, one.image.text()})
		}
		// Containers are found before init containers.
		if diff := cmp.Diff(sortedPairs(wanted), sortedPairs(got)); diff != "" {
			t.Errorf("%s\n%s--- became\n%s", diff, text, edit.Data)
		}
		if edit.Places != places {
			t.Errorf("%d places, want %d", edit.Places, places)
		}
		twice, err := SetContainerImages("f.yaml", edit.Data, container, want)
		if err != nil || twice.Changed {
			t.Errorf("twice: %v\n%s", err, twice.Data)
		}
	})
}

func sortedPairs(all [][2]string) [][2]string {
	slices.SortFunc(all, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return all
}
