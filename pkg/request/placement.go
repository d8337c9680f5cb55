package request

import (
	"fmt"
	"slices"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// The part of a run by parameters that says where and how it writes.

// updatePlaces are the fields that say where an update is, by the parameter that sets them.
func updatePlaces(way string) map[string]string {
	switch way {
	case updateKustomize:
		return map[string]string{paramPath: "update[].kustomize.path"}
	case updateManifests:
		return map[string]string{paramPath: "update[].manifests.path"}
	case updateHelm:
		return map[string]string{paramValuesFile: "update[].helm.file", paramTagPath: "update[].helm.tag"}
	case updateYAML:
		return map[string]string{paramValuesFile: "update[].yaml.file", paramTagPath: "update[].yaml.path"}
	}
	return nil
}

// placeParameters say where an update is; setUpdate deals with them.
func placeParameters() []string { return []string{paramPath, paramValuesFile, paramTagPath} }

func placesUpdate(name string) bool { return slices.Contains(placeParameters(), name) }

// updateWay is the way in which a run writes. What the run itself says goes before any default: a default restart gives
// way to a run that says where to write, and so does a default of none; a default update gives way to a run that restarts.
func updateWay(values map[string]value) value {
	update, ok := values[paramUpdate]
	writes := slices.ContainsFunc(placeParameters(), func(name string) bool { return values[name].given })
	switch {
	case update.given:
		return update
	case values[paramRestart].text == "true" && !writes:
		return value{text: updateNone}
	case ok && (!writes || update.text != updateNone):
		return update
	}
	return value{text: updateKustomize}
}

// defaultYields tells whether a default says nothing in a run that writes in this way, because the field is refused
// there.
func defaultYields(name, way string) bool {
	switch name {
	case paramOnFailure, paramDryRun:
		return way == updateNone
	case paramRestart:
		return way != updateNone
	}
	return false
}

// setUpdate sets where the update is, and returns in which way it is made.
func setUpdate(t *tree, kind string, values map[string]value, p *problems) string {
	update := updateWay(values)
	places := updatePlaces(update.text)
	if places == nil && update.text != updateNone {
		ways := updateManifests + ", " + updateYAML + " or " + updateNone
		if kind == v1alpha1.KindGitOpsPR {
			ways = updateManifests + " or " + updateYAML
		}
		p.add(update.origin, "is %q: write %s, %s, %s", clip(update.text), updateKustomize, updateHelm, ways)
		return update.text
	}
	for _, name := range placeParameters() {
		v, there := values[name]
		field, wanted := places[name]
		switch {
		case there && wanted:
			t.set(field, v.text, v.origin)
		case wanted:
			p.add(fmt.Sprintf("parameter %q", name), "missing: %s", missingPlace(kind, name, update.text))
		case v.given && update.text != updateNone:
			p.add(v.origin, "says nothing with update %s", update.text)
		}
	}
	return update.text
}

func missingPlace(kind, name, way string) string {
	switch {
	case name == paramValuesFile:
		return "give the file to edit"
	case name == paramTagPath:
		return "say where in the file the tag is, such as image.tag"
	case way == updateManifests:
		return "give the file or directory with the manifests"
	}
	if kind == v1alpha1.KindGitOpsPR {
		return "give the directory with the kustomization file"
	}
	return "give the directory with the kustomization file, or update: none to only sync and verify"
}

// setContainer sets which container is written, and which is verified.
func setContainer(t *tree, way string, values map[string]value, p *problems) {
	v := values[paramContainer]
	_, workload := values[paramWorkload]
	if workload {
		t.set("verify.workloads[].container", v.text, v.origin)
	}
	switch {
	case way == updateManifests:
		t.set("update[].manifests.container", v.text, v.origin)
	case !workload && v.given:
		p.add(v.origin, "says nothing without parameter %q", paramWorkload)
	}
}

func setImages(t *tree, way string, v value, p *problems) {
	var items []any
	for _, text := range v.list {
		want, err := parseImage(text, way == updateNone)
		if err != nil {
			p.add(v.origin, "%s", withoutSentinel(err))
		}
		items = append(items, map[string]any{"name": want.Name, "newName": want.NewName, "newTag": want.NewTag, "digest": want.Digest})
	}
	t.set("images", items, v.origin)
}

// parseImage reads kustomize's syntax. A run that writes nothing may leave the tag out: it verifies whichever one runs.
func parseImage(text string, bare bool) (image.Want, error) {
	want, err := image.ParseWant(text)
	if err == nil || !bare {
		return want, err
	}
	named, unnamed := image.ParseWant(text + ":any")
	if unnamed != nil {
		return want, err
	}
	named.NewTag = ""
	return named, nil
}
