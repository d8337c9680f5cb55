package request

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// everywhere are specs that together have a value in every field.
var everywhere = map[string]string{
	"update": `
lock: {name: my-lock, queue: Latest, timeout: 1m}
git:
  url: ssh://git@github.com/org/catalog.git
  branch: env/dev
  secretRef: {name: github}
  author: {name: CI, email: ci@example.com}
  message: set it
  signing: {secretRef: {name: key}}
images:
- {name: quay.io/org/server, newName: quay.io/org/new, newTag: "1.10", digest: "` + sha + `"}
- {name: nginx, newTag: stable}
update:
- {images: [nginx, quay.io/org/server], kustomize: {path: overlays/dev}}
- {images: [nginx], helm: {file: values.yaml, repository: image.repository, tag: image.tag, digest: image.digest}}
- {images: [nginx], helm: {file: values.yaml, image: image}}
- manifests: {path: apps/server, container: server}
- yaml: {file: env.yaml, path: "a[0].b", value: x y}
argocd:
  server: argo.example.com:443
  transport: grpc-web
  plaintext: "false"
  insecure: "true"
  secretRef: {name: argocd}
  applications: [{name: catalog-dev, namespace: apps, project: shop}, {name: other}]
  sync: {prune: "true", options: [ServerSideApply=true, Replace=true], pinRevision: "true", window: Wait, onForeignOperation: Terminate, timeout: 1m}
verify:
  workloads: [{kind: CronJob, namespace: dev, name: server, container: app}]
  health: Workloads
  timeout: 1m
  stableFor: 5s
  failureGrace: 0s
onFailure: Revert
dryRun: "true"
`,
	"restart": `
restart: "true"
argocd: {secretRef: {name: argocd}, selector: {matchLabels: {team: shop, env: dev}, namespace: apps, project: shop}}
`,
	"pull request": `
lock: {name: my-lock, queue: Latest, timeout: 1m}
git: {url: "https://git.example.com/org/catalog.git", branch: prod, secretRef: {name: github}, message: set it}
images: [{name: quay.io/org/server, newTag: "1.10"}]
update: [{kustomize: {path: overlays/prod}}]
argocd: {server: argo.example.com, secretRef: {name: argocd}, applications: [{name: catalog-prod}]}
verify: {health: Workloads}
pullRequest:
  provider: Gitea
  apiURL: https://api.other.example.com/api/v1
  secretRef: {name: forge}
  branch: push-1.10
  title: "Release 1.10"
  body: "- [ ] [Image vulnerabilities](https://scan.example.com)"
  changes: {url: "git@git.example.com:org/source", from: v1.9, to: refs/tags/v1.10}
  labels: [release, "for prod"]
  reviewers: [ann, ben_b]
  teamReviewers: [org/platform]
  assignees: ["ci[bot]"]
  draft: "false"
  autoMerge: {method: squash}
  supersede: Keep
  onCancel: Keep
wait: Deployed
dryRun: "false"
`,
}

// leaf is a string of a spec; put replaces it there.
type leaf struct {
	path, value string
	put         func(string)
}

func leaves(node any, path string, put func(any)) []leaf {
	var all []leaf
	switch node := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			all = append(all, leaves(node[key], path+"."+key, func(v any) { node[key] = v })...)
		}
	case []any:
		for i := range node {
			all = append(all, leaves(node[i], fmt.Sprintf("%s[%d]", path, i), func(v any) { node[i] = v })...)
		}
	case string:
		all = append(all, leaf{path, node, func(s string) { put(s) }})
	}
	return all
}

func parsed(t *testing.T, spec string) (map[string]any, []leaf) {
	t.Helper()
	root := map[string]any{}
	if err := yaml.Unmarshal([]byte(spec), &root); err != nil {
		t.Fatal(err)
	}
	return root, leaves(root, "spec", nil)
}

func inputOf(t *testing.T, root map[string]any, params ...pipelinev1beta1.Param) Input {
	t.Helper()
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", PipelineRun: "r41", Pipeline: "release", Embedded: true, EmbeddedSpec: data, Params: params}
	if _, ok := root["pullRequest"]; ok {
		in.Kind = v1alpha1.KindGitOpsPR
	}
	return in
}

func resolved(t *testing.T, in Input) Request {
	t.Helper()
	r, err := Resolve(t.Context(), in, stored{}, Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEverywhereIsEverywhere keeps the specs complete when a field is added.
func TestEverywhereIsEverywhere(t *testing.T) {
	there := map[string]bool{}
	for _, spec := range everywhere {
		_, all := parsed(t, spec)
		for _, l := range all {
			there[listIndex.ReplaceAllString(l.path, "[0]")] = true
		}
	}
	there["spec.argocd.selector.matchLabels.key"] = true
	for _, kind := range kinds() {
		for _, at := range specPlaces(kind) {
			if at.kind.String() == "string" && !strings.HasPrefix(at.path, "spec.params") && !there[at.path] {
				t.Errorf("no value for %s", at.path)
			}
		}
	}
}

// TestVariablesEverywhere takes every value of a spec out into parameters of every type: nothing may change.
func TestVariablesEverywhere(t *testing.T) {
	for name, spec := range everywhere {
		t.Run(name, func(t *testing.T) {
			plain, _ := parsed(t, spec)
			want := resolved(t, inputOf(t, plain))
			for form, template := range map[string]string{
				"string":             "$(params.s%[1]d)",
				"item of an array":   "$(params.array[%[1]d])",
				"key of an object":   "$(params.object.k%[1]d)",
				"key with a dot":     "$(params.object.a.b%[1]d)",
				"two halves":         "$(params.halves.a%[1]d)$(params.halves.b%[1]d)",
				"text and a default": "%[2]s$(params.none)",
			} {
				t.Run(form, func(t *testing.T) {
					root, all := parsed(t, spec)
					var params []pipelinev1beta1.Param
					var array []string
					object, halves := map[string]string{}, map[string]string{}
					declared := []any{map[string]any{"name": "none", "default": ""}}
					for i, l := range all {
						array = append(array, l.value)
						object[fmt.Sprintf("k%d", i)], object[fmt.Sprintf("a.b%d", i)] = l.value, l.value
						half := len(l.value) / 2
						halves[fmt.Sprintf("a%d", i)], halves[fmt.Sprintf("b%d", i)] = l.value[:half], l.value[half:]
						params = append(params, param(fmt.Sprintf("s%d", i), l.value))
						declared = append(declared, map[string]any{"name": fmt.Sprintf("s%d", i)})
						l.put(fmt.Sprintf(template, i, l.value))
					}
					params = append(params, arrayParam("array", array...),
						pipelinev1beta1.Param{Name: "object", Value: objectValue(object)}, pipelinev1beta1.Param{Name: "halves", Value: objectValue(halves)})
					root["params"] = append(declared, map[string]any{"name": "array", "type": "array"},
						map[string]any{"name": "object", "type": "object"}, map[string]any{"name": "halves", "type": "object", "default": map[string]any{"unused": "x"}})
					if diff := cmp.Diff(want, resolved(t, inputOf(t, root, params...)), cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				})
			}
		})
	}
}

// TestContextEverywhere gives the run, its namespace, its UID, its PipelineRun and its Pipeline the value of each field
// in turn, and puts the variable there.
func TestContextEverywhere(t *testing.T) {
	context := map[string]func(*Input, string){
		"context.customRun.name":      func(in *Input, v string) { in.Name = v },
		"context.customRun.namespace": func(in *Input, v string) { in.Namespace = v },
		"context.customRun.uid":       func(in *Input, v string) { in.UID = types.UID(v) },
		"context.pipelineRun.name":    func(in *Input, v string) { in.PipelineRun = v },
		"context.pipeline.name":       func(in *Input, v string) { in.Pipeline = v },
	}
	for name, spec := range everywhere {
		t.Run(name, func(t *testing.T) {
			plain, _ := parsed(t, spec)
			want := resolved(t, inputOf(t, plain))
			want.Run = Run{}
			_, all := parsed(t, spec)
			for i := range all {
				for variable, set := range context {
					root, all := parsed(t, spec)
					all[i].put("$(" + variable + ")")
					in := inputOf(t, root)
					set(&in, all[i].value)
					got := resolved(t, in)
					got.Run = Run{}
					if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("$(%s) in %s (-want +got):\n%s", variable, all[i].path, diff)
					}
				}
			}
		})
	}
}

// TestListsEverywhere expands an array in every list of strings, between other items too.
func TestListsEverywhere(t *testing.T) {
	plain, _ := parsed(t, everywhere["update"])
	want := resolved(t, inputOf(t, plain))
	for old, replacement := range map[string]string{
		"options: [ServerSideApply=true, Replace=true]":      "options: ['$(params.options[*])']",
		"options: [ServerSideApply=true, Replace=true] ":     "options: [ServerSideApply=true, '$(params.rest[*])', '$(params.none[*])'] ",
		"{images: [nginx, quay.io/org/server], kustomize: {": "{images: ['$(params.none[*])', '$(params.names[*])'], kustomize: {",
		"{images: [nginx, quay.io/org/server], kustomize":    "{images: ['$(params.names[0])', '$(params.names[1])'], kustomize",
	} {
		spec := strings.Replace(everywhere["update"]+" ", strings.TrimSpace(old), strings.TrimSpace(replacement), 1)
		root, _ := parsed(t, spec)
		root["params"] = []any{
			map[string]any{"name": "options", "default": []any{"ServerSideApply=true", "Replace=true"}}, map[string]any{"name": "rest", "default": []any{"Replace=true"}},
			map[string]any{"name": "none", "default": []any{}}, map[string]any{"name": "names", "type": "array"},
		}
		if diff := cmp.Diff(want, resolved(t, inputOf(t, root, arrayParam("names", "nginx", "quay.io/org/server"))), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", replacement, diff)
		}
	}
}

// looksLikeVariables draws values that a second look would take for variables.
func looksLikeVariables() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"$(params.y)", "$(params.list[*])", "$(params.list[0])", "$(context.customRun.uid)", "$(params.", "$$(", "$(", "$", "y)", ")", "a", "1", ".", "/", "main",
		}), 1, 4).Draw(t, "fragments"), "")
	})
}

const tell = "substituted-twice"

// TestValuesAreNeverLookedAtAgain puts hostile values into one place after another: they arrive as they are, or the run
// is refused; what their look promises never appears.
func TestValuesAreNeverLookedAtAgain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		root, places := parsed(t, everywhere[rapid.SampledFrom([]string{"update", "pull request"}).Draw(rt, "spec")])
		at := places[rapid.IntRange(0, len(places)-1).Draw(rt, "place")]
		value := looksLikeVariables().Draw(rt, "value")
		template := rapid.SampledFrom([]string{"$(params.x)", "$(params.o.x)", "$(params.a[1])"}).Draw(rt, "template")
		at.put(template)
		root["params"] = []any{
			map[string]any{"name": "x"}, map[string]any{"name": "o", "type": "object"}, map[string]any{"name": "a", "type": "array"},
			map[string]any{"name": "y", "default": tell}, map[string]any{"name": "list", "default": []any{tell}},
		}
		in := inputOf(t, root, param("x", value), arrayParam("a", tell, value), pipelinev1beta1.Param{Name: "o", Value: objectValue(map[string]string{"x": value})})
		in.UID = tell
		r, err := Resolve(t.Context(), in, stored{}, Defaults{})
		if err != nil {
			if strings.Contains(err.Error(), tell) || !errors.Is(err, ErrInvalidSpec) {
				rt.Fatalf("%s = %q: %v", at.path, value, err)
			}
			return
		}
		r.Run.UID = ""
		data, err := json.Marshal(r)
		if err != nil || strings.Contains(string(data), tell) {
			rt.Fatalf("%s = %q: %s, %v", at.path, value, data, err)
		}
		if strings.Contains(value, "$(") && !slices.Contains(messageFields(in.Kind), strings.TrimPrefix(at.path, "spec.")) {
			rt.Fatalf("%s = %q was taken", at.path, value)
		}
	})
}

// TestParametersAreNoTemplates is the same for a run by parameters.
func TestParametersAreNoTemplates(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		parameter := rapid.SampledFrom(Parameters()).Draw(rt, "parameter")
		value := looksLikeVariables().Draw(rt, "value")
		params := with(parameter.Name, value)
		switch {
		case parameter.Name == paramImages:
			params = append(without(usual(), "image", "tag"), arrayParam(parameter.Name, value+":1"))
		case parameter.Type == TypeArray:
			params = usual(arrayParam(parameter.Name, value))
		}
		in := byParameters(params...)
		in.Kind = parameter.Kind
		if in.Kind == v1alpha1.KindGitOpsPR {
			in.Params = append(without(params, paramWait), param(paramWait, string(WaitDeployed)))
		}
		in.UID = tell
		r, err := Resolve(t.Context(), in, stored{}, Defaults{})
		r.Run.UID = ""
		data, marshalErr := json.Marshal(r)
		if marshalErr != nil || strings.Contains(string(data), tell) || strings.Contains(text(err), tell) {
			rt.Fatalf("%s = %q: %s, %v", parameter.Name, value, data, err)
		}
	})
}

// TestRequestIsASnapshot: what Resolve was given stays as it is, because it comes out of an informer's cache, and later
// changes of it do not reach the request.
func TestRequestIsASnapshot(t *testing.T) {
	root, _ := parsed(t, everywhere["update"])
	root["params"] = []any{map[string]any{"name": "list", "type": "array"}, map[string]any{"name": "o", "default": map[string]any{"k": "v"}}}
	root["argocd"].(map[string]any)["sync"].(map[string]any)["options"] = []any{"$(params.list[*])"}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	definition := &v1alpha1.GitOpsDeploy{}
	definition.Namespace, definition.Name = "team-a", "server"
	if err := json.Unmarshal(data, &definition.Spec); err != nil {
		t.Fatal(err)
	}
	in := Input{Namespace: "team-a", RefName: "server", Params: []pipelinev1beta1.Param{arrayParam("list", "A=b"), {Name: "o", Value: objectValue(map[string]string{"l": "w"})}}}
	before := definition.DeepCopy()
	defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: map[string]string{"argocd-project": "shop", "container": "c"}})
	r, err := Resolve(t.Context(), in, stored{definitions: map[string]*v1alpha1.GitOpsDeploy{"team-a/server": definition}}, defaults)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, definition); diff != "" {
		t.Errorf("the definition has changed:\n%s", diff)
	}
	want, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	definition.Spec.Git.URL, definition.Spec.Images[0].NewTag, definition.Spec.ArgoCD.Applications[0].Name = "x", "x", "x"
	definition.Spec.ArgoCD.Sync.Options[0], in.Params[0].Value.ArrayVal[0] = "x", "x"
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the request has changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"l": "w"}, in.Params[1].Value.ObjectVal); diff != "" {
		t.Errorf("a parameter has changed (-want +got):\n%s", diff)
	}
}
