package manifest

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// These tests, and those of corpus_kustomize_test.go, ask those who read the
// files what an edit of the corpus means to them. They look at the wanted files
// and run no edit: that the edits write these files is another test's matter.

// unread reports whether a reader of the case's input failed as the case says.
func unread(t testing.TB, c corpusCase, err error) bool {
	t.Helper()
	if c.Unread == "" && err != nil || c.Unread != "" && (err == nil || !strings.Contains(err.Error(), c.Unread)) {
		t.Fatalf("reading the input: %v, want %q", err, c.Unread)
	}
	return c.Unread != ""
}

// editedFiles are the cases of a style that are not refused.
func editedFiles(t testing.TB, style string) []corpusCase {
	t.Helper()
	var all []corpusCase
	for _, c := range corpusOf(t, style) {
		if c.Refused == "" {
			all = append(all, c)
		}
	}
	return all
}

// helmValues reads values as Helm does: chartutil.ReadValues is this call.
func helmValues(data []byte) (map[string]any, error) {
	values := map[string]any{}
	err := yaml.Unmarshal(data, &values)
	return values, err
}

// helmImage is the image that a chart makes of the fields.
func helmImage(t testing.TB, at HelmFields, values map[string]any) image.Ref {
	t.Helper()
	text := func(path string) string {
		if path == "" {
			return ""
		}
		value, ok := valueAt(t, values, path)
		text, isText := value.(string)
		if !ok || value != nil && !isText {
			t.Errorf("%s is %T %v, want a string", path, value, value)
		}
		return text
	}
	if at.Image != "" {
		ref, err := image.Parse(text(at.Image))
		if err != nil {
			t.Error(err)
		}
		return ref
	}
	ref := image.Ref{Name: text(at.Repository), Tag: text(at.Tag), Digest: text(at.Digest)}
	if tag, digest, ok := strings.Cut(ref.Tag, "@"); ok {
		ref.Tag, ref.Digest = tag, digest
	}
	return ref
}

func TestCorpusMeansTheSameToHelm(t *testing.T) {
	for _, c := range editedFiles(t, "helm") {
		t.Run(c.Name, func(t *testing.T) {
			want := c.parsed(t)
			expected, err := helmValues(c.in)
			if unread(t, c, err) {
				return
			}
			got, err := helmValues(c.want)
			if err != nil {
				t.Fatal(err)
			}
			ref := helmImage(t, c.Fields, got)
			for _, path := range []string{c.Fields.Image, c.Fields.Repository, c.Fields.Tag, c.Fields.Digest} {
				if value, ok := valueAt(t, got, path); path != "" && ok {
					setAt(t, expected, path, value)
				}
			}
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Errorf("something else changed: %s", diff)
			}
			// Next to a digest, an old tag may stay: a digest wins.
			if ref.Digest != want.Digest || ref.Tag != want.NewTag && want.NewTag != "" {
				t.Errorf("got %v, want %v", ref, want.Target())
			}
			// A chart may have the registry in a field of its own.
			if want.NewName != "" && c.Fields.Repository != "" && !strings.HasSuffix("/"+want.NewName, "/"+ref.Name) {
				t.Errorf("got %v, want %v", ref, want.Target())
			}
		})
	}
}

// decodeAll decodes all documents.
func decodeAll(t testing.TB, data []byte) []any {
	t.Helper()
	docs, err := documentsOf(data)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]any, len(docs))
	for i, doc := range docs {
		if err := doc.Decode(&all[i]); err != nil {
			t.Fatal(err)
		}
		all[i] = withTextKeys(all[i])
	}
	return all
}

// withTextKeys gives mappings with keys such as 1 or true keys of text.
func withTextKeys(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			value[key] = withTextKeys(child)
		}
	case map[any]any:
		texts := map[string]any{}
		for key, child := range value {
			texts[fmt.Sprint(key)] = withTextKeys(child)
		}
		return texts
	case []any:
		for i, child := range value {
			value[i] = withTextKeys(child)
		}
	}
	return value
}

func TestCorpusObjectsDifferOnlyInTheImage(t *testing.T) {
	for _, c := range editedFiles(t, "manifests") {
		t.Run(c.Name, func(t *testing.T) {
			want := c.parsed(t)
			changes, err := imageChanges("", decodeAll(t, c.in), decodeAll(t, c.want))
			if err != nil {
				t.Error(err)
			}
			if changed := !bytes.Equal(c.in, c.want); changed != (len(changes) > 0) {
				t.Errorf("the bytes differ: %v, but the images: %q", changed, changes)
			}
			for _, change := range changes {
				before, err := image.Parse(change[0])
				if change[0] != want.Name && (err != nil || !image.SameName(before.Name, want.Name) && before.Name != want.NewName) {
					t.Errorf("%s is another image: %v", change[0], err)
				}
				if !want.Matches(change[1]) {
					t.Errorf("%s became %s, want %s", change[0], change[1], want.Target())
				}
			}
		})
	}
}

func TestCorpusValuesDifferOnlyAtThePath(t *testing.T) {
	for _, c := range editedFiles(t, "yaml") {
		t.Run(c.Name, func(t *testing.T) {
			expected, got := decodeAll(t, c.in), decodeAll(t, c.want)
			doc := documentWith(t, got, c.Path)
			before, _ := valueAt(t, expected[doc], c.Path)
			value, _ := valueAt(t, got[doc], c.Path)
			if _, isText := value.(string); fmt.Sprint(value) != c.Value || !isText && fmt.Sprintf("%T", value) != fmt.Sprintf("%T", before) {
				t.Errorf("%T %v became %T %v, want %q", before, before, value, value, c.Value)
			}
			setAt(t, expected[doc], c.Path, value)
			if diff := cmp.Diff(expected, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var pathStep = regexp.MustCompile(`^\.?(?:"([^"]+)"|\[([0-9]+)\]|([^].["]+))`)

// steps takes a value path apart: text for a key, a number for an index.
func steps(t testing.TB, path string) []any {
	t.Helper()
	var all []any
	for rest := path; rest != ""; {
		m := pathStep.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("path %q", path)
		}
		if index, err := strconv.Atoi(m[2]); err == nil {
			all = append(all, index)
		} else {
			all = append(all, m[1]+m[3])
		}
		rest = rest[len(m[0]):]
	}
	return all
}

// keyIn is the key that a step means. Helm's parser knows YAML 1.1 only: on, as
// a key, is true to it.
func keyIn(in map[string]any, step any) string {
	key := fmt.Sprint(step)
	if _, ok := in[key]; ok {
		return key
	}
	switch strings.ToLower(key) {
	case "y", "yes", "on":
		return "true"
	case "n", "no", "off":
		return "false"
	}
	return key
}

// valueAt is the value at a path, and whether the path leads to one.
func valueAt(t testing.TB, root any, path string) (value any, ok bool) {
	t.Helper()
	for _, step := range steps(t, path) {
		switch in := root.(type) {
		case map[string]any:
			if root, ok = in[keyIn(in, step)]; !ok {
				return nil, false
			}
		case []any:
			index, isIndex := step.(int)
			if !isIndex || index >= len(in) {
				return nil, false
			}
			root = in[index]
		default:
			return nil, false
		}
	}
	return root, true
}

// documentWith is the index of the only document that has a path.
func documentWith(t testing.TB, docs []any, path string) int {
	t.Helper()
	found := -1
	for i, doc := range docs {
		if _, ok := valueAt(t, doc, path); ok {
			if found >= 0 {
				t.Fatalf("documents %d and %d have %s", found, i, path)
			}
			found = i
		}
	}
	if found < 0 {
		t.Fatalf("no document has %s", path)
	}
	return found
}

// setAt sets the value at a path.
func setAt(t testing.TB, root any, path string, value any) {
	t.Helper()
	all := steps(t, path)
	for _, step := range all[:len(all)-1] {
		switch in := root.(type) {
		case map[string]any:
			root = in[keyIn(in, step)]
		case []any:
			root = in[step.(int)]
		}
	}
	switch in := root.(type) {
	case map[string]any:
		in[keyIn(in, all[len(all)-1])] = value
	case []any:
		in[all[len(all)-1].(int)] = value
	default:
		t.Fatalf("path %q leads nowhere", path)
	}
}
