package request

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

func arrayParam(name string, items ...string) pipelinev1beta1.Param {
	return pipelinev1beta1.Param{Name: name, Value: arrayValue(items...)}
}

// imageError is what package image says about a reference.
func imageError(w image.Want) string { return withoutSentinel(w.Validate()) }

// placed is what a run by parameters writes, sets, verifies and restarts.
type placed struct {
	Updates   []Update
	Images    []image.Want
	Workloads []Workload
	Restart   bool
	Revert    bool
	DryRun    bool
	Git       bool
}

func TestPlacementByParameters(t *testing.T) {
	server := []image.Want{{Name: "quay.io/org/server", NewTag: "1.10"}}
	nowhere := slices.Clip(without(usual(), "path"))
	kustomize := placed{Updates: []Update{{Kustomize: &Kustomize{Path: "overlays/dev"}}}, Images: server, Git: true}
	helm := placed{Updates: []Update{{Helm: &Helm{File: "charts/values.yaml", Tag: "image.tag"}}}, Images: server, Git: true}
	restart := placed{Images: server, Restart: true}
	dry, revert := kustomize, kustomize
	dry.DryRun, revert.Revert = true, true
	for name, tc := range map[string]struct {
		params   []pipelinev1beta1.Param
		defaults map[string]string
		want     placed
	}{
		"kustomize": {params: usual(), want: kustomize},
		"helm":      {params: append(nowhere, param("update", "helm"), param("values-file", "./charts/values.yaml"), param("tag-path", "image.tag")), want: helm},
		"manifests": {
			params: usual(param("update", "manifests"), param("container", "app")),
			want:   placed{Updates: []Update{{Manifests: &Manifests{Path: "overlays/dev", Container: "app"}}}, Images: server, Git: true},
		},
		"manifests, and the workload's container": {
			params: usual(param("update", "manifests"), param("container", "app"), param("workload", "StatefulSet/db")),
			want: placed{
				Updates: []Update{{Manifests: &Manifests{Path: "overlays/dev", Container: "app"}}}, Images: server, Git: true,
				Workloads: []Workload{{Kind: "StatefulSet", Name: "db", Container: "app"}},
			},
		},
		"yaml": {
			params: append(nowhere, param("update", "yaml"), param("values-file", "env.yaml"), param("tag-path", `servers[0]."app.io/tag"`)),
			want:   placed{Updates: []Update{{YAML: &YAML{File: "env.yaml", Path: `servers[0]."app.io/tag"`, Value: "1.10"}}}, Images: server, Git: true},
		},
		"yaml, by a digest alone": {
			params: append(without(nowhere, "tag"), param("digest", sha), param("update", "yaml"), param("values-file", "env.yaml"), param("tag-path", "a")),
			want: placed{
				Updates: []Update{{YAML: &YAML{File: "env.yaml", Path: "a", Value: sha}}}, Git: true,
				Images: []image.Want{{Name: "quay.io/org/server", Digest: sha}},
			},
		},
		"none, with all that a pipeline hands on": {
			params: usual(param("update", "none"), param("values-file", "v.yaml"), param("tag-path", "a"), param("restart", "false"), param("on-failure", "Keep"), param("dry-run", "false")),
			want:   placed{Images: server},
		},
		"none, images without tags": {
			params: append(without(nowhere, "image", "tag"), param("update", "none"), arrayParam("images", "a", "b=quay.io/b", "reg:5000/c:1", "SERVER_IMAGE")),
			want:   placed{Images: []image.Want{{Name: "a"}, {Name: "b", NewName: "quay.io/b"}, {Name: "reg:5000/c", NewTag: "1"}, {Name: "SERVER_IMAGE"}}},
		},
		"restart needs no update":                         {params: append(nowhere, param("restart", "true")), want: restart},
		"restart goes before a default way":               {params: append(nowhere, param("restart", "true")), defaults: map[string]string{"update": "helm", "path": "a", "values-file": "v.yaml"}, want: restart},
		"restart by default":                              {params: nowhere, defaults: map[string]string{"restart": "true"}, want: restart},
		"a run that writes goes before a default restart": {params: usual(), defaults: map[string]string{"restart": "true"}, want: kustomize},
		"a run that says the way, too":                    {params: append(nowhere, param("update", "kustomize")), defaults: map[string]string{"restart": "true", "path": "overlays/dev"}, want: kustomize},
		"a run that writes goes before a default of none": {params: usual(), defaults: map[string]string{"update": "none"}, want: kustomize},
		"default way and places":                          {params: nowhere, defaults: map[string]string{"update": "helm", "values-file": "charts/values.yaml", "tag-path": "image.tag", "path": "unused"}, want: helm},
		"dry run":                                         {params: usual(param("dry-run", "true")), want: dry},
		"revert":                                          {params: usual(param("on-failure", "Revert")), want: revert},
		"defaults that need an update":                    {params: append(nowhere, param("update", "none")), defaults: map[string]string{"dry-run": "true", "on-failure": "Revert"}, want: placed{Images: server}},
		"they yield to a restart":                         {params: append(nowhere, param("restart", "true")), defaults: map[string]string{"dry-run": "true", "on-failure": "Revert"}, want: restart},
		"a default of revert":                             {params: usual(), defaults: map[string]string{"on-failure": "Revert"}, want: revert},
		"a default container without a workload":          {params: usual(), defaults: map[string]string{"container": "app"}, want: kustomize},
		"a Job can be verified": {
			params: append(nowhere, param("update", "none"), param("workload", "Job/migrate")),
			want:   placed{Images: server, Workloads: []Workload{{Kind: "Job", Name: "migrate"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			r, err := Resolve(t.Context(), byParameters(tc.params...), stored{}, defaults)
			if err != nil {
				t.Fatal(err)
			}
			got := placed{r.Updates, r.Images, r.Verify.Workloads, r.Restart, r.Revert, r.DryRun, r.Git != nil}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := len(r.Updates) == 0 && !r.Restart; r.VerifyOnly() != want {
				t.Errorf("VerifyOnly() = %v", r.VerifyOnly())
			}
		})
	}
}

func TestPlacementByParametersRefuses(t *testing.T) {
	nowhere := slices.Clip(without(usual(), "path"))
	helm := slices.Clip(append(nowhere, param("update", "helm"), param("values-file", "v.yaml"), param("tag-path", "image.tag")))
	yaml := slices.Clip(append(nowhere, param("update", "yaml"), param("values-file", "v.yaml"), param("tag-path", "image.tag")))
	for name, tc := range map[string]struct {
		params   []pipelinev1beta1.Param
		defaults map[string]string
		want     string
	}{
		"no path":        {params: nowhere, want: `parameter "path": missing: give the directory with the kustomization file, or update: none to only sync and verify`},
		"no manifests":   {params: append(nowhere, param("update", "manifests")), want: `parameter "path": missing: give the file or directory with the manifests`},
		"helm, nowhere":  {params: append(nowhere, param("update", "helm")), want: `parameter "values-file": missing: give the file to edit; parameter "tag-path": missing: say where in the file the tag is, such as image.tag`},
		"yaml, nowhere":  {params: append(nowhere, param("update", "yaml")), want: `parameter "values-file": missing: give the file to edit; parameter "tag-path": missing: say where in the file the tag is, such as image.tag`},
		"helm, and path": {params: append(helm, param("path", "a")), want: `parameter "path": says nothing with update helm`},
		"kustomize, and values-file": {params: usual(param("values-file", "v.yaml"), param("tag-path", "a")),
			want: `parameter "values-file": says nothing with update kustomize; parameter "tag-path": says nothing with update kustomize`},
		"another way by default": {params: usual(), defaults: map[string]string{"update": "jsonnet"},
			want: `key "update" of ConfigMap team-a/config-gitops-defaults: is "jsonnet": write kustomize, helm, manifests, yaml or none`},
		"values-file is a directory": {params: append(without(helm, "values-file"), param("values-file", "charts/")), want: `parameter "values-file": is "charts/": write the path of a file, not of a directory`},
		"values-file outside":        {params: append(without(yaml, "values-file"), param("values-file", "../v.yaml")), want: `parameter "values-file": is "../v.yaml": write a path below the root of the repository, such as overlays/dev, without '..'`},
		"tag-path that is none":      {params: append(without(helm, "tag-path"), param("tag-path", "image..tag")), want: `parameter "tag-path": is "image..tag": write a path such as image.tag, servers[0].image or "app.io/server".tag`},
		"tag-path of yaml":           {params: append(without(yaml, "tag-path"), param("tag-path", "[x]")), want: `parameter "tag-path": is "[x]": write a path such as image.tag, servers[0].image or "app.io/server".tag`},
		"helm sets one image":        {params: append(without(helm, "image", "tag"), arrayParam("images", "a:1", "b:1")), want: `parameter "images": has to name one image: helm sets one, and there are 2`},
		"helm, new name and digest":  {params: append(helm, param("new-name", "b"), param("digest", sha)), want: `parameter "new-name": the image has a repository to set, and no field is named for it: give helm.repository, or leave it out of the image; parameter "digest": the image has a digest to set, and no field is named for it: give helm.digest, or leave it out of the image`},
		"yaml sets one value":        {params: append(without(yaml, "image", "tag"), arrayParam("images", "a:1", "b:1")), want: `parameter "images": missing: give the value to set, or exactly one image, whose tag it then is`},
		"yaml without an image":      {params: without(yaml, "image", "tag"), want: `parameter "image": missing: give the value to set, or exactly one image, whose tag it then is`},
		"helm without an image":      {params: without(helm, "image", "tag"), want: `parameter "image": missing: say which image to set`},
		"images without tags":        {params: append(without(usual(), "image", "tag"), arrayParam("images", "a")), want: `parameter "images": "a" has neither tag nor digest: give one to set`},
		"an image that is none":      {params: append(without(nowhere, "image", "tag"), param("update", "none"), arrayParam("images", "a b", "c@sha256:1")), want: `parameter "images": ` + imageError(image.Want{Name: "a b", NewTag: "1"}) + `; parameter "images": ` + imageError(image.Want{Name: "c", Digest: "sha256:1"})},
		"container of kustomize":     {params: usual(param("container", "app")), want: `parameter "container": says nothing without parameter "workload"`},
		"container that is none":     {params: usual(param("update", "manifests"), param("container", "a.b")), want: `parameter "container": is "a.b": write a name of lower case letters, digits and '-', at most 63 characters`},
		"restart and a path":         {params: usual(param("restart", "true")), want: `parameter "restart": excludes update, because a new image restarts the pods by itself: keep one of them`},
		"restart of a Job":           {params: append(nowhere, param("restart", "true"), param("workload", "Job/x")), want: `parameter "workload": is Job, which cannot be restarted: name a Deployment, StatefulSet, DaemonSet or Rollout`},
		"restart of nothing":         {params: []pipelinev1beta1.Param{param("restart", "true")}, want: `parameter "argocd-application": missing: without an application and without an update there is nothing to do`},
		"restart that is none":       {params: append(nowhere, param("restart", "yes"), param("update", "none")), want: `parameter "restart": is "yes": write true or false`},
		"dry run of a restart":       {params: append(nowhere, param("restart", "true"), param("dry-run", "true")), want: `parameter "dry-run": needs update: without one there is no change to compute`},
		"dry run of nothing":         {params: append(nowhere, param("update", "none"), param("dry-run", "true")), want: `parameter "dry-run": needs update: without one there is no change to compute`},
		"revert of nothing":          {params: append(nowhere, param("update", "none"), param("on-failure", "Revert")), want: `parameter "on-failure": is Revert: without an update there is nothing to put back`},
		"on-failure that is none":    {params: usual(param("on-failure", "revert")), want: `parameter "on-failure": is "revert": write Keep or Revert`},
		"transport that is none":     {params: usual(param("argocd-transport", "http")), want: `parameter "argocd-transport": is "http": write grpc or grpc-web`},
		"signing-secret elsewhere":   {params: usual(param("signing-secret", "other/key")), want: `parameter "signing-secret": is "other/key": name a Secret of the run's own namespace; no other can be used`},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			_, err := Resolve(t.Context(), byParameters(tc.params...), stored{}, defaults)
			if diff := cmp.Diff(tc.want, strings.TrimPrefix(text(err), "invalid parameters: ")); diff != "" || !errors.Is(err, ErrInvalidParameters) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
