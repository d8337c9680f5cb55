package request

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

const usualSpec = `
git: {url: "https://github.com/org/catalog.git"}
images: [{name: quay.io/org/server, newTag: "1.10"}]
update: [{kustomize: {path: overlays/dev}}]
argocd: {server: "Argo.example.com:443", secretRef: {name: argocd}, applications: [{name: catalog-dev}]}
`

func standalone(r Request) Request {
	r.Run = Run{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", ServiceAccount: "default"}
	return r
}

func TestEmbedded(t *testing.T) {
	all := standalone(usualRequest())
	all.Lock = Lock{Name: "catalog-dev", Timeout: duration(time.Minute)}
	all.Images = []image.Want{{Name: "quay.io/org/server", NewName: "quay.io/org/new", NewTag: "1.10", Digest: sha}}
	all.Git = &Git{
		URL: "https://github.com/org/catalog.git", Branch: "env/dev", Secret: "github", Author: Person{Name: "CI", Email: "ci@example.com"},
		Message: Message{{Text: "r41-deploy: $(image) $(params.tag) "}, {Variable: "image"}, {Text: " was "}, {Variable: "previous-image"}, {Text: " $(image)"}},
	}
	all.ArgoCD = &ArgoCD{
		Server: "argo.example.com:443", Secret: "argocd", Insecure: true,
		Applications: []Application{{Name: "catalog-dev", Namespace: "apps", Project: "shop"}},
		Sync:         Sync{Prune: true, Options: []string{"ServerSideApply=true", "Replace=true", "Validate=false"}, Timeout: duration(time.Minute)},
	}
	all.Verify = Verify{
		Workloads: []Workload{{Kind: "Deployment", Namespace: "dev", Name: "server", Container: "app"}},
		Health:    HealthWorkloads, Timeout: duration(time.Minute), StableFor: duration(5 * time.Second),
	}

	completed := standalone(usualRequest())
	completed.Git.Message = Message{{Text: "set "}, {Variable: "image"}}
	completed.Git.Author.Name = "platform"
	completed.ArgoCD.Applications = []Application{{Name: "catalog-dev", Project: "shop"}}
	completed.ArgoCD.Sync.Prune = true
	completed.Verify.Workloads = []Workload{{Kind: "Deployment", Name: "a", Container: "own"}, {Kind: "Deployment", Name: "b", Container: "app"}}

	for name, tc := range map[string]struct {
		spec     string
		params   []pipelinev1beta1.Param
		defaults map[string]string
		want     Request
	}{
		"the usual":            {spec: usualSpec, want: standalone(usualRequest())},
		"null fields are none": {spec: usualSpec + "lock: null\nverify: {timeout: null, workloads: null}\n", want: standalone(usualRequest())},
		"everything, with parameters of every type": {
			spec: `
params:
- {name: env}
- {name: tag, type: string, default: "0"}
- {name: options, default: [A=b]}
- {name: app, type: object, default: {name: x, namespace: apps}, description: the application}
- {name: free, default: "$(image) $(params.tag)"}
lock: {name: "catalog-$(params.env)", timeout: 1m}
git:
  url: https://github.com/org/catalog.git
  branch: env/$(params.env)
  secretRef: {name: github}
  author: {name: CI, email: ci@example.com}
  message: "$(context.customRun.name): $(params.free) $(image) was $(previous-image) $$(image)"
images: [{name: quay.io/org/server, newName: quay.io/org/new, newTag: $(params.tag), digest: "` + sha + `"}]
update: [{kustomize: {path: overlays/$(params.env)}}]
argocd:
  server: Argo.example.com:443
  plaintext: "false"
  insecure: "true"
  secretRef: {name: argocd}
  applications: [{name: $(params.app.name), namespace: $(params.app.namespace), project: shop}]
  sync: {prune: "true", options: ["$(params.options[*])", Validate=false], timeout: 60s}
verify:
  workloads: [{kind: Deployment, namespace: $(params.env), name: server, container: app}]
  health: Workloads
  timeout: 1m
  stableFor: 5s
  failureGrace: 0s
`,
			params: []pipelinev1beta1.Param{
				param("env", "dev"), param("tag", "1.10"),
				{Name: "options", Value: arrayValue("ServerSideApply=true", "Replace=true")},
				{Name: "app", Value: objectValue(map[string]string{"name": "catalog-dev"})},
			},
			want: all,
		},
		"defaults complete what is open, and add no list items": {
			spec: strings.ReplaceAll(usualSpec, "argocd: {", "verify: {workloads: [{kind: Deployment, name: a, container: own}, {kind: Deployment, name: b}]}\nargocd: {"),
			defaults: map[string]string{
				"branch": "main", "author-name": "platform", "message": "set $(image)", "argocd-project": "shop", "prune": "true", "container": "app",
				"image": "x", "tag": "9", "digest": sha, "path": "x", "images": `["x:1"]`, "update": "none", "argocd-application": "x", "workload": "Deployment/x",
				"repo-url": "https://other/x", "argocd-server": "other",
			},
			want: completed,
		},
		"an empty field is open": {
			spec:     strings.ReplaceAll(usualSpec, "git: {", `git: {branch: "", message: "$(params.none)", `) + `params: [{name: none, default: ""}]`,
			defaults: map[string]string{"branch": "main"},
			want:     standalone(usualRequest()),
		},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			got, err := Resolve(t.Context(), embedded(t, tc.spec, tc.params...), stored{}, defaults)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func manyNames(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("a%d", i))
	}
	return names
}

func manyParams(n int) string {
	return "{default: '', name: " + strings.Join(manyNames(n), "}, {default: '', name: ") + "}"
}

func TestEmbeddedRefuses(t *testing.T) {
	declared := func(params string) string { return usualSpec + "params: " + params + "\n" }
	for name, tc := range map[string]struct {
		spec     string
		params   []pipelinev1beta1.Param
		defaults map[string]string
		kind     error
		want     string
	}{
		"nothing at all":        {spec: "null", kind: ErrInvalidSpec, want: "spec.argocd.applications[0].name: missing: without an application and without an update there is nothing to do"},
		"no object":             {spec: "[a]", kind: ErrInvalidSpec, want: "spec: wants an object, got a list"},
		"unknown field":         {spec: usualSpec + "imagess: []", kind: ErrInvalidSpec, want: "spec.imagess: unknown field; known here are argocd, dryRun, git, images, lock, onFailure, params, restart, update, verify"},
		"unknown field, deeper": {spec: "argocd: {applications: [{nam: x}]}", kind: ErrInvalidSpec, want: "spec.argocd.applications[0].nam: unknown field; known here are name, namespace, project"},
		"boolean":               {spec: "argocd: {insecure: true}", kind: ErrInvalidSpec, want: "spec.argocd.insecure: wants a string, got a boolean: put it in quotes"},
		"number":                {spec: "images: [{name: a, newTag: 1.10}]", kind: ErrInvalidSpec, want: "spec.images[0].newTag: wants a string, got a number: put it in quotes"},
		"list for a string":     {spec: "git: {url: [a]}", kind: ErrInvalidSpec, want: "spec.git.url: wants a string, got a list"},
		"object for a string":   {spec: "git: {url: {a: b}}", kind: ErrInvalidSpec, want: "spec.git.url: wants a string, got an object"},
		"string for a list":     {spec: "images: quay.io/a", kind: ErrInvalidSpec, want: "spec.images: wants a list, got a string"},
		"null in a list":        {spec: "images: [null]", kind: ErrInvalidSpec, want: "spec.images[0]: wants an object, got null"},
		"update of nothing":     {spec: strings.Replace(usualSpec, "{kustomize: {path: overlays/dev}}", "{}", 1), kind: ErrInvalidSpec, want: "spec.update[0]: has 0 of kustomize, helm, manifests, yaml: set exactly one"},
		"an application twice":  {spec: strings.Replace(usualSpec, "[{name: catalog-dev}]", "[{name: a}, {name: a}]", 1), kind: ErrInvalidSpec, want: `spec.argocd.applications[1].name: "a" is there twice`},
		"no name":               {spec: strings.Replace(usualSpec, "[{name: catalog-dev}]", "[{}]", 1), kind: ErrInvalidSpec, want: "spec.argocd.applications[0].name: missing"},
		"image without a name":  {spec: strings.Replace(usualSpec, "name: quay.io/org/server, ", "", 1), kind: ErrInvalidSpec, want: "spec.images[0].name: no name: give the image's name as the manifests have it"},
		"workload without name": {spec: usualSpec + "verify: {workloads: [{}]}", kind: ErrInvalidSpec, want: "spec.verify.workloads[0].kind: missing; spec.verify.workloads[0].name: missing"},
		"too many workloads":    {spec: usualSpec + "verify: {workloads: [" + strings.Repeat("{kind: Deployment, name: a},", 33) + "]}", kind: ErrInvalidSpec, want: "spec.verify.workloads: has 33 items: at most 32"},
		"too many options":      {spec: strings.Replace(usualSpec, "argocd: {", "argocd: {sync: {options: ["+strings.Repeat("A=b,", 17)+"]}, ", 1), kind: ErrInvalidSpec, want: "spec.argocd.sync.options: has 17 items: at most 16"},
		"option that is none":   {spec: strings.Replace(usualSpec, "argocd: {", "argocd: {sync: {options: [Prune]}, ", 1), kind: ErrInvalidSpec, want: `spec.argocd.sync.options[0]: is "Prune": write an option as Name=value`},
		"too large":             {spec: "git: {message: " + strings.Repeat("m", 70000) + "}", kind: ErrInvalidSpec, want: "spec: has 70022 bytes, at most 65536 are read"},
		"too much in all": {
			spec: strings.Replace(usualSpec, "git: {", "git: {message: "+strings.Repeat("m", 4000)+", ", 1) + "verify: {workloads: [" + strings.Repeat("{kind: Deployment, name: "+strings.Repeat("n", 250)+", namespace: "+strings.Repeat("m", 60)+", container: "+strings.Repeat("c", 60)+"},", 32) + "]}\n",
			kind: ErrInvalidSpec, want: "the resolved request has 18492 bytes, at most 16384 can be kept: shorten the texts or the lists",
		},
		"unknown variable":           {spec: strings.Replace(usualSpec, "1.10", "$(tasks.build.results.tag)", 1), kind: ErrInvalidSpec, want: "spec.images[0].newTag: unknown variable $(tasks.build.results.tag): known are $(params.NAME), $(context.customRun.name), $(context.customRun.namespace), $(context.customRun.uid), $(context.pipeline.name), $(context.pipelineRun.name)"},
		"unknown variable, message":  {spec: strings.Replace(usualSpec, "git: {", "git: {message: $(imge), ", 1), kind: ErrInvalidSpec, want: "spec.git.message: unknown variable $(imge): known are $(params.NAME), $(context.customRun.name), $(context.customRun.namespace), $(context.customRun.uid), $(context.pipeline.name), $(context.pipelineRun.name)"},
		"unclosed in the message":    {spec: strings.Replace(usualSpec, "git: {", "git: {message: 'a $(image', ", 1), kind: ErrInvalidSpec, want: "spec.git.message: $( without a closing parenthesis: write $$( for the plain characters"},
		"a value with a variable":    {spec: strings.Replace(declared("[{name: tag}]"), "1.10", "$(params.tag)", 1), params: []pipelinev1beta1.Param{param("tag", "$(image)")}, kind: ErrInvalidSpec, want: `spec.images[0].newTag: holds a variable that nothing has replaced: "$(image)"`},
		"undeclared":                 {spec: declared("[{name: tag, default: x}]"), params: []pipelinev1beta1.Param{param("tga", "1")}, kind: ErrInvalidParameters, want: "parameter tga: not declared; declared are tag"},
		"undeclared, none are":       {spec: usualSpec, params: []pipelinev1beta1.Param{param("tag", "1")}, kind: ErrInvalidParameters, want: "parameter tag: not declared; declared are none"},
		"missing":                    {spec: declared("[{name: tag}, {name: env}]"), params: []pipelinev1beta1.Param{param("env", "dev")}, kind: ErrInvalidParameters, want: "parameter tag: missing, and it has no default"},
		"wrong type":                 {spec: declared("[{name: tag}, {name: l, type: array}]"), params: []pipelinev1beta1.Param{{Name: "tag", Value: arrayValue("1")}, param("l", "1")}, kind: ErrInvalidParameters, want: "parameter tag: wants type string, got array; parameter l: wants type array, got string"},
		"given twice":                {spec: declared("[{name: tag}]"), params: []pipelinev1beta1.Param{param("tag", "1"), param("tag", "2")}, kind: ErrInvalidParameters, want: "parameter tag: given twice"},
		"too much":                   {spec: declared("[{name: o, type: object}]"), params: []pipelinev1beta1.Param{{Name: "o", Value: objectValue(map[string]string{"k": strings.Repeat("v", 40000)})}}, kind: ErrInvalidParameters, want: "parameters: have 40002 bytes together, at most 32768 are taken"},
		"declared twice":             {spec: declared("[{name: a, default: ''}, {name: a}]"), kind: ErrInvalidSpec, want: `spec.params: parameter "a" is declared twice`},
		"declared with a dot":        {spec: declared("[{name: a.b}]"), kind: ErrInvalidSpec, want: `spec.params: parameter "a.b": a name has letters, digits, '_' and '-', and begins with a letter or '_'`},
		"declared with another type": {spec: declared("[{name: a, type: bool}]"), kind: ErrInvalidSpec, want: `spec.params: parameter "a": unknown type "bool": write string, array or object`},
		"default that is none":       {spec: declared("[{name: a, type: object, default: {k: [1]}}]"), kind: ErrInvalidSpec, want: `spec.params: parameter "a" is of type object, its default of type string`},
		"undeclared among many":      {spec: declared("[" + manyParams(65) + "]"), params: []pipelinev1beta1.Param{param("b", "1")}, kind: ErrInvalidParameters, want: "parameter b: not declared; declared are " + strings.Join(manyNames(64), ", ") + ", …"},
		"default of another type":    {spec: declared("[{name: a, type: object, default: x}]"), params: []pipelinev1beta1.Param{{Name: "a", Value: objectValue(nil)}}, kind: ErrInvalidSpec, want: `spec.params: parameter "a" is of type object, its default of type string`},
		"a bad default of the namespace": {spec: usualSpec, defaults: map[string]string{"sync-timeout": "soon"}, kind: ErrInvalidSpec,
			want: `spec.argocd.sync.timeout (key "sync-timeout" of ConfigMap team-a/config-gitops-defaults): is "soon": write a duration such as 90s, 10m or 1h30m`},
		"a bad default message": {spec: usualSpec, defaults: map[string]string{"message": "a\x00"}, kind: ErrInvalidSpec,
			want: `spec.git.message (key "message" of ConfigMap team-a/config-gitops-defaults): holds control characters`},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			_, err := Resolve(t.Context(), embedded(t, tc.spec, tc.params...), stored{}, defaults)
			if !errors.Is(err, tc.kind) {
				t.Fatalf("error %v is not %v", err, tc.kind)
			}
			got := strings.TrimPrefix(err.Error(), tc.kind.Error()+": ")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmbeddedThatIsNoJSON(t *testing.T) {
	_, err := Resolve(t.Context(), Input{Embedded: true, EmbeddedSpec: []byte("{")}, stored{}, Defaults{})
	if diff := cmp.Diff("invalid spec: spec: is not JSON: unexpected end of JSON input", text(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestByName(t *testing.T) {
	definition := &v1alpha1.GitOpsDeploy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "server"},
		Spec: v1alpha1.GitOpsDeploySpec{
			Params: []v1alpha1.ParamSpec{{Name: "tag", Default: &apiextensionsv1.JSON{Raw: []byte(`"1.10"`)}}},
			Git:    &v1alpha1.Git{URL: "https://github.com/org/catalog.git"},
			Images: []v1alpha1.Image{{Name: "quay.io/org/server", NewTag: "$(params.tag)"}},
			Update: []v1alpha1.Update{{Kustomize: &v1alpha1.Kustomize{Path: "overlays/dev"}}},
			ArgoCD: &v1alpha1.ArgoCD{Server: "argo.example.com:443", SecretRef: &v1alpha1.SecretRef{Name: "argocd"}, Applications: []v1alpha1.Application{{Name: "catalog-dev"}}},
		},
	}
	broken := definition.DeepCopy()
	broken.Spec.Params[0].Default.Raw = []byte("{")
	api := stored{definitions: map[string]*v1alpha1.GitOpsDeploy{"team-a/server": definition, "team-a/broken": broken}}
	want := standalone(usualRequest())
	want.Definition = "server"
	down := errors.New("connection refused")

	for name, tc := range map[string]struct {
		api     Definitions
		ref     string
		want    Request
		wantErr string
		kind    error
	}{
		"found":                 {api: api, ref: "server", want: want},
		"absent":                {api: api, ref: "servr", kind: ErrDefinitionNotFound, wantErr: `definition not found: namespace team-a has no GitOpsDeploy "servr": list them with kubectl get gitopsdeploys -n team-a`},
		"API server away":       {api: stored{err: down}, ref: "server", kind: down, wantErr: "read GitOpsDeploy team-a/server: connection refused"},
		"cannot be written out": {api: api, ref: "broken", wantErr: "encode GitOpsDeploy team-a/broken: json: error calling MarshalJSON for type *v1.JSON: unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Resolve(t.Context(), Input{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", RefName: tc.ref}, tc.api, Defaults{})
			if diff := cmp.Diff(tc.wantErr, text(err)); diff != "" || (tc.kind != nil && !errors.Is(err, tc.kind)) {
				t.Fatalf("error %v (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if errors.Is(err, ErrInvalidSpec) {
				t.Error("a failing API server is not the user's mistake")
			}
		})
	}
}

func TestFromCustomRun(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", Labels: map[string]string{"tekton.dev/pipelineRun": "r41", "tekton.dev/pipeline": "release"}}
	spec := &pipelinev1beta1.EmbeddedCustomRunSpec{Spec: runtime.RawExtension{Raw: []byte(`{"a":1}`)}}
	base := Input{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", PipelineRun: "r41", Pipeline: "release", ServiceAccount: "default"}
	named, raw, bare := base, base, base
	named.RefName, named.ServiceAccount, named.Params = "server", "ci", []pipelinev1beta1.Param{param("a", "b")}
	raw.Embedded, raw.EmbeddedSpec = true, []byte(`{"a":1}`)
	bare.Embedded = true
	remote := "invalid spec: taskRef uses a resolver or a bundle: name a GitOpsDeploy of namespace team-a instead"

	for name, tc := range map[string]struct {
		spec    pipelinev1beta1.CustomRunSpec
		want    Input
		wantErr string
	}{
		"by name":              {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{Name: "server"}, ServiceAccountName: "ci", Params: []pipelinev1beta1.Param{param("a", "b")}}, want: named},
		"by parameters":        {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{}}, want: base},
		"embedded":             {spec: pipelinev1beta1.CustomRunSpec{CustomSpec: spec}, want: raw},
		"embedded, empty spec": {spec: pipelinev1beta1.CustomRunSpec{CustomSpec: &pipelinev1beta1.EmbeddedCustomRunSpec{}}, want: bare},
		"both":                 {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{}, CustomSpec: spec}, wantErr: "invalid spec: the run has both a reference and an embedded spec: keep one"},
		"resolver":             {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{ResolverRef: pipelinev1beta1.ResolverRef{Resolver: "git"}}}, wantErr: remote},
		"bundle":               {spec: pipelinev1beta1.CustomRunSpec{CustomRef: &pipelinev1beta1.TaskRef{Name: "a", Bundle: "reg/x"}}, wantErr: remote}, //nolint:staticcheck // Deprecated, and still settable.
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FromCustomRun(&pipelinev1beta1.CustomRun{ObjectMeta: meta, Spec: tc.spec})
			if diff := cmp.Diff(tc.wantErr, text(err)); diff != "" || (err != nil && !errors.Is(err, ErrInvalidSpec)) {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTable holds the table of parameters to the API type: a field that does not exist would be an error of every run.
func TestTable(t *testing.T) {
	p := &problems{kind: ErrInvalidSpec}
	seen := map[string]bool{}
	for _, parameter := range Parameters() {
		if seen[parameter.Name] || parameter.Description == "" {
			t.Errorf("parameter %s is there twice, or has no description", parameter.Name)
		}
		seen[parameter.Name] = true
		if _, ok := parameterNamed(parameter.Needs); parameter.Needs != "" && !ok {
			t.Errorf("parameter %s needs %s, which does not exist", parameter.Name, parameter.Needs)
		}
		tree := newTree(map[string]any{})
		switch parameter.Name {
		case paramImages, paramUpdate, paramWorkload:
			continue
		}
		v := value{text: "x"}
		if parameter.Type == TypeArray {
			v = value{list: []string{"x"}}
		}
		tree.set(parameter.Field, v.node(), "test")
		if _, err := decodeSpec(tree.root); err != nil {
			t.Errorf("%s: %v", parameter.Name, err)
		}
		for _, kind := range []string{v1alpha1.KindGitOpsDeploy, v1alpha1.KindGitOpsPR} {
			if parameter.For(kind) {
				checkShape(tree.root, specType(kind), fmt.Sprintf("<%s of %s>", parameter.Name, kind), p)
			}
		}
	}
	if err := p.err(); err != nil {
		t.Error(err)
	}
}
