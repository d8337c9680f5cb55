package v1alpha1_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

const crdDir = "../../../../config/"

// server is what an API server makes of a CRD: it validates the generated file, without the server around it.
type server struct {
	kind       string
	structural *schema.Structural
	openapi    validation.SchemaValidator
	cel        *cel.Validator
}

func load(t *testing.T, file string) server {
	t.Helper()
	data, err := os.ReadFile(crdDir + file)
	if err != nil {
		t.Fatal(err)
	}
	var v1 apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &v1); err != nil {
		t.Fatal(err)
	}
	// As on arrival at the server: it fills these in before it validates.
	v1.Status.StoredVersions = []string{"v1alpha1"}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&v1)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
	var crd apiextensions.CustomResourceDefinition
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, &crd, nil); err != nil {
		t.Fatal(err)
	}
	// This includes the cost limits of the rules.
	if errs := crdvalidation.ValidateCustomResourceDefinition(t.Context(), &crd); len(errs) > 0 {
		t.Fatalf("the API server would refuse %s: %v", file, errs.ToAggregate())
	}
	props := crd.Spec.Validation
	if props == nil {
		props = crd.Spec.Versions[0].Schema
	}
	structural, err := schema.NewStructural(props.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	openapi, _, err := validation.NewSchemaValidator(props.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	return server{kind: crd.Spec.Names.Kind, structural: structural, openapi: openapi, cel: cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// refuse lists what the server says about an object, in its order; nothing when it takes it.
func (s server) refuse(t *testing.T, object map[string]any) []string {
	t.Helper()
	var said []string
	unknown := pruning.PruneWithOptions(object, s.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		said = append(said, path+": unknown")
	}
	errs := validation.ValidateCustomResource(nil, object, s.openapi)
	if len(errs) == 0 {
		errs, _ = s.cel.Validate(t.Context(), nil, s.structural, object, nil, celconfig.RuntimeCELCostBudget)
	}
	for _, err := range errs {
		said = append(said, err.Field+": "+err.Detail)
	}
	return said
}

func deploy(t *testing.T, spec string) map[string]any {
	t.Helper()
	var parsed any
	if err := yaml.Unmarshal([]byte(spec), &parsed); err != nil {
		t.Fatal(err)
	}
	return map[string]any{"apiVersion": "gitops.tekton.dev/v1alpha1", "kind": "GitOpsDeploy", "metadata": map[string]any{"name": "a"}, "spec": parsed}
}

const sha = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// full sets every field to a plain value; each test below replaces one line.
const full = `
params: [{name: tag, type: string, description: d, default: x}, {name: l, default: [a]}, {name: o, default: {k: v}}]
lock: {name: my-lock, queue: Latest, timeout: 30m}
git:
  url: https://github.com/org/catalog.git
  branch: release/1.0
  secretRef: {name: github}
  author: {name: CI Bot, email: ci@example.com}
  message: "Set $(image)"
  signing: {secretRef: {name: key}}
images:
- {name: quay.io/org/server, newName: "reg.local:5000/org/server", newTag: "1.10", digest: "` + sha + `"}
update:
- kustomize: {path: clusters/local.home/overlays/dev}
- {images: [quay.io/org/server], helm: {file: values.yaml, repository: image.repository, tag: image.tag, digest: image.digest}}
- helm: {file: charts/a/values.yaml, image: 'servers[0]."app.io/x"'}
- manifests: {path: apps/server, container: server}
- yaml: {file: env.yaml, path: server.tag, value: v 1}
argocd:
  server: argocd-server.argocd.svc:443
  transport: grpc-web
  plaintext: "false"
  insecure: "false"
  secretRef: {name: argocd}
  applications: [{name: catalog-dev, namespace: apps, project: default}]
  sync: {prune: "true", options: [ServerSideApply=true], pinRevision: "true", window: Wait, onForeignOperation: Terminate, timeout: 1h30m}
verify:
  workloads: [{kind: Deployment, namespace: dev, name: server, container: app}]
  health: Application
  timeout: 600s
  stableFor: "0"
  failureGrace: 1.5s
onFailure: Revert
dryRun: "true"
`

func TestGitOpsDeploySchema(t *testing.T) {
	s := load(t, "300-crd-gitopsdeploys.yaml")
	line := func(old, replacement string) string {
		if !strings.Contains(full, old) {
			t.Fatalf("%q is not in the full example", old)
		}
		return strings.Replace(full, old, replacement, 1)
	}
	const (
		boolText    = `: write "true" or "false", in quotes`
		timeoutText = ": write a duration such as 90s, 10m or 1h30m, at least 1s and at most 168h"
		pathText    = ": write a path below the root of the repository, such as overlays/dev, without '..'"
		branchText  = ": write the short name of a branch, such as main"
		urlText     = ": write https://HOST/PATH or ssh://git@HOST/PATH, without password, query or fragment"
		hostText    = ": write host or host:port, without https:// and without a path"
		nameText    = ": write the name of an object: lower case letters, digits, '-' and '.'"
		labelText   = ": write a name of lower case letters, digits and '-', at most 63 characters"
		imageText   = ": write an image's name without tag and digest, such as quay.io/org/app"
		branch      = "branch: release/1.0"
		path        = "path: clusters/local.home/overlays/dev"
		url         = "url: https://github.com/org/catalog.git"
		server      = "server: argocd-server.argocd.svc:443"
		timeout     = "timeout: 600s"
	)
	for name, tc := range map[string]struct {
		spec string
		want []string
	}{
		"everything": {spec: full},
		"variables everywhere": {spec: `
lock: {name: "$(params.a)", queue: "$(params.a)", timeout: "$(params.a)"}
git: {url: "$(params.a)", branch: "$(params.a)", secretRef: {name: "$(params.a)"}, author: {name: "$(params.a)", email: "$(params.a)"}, message: "$(params.a)", signing: {secretRef: {name: "$(params.a)"}}}
images: [{name: "$(params.a)", newName: "$(params.a)", newTag: "$(params.a)", digest: "$(params.a)"}]
update:
- {images: ["$(params.l[*])"], kustomize: {path: "$(params.a)"}}
- helm: {file: "$(params.a)", repository: "$(params.a)", tag: "$(params.a)", digest: "$(params.a)"}
- helm: {file: "$(params.a)", image: "$(params.a)"}
- manifests: {path: "$(params.a)", container: "$(params.a)"}
- yaml: {file: "$(params.a)", path: "$(params.a)", value: "$(params.a)"}
argocd: {server: "$(params.a)", transport: "$(params.a)", plaintext: "$(params.a)", insecure: "$(params.a)", secretRef: {name: "$(params.a)"}, applications: [{name: "$(params.a)", namespace: "$(params.a)", project: "$(params.a)"}], sync: {prune: "$(params.a)", options: ["$(params.l[*])"], pinRevision: "$(params.a)", window: "$(params.a)", onForeignOperation: "$(params.a)", timeout: "$(params.a)"}}
verify: {workloads: [{kind: "$(params.a)", namespace: "$(params.a)", name: "$(params.a)", container: "$(params.a)"}], health: "$(params.a)", timeout: "$(params.a)", stableFor: "$(params.a)", failureGrace: "$(params.a)"}
restart: "$(params.a)"
onFailure: "$(params.a)"
dryRun: "$(params.a)"
`},
		"variables in a selector": {spec: `argocd: {selector: {matchLabels: {team: "$(params.a)"}, namespace: "$(params.a)", project: "$(params.a)"}}`},
		"verify only":             {spec: "argocd: {applications: [{name: a}]}"},
		"publish only":            {spec: "images: [{name: SERVER_IMAGE, newTag: v1}]\nupdate: [{kustomize: {path: .}}]"},
		"empty strings are as good as nothing": {spec: `
lock: {name: "", queue: "", timeout: ""}
git: {url: "", branch: "", author: {name: "", email: ""}, message: ""}
images: [{name: a, newName: "", newTag: "", digest: ""}]
argocd: {server: "", transport: "", plaintext: "", insecure: "", applications: [{name: a, namespace: "", project: ""}], sync: {prune: "", pinRevision: "", window: "", onForeignOperation: "", timeout: ""}}
verify: {health: "", timeout: ""}
restart: ""
onFailure: ""
dryRun: ""
`},
		"git over http is for policy to judge": {spec: line(url, "url: http://127.0.0.1:8080/git/catalog")},
		"IPv6 server":                          {spec: line(server, "server: '[2001:db8::1]:443'")},

		"boolean without quotes":           {spec: line(`prune: "true"`, "prune: true"), want: []string{"spec.argocd.sync.prune: spec.argocd.sync.prune in body must be of type string: \"boolean\""}},
		"boolean that is none":             {spec: line(`prune: "true"`, "prune: 'yes'"), want: []string{"spec.argocd.sync.prune" + boolText}},
		"duration without unit":            {spec: line(timeout, "timeout: '600'"), want: []string{"spec.verify.timeout" + timeoutText}},
		"duration below zero":              {spec: line(timeout, "timeout: -1s"), want: []string{"spec.verify.timeout" + timeoutText}},
		"duration beyond a week":           {spec: line(timeout, "timeout: 169h"), want: []string{"spec.verify.timeout" + timeoutText}},
		"duration beyond int64":            {spec: line(timeout, "timeout: 999999999h999999999h"), want: []string{"spec.verify.timeout: type conversion error from 'string' to 'google.protobuf.Duration' evaluating rule" + timeoutText}},
		"health that is none":              {spec: line("health: Application", "health: All"), want: []string{"spec.verify.health: write Application or Workloads"}},
		"absolute path":                    {spec: line(path, "path: /etc"), want: []string{"spec.update[0].kustomize.path" + pathText}},
		"path with dots":                   {spec: line(path, "path: a/../b"), want: []string{"spec.update[0].kustomize.path" + pathText}},
		"path into .git":                   {spec: line(path, "path: .git/hooks"), want: []string{"spec.update[0].kustomize.path" + pathText}},
		"path with a backslash":            {spec: line(path, `path: 'a\b'`), want: []string{"spec.update[0].kustomize.path" + pathText}},
		"no path":                          {spec: line(path, "path: ''"), want: []string{"spec.update[0].kustomize.path: must not be empty"}},
		"branch as a reference":            {spec: line(branch, "branch: refs/heads/main"), want: []string{"spec.git.branch" + branchText}},
		"branch with a bracket":            {spec: line(branch, "branch: 'a[b'"), want: []string{"spec.git.branch" + branchText}},
		"branch with a backslash":          {spec: line(branch, `branch: 'a\b'`), want: []string{"spec.git.branch" + branchText}},
		"branch like an option":            {spec: line(branch, "branch: --force"), want: []string{"spec.git.branch" + branchText}},
		"branch with .lock":                {spec: line(branch, "branch: a.lock/b"), want: []string{"spec.git.branch" + branchText}},
		"URL with a password":              {spec: line(url, "url: https://a:b@github.com/org/x"), want: []string{"spec.git.url" + urlText}},
		"URL of a file":                    {spec: line(url, "url: file:///etc"), want: []string{"spec.git.url" + urlText}},
		"URL with a query":                 {spec: line(url, "url: https://h/a?b"), want: []string{"spec.git.url" + urlText}},
		"server with a scheme":             {spec: line(server, "server: https://argo"), want: []string{"spec.argocd.server" + hostText}},
		"lock that is no name":             {spec: line("name: my-lock", "name: My_Lock"), want: []string{"spec.lock.name" + nameText}},
		"namespace that is none":           {spec: line("namespace: apps", "namespace: a.b"), want: []string{"spec.argocd.applications[0].namespace" + labelText}},
		"Secret of another namespace":      {spec: line("secretRef: {name: github}", "secretRef: {name: other/github}"), want: []string{"spec.git.secretRef.name" + nameText}},
		"image with a tag":                 {spec: line("name: quay.io/org/server", "name: 'quay.io/org/server:1'"), want: []string{"spec.images[0].name" + imageText}},
		"tag with a space":                 {spec: line(`newTag: "1.10"`, "newTag: 'a b'"), want: []string{"spec.images[0].newTag: write an image tag: at most 128 letters, digits, '_', '.' and '-'"}},
		"tag without quotes":               {spec: line(`newTag: "1.10"`, "newTag: 1.10"), want: []string{"spec.images[0].newTag: spec.images[0].newTag in body must be of type string: \"number\""}},
		"digest that is none":              {spec: line(sha, "sha256:1"), want: []string{"spec.images[0].digest: write an image digest such as sha256: and 64 hexadecimal digits"}},
		"author of two lines":              {spec: line("name: CI Bot", `name: "a\nb"`), want: []string{"spec.git.author.name: write one line of at most 256 bytes, without '<' and '>'"}},
		"option that is none":              {spec: line("ServerSideApply=true", "Prune"), want: []string{"spec.argocd.sync.options[0]: write an option as Name=value"}},
		"parameter with a dot":             {spec: line("name: tag,", "name: a.b,"), want: []string{"spec.params[0].name: spec.params[0].name in body should match '^[a-zA-Z_][a-zA-Z0-9_-]*$'"}},
		"parameter of an unsupported type": {spec: line("type: string", "type: bool"), want: []string{`spec.params[0].type: supported values: "string", "array", "object"`}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, s.refuse(t, deploy(t, tc.spec))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestGitOpsRecordSchema(t *testing.T) {
	s := load(t, "300-crd-gitopsrecords.yaml")
	now := metav1.NewTime(time.Date(2026, 11, 22, 10, 2, 11, 0, time.UTC))
	deployed := v1alpha1.Deployed{
		Time: now, Run: "r41-deploy", RunUID: "u-1", PipelineRun: "r41", Application: "apps/catalog-dev", Repository: "https://github.com/org/catalog",
		Commit: strings.Repeat("a", 40), Revision: strings.Repeat("b", 40), Summary: "quay.io/org/server:1.10",
		Live: []v1alpha1.LiveImage{{Workload: "Deployment/dev/server", Container: "app", Image: "quay.io/org/server:1.10", Digest: sha}},
	}
	for name, tc := range map[string]struct {
		record v1alpha1.GitOpsRecord
		want   []string
	}{
		"everything":      {record: v1alpha1.GitOpsRecord{Lock: "catalog-dev", Deployed: deployed, History: slices.Repeat([]v1alpha1.Deployed{deployed}, v1alpha1.RecordHistory)}},
		"the least":       {record: v1alpha1.GitOpsRecord{Lock: "catalog-dev", Deployed: v1alpha1.Deployed{Time: now, Run: "r"}}},
		"no lock":         {record: v1alpha1.GitOpsRecord{Deployed: deployed}, want: []string{"lock: lock in body should be at least 1 chars long"}},
		"too much of old": {record: v1alpha1.GitOpsRecord{Lock: "l", Deployed: deployed, History: slices.Repeat([]v1alpha1.Deployed{deployed}, v1alpha1.RecordHistory+1)}, want: []string{"history: must have at most 10 items"}},
	} {
		t.Run(name, func(t *testing.T) {
			object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&tc.record)
			if err != nil {
				t.Fatal(err)
			}
			object["apiVersion"], object["kind"] = v1alpha1.APIVersion, v1alpha1.KindGitOpsRecord
			if diff := cmp.Diff(tc.want, s.refuse(t, object)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
