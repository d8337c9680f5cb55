//go:build oracle

package manifest

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The real kustomize edit set image makes the same of every file of the corpus
// that it can read: in the list of images, in what containers get from it, and
// in everything else. But it forgets an entry's tagSuffix, which stays here, and
// fields that are there without a value.
func TestCorpusEqualsKustomizeEdit(t *testing.T) {
	binary := kustomizeBinary(t)
	for _, c := range editedFiles(t, "kustomize") {
		t.Run(c.Name, func(t *testing.T) {
			edited, failure := kustomizeEdit(t, binary, t.TempDir(), filepath.Base(c.File), c.in, c.parsed(t))
			var err error
			if failure != "" {
				err = errors.New(failure)
			}
			if unread(t, c, err) {
				return
			}
			theirs, err := readKustomization(edited)
			if err != nil {
				t.Fatal(err)
			}
			edit, err := c.edit(t, c.in)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := readKustomization(edit.Data)
			if err != nil {
				t.Fatal(err)
			}
			for i, entry := range theirs.Images {
				theirs.Images[i].TagSuffix = sorted(ours.Images)[entry.Name].TagSuffix
			}
			names := imageNames(theirs.Images, ours.Images)
			if diff := cmp.Diff(buildImages(t, names, theirs.Images), buildImages(t, names, ours.Images)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(sorted(theirs.Images), sorted(ours.Images)); diff != "" {
				t.Errorf("%s\n%s", diff, edited)
			}
			theirs.Images, ours.Images = nil, nil
			if diff := cmp.Diff(theirs, ours, cmpopts.EquateEmpty(), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
				t.Error(diff)
			}
		})
	}
}
