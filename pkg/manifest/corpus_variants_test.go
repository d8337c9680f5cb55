package manifest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// variantSize is how many files of each variant are changed at least.
const variantSize = 10

// A corpusVariant is what a file or its edit can have within its style.
type corpusVariant struct {
	style, name string
	has         func(t testing.TB, c corpusCase) bool
}

// corpusVariants are the variants that are rare where nobody counts them.
var corpusVariants = []corpusVariant{
	{"kustomize", "kind Component", isOfKind("Component")},
	{"kustomize", "the file name kustomization.yml", isNamed("kustomization.yml")},
	{"kustomize", "the file name Kustomization", isNamed("Kustomization")},
	{"kustomize", "a newName to set", func(t testing.TB, c corpusCase) bool { return c.parsed(t).NewName != "" }},
	{"helm", "a quoted key in a path", hasPath(func(_ testing.TB, path string) bool { return strings.Contains(path, `"`) })},
	{"helm", "an index in a path", hasPath(hasIndex)},
	{"helm", "a field for the digest", func(_ testing.TB, c corpusCase) bool { return c.Fields.Digest != "" }},
	{"manifests", "kind CronJob", isOfKind("CronJob")},
	{"manifests", "kind Rollout", isOfKind("Rollout")},
	{"manifests", "kind DaemonSet", isOfKind("DaemonSet")},
	{"manifests", "kind StatefulSet", isOfKind("StatefulSet")},
	{"manifests", "kind Job", isOfKind("Job")},
	{"manifests", "kind List", isOfKind("List")},
	{"manifests", "initContainers", func(_ testing.TB, c corpusCase) bool { return keysOf(c.in)["initContainers"] }},
	{"manifests", "a container to set", func(_ testing.TB, c corpusCase) bool { return c.Container != "" }},
}

func isNamed(file string) func(testing.TB, corpusCase) bool {
	return func(_ testing.TB, c corpusCase) bool { return c.File == file }
}

// isOfKind looks for an object of a kind: a document, or an item of one.
func isOfKind(kind string) func(testing.TB, corpusCase) bool {
	return func(t testing.TB, c corpusCase) bool {
		docs, err := documentsOf(c.in)
		if err != nil {
			t.Fatalf("%s: %v", c.id(), err)
		}
		return slices.ContainsFunc(docs, func(doc *yaml.Node) bool {
			var object struct {
				Kind  string
				Items []struct{ Kind string }
			}
			if err := doc.Decode(&object); err != nil {
				t.Fatalf("%s: %v", c.id(), err)
			}
			return object.Kind == kind || slices.Contains(object.Items, struct{ Kind string }{kind})
		})
	}
}

func hasPath(is func(t testing.TB, path string) bool) func(testing.TB, corpusCase) bool {
	return func(t testing.TB, c corpusCase) bool {
		at := c.Fields
		return slices.ContainsFunc([]string{at.Image, at.Repository, at.Tag, at.Digest}, func(path string) bool { return is(t, path) })
	}
}

func hasIndex(t testing.TB, path string) bool {
	return slices.ContainsFunc(steps(t, path), func(step any) bool { _, ok := step.(int); return ok })
}

func TestCorpusHasEnoughOfEachVariant(t *testing.T) {
	all := corpus(t)
	for _, v := range corpusVariants {
		n := 0
		for _, c := range all {
			if c.style == v.style && c.Refused == "" && !bytes.Equal(c.in, c.want) && v.has(t, c) {
				n++
			}
		}
		if n < variantSize {
			t.Errorf("%s: %d files with %s are changed, want at least %d", v.style, n, v.name, variantSize)
		}
		t.Logf("%s: %d files with %s are changed", v.style, n, v.name)
	}
}
