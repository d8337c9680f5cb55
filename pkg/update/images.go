package update

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// each sets each image in each file. In a search, an image that none of the files has is an error, which says what they
// have.
func (w *workspace) each(ctx context.Context, search *request.Manifests, files []string, wants []image.Want, found images, set func(string, []byte, image.Want) (manifest.Edit, error)) error {
	for _, want := range wants {
		places := 0
		var others []string
		for _, file := range files {
			data, err := w.read(ctx, file)
			if err != nil {
				return err
			}
			one, err := set(file, data, want)
			if err != nil {
				return err
			}
			w.after[file] = one.Data
			// Only a search has places; the other edits know theirs.
			if one.Places > 0 || search == nil {
				places++
				found.note(want.Name, one.Previous, one.Image)
			}
			others = append(others, one.Others...)
		}
		if search != nil && places == 0 {
			return notInFiles(want.Name, *search, files, others)
		}
	}
	return nil
}

// notInFiles says which images the files do have.
func notInFiles(name string, search request.Manifests, files, others []string) error {
	slices.Sort(others)
	there := "there is no image in it"
	if others = slices.Compact(others); len(others) > 0 {
		if more := len(others) - maxNamesInMessage; more > 0 {
			others = append(others[:maxNamesInMessage], fmt.Sprintf("and %d more", more))
		}
		there = "there are " + strings.Join(others, ", ")
	}
	where, container := list(files), "container "
	if len(files) == 0 {
		where, there = search.Path, "there is no YAML file"
	}
	if search.Container != "" {
		container += search.Container + " "
	}
	return fmt.Errorf("%w: no %sin %s has image %s; %s", manifest.ErrImageNotFound, container, where, name, there)
}

// How many images, and how many files, a message lists.
const (
	maxNamesInMessage = 10
	maxFilesInMessage = 3
)

// list is the names with commas, and how many more there are.
func list(names []string) string {
	if more := len(names) - maxFilesInMessage; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxFilesInMessage], ", "), more)
	}
	return strings.Join(names, ", ")
}

// images collects what the files had and have for each image.
type images map[string]*imageEdit

// imageEdit is what the places of one image had and have, each reference once, in the order of the updates.
type imageEdit struct {
	previous []image.Ref
	targets  []image.Ref
}

func (i images) note(name string, previous, now image.Ref) {
	e := i[name]
	if e == nil {
		e = &imageEdit{}
		i[name] = e
	}
	if !slices.Contains(e.previous, previous) {
		e.previous = append(e.previous, previous)
	}
	if !slices.Contains(e.targets, now) {
		e.targets = append(e.targets, now)
	}
}

// inOrder gives one previous and one target for each wanted image, in that order, and behind them the other targets. An
// image that no update sets is wanted all the same: it is verified.
func (i images) inOrder(wants []image.Want) (previous []string, targets []image.Ref) {
	var more []image.Ref
	for _, want := range wants {
		e := i[want.Name]
		if e == nil {
			e = &imageEdit{previous: []image.Ref{{}}, targets: []image.Ref{want.Target()}}
		}
		previous = append(previous, e.previous[0].String())
		targets = append(targets, e.targets[0])
		more = append(more, e.targets[1:]...)
	}
	return previous, append(targets, more...)
}
