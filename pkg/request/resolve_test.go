package request

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

const sha = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// stored is what the API server has; err is what it answers instead.
type stored struct {
	definitions map[string]*v1alpha1.GitOpsDeploy
	proposals   map[string]*v1alpha1.GitOpsPR
	err         error
}

func (s stored) GitOpsPR(_ context.Context, namespace, name string) (*v1alpha1.GitOpsPR, error) {
	if s.err != nil {
		return nil, s.err
	}
	if d, ok := s.proposals[namespace+"/"+name]; ok {
		return d, nil
	}
	return nil, apierrors.NewNotFound(v1alpha1.Resource("gitopsprs").GroupResource(), name)
}

func (s stored) GitOpsDeploy(_ context.Context, namespace, name string) (*v1alpha1.GitOpsDeploy, error) {
	if s.err != nil {
		return nil, s.err
	}
	if d, ok := s.definitions[namespace+"/"+name]; ok {
		return d, nil
	}
	return nil, apierrors.NewNotFound(v1alpha1.Resource("gitopsdeploys").GroupResource(), name)
}

func embedded(t *testing.T, spec string, params ...pipelinev1beta1.Param) Input {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	return Input{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", Embedded: true, EmbeddedSpec: data, Params: params}
}

func byParameters(params ...pipelinev1beta1.Param) Input {
	return Input{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", PipelineRun: "r41", Pipeline: "release", ServiceAccount: "ci", Params: params}
}

func param(name, value string) pipelinev1beta1.Param {
	return pipelinev1beta1.Param{Name: name, Value: stringValue(value)}
}

func duration(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

// usual are the parameters that nearly every run has.
func usual(more ...pipelinev1beta1.Param) []pipelinev1beta1.Param {
	return append([]pipelinev1beta1.Param{
		param("repo-url", "https://github.com/org/catalog.git"), param("path", "overlays/dev"),
		param("image", "quay.io/org/server"), param("tag", "1.10"),
		param("argocd-application", "catalog-dev"), param("argocd-server", "Argo.example.com:443"), param("argocd-secret", "argocd"),
	}, more...)
}

// usualRequest is what they resolve to.
func usualRequest() Request {
	return Request{
		Version: Version,
		Run:     Run{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", PipelineRun: "r41", Pipeline: "release", ServiceAccount: "ci"},
		Lock:    Lock{Name: "catalog-dev-344842b17f", Timeout: duration(30 * time.Minute)},
		Images:  []image.Want{{Name: "quay.io/org/server", NewTag: "1.10"}},
		Updates: []Update{{Kustomize: &Kustomize{Path: "overlays/dev"}}},
		Git: &Git{
			URL: "https://github.com/org/catalog.git", Branch: "main",
			Author:  Person{Name: "tekton-gitops", Email: "tekton-gitops@users.noreply.local"},
			Message: Message{{Text: "Update image in git to "}, {Variable: "image"}},
		},
		ArgoCD: &ArgoCD{
			Server: "argo.example.com:443", Secret: "argocd",
			Applications: []Application{{Name: "catalog-dev"}},
			Sync:         Sync{Timeout: duration(10 * time.Minute)},
		},
		Verify: Verify{Health: HealthApplication, Timeout: duration(10 * time.Minute), FailureGrace: duration(30 * time.Second)},
	}
}

func mustDefaults(t *testing.T, sources ...DefaultsSource) Defaults {
	t.Helper()
	d, err := ParseDefaults(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestByParameters(t *testing.T) {
	all := usualRequest()
	all.Lock = Lock{Name: "my-lock"}
	all.Images = []image.Want{{Name: "quay.io/org/server", NewName: "mirror.local:5000/server", NewTag: "1.10", Digest: sha}}
	all.Updates[0].Kustomize.Path = "overlays/dev"
	all.Git = &Git{
		URL: "https://github.com/org/catalog.git", Branch: "release/1", Secret: "github",
		Author:  Person{Name: "CI Müller", Email: "ci@example.com"},
		Message: Message{{Text: "$(params.x) "}, {Variable: "image.tag"}},
	}
	all.ArgoCD = &ArgoCD{
		Server: "argo.example.com:443", Secret: "argocd", Plaintext: true,
		Applications: []Application{{Name: "catalog-dev", Namespace: "apps", Project: "shop"}},
		Sync:         Sync{Prune: true, Timeout: duration(90 * time.Second)},
	}
	all.Verify = Verify{
		Workloads: []Workload{{Kind: "Deployment", Name: "server", Namespace: "dev", Container: "app"}},
		Health:    HealthWorkloads, Timeout: duration(time.Hour), FailureGrace: duration(30 * time.Second),
	}

	verifyOnly := usualRequest()
	verifyOnly.Git, verifyOnly.Updates, verifyOnly.Images = nil, nil, []image.Want{{Name: "quay.io/org/server"}}

	publishOnly := usualRequest()
	publishOnly.ArgoCD = nil
	publishOnly.Lock.Name = "catalog-main-a0e68477e1"

	several := usualRequest()
	several.Images = []image.Want{{Name: "a", NewTag: "1"}, {Name: "b", NewName: "quay.io/b", NewTag: "2", Digest: sha}}
	several.Git.Message = Message{{Text: "Update images in git"}}

	for name, tc := range map[string]struct {
		params   []pipelinev1beta1.Param
		defaults []DefaultsSource
		want     Request
	}{
		"the usual": {params: usual(), want: usualRequest()},
		"empty values count as not given": {
			params: usual(param("digest", ""), param("update", ""), param("message", " "), param("prune", ""), param("lock-timeout", ""), param("health", ""),
				pipelinev1beta1.Param{Name: "images", Value: arrayValue()}),
			want: usualRequest(),
		},
		"everything": {
			params: usual(param("branch", "release/1"), param("git-secret", "github"), param("new-name", "mirror.local:5000/server"), param("digest", sha),
				param("argocd-namespace", "apps"), param("argocd-project", "shop"), param("plaintext", "true"), param("insecure", "false"),
				param("workload", "Deployment/server"), param("workload-namespace", "dev"), param("container", "app"), param("health", "Workloads"),
				param("lock", "my-lock"), param("lock-timeout", "0"), param("sync-timeout", "90s"), param("verify-timeout", "1h"), param("prune", "true"),
				param("author-name", "CI Müller"), param("author-email", "ci@example.com"), param("message", "$(params.x) $(image.tag)"), param("update", "kustomize")),
			want: all,
		},
		"defaults of two levels, the run's namespace wins": {
			params: []pipelinev1beta1.Param{param("path", "./overlays/dev/"), param("image", "quay.io/org/server"), param("tag", "1.10"), param("argocd-application", "catalog-dev")},
			defaults: []DefaultsSource{
				{Namespace: "tekton-gitops", Name: DefaultsName, Data: map[string]string{
					"argocd-server": "wrong.example.com", "argocd-secret": "argocd\n", "branch": "master", "_example": "anything",
					"images": `["x:1"]`, "argocd-project": "", "container": "app",
				}},
				{Namespace: "team-a", Name: DefaultsName, Data: map[string]string{
					"argocd-server": "argo.example.com:443", "repo-url": "https://github.com/org/catalog.git", "branch": "",
				}},
			},
			want: usualRequest(),
		},
		"a run's images win over a default image": {
			params: []pipelinev1beta1.Param{
				param("repo-url", "https://github.com/org/catalog.git"), param("path", "overlays/dev"), param("argocd-application", "catalog-dev"),
				param("argocd-server", "Argo.example.com:443"), param("argocd-secret", "argocd"),
				{Name: "images", Value: arrayValue("a:1", "b=quay.io/b:2@"+sha)},
			},
			defaults: []DefaultsSource{{Namespace: "team-a", Name: DefaultsName, Data: map[string]string{"image": "x", "tag": "1"}}},
			want:     several,
		},
		"verify only": {
			params: []pipelinev1beta1.Param{
				param("update", "none"), param("path", "../ignored"), param("repo-url", "https://github.com/org/catalog"), param("image", "quay.io/org/server"),
				param("argocd-application", "catalog-dev"), param("argocd-server", "Argo.example.com:443"), param("argocd-secret", "argocd"),
			},
			want: verifyOnly,
		},
		"publish only": {
			params: usual()[:4],
			want:   publishOnly,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Resolve(t.Context(), byParameters(tc.params...), stored{}, mustDefaults(t, tc.defaults...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var back Request
			data, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, back, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("through JSON (-want +got):\n%s", diff)
			}
			if got.VerifyOnly() != (name == "verify only") {
				t.Errorf("VerifyOnly() = %v", got.VerifyOnly())
			}
		})
	}
}

// without drops parameters by name.
func without(params []pipelinev1beta1.Param, names ...string) []pipelinev1beta1.Param {
	var left []pipelinev1beta1.Param
	for _, p := range params {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+p.Name+" ") {
			left = append(left, p)
		}
	}
	return left
}

// with replaces the value of a parameter.
func with(name, value string) []pipelinev1beta1.Param {
	return append(without(usual(), name), param(name, value))
}

func TestByParametersRefuses(t *testing.T) {
	long := strings.Repeat("x", 600)
	for name, tc := range map[string]struct {
		params   []pipelinev1beta1.Param
		defaults map[string]string
		want     string
	}{
		"nothing at all":           {want: `parameter "path": missing: give the directory with the kustomization file, or update: none to only sync and verify`},
		"an unknown one":           {params: usual(param("tga", "1")), want: `parameter "tga": unknown; known are ` + strings.Join(parameterNames(v1alpha1.KindGitOpsDeploy), ", ")},
		"one given twice":          {params: usual(param("tag", "2")), want: "parameter tag: given twice"},
		"array for a string":       {params: append(without(usual(), "tag"), pipelinev1beta1.Param{Name: "tag", Value: arrayValue("1")}), want: `parameter "tag": wants type string, got array`},
		"object for a string":      {params: usual(pipelinev1beta1.Param{Name: "branch", Value: objectValue(map[string]string{"a": "b"})}), want: `parameter "branch": wants type string, got object`},
		"string for an array":      {params: usual(param("images", "a:1")), want: `parameter "images": wants type array, got string`},
		"image and images":         {params: usual(pipelinev1beta1.Param{Name: "images", Value: arrayValue("a:1")}), want: `parameter "images": excludes parameter "image": write the whole reference into each of images; parameter "images": excludes parameter "tag": write the whole reference into each of images`},
		"images that are none":     {params: append(without(usual(), "image", "tag"), arrayParam("images", "a")), want: `parameter "images": ` + imageError(image.Want{Name: "a"})},
		"no image":                 {params: without(usual(), "image", "tag"), want: `parameter "image": missing: say which image to set`},
		"tag without image":        {params: without(usual(), "image"), want: `parameter "tag": says nothing without parameter "image"`},
		"no tag":                   {params: without(usual(), "tag"), want: `parameter "tag": missing: give a tag or a digest to set`},
		"no repository":            {params: without(usual(), "repo-url"), want: `parameter "repo-url": missing`},
		"no secret":                {params: without(usual(), "argocd-secret"), want: `parameter "argocd-secret": missing: name a Secret with ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and ARGOCD_PASSWORD`},
		"nothing to do":            {params: []pipelinev1beta1.Param{param("update", "none")}, want: `parameter "argocd-application": missing: without an application and without an update there is nothing to do`},
		"workload, no application": {params: append(usual()[:4], param("workload", "Deployment/x")), want: `parameter "argocd-application": missing: workloads are read through the application that they belong to`},
		"container alone":          {params: usual(param("container", "c")), want: `parameter "container": says nothing without parameter "workload"`},
		"workload without kind":    {params: usual(param("workload", "server")), want: `parameter "workload": is "server": write Kind/name, such as Deployment/server`},
		"another kind":             {params: usual(param("workload", "Service/x")), want: `parameter "workload": is "Service": write one of Deployment, StatefulSet, DaemonSet, Rollout, CronJob, Job`},
		"workload with two slashes": {params: usual(param("workload", "Deployment/a/b")),
			want: `parameter "workload": is "a/b": write the name of an object: lower case letters, digits, '-' and '.'`},
		"another update":             {params: usual(param("update", "jsonnet")), want: `parameter "update": is "jsonnet": write kustomize, helm, manifests, yaml or none`},
		"tag that is none":           {params: with("tag", "a b"), want: `parameter "tag": ` + imageError(image.Want{Name: "a", NewTag: "a b"})},
		"tag with a variable":        {params: with("tag", "$(tasks.build.results.tag)"), want: `parameter "tag": holds a variable that nothing has replaced: "$(tasks.build.results.tag)"`},
		"image with a tag":           {params: with("image", "a:1"), want: `parameter "image": ` + imageError(image.Want{Name: "a:1", NewTag: "1"})},
		"digest that is none":        {params: usual(param("digest", "sha256:xyz")), want: `parameter "digest": ` + imageError(image.Want{Name: "a", Digest: "sha256:xyz"})},
		"new name that is none":      {params: usual(param("new-name", "A/B")), want: `parameter "new-name": ` + imageError(image.Want{Name: "a", NewName: "A/B", NewTag: "1"})},
		"URL with a password":        {params: with("repo-url", "https://me:hunter2@github.com/a/b"), want: `parameter "repo-url": holds a user name or password: put them into a Secret, and take them out of the URL everywhere`},
		"branch with a space":        {params: usual(param("branch", "a b")), want: `parameter "branch": is "a b": write the short name of a branch, such as main`},
		"server with a scheme":       {params: with("argocd-server", "https://argo"), want: `parameter "argocd-server": is "https://argo": write host or host:port, without https:// and without a path`},
		"path with dots":             {params: with("path", "a/../../b"), want: `parameter "path": is "a/../../b": write a path below the root of the repository, such as overlays/dev, without '..'`},
		"absolute path":              {params: with("path", "/etc"), want: `parameter "path": is "/etc": write a path below the root of the repository, such as overlays/dev, without '..'`},
		"path into .git":             {params: with("path", "a/.GIT/hooks"), want: `parameter "path": is "a/.GIT/hooks": write a path below the root of the repository, such as overlays/dev, without '..'`},
		"path with a variable":       {params: with("path", "a/$(x)"), want: `parameter "path": holds a variable that nothing has replaced: "a/$(x)"`},
		"path with a backslash":      {params: with("path", `a\b`), want: `parameter "path": is "a\\b": write a path below the root of the repository, such as overlays/dev, without '..'`},
		"another namespace's secret": {params: usual(param("git-secret", "other/s")), want: `parameter "git-secret": is "other/s": name a Secret of the run's own namespace; no other can be used`},
		"secret that is no name":     {params: usual(param("git-secret", "A B")), want: `parameter "git-secret": is "A B": write the name of an object: lower case letters, digits, '-' and '.'`},
		"namespace that is none":     {params: usual(param("argocd-namespace", "a.b")), want: `parameter "argocd-namespace": is "a.b": write a name of lower case letters, digits and '-', at most 63 characters`},
		"boolean that is none":       {params: usual(param("prune", "yes")), want: `parameter "prune": is "yes": write true or false`},
		"plaintext and insecure":     {params: usual(param("plaintext", "true"), param("insecure", "true")), want: `parameter "insecure": excludes plaintext: without TLS there is no certificate to skip`},
		"duration that is none":      {params: usual(param("sync-timeout", "10 minutes")), want: `parameter "sync-timeout": is "10 minutes": write a duration such as 90s, 10m or 1h30m`},
		"duration below zero":        {params: usual(param("lock-timeout", "-1s")), want: `parameter "lock-timeout": is -1s: at least 0s and at most 168h0m0s`},
		"no time to sync":            {params: usual(param("sync-timeout", "0")), want: `parameter "sync-timeout": is 0s: at least 1s and at most 168h0m0s`},
		"duration beyond a week":     {params: usual(param("verify-timeout", "169h")), want: `parameter "verify-timeout": is 169h0m0s: at least 1s and at most 168h0m0s`},
		"health that is none":        {params: usual(param("health", "All")), want: `parameter "health": is "All": write Application or Workloads`},
		"author of two lines":        {params: usual(param("author-name", "a\nb")), want: `parameter "author-name": is "a\nb": write one line of at most 256 bytes, without '<' and '>'`},
		"message that is too long":   {params: usual(param("message", strings.Repeat("m", 4097))), want: `parameter "message": has 4097 bytes: at most 4096`},
		"message with a bell":        {params: usual(param("message", "a\x07")), want: `parameter "message": holds control characters`},
		"message about one of two images": {
			params: append(without(usual(), "image", "tag"), param("message", "to $(image.tag)"), pipelinev1beta1.Param{Name: "images", Value: arrayValue("a:1", "b:1")}),
			want:   `parameter "message": uses $(image.tag), which has a value when exactly one image is set, and there are 2`,
		},
		"one image twice": {
			params: append(without(usual(), "image", "tag"), pipelinev1beta1.Param{Name: "images", Value: arrayValue("nginx:1", "docker.io/library/nginx:2")}),
			want:   `parameter "images": "docker.io/library/nginx" is there twice`,
		},
		"too many images": {
			params: append(without(usual(), "image", "tag"), pipelinev1beta1.Param{Name: "images", Value: arrayValue(strings.Fields(strings.Repeat("a:1 ", 17))...)}),
			want:   `parameter "images": has 17 items: at most 16`,
		},
		"too much":         {params: usual(param("message", strings.Repeat("m", 40<<10))), want: "parameters: have 41136 bytes together, at most 32768 are taken"},
		"a long wrong one": {params: with("argocd-application", long), want: `parameter "argocd-application": is "` + long[:80] + `…": write the name of an object: lower case letters, digits, '-' and '.'`},
		"a bad default": {params: usual(), defaults: map[string]string{"lock-timeout": "soon"},
			want: `key "lock-timeout" of ConfigMap team-a/config-gitops-defaults: is "soon": write a duration such as 90s, 10m or 1h30m`},
		"many problems": {params: usual(param("prune", "1"), param("plaintext", "1"), param("insecure", "1"), param("lock", "A"), param("health", "h"), param("branch", "..")),
			want: `parameter "branch": is "..": write the short name of a branch, such as main; parameter "plaintext": is "1": write true or false; parameter "insecure": is "1": write true or false; parameter "prune": is "1": write true or false; parameter "health": is "h": write Application or Workloads; and 1 more`},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			got, err := Resolve(t.Context(), byParameters(tc.params...), stored{}, defaults)
			if !errors.Is(err, ErrInvalidParameters) {
				t.Fatalf("error %v is not ErrInvalidParameters", err)
			}
			if diff := cmp.Diff("invalid parameters: "+tc.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(Request{}, got); diff != "" {
				t.Errorf("a request came with the error:\n%s", diff)
			}
		})
	}
}

func TestParseDefaultsRefuses(t *testing.T) {
	_, err := ParseDefaults(
		DefaultsSource{Namespace: "tekton-gitops", Name: DefaultsName, Data: map[string]string{"argocd-sever": "x", "images": "a:1"}},
		DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: map[string]string{"tags": "x"}},
	)
	want := "invalid parameters: " +
		`ConfigMap tekton-gitops/config-gitops-defaults: unknown key "argocd-sever"; known are ` + strings.Join(parameterNames(""), ", ") + "; " +
		`ConfigMap tekton-gitops/config-gitops-defaults: key "images": write a JSON array of strings; ` +
		`ConfigMap team-a/config-gitops-defaults: unknown key "tags"; known are ` + strings.Join(parameterNames(""), ", ")
	if diff := cmp.Diff(want, text(err)); diff != "" || !errors.Is(err, ErrInvalidParameters) {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
