package manifest

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// readKustomization reads a file as kustomize build does, with fields of
// old under their new names.
func readKustomization(data []byte) (types.Kustomization, error) {
	var k types.Kustomization
	err := k.Unmarshal(data)
	if err == nil {
		k.FixKustomization()
	}
	return k, err
}

func TestCorpusMeansTheSameToKustomize(t *testing.T) {
	for _, c := range editedFiles(t, "kustomize") {
		t.Run(c.Name, func(t *testing.T) {
			after, err := readKustomization(c.want)
			if err != nil {
				t.Fatal(err)
			}
			before, err := readKustomization(c.in)
			if unread(t, c, err) {
				return
			}
			if diff := cmp.Diff(sorted(model(before, c.parsed(t))), sorted(after.Images)); diff != "" {
				t.Error(diff)
			}
			if len(sorted(after.Images)) != len(after.Images) {
				t.Errorf("a name is there twice: %v", after.Images)
			}
			before.Images, after.Images = nil, nil
			if diff := cmp.Diff(before, after, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// buildImages builds one workload for each name that is an image of a list, or
// close to one, with a list of images.
func buildImages(t testing.TB, names []string, list []types.Image) []string {
	t.Helper()
	fs := filesys.MakeFsInMemory()
	var workloads strings.Builder
	for i, name := range names {
		for j, suffix := range []string{"", ":0", "@sha256:" + strings.Repeat("0", 64), "-worker:0", "/sub:0"} {
			workloads.WriteString(workload(fmt.Sprintf("w-%d-%d", i, j), strconv.Quote(name+suffix)))
		}
	}
	text, err := yaml.Marshal(types.Kustomization{Resources: []string{"workloads.yaml"}, Images: list})
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{"/app/workloads.yaml": []byte(workloads.String()), "/app/kustomization.yaml": text} {
		if err := fs.WriteFile(path, data); err != nil {
			t.Fatal(err)
		}
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/app")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var all []string
	for _, r := range resources.Resources() {
		object, err := r.Map()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, images(object)...)
	}
	return all
}

// imageNames are the names of two lists, each once.
func imageNames(lists ...[]types.Image) []string {
	var names []string
	seen := map[string]bool{}
	for _, list := range lists {
		for _, i := range list {
			if !seen[i.Name] {
				seen[i.Name] = true
				names = append(names, i.Name)
			}
		}
	}
	return names
}

func TestCorpusBuildsContainersWithTheWantedImage(t *testing.T) {
	for _, c := range editedFiles(t, "kustomize") {
		t.Run(c.Name, func(t *testing.T) {
			after, err := readKustomization(c.want)
			if err != nil {
				t.Fatal(err)
			}
			before, err := readKustomization(c.in)
			isUnread := unread(t, c, err)
			want := c.parsed(t)
			target := want.Target()
			if name := sorted(after.Images)[want.Name].NewName; name != "" && want.NewName == "" {
				target.Name = name
			}
			names := imageNames(before.Images, after.Images)
			old, built := buildImages(t, names, before.Images), buildImages(t, names, after.Images)
			sets := 0
			for i, live := range built {
				switch {
				case strings.TrimSuffix(live, sorted(after.Images)[want.Name].TagSuffix) == target.String():
					sets++
				case !isUnread && live != old[i]:
					t.Errorf("%s became %s", old[i], live)
				}
			}
			if sets < 3 {
				t.Errorf("%d containers have %s: %q", sets, target, built)
			}
		})
	}
}
