package request

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// everyDefault is a ConfigMap with all parameters that it may hold.
func everyDefault() map[string]string {
	all := map[string]string{"images": `["x:1"]`}
	for _, parameter := range Parameters() {
		if parameter.Type == TypeString {
			all[parameter.Name] = "x"
		}
	}
	return all
}

// TestDefaultsCompleteDefinitions: a default fills in what a definition leaves open. It adds no item to a list, takes
// nothing back, and turns nothing on that only a run by parameters may be given.
func TestDefaultsCompleteDefinitions(t *testing.T) {
	complete := everyDefault()
	maps.Copy(complete, map[string]string{
		"argocd-transport": "grpc-web", "plaintext": "false", "insecure": "true", "prune": "true", "health": "Workloads",
		"lock-timeout": "1s", "sync-timeout": "2s", "verify-timeout": "3s", "restart": "true", "on-failure": "Revert", "dry-run": "true",
		"repo-url": "https://default/x", "message": "by default $(previous-image)",
	})
	for name, tc := range map[string]struct {
		spec     string
		defaults map[string]string
		want     func(r *Request)
	}{
		"the new fields": {
			spec:     usualSpec,
			defaults: map[string]string{"signing-secret": "key", "argocd-transport": "grpc-web"},
			want:     func(r *Request) { r.Git.Signing, r.ArgoCD.Web = "key", true },
		},
		"a field that is there, and empty": {
			spec:     strings.Replace(usualSpec, "git: {", "git: {signing: {secretRef: {name: $(params.none)}}, ", 1) + "params: [{name: none, default: ''}]",
			defaults: map[string]string{"signing-secret": "key"},
			want:     func(r *Request) { r.Git.Signing = "key" },
		},
		"what a definition says goes before": {
			spec:     strings.NewReplacer("git: {", "git: {signing: {secretRef: {name: own}}, ", "argocd: {", "argocd: {transport: grpc, ").Replace(usualSpec),
			defaults: map[string]string{"signing-secret": "key", "argocd-transport": "grpc-web"},
			want:     func(r *Request) { r.Git.Signing = "own" },
		},
		"what only runs by parameters take": {
			spec: usualSpec,
			defaults: map[string]string{
				"restart": "true", "on-failure": "Revert", "dry-run": "true", "values-file": "v.yaml", "tag-path": "a", "update": "helm", "path": "other",
				"image": "x", "new-name": "y", "tag": "9", "digest": sha, "images": `["x:1"]`, "argocd-application": "x", "workload": "Deployment/x",
			},
			want: func(*Request) {},
		},
		"every item of every list": {
			spec: usualSpec + "verify: {workloads: [{kind: Job, name: a}, {kind: Job, name: b, container: own, namespace: own}]}\n" +
				"lock: {name: l}\n",
			defaults: map[string]string{"argocd-namespace": "apps", "argocd-project": "shop", "workload-namespace": "dev", "container": "app"},
			want: func(r *Request) {
				r.Lock.Name = "l"
				r.ArgoCD.Applications = []Application{{Name: "catalog-dev", Namespace: "apps", Project: "shop"}}
				r.Verify.Workloads = []Workload{{Kind: "Job", Name: "a", Namespace: "dev", Container: "app"}, {Kind: "Job", Name: "b", Namespace: "own", Container: "own"}}
			},
		},
		"no application, no Argo CD": {
			spec:     strings.SplitAfter(usualSpec, "overlays/dev}}]\n")[0] + "lock: {name: l}",
			defaults: map[string]string{"argocd-server": "argo", "argocd-secret": "s", "argocd-project": "shop", "argocd-transport": "grpc-web", "prune": "true"},
			want:     func(r *Request) { r.Lock.Name, r.ArgoCD = "l", nil },
		},
		"a selector is not narrowed": {
			spec:     strings.Replace(usualSpec, "applications: [{name: catalog-dev}]", "selector: {matchLabels: {a: b}}", 1) + "lock: {name: l}",
			defaults: map[string]string{"argocd-project": "shop", "argocd-namespace": "apps"},
			want: func(r *Request) {
				r.Lock.Name = "l"
				r.ArgoCD.Applications, r.ArgoCD.Selector = nil, &Selector{MatchLabels: map[string]string{"a": "b"}}
			},
		},
		"a message about an image, where nothing is committed": {
			spec:     "argocd: {server: argo.example.com:443, secretRef: {name: argocd}, applications: [{name: catalog-dev}]}",
			defaults: map[string]string{"message": "to $(image)"},
			want:     func(r *Request) { r.Git, r.Updates, r.Images = nil, nil, nil },
		},
		"nothing of a definition that says everything": {
			spec:     everywhere["update"],
			defaults: complete,
			want: func(r *Request) {
				root, _ := parsed(t, everywhere["update"])
				*r = resolved(t, inputOf(t, root))
				r.Run = standalone(*r).Run
				r.ArgoCD.Applications[1] = Application{Name: "other", Namespace: "x", Project: "x"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: tc.defaults})
			got, err := Resolve(t.Context(), embedded(t, tc.spec), stored{}, defaults)
			if err != nil {
				t.Fatal(err)
			}
			want := standalone(usualRequest())
			tc.want(&want)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestABadDefaultIsNamed: every default that completes a definition is told by its key and its ConfigMap when it is bad.
func TestABadDefaultIsNamed(t *testing.T) {
	spec := "git: {}\nimages: [{name: a, newTag: '1'}]\nupdate: [{kustomize: {path: a}}]\nargocd: {applications: [{name: a}]}\nverify: {workloads: [{kind: Job, name: a}]}\n"
	for kind, spec := range map[string]string{v1alpha1.KindGitOpsDeploy: spec, v1alpha1.KindGitOpsPR: spec + "wait: Deployed\nlock: {name: l}\n"} {
		for _, parameter := range Parameters() {
			if parameter.RunOnly || !parameter.For(kind) || kind == v1alpha1.KindGitOpsPR && parameter.Name == paramLock {
				continue
			}
			t.Run(kind+" "+parameter.Name, func(t *testing.T) {
				data := map[string]string{"repo-url": "https://h/a", "argocd-secret": "s", parameter.Name: "\x00 bad\nvalue"}
				if parameter.Type == TypeArray {
					data[parameter.Name] = `["bad,\nvalue"]`
				}
				defaults := mustDefaults(t, DefaultsSource{Namespace: "team-a", Name: DefaultsName, Data: data})
				in := embedded(t, spec)
				in.Kind = kind
				_, err := Resolve(t.Context(), in, stored{}, defaults)
				field := strings.ReplaceAll(parameter.Field, "[]", "[0]")
				want := fmt.Sprintf("invalid spec: spec.%s (key %q of ConfigMap team-a/config-gitops-defaults): ", field, parameter.Name)
				if !errors.Is(err, ErrInvalidSpec) || !strings.HasPrefix(text(err), want) {
					t.Errorf("error %q, want %q", text(err), want)
				}
			})
		}
	}
}
