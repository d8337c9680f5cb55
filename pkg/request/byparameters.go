package request

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// fromParameters makes the spec of a run that has parameters and nothing else. Their values are values: nothing is
// substituted in them.
func fromParameters(kind string, given []pipelinev1beta1.Param, defaults Defaults, p *problems) *tree {
	values := parameterValues(kind, given, defaults, p)
	if kind == v1alpha1.KindGitOpsPR {
		proposing(values, p)
	}
	t := newTree(map[string]any{})
	way := setUpdate(t, kind, values, p)
	for _, parameter := range Parameters() {
		v, ok := values[parameter.Name]
		if !ok || parameter.Name == paramUpdate || placesUpdate(parameter.Name) {
			continue
		}
		if !v.given && defaultYields(parameter.Name, way) {
			continue
		}
		if _, has := values[parameter.Needs]; parameter.Needs != "" && !has {
			if v.given {
				p.add(v.origin, "says nothing without parameter %q", parameter.Needs)
			}
			continue
		}
		switch parameter.Name {
		case paramImages:
			setImages(t, way, v, p)
		case paramContainer:
			setContainer(t, way, values, p)
		case paramWorkload:
			kind, name, _ := strings.Cut(v.text, "/")
			if kind == "" || name == "" {
				p.add(v.origin, "is %q: write Kind/name, such as Deployment/server", clip(v.text))
				continue
			}
			t.set("verify.workloads[].kind", kind, v.origin)
			t.set("verify.workloads[].name", name, v.origin)
		default:
			t.set(parameter.Field, v.node(), v.origin)
		}
	}
	return t
}

// parameterValues joins what the run gives with the defaults. An empty value counts as not given, so that a pipeline
// can hand an optional parameter on. A run that gives images one way is not mixed with defaults that give them the
// other way.
func parameterValues(kind string, given []pipelinev1beta1.Param, defaults Defaults, p *problems) map[string]value {
	values := map[string]value{}
	raw := givenValues(given, p)
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		v := value{text: raw[name].StringVal, list: raw[name].ArrayVal, given: true, origin: fmt.Sprintf("parameter %q", clip(name))}
		parameter, ok := parameterNamed(name)
		switch {
		case !ok:
			p.add(v.origin, "unknown; known are %s", known(parameterNames(kind)))
		case ParameterType(raw[name].Type) != parameter.Type:
			p.add(v.origin, "wants type %s, got %s", parameter.Type, raw[name].Type)
		case v.empty():
		case !parameter.For(kind):
			p.add(v.origin, "is for a %s, and this is a %s: leave it out", parameter.Kind, kind)
		default:
			values[name] = v
		}
	}
	single := []string{paramImage, paramNewName, paramTag, paramDigest}
	_, list := values[paramImages]
	one := slices.ContainsFunc(single, func(name string) bool { _, ok := values[name]; return ok })
	for _, parameter := range Parameters() {
		if list && slices.Contains(single, parameter.Name) || one && parameter.Name == paramImages {
			continue
		}
		if _, ok := values[parameter.Name]; ok || !parameter.For(kind) {
			continue
		}
		if v, ok := defaults.get(parameter.Name); ok {
			values[parameter.Name] = v
		}
	}
	if images, ok := values[paramImages]; ok {
		for _, name := range single {
			if v, ok := values[name]; ok {
				p.add(images.origin, "excludes %s: write the whole reference into each of images", v.origin)
			}
		}
	}
	return values
}

// withoutSentinel is what an image error says after its first two words, which the reader has seen already.
func withoutSentinel(err error) string {
	return strings.TrimPrefix(err.Error(), image.ErrInvalid.Error()+": ")
}

var listIndex = regexp.MustCompile(`\[[0-9]+\]`)

// parameterSubject names a field by the parameter or default that set it, or that could have.
func (t *tree) parameterSubject(path string) string {
	if origin, ok := t.origin(path); ok {
		return origin
	}
	field := listIndex.ReplaceAllString(path, "[]")
	switch field {
	case "images", "update[].images", "update[].yaml.value":
		if origin, ok := t.origin("images"); ok {
			return origin
		}
		field = "images[].name" // The usual way to give one.
	}
	switch field { // A run by parameters has no others for these.
	case "update[].helm.repository":
		field = "images[].newName"
	case "update[].helm.digest":
		field = "images[].digest"
	}
	for _, parameter := range Parameters() {
		if parameter.Field == field {
			return fmt.Sprintf("parameter %q", parameter.Name)
		}
	}
	return path
}

// specSubject names a field by its place in the spec, and the default that completed it.
func (t *tree) specSubject(path string) string {
	if origin, ok := t.origin(path); ok {
		return join("spec", path) + " (" + origin + ")"
	}
	return specPath(path)
}

func specPath(path string) string {
	if path == "" {
		return "spec"
	}
	return join("spec", path)
}
