package manifest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// The corpus is a collection of files as teams keep them in their repositories.
// testdata/corpus has a directory for each style of manifest, and in it for
// each case <name>.in.yaml, <name>.want.yaml with the exact bytes that must
// come out, and an item of cases.yaml. What is wanted was written by hand: no
// flag rewrites it.

// corpusStyles are the styles, and how many edited files each has at least.
var corpusStyles = map[string]int{
	"kustomize": 125,
	"helm":      75,
	"manifests": 75,
	"yaml":      25,
}

// corpusSize is how many edited files the corpus has at least.
const corpusSize = 300

// corpusCase is an item of cases.yaml. What is to be set depends on the style:
// kustomize has image; helm has fields and image; manifests has container and
// image; yaml has path and value.
type corpusCase struct {
	Name string `yaml:"name"`
	// File is the name that messages have: where it is empty,
	// kustomization.yaml, values.yaml, or the name of the case.
	File string `yaml:"file"`
	// Image is in the syntax of image.ParseWant.
	Image     string     `yaml:"image"`
	Container string     `yaml:"container"`
	Fields    HelmFields `yaml:"fields"`
	Path      string     `yaml:"path"`
	Value     string     `yaml:"value"`
	// Refused is a part of the message that refuses the edit. Such a case has
	// no wanted file.
	Refused string `yaml:"refused"`
	// Unread is a part of the message with which kustomize or Helm refuses to
	// read the input, though we take it.
	Unread string `yaml:"unread"`

	style    string
	in, want []byte
}

// fileNames are the names that files of a style have in most repositories.
var fileNames = map[string]string{"kustomize": "kustomization.yaml", "helm": "values.yaml"}

func (c corpusCase) id() string { return c.style + "/" + c.Name }

// parsed is the wanted image. A case with a bad one is a mistake of the corpus.
func (c corpusCase) parsed(t testing.TB) image.Want {
	t.Helper()
	want, err := image.ParseWant(c.Image)
	if err != nil {
		t.Fatalf("%s: %v", c.id(), err)
	}
	return want
}

// edit makes the case's edit on data.
func (c corpusCase) edit(t testing.TB, data []byte) (Edit, error) {
	t.Helper()
	switch c.style {
	case "kustomize":
		return SetKustomizeImage(c.File, data, c.parsed(t))
	case "helm":
		return SetHelmImage(c.File, data, c.Fields, c.parsed(t))
	case "manifests":
		return SetContainerImages(c.File, data, c.Container, c.parsed(t))
	case "yaml":
		return SetValue(c.File, data, c.Path, c.Value)
	default:
		t.Fatalf("style %q is not known", c.style)
		return Edit{}, nil
	}
}

// corpus reads the cases of all styles, and fails where files and cases.yaml do
// not belong together.
func corpus(t testing.TB) []corpusCase {
	t.Helper()
	var all []corpusCase
	dirs, err := os.ReadDir("testdata/corpus")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		all = append(all, corpusOf(t, dir.Name())...)
	}
	return all
}

func corpusOf(t testing.TB, style string) []corpusCase {
	t.Helper()
	dir := filepath.Join("testdata/corpus", style)
	var cases []corpusCase
	decoder := yaml.NewDecoder(bytes.NewReader(readFile(t, filepath.Join(dir, "cases.yaml"))))
	decoder.KnownFields(true)
	if err := decoder.Decode(&cases); err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	files := []string{"cases.yaml"}
	for i := range cases {
		c := &cases[i]
		c.style = style
		if c.File == "" {
			c.File = c.Name + ".yaml"
			if name, ok := fileNames[style]; ok {
				c.File = name
			}
		}
		files = append(files, c.Name+".in.yaml")
		c.in = readFile(t, filepath.Join(dir, c.Name+".in.yaml"))
		if c.Refused == "" {
			files = append(files, c.Name+".want.yaml")
			c.want = readFile(t, filepath.Join(dir, c.Name+".want.yaml"))
		}
	}
	var found []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	slices.Sort(files)
	if diff := cmp.Diff(files, found); diff != "" {
		t.Fatalf("%s: cases.yaml (-) and the directory (+) differ:\n%s", dir, diff)
	}
	return cases
}

func TestCorpusIsEditedToTheByte(t *testing.T) {
	for _, c := range corpus(t) {
		t.Run(c.id(), func(t *testing.T) {
			edit, err := c.edit(t, c.in)
			if c.Refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.Refused) {
					t.Fatalf("got %v, want a refusal with %q\n%s", err, c.Refused, edit.Data)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(c.want), string(edit.Data)); diff != "" {
				t.Error(diff)
			}
			if changed := !bytes.Equal(c.in, c.want); edit.Changed != changed {
				t.Errorf("changed is %v, want %v", edit.Changed, changed)
			}
			twice, err := c.edit(t, c.want)
			if err != nil {
				t.Fatalf("again: %v", err)
			}
			if diff := cmp.Diff(string(c.want), string(twice.Data)); diff != "" || twice.Changed {
				t.Errorf("again, changed is %v: %s", twice.Changed, diff)
			}
		})
	}
}

func TestCorpusIsLarge(t *testing.T) {
	got := map[string]int{}
	for _, c := range corpus(t) {
		if c.Refused == "" {
			got[c.style]++
		}
	}
	total := 0
	for style, n := range got {
		total += n
		if _, ok := corpusStyles[style]; !ok {
			t.Errorf("style %s has no number of cases that it must have", style)
		}
	}
	for style, atLeast := range corpusStyles {
		if got[style] < atLeast {
			t.Errorf("%s: %d files, want at least %d", style, got[style], atLeast)
		}
	}
	if total < corpusSize {
		t.Errorf("%d files, want at least %d", total, corpusSize)
	}
	t.Logf("%d files are edited: %v", total, got)
}
