package request

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// place is one field of the spec, and how to write a spec that has nothing but a value there.
type place struct {
	path string
	kind reflect.Kind
	spec func(value any) any
}

// places walks a type of the API, down to its scalars.
func places(t reflect.Type, path string, spec func(any) any) []place {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[apiextensionsv1.JSON]() {
		return nil
	}
	all := []place{{path: path, kind: t.Kind(), spec: spec}}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			all = append(all, places(t.Field(i).Type, path+"."+name, func(v any) any { return spec(map[string]any{name: v}) })...)
		}
	case reflect.Slice:
		all = append(all, places(t.Elem(), path+"[0]", func(v any) any { return spec([]any{v}) })...)
	case reflect.Map:
		all = append(all, places(t.Elem(), path+".key", func(v any) any { return spec(map[string]any{"key": v}) })...)
	}
	return all
}

func specPlaces(kind string) []place {
	return places(specType(kind), "spec", func(v any) any { return v })
}

func kinds() []string { return []string{v1alpha1.KindGitOpsDeploy, v1alpha1.KindGitOpsPR} }

// TestSpecIsBoth: spec has the fields of both kinds, and no others. One that is missing there would be dropped.
func TestSpecIsBoth(t *testing.T) {
	has := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[spec]()) {
		if !field.Anonymous {
			has[field.Tag.Get("json")+" "+field.Type.String()] = true
		}
	}
	want := map[string]bool{}
	for _, kind := range kinds() {
		for _, field := range reflect.VisibleFields(specType(kind)) {
			want[field.Tag.Get("json")+" "+field.Type.String()] = true
		}
	}
	if diff := cmp.Diff(want, has); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStrictAtEveryPlace puts what cannot be there into every place of the spec, one at a time.
func TestStrictAtEveryPlace(t *testing.T) {
	type row struct {
		value any
		want  string
	}
	wrong := map[reflect.Kind][]row{
		reflect.Struct: {{"x", ": wants an object, got a string"}, {[]any{}, ": wants an object, got a list"}, {map[string]any{"xyz": "a"}, ".xyz: unknown field; known here are "}},
		reflect.Slice:  {{"x", ": wants a list, got a string"}, {map[string]any{}, ": wants a list, got an object"}, {[]any{nil}, "[0]: wants "}},
		reflect.Map:    {{"x", ": wants an object, got a string"}, {[]any{}, ": wants an object, got a list"}, {map[string]any{"key": nil}, ".key: wants a string, got null"}},
		reflect.String: {{true, ": wants a string, got a boolean: put it in quotes"}, {1.5, ": wants a string, got a number: put it in quotes"}, {[]any{"x"}, ": wants a string, got a list"}, {map[string]any{}, ": wants a string, got an object"}},
	}
	var paths []string
	for _, kind := range kinds() {
		for _, at := range specPlaces(kind) {
			paths = append(paths, at.path)
			for _, row := range wrong[at.kind] {
				t.Run(fmt.Sprintf("%s %s %v", kind, at.path, row.value), func(t *testing.T) {
					data, err := json.Marshal(at.spec(row.value))
					if err != nil {
						t.Fatal(err)
					}
					_, err = Resolve(t.Context(), Input{Kind: kind, Embedded: true, EmbeddedSpec: data}, stored{}, Defaults{})
					if want := "invalid spec: " + at.path + row.want; !errors.Is(err, ErrInvalidSpec) || !strings.HasPrefix(text(err), want) {
						t.Errorf("%s: error %q, want %q", data, text(err), want)
					}
				})
			}
		}
	}
	// The walk is worth nothing if it stops early.
	for _, path := range []string{"spec.dryRun", "spec.argocd.selector.matchLabels.key", "spec.update[0].images[0]", "spec.git.signing.secretRef.name", "spec.verify.workloads[0].container", "spec.pullRequest.autoMerge.method", "spec.pullRequest.teamReviewers[0]"} {
		if !slices.Contains(paths, path) {
			t.Errorf("%s was not tried", path)
		}
	}
}

// TestUnknownFieldNames says which fields there are: the names are the contract with those who write specs.
func TestUnknownFieldNames(t *testing.T) {
	for path, tc := range map[string]struct{ spec, want string }{
		"GitOpsPR":  {`{".x":""}`, "argocd, dryRun, git, images, lock, params, pullRequest, update, verify, wait"},
		"pr":        {`{"pullRequest":{"x":""}}`, "apiURL, assignees, autoMerge, body, branch, changes, draft, labels, onCancel, provider, reviewers, secretRef, supersede, teamReviewers, title"},
		"changes":   {`{"pullRequest":{"changes":{"x":""}}}`, "from, to, url"},
		"lock":      {`{"lock":{"x":""}}`, "name, queue, timeout"},
		"git":       {`{"git":{"x":""}}`, "author, branch, message, secretRef, signing, url"},
		"update":    {`{"update":[{"x":""}]}`, "helm, images, kustomize, manifests, yaml"},
		"helm":      {`{"update":[{"helm":{"x":""}}]}`, "digest, file, image, repository, tag"},
		"manifests": {`{"update":[{"manifests":{"x":""}}]}`, "container, path"},
		"yaml":      {`{"update":[{"yaml":{"x":""}}]}`, "file, path, value"},
		"argocd":    {`{"argocd":{"x":""}}`, "applications, insecure, plaintext, secretRef, selector, server, sync, transport"},
		"selector":  {`{"argocd":{"selector":{"x":""}}}`, "matchLabels, namespace, project"},
		"sync":      {`{"argocd":{"sync":{"x":""}}}`, "onForeignOperation, options, pinRevision, prune, timeout, window"},
		"verify":    {`{"verify":{"x":""}}`, "failureGrace, health, stableFor, timeout, workloads"},
		"params":    {`{"params":[{"x":""}]}`, "default, description, name, type"},
	} {
		t.Run(path, func(t *testing.T) {
			_, err := Resolve(t.Context(), Input{Kind: v1alpha1.KindGitOpsPR, Embedded: true, EmbeddedSpec: []byte(tc.spec)}, stored{}, Defaults{})
			_, got, _ := strings.Cut(text(err), ".x: unknown field; known here are ")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
