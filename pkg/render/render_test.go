package render

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
)

const (
	defaults = `
apiVersion: v1
kind: ConfigMap
metadata: {name: config-gitops-defaults}
data: {repo-url: https://git.example.com/catalog, argocd-server: argocd.example.com, argocd-secret: argocd}
`
	definition = `
apiVersion: gitops.tekton.dev/v1alpha1
kind: GitOpsDeploy
metadata: {name: catalog}
spec:
  params: [{name: environment}, {name: tag}]
  git: {message: "Deploy $(image.tag) to $(params.environment)"}
  images: [{name: quay.io/team/server, newTag: $(params.tag)}]
  update: [{kustomize: {path: overlays/$(params.environment)}}]
  argocd: {applications: [{name: "catalog-$(params.environment)"}]}
`
	pipeline = `
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: release}
spec:
  params:
  - {name: tag}
  - {name: environment, default: dev}
  - {name: images, type: array, default: ["quay.io/team/server:$(params.tag)"]}
  tasks:
  - {name: build, taskRef: {name: buildah}}
  - name: deploy
    taskRef: {apiVersion: gitops.tekton.dev/v1alpha1, kind: GitOpsDeploy, name: catalog}
    params: [{name: environment, value: $(params.environment)}, {name: tag, value: '$(params["tag"])'}]
  finally:
  - name: promote
    taskRef: {apiVersion: gitops.tekton.dev/v1alpha1, kind: GitOpsPR}
    params:
    - {name: images, value: ["$(params.images[*])"]}
    - {name: path, value: overlays/prod}
    - {name: title, value: "Release of $(context.pipelineRun.name)"}
`
	pipelineRun1 = `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: release-1}
spec:
  pipelineRef: {name: release}
  params: [{name: tag, value: 1.0.1}]
  taskRunTemplate: {serviceAccountName: ci}
`
	resultRun = `
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: release-}
spec:
  pipelineSpec:
    tasks:
    - {name: build, taskRef: {name: buildah}}
    - name: deploy
      taskRef: {apiVersion: gitops.tekton.dev/v1alpha1, kind: GitOpsDeploy, name: catalog}
      params: [{name: environment, value: dev}, {name: tag, value: $(tasks.build.results.tag)}]
`
	customRun1 = `
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: run, namespace: other}
spec:
  customRef: {apiVersion: gitops.tekton.dev/v1alpha1, kind: GitOpsDeploy, name: catalog}
  params: [{name: environment, value: dev}, {name: tag, value: 1.0.0}]
`
	verifyRun = `
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: look}
spec:
  customRef: {apiVersion: gitops.tekton.dev/v1alpha1, kind: GitOpsDeploy}
  params: [{name: update, value: none}, {name: argocd-application, value: catalog-dev}, {name: image, value: quay.io/team/server}]
`
)

// workTree is a clone of the manifests.
func workTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		".git/HEAD":                        "ref: refs/heads/feature\n",
		"overlays/dev/kustomization.yaml":  "images:\n- name: quay.io/team/server\n  newTag: 1.0.0\n",
		"overlays/prod/kustomization.yaml": "images:\n- name: quay.io/team/server\n  newTag: 0.9.0\n",
	} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cluster has objects as YAML by kind/namespace/name. What it has as "forbidden" may not be read.
type cluster map[string]string

func (c cluster) Get(_ context.Context, kind, namespace, name string, into any) error {
	text, ok := c[kind+"/"+namespace+"/"+name]
	resource := schema.GroupResource{Resource: kind}
	switch {
	case !ok:
		return apierrors.NewNotFound(resource, name)
	case text == "forbidden":
		return apierrors.NewForbidden(resource, name, nil)
	}
	return yaml.Unmarshal([]byte(text), into)
}

func planOf(t *testing.T, texts ...string) *Plan {
	t.Helper()
	p := &Plan{Files: &Files{}, Namespace: "team", ControllerNamespace: "tekton-gitops", Params: map[string]string{}, Directory: workTree(t)}
	if err := p.Files.Read("test.yaml", strings.NewReader(strings.Join(texts, "\n---\n"))); err != nil {
		t.Fatal(err)
	}
	return p
}

// shown is what a test looks at of a Preview.
type shown struct {
	Run, Kind, Namespace string
	Image, Previous      string
	Message, Title       string
	Account              string
	Files                []string
}

func shownOf(p Preview) shown {
	s := shown{Run: p.Run, Kind: p.Kind, Namespace: p.Namespace}
	if len(p.Images) > 0 {
		s.Image, s.Previous = p.Images[0].Target, p.Images[0].Previous
	}
	if p.Commit != nil {
		s.Message, _, _ = strings.Cut(p.Commit.Message, "\n")
	}
	if p.PullRequest != nil {
		s.Title = p.PullRequest.Title
	}
	if run, ok := p.Request["run"].(map[string]any); ok {
		s.Account, _ = run["serviceAccount"].(string)
	}
	for line := range strings.Lines(p.Diff) {
		if name, ok := strings.CutPrefix(line, "+++ b/"); ok {
			s.Files = append(s.Files, strings.TrimSpace(name))
		}
	}
	return s
}

func TestPreviews(t *testing.T) {
	const server, dev, prod = "quay.io/team/server:", "overlays/dev/kustomization.yaml", "overlays/prod/kustomization.yaml"
	deployed := shown{"release-1-deploy", "GitOpsDeploy", "team", server + "1.0.1", server + "1.0.0", "Deploy 1.0.1 to dev", "", "ci", []string{dev}}
	promoted := shown{"release-1-promote", "GitOpsPR", "team", server + "1.0.1", server + "0.9.0", "Update image in git to " + server + "1.0.1", "Release of release-1", "ci", []string{prod}}
	otherRun := func(s shown, change func(*shown)) shown {
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		files   []string
		cluster Objects
		params  map[string]string
		run     string
		want    []shown
	}{
		"a PipelineRun of a Pipeline": {[]string{pipelineRun1, pipeline, definition, defaults}, nil, nil, "", []shown{deployed, promoted}},
		"one task of it":              {[]string{pipelineRun1, pipeline, definition, defaults}, nil, nil, "deploy", []shown{deployed}},
		"one run of it":               {[]string{pipelineRun1, pipeline, definition, defaults}, nil, nil, "release-1-promote", []shown{promoted}},
		"definition, defaults and Pipeline from the cluster": {[]string{pipelineRun1}, cluster{
			"Pipeline/team/release": pipeline, "GitOpsDeploy/team/catalog": definition, "ConfigMap/team/config-gitops-defaults": defaults,
		}, nil, "deploy", []shown{deployed}},
		"a parameter replaces that of the file": {[]string{pipelineRun1, pipeline, definition, defaults}, nil, map[string]string{"tag": "2.0.0"}, "deploy", []shown{
			otherRun(deployed, func(s *shown) { s.Image, s.Message = server+"2.0.0", "Deploy 2.0.0 to dev" }),
		}},
		"an array": {[]string{pipelineRun1, pipeline, definition, defaults}, nil, map[string]string{"images": server + "3,quay.io/team/other:1"}, "deploy", []shown{deployed}},
		"a Pipeline alone": {[]string{pipeline, definition, defaults}, nil, map[string]string{"tag": "1.0.1", "environment": "prod"}, "deploy", []shown{
			{"release-run-deploy", "GitOpsDeploy", "team", server + "1.0.1", server + "0.9.0", "Deploy 1.0.1 to prod", "", "default", []string{prod}},
		}},
		"the result of another task": {[]string{resultRun, definition, defaults}, nil, map[string]string{"tasks.build.results.tag": "7"}, "", []shown{
			{"release-xxxxx-deploy", "GitOpsDeploy", "team", server + "7", server + "1.0.0", "Deploy 7 to dev", "", "default", []string{dev}},
		}},
		"a CustomRun without a change": {[]string{customRun1, definition, defaults}, nil, nil, "", []shown{
			{Run: "run", Kind: "GitOpsDeploy", Namespace: "other", Image: server + "1.0.0", Previous: server + "1.0.0", Account: "default"},
		}},
		"a CustomRun with a parameter": {[]string{customRun1, definition, defaults}, nil, map[string]string{"tag": "1.0.1"}, "", []shown{
			{"run", "GitOpsDeploy", "other", server + "1.0.1", server + "1.0.0", "Deploy 1.0.1 to dev", "", "default", []string{dev}},
		}},
		"a run that verifies only": {[]string{verifyRun, defaults}, nil, nil, "", []shown{
			{Run: "look", Kind: "GitOpsDeploy", Namespace: "team", Image: "quay.io/team/server", Account: "default"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, tc.files...)
			p.Cluster, p.Run = tc.cluster, tc.run
			if tc.params != nil {
				p.Params = tc.params
			}
			previews, err := p.Previews(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []shown
			for _, one := range previews {
				got = append(got, shownOf(one))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPreviewsRefuse(t *testing.T) {
	all := []string{pipelineRun1, pipeline, definition, defaults}
	strict := cluster{"ConfigMap/tekton-gitops/config-gitops": "data: {allowed-git-hosts: github.com}"}
	for name, tc := range map[string]struct {
		files   []string
		cluster Objects
		params  map[string]string
		run     string
		says    string
	}{
		"no definition, no cluster":     {[]string{customRun1, defaults}, nil, nil, "", "GitOpsDeploy catalog is not in the files, and there is no cluster"},
		"no definition in the cluster":  {[]string{customRun1, defaults}, cluster{}, nil, "", "neither in the files nor in namespace other"},
		"no defaults":                   {[]string{customRun1, definition}, nil, nil, "", "the files have no ConfigMap config-gitops-defaults"},
		"no run":                        {[]string{definition, defaults}, nil, nil, "", "no run or task of gitops.tekton.dev"},
		"no such run":                   {all, nil, nil, "deploi", "they have deploy, promote"},
		"no value for a parameter":      {[]string{pipeline, definition, defaults}, nil, nil, "", "--param tag=VALUE"},
		"no result of another task":     {[]string{resultRun, definition, defaults}, nil, nil, "", "--param tasks.build.results.tag=VALUE"},
		"a parameter that nobody takes": {all, nil, map[string]string{"tagg": "1"}, "", "--param tagg: nothing in the files takes"},
		"a field that does not exist":   {[]string{strings.Replace(customRun1, "params:", "parms:", 1)}, nil, nil, "", "parms"},
		"what the policy denies":        {all, strict, nil, "deploy", "allowed-git-hosts"},
		"what the default policy denies": {[]string{customRun1, definition, strings.Replace(defaults, "https://git.example.com", "https://169.254.169.254", 1)}, cluster{}, nil, "",
			"(by the default policy: namespace tekton-gitops has no settings in a ConfigMap config-gitops; if the controller is in another namespace, name it with --controller-namespace)"},
		"a ConfigMap that is none":   {[]string{customRun1, definition, strings.Replace(defaults, "\ndata:", "\ndta:", 1)}, nil, nil, "", `unknown field "dta"`},
		"an image that is not there": {[]string{strings.ReplaceAll(customRun1, "value: dev", "value: stage"), definition, defaults}, nil, nil, "", "overlays/stage"},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, tc.files...)
			p.Cluster, p.Run = tc.cluster, tc.run
			if tc.params != nil {
				p.Params = tc.params
			}
			if got, err := p.Previews(t.Context()); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// What cannot be read is told of, and does not keep the rest from being shown.
func TestNotes(t *testing.T) {
	const (
		branch    = "The work tree is on branch feature; the run edits branch main."
		unchecked = "The hosts were not checked: the platform's policy is not known here (ConfigMap config-gitops of namespace tekton-gitops)."
	)
	for name, tc := range map[string]struct {
		cluster Objects
		want    []string
	}{
		"settings that may not be read": {
			cluster{"ConfigMap/tekton-gitops/config-gitops-defaults": "forbidden", "ConfigMap/tekton-gitops/config-gitops": "forbidden"},
			[]string{
				"You may not read ConfigMap config-gitops-defaults of namespace tekton-gitops: what it says is left out here.",
				"You may not read ConfigMap config-gitops of namespace tekton-gitops: what it says is left out here.",
				unchecked, branch,
			},
		},
		"no cluster":              {nil, []string{unchecked, branch}},
		"a cluster with settings": {cluster{"ConfigMap/tekton-gitops/config-gitops": "data: {allowed-git-hosts: git.example.com}"}, []string{branch}},
		"a cluster without":       {cluster{}, []string{branch}},
	} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, customRun1, definition, defaults)
			p.Cluster = tc.cluster
			previews, err := p.Previews(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, previews[0].Notes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// oneSecret is every Secret.
type oneSecret struct{ secret *corev1.Secret }

func (o oneSecret) Secret(context.Context, string, string) (*corev1.Secret, error) {
	return o.secret, nil
}

func (oneSecret) ServiceAccount(_ context.Context, _, name string) (*corev1.ServiceAccount, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, name)
}

// Where the policy wants Secrets to be bound, one that is not is refused as the controller does, and goes to no server.
func TestUnboundSecret(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	const refusal = "denied by policy: the git Secret does not say which server it is for: add an annotation tekton.dev/git-0 with the address of the git server to it"
	login := map[string][]byte{"username": []byte("bot"), "password": []byte("hunter2-token")}
	for name, tc := range map[string]struct {
		policy      string
		annotations map[string]string
		refused     bool
	}{
		"unbound, and the policy wants it to be": {"require-host-binding: 'true'", nil, true},
		"bound":                                  {"require-host-binding: 'true'", map[string]string{"tekton.dev/git-0": server.URL}, false},
		"unbound, as the policy allows":          {"require-host-binding: 'false'", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			calls.Store(0)
			values := strings.Replace(defaults, "https://git.example.com", server.URL, 1)
			p := planOf(t, customRun1, definition, strings.Replace(values, "\ndata: {", "\ndata: {git-secret: git, ", 1))
			p.Directory = ""
			p.Cluster = cluster{"ConfigMap/tekton-gitops/config-gitops": "data: {allow-http-git: 'true', allowed-git-hosts: 127.0.0.1, " + tc.policy + "}"}
			secret := &corev1.Secret{Type: corev1.SecretTypeBasicAuth, Data: login}
			secret.Name, secret.Annotations = "git", tc.annotations
			p.Secrets = oneSecret{secret}
			_, err := p.Previews(t.Context())
			if err == nil || strings.Contains(err.Error(), refusal) != tc.refused || errors.Is(err, policy.ErrDenied) != tc.refused {
				t.Errorf("got %v", err)
			}
			if sent := calls.Load() > 0; sent == tc.refused {
				t.Errorf("the server was asked: %v", sent)
			}
		})
	}
}

// noSecrets may not be read.
type noSecrets struct{}

func (noSecrets) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	return nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, name, nil)
}

func (noSecrets) ServiceAccount(_ context.Context, _, name string) (*corev1.ServiceAccount, error) {
	return nil, apierrors.NewForbidden(schema.GroupResource{Resource: "serviceaccounts"}, name, nil)
}

// The remote repository is read as nobody where the Secrets cannot be, and the error says so.
func TestRemoteWithoutSecrets(t *testing.T) {
	p := planOf(t, customRun1, definition, strings.Replace(defaults, "https://git.example.com", "https://127.0.0.1:1", 1))
	p.Directory, p.Secrets = "", noSecrets{}
	if _, err := p.Previews(t.Context()); err == nil || !strings.Contains(err.Error(), "read with no credentials, as you may not read the Secrets of namespace other") {
		t.Errorf("got %v", err)
	}
}
