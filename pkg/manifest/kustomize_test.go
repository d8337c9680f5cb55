package manifest

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

var update = flag.Bool("update", false, "rewrite the wanted files of testdata")

// golden is what testdata/kustomize/<case>/want.json holds. The directory has
// in.yaml, the file set with what to set, and want.yaml where in.yaml changes.
type golden struct {
	Changed  bool   `json:"changed"`
	Previous string `json:"previous,omitempty"`
	Image    string `json:"image,omitempty"`
	Error    string `json:"error,omitempty"`
}

type goldenCase struct {
	name string
	in   []byte
	want image.Want
}

func goldenCases(t testing.TB) []goldenCase {
	t.Helper()
	dirs, err := filepath.Glob("testdata/kustomize/*")
	if err != nil {
		t.Fatal(err)
	}
	var all []goldenCase
	for _, dir := range dirs {
		want, err := image.ParseWant(strings.TrimSpace(string(readFile(t, filepath.Join(dir, "set")))))
		if err != nil {
			t.Fatal(dir, err)
		}
		all = append(all, goldenCase{
			name: filepath.Base(dir),
			in:   readFile(t, filepath.Join(dir, "in.yaml")),
			want: want,
		})
	}
	return all
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSetKustomizeImage(t *testing.T) {
	for _, tc := range goldenCases(t) {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join("testdata/kustomize", tc.name)
			edit, err := SetKustomizeImage("kustomization.yaml", tc.in, tc.want)
			got := golden{Changed: edit.Changed, Previous: edit.Previous.String(), Image: edit.Image.String()}
			if err != nil {
				got.Error = err.Error()
			}
			if *update {
				writeGolden(t, dir, got, edit)
				return
			}
			var want golden
			if err := json.Unmarshal(readFile(t, filepath.Join(dir, "want.json")), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			wantData := tc.in
			if want.Changed {
				wantData = readFile(t, filepath.Join(dir, "want.yaml"))
			}
			if want.Error != "" {
				wantData = nil
			}
			if diff := cmp.Diff(string(wantData), string(edit.Data)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func writeGolden(t *testing.T, dir string, got golden, edit Edit) {
	t.Helper()
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"want.json": append(text, '\n')}
	if got.Changed {
		files["want.yaml"] = edit.Data
	} else if err := os.RemoveAll(filepath.Join(dir, "want.yaml")); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSetTwiceIsSetOnce(t *testing.T) {
	for _, tc := range goldenCases(t) {
		once, err := SetKustomizeImage("kustomization.yaml", tc.in, tc.want)
		if err != nil {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			twice, err := SetKustomizeImage("kustomization.yaml", once.Data, tc.want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Edit{Data: once.Data, Previous: once.Image, Image: once.Image, Places: 1}, twice); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusalsAreErrInvalidWithAPlace(t *testing.T) {
	whole := []string{"refuse-binary", "refuse-empty-file", "refuse-no-document"}
	for _, tc := range goldenCases(t) {
		_, err := SetKustomizeImage("overlays/dev/kustomization.yaml", tc.in, tc.want)
		if err == nil {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			var e *Error
			if !errors.Is(err, ErrInvalid) || errors.Is(err, ErrTooLarge) || !errors.As(err, &e) {
				t.Fatalf("got %T %v", err, err)
			}
			if diff := cmp.Diff("overlays/dev/kustomization.yaml", e.File); diff != "" {
				t.Error(diff)
			}
			if hasPlace := e.Line > 0 && e.Column > 0; hasPlace == slices.Contains(whole, tc.name) {
				t.Errorf("line %d, column %d", e.Line, e.Column)
			}
		})
	}
}
