package customrun

import (
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

const resolvableSpec = `{
	"params": [{"name":"tag"},{"name":"options","type":"array","default":[]},{"name":"where","type":"object","default":{"app":"catalog","path":"overlays/dev"}}],
	"git": {"url":"https://git.example.com/team/catalog"},
	"images": [{"name":"quay.io/team/server","newTag":"$(params.tag)"}],
	"update": [{"kustomize":{"path":"$(params.where.path)"}}],
	"argocd": {"server":"argocd.example.com","secretRef":{"name":"argocd"},"applications":[{"name":"$(params.where.app)"}],"sync":{"options":["$(params.options[*])"]}}
}`

func paramOf(name string, value *v1beta1.ParamValue) v1beta1.Param {
	return v1beta1.Param{Name: name, Value: *value}
}

func TestParametersOfEveryTypeReachTheRequest(t *testing.T) {
	h := newHarness(t)
	h.create(embedded(resolvableSpec,
		param("tag", "$(params.options)"), // a value is taken as it is, and this one is no tag
	))
	wantFailed(t, h.reconcile(testRun), v1alpha1.ReasonInvalidSpec, "newTag", "$(params.options)")

	second := embedded(resolvableSpec, param("tag", "true"),
		paramOf("options", v1beta1.NewStructuredValues("PruneLast=true", "ServerSideApply=true")),
		paramOf("where", v1beta1.NewObject(map[string]string{"app": "shop", "path": "overlays/test"})))
	second.Name = "second"
	h.create(second)
	_, d := stateOf(t, h.reconcile("second"))
	req := d.Request
	if req.Images[0].NewTag != "true" || req.Updates[0].Kustomize.Path != "overlays/test" || req.ArgoCD.Applications[0].Name != "shop" {
		t.Errorf("request is %+v", req)
	}
	if got := strings.Join(req.ArgoCD.Sync.Options, " "); got != "PruneLast=true ServerSideApply=true" {
		t.Errorf("options are %q", got)
	}
}

func TestRunsThatCannotBeUnderstoodFailAtOnce(t *testing.T) {
	ref := func(change func(*v1beta1.TaskRef)) *v1beta1.CustomRun {
		cr := byParameters(resolvable()...)
		change(cr.Spec.CustomRef)
		return cr
	}
	with := func(cr *v1beta1.CustomRun, workspaces ...v1beta1.WorkspaceBinding) *v1beta1.CustomRun {
		cr.Spec.Workspaces = workspaces
		return cr
	}
	for name, tc := range map[string]struct {
		run    *v1beta1.CustomRun
		reason v1alpha1.Reason
		says   []string
	}{
		"an embedded spec that is null":         {embedded("null"), v1alpha1.ReasonInvalidSpec, nil},
		"an embedded spec that is not there":    {embedded(""), v1alpha1.ReasonInvalidSpec, nil},
		"an embedded spec that is empty":        {embedded("{}"), v1alpha1.ReasonInvalidSpec, nil},
		"an embedded spec with another field":   {embedded(`{"gti":{}}`), v1alpha1.ReasonInvalidSpec, []string{"gti", "unknown field"}},
		"an embedded spec that is a list":       {embedded(`[]`), v1alpha1.ReasonInvalidSpec, []string{"wants an object"}},
		"a name that nothing has":               {ref(func(r *v1beta1.TaskRef) { r.Name = "absent" }), v1alpha1.ReasonDefinitionNotFound, []string{"absent", "kubectl get gitopsdeploys -n team"}},
		"a resolver":                            {ref(func(r *v1beta1.TaskRef) { r.Resolver = "git" }), v1alpha1.ReasonInvalidSpec, []string{"resolver"}},
		"a resolver's parameters":               {ref(func(r *v1beta1.TaskRef) { r.Params = v1beta1.Params{param("a", "b")} }), v1alpha1.ReasonInvalidSpec, []string{"resolver"}},
		"a bundle":                              {ref(func(r *v1beta1.TaskRef) { r.Bundle = "reg/x" }), v1alpha1.ReasonInvalidSpec, []string{"bundle"}}, //nolint:staticcheck // stored objects may still have it
		"a parameter that is not known":         {byParameters(append(resolvable(), param("tga", "1"))...), v1alpha1.ReasonInvalidParameters, []string{`"tga"`, "unknown"}},
		"a parameter that is not declared":      {embedded(resolvableSpec, param("tag", "1"), param("more", "1")), v1alpha1.ReasonInvalidParameters, []string{"more"}},
		"a parameter without a value":           {embedded(resolvableSpec), v1alpha1.ReasonInvalidParameters, []string{"tag"}},
		"an array where a string is wanted":     {byParameters(append(resolvable(), paramOf("branch", v1beta1.NewStructuredValues("a", "b")))...), v1alpha1.ReasonInvalidParameters, []string{"branch", "string", "array"}},
		"a workspace":                           {with(byParameters(resolvable()...), v1beta1.WorkspaceBinding{Name: "source"}), v1alpha1.ReasonWorkspaceNotSupported, []string{"remove workspaces"}},
		"a host that the policy does not allow": {byParameters(append(resolvable()[1:], param("repo-url", "https://10.0.0.1/x"))...), v1alpha1.ReasonPolicyDenied, []string{"10.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			tc.run.Spec.Retries = 3
			h.create(tc.run)
			cr := h.reconcile(testRun)
			wantFailed(t, cr, tc.reason, tc.says...)
			if len(cr.Status.RetriesStatus) != 0 {
				t.Error("it was tried again")
			}
			if len(cr.Status.Results) != len(v1alpha1.Results()) {
				t.Errorf("%d results", len(cr.Status.Results))
			}
			if h.writes != 1 {
				t.Errorf("%d writes, want the end with its results in one", h.writes)
			}
		})
	}
}

// define stores a GitOpsDeploy.
func (h *harness) define(name, tag string) {
	h.t.Helper()
	object := map[string]any{
		"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.KindGitOpsDeploy,
		"metadata": map[string]any{"namespace": testNamespace, "name": name},
		"spec": map[string]any{
			"git":    map[string]any{"url": "https://git.example.com/team/catalog"},
			"images": []any{map[string]any{"name": "quay.io/team/server", "newTag": tag}},
			"update": []any{map[string]any{"kustomize": map[string]any{"path": "overlays/dev"}}},
		},
	}
	definitions := h.dynamic.Resource(v1alpha1.Resource("gitopsdeploys")).Namespace(testNamespace)
	_, err := definitions.Create(h.t.Context(), &unstructured.Unstructured{Object: object}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = definitions.Update(h.t.Context(), &unstructured.Unstructured{Object: object}, metav1.UpdateOptions{})
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func byName(name string) *v1beta1.CustomRun {
	cr := byParameters()
	cr.Spec.CustomRef.Name = name
	return cr
}

func TestEditsDoNotReachARunThatHasStarted(t *testing.T) {
	defaults := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "config-gitops-defaults"}, Data: map[string]string{"branch": "trunk"}}
	h := newHarness(t, defaults)
	h.kube.PrependReactor("get", "serviceaccounts", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewServiceUnavailable("not now") // so that it stays in this phase
	})
	h.define("catalog", "1.0.1")
	h.create(byName("catalog"))
	_, before := stateOf(t, h.reconcile(testRun))
	if before.Request.Images[0].NewTag != "1.0.1" || before.Request.Git.Branch != "trunk" {
		t.Fatalf("request is %+v", before.Request)
	}
	h.define("catalog", "6.6.6")
	defaults.Data["branch"] = "other"
	if _, err := h.kube.CoreV1().ConfigMaps(testNamespace).Update(t.Context(), defaults, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	h.edit(testRun, func(cr *v1beta1.CustomRun) {
		cr.Spec.CustomRef.Name = "another"
		cr.Spec.Params = v1beta1.Params{param("tag", "7")}
		cr.Spec.ServiceAccountName = "admin"
	})
	for range 3 {
		h.now.Step(time.Second)
		cr := h.reconcile(testRun)
		if cr.IsDone() {
			t.Fatalf("the run is %s: %s", reasonOf(cr), messageOf(cr))
		}
		if cr.Status.ObservedGeneration != 2 {
			t.Errorf("observed generation is %d", cr.Status.ObservedGeneration)
		}
		_, after := stateOf(t, cr)
		if after.Request.Images[0].NewTag != "1.0.1" || after.Request.Git.Branch != "trunk" || after.Request.Run.ServiceAccount != "default" {
			t.Errorf("the edit has reached the request: %+v", after.Request)
		}
	}
	// A run that starts now sees all of it.
	second := byName("catalog")
	second.Name = "second"
	h.create(second)
	if _, d := stateOf(t, h.reconcile("second")); d.Request.Images[0].NewTag != "6.6.6" || d.Request.Git.Branch != "other" {
		t.Errorf("the second run's request is %+v", d.Request)
	}
}

func TestControllersDefaultsComeBeforeTheNamespaces(t *testing.T) {
	h := newHarness(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "config-gitops-defaults"}, Data: map[string]string{"branch": "namespace"}})
	h.settings.values.Store(&map[string]string{"branch": "controller", "author-name": "Platform", "author-email": "platform@example.com"})
	h.create(byParameters(resolvable()...))
	_, d := stateOf(t, h.reconcile(testRun))
	if d.Request.Git.Branch != "namespace" || d.Request.Git.Author.Name != "Platform" {
		t.Errorf("git is %+v", d.Request.Git)
	}
}

func TestNamespaceWithoutRightsFailsBeforeAnything(t *testing.T) {
	h := newHarness(t)
	h.kube.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, forbidden("configmaps")
	})
	h.create(byParameters(resolvable()...))
	wantFailed(t, h.reconcile(testRun), v1alpha1.ReasonNamespaceNotEnabled, "kubectl create rolebinding")
}

// A server that is away costs no event, no returned error and no end: the framework would make an event of each.
func TestTransientErrorMakesNoEvent(t *testing.T) {
	for name, resource := range map[string]string{"defaults cannot be read": "configmaps", "Secrets cannot be read": "secrets"} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.kube.PrependReactor("get", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewServiceUnavailable("etcd leader changed")
			})
			h.create(byParameters(append(resolvable(), param("git-secret", "git"))...))
			h.reconcile(testRun)
			h.recorded()
			for range 12 {
				h.now.Step(time.Second)
				cr := h.reconcile(testRun)
				if cr.IsDone() {
					t.Fatalf("the run has ended: %s", messageOf(cr))
				}
				if wait, ok := h.wake(testRun); !ok || wait <= 0 || wait > callBackstop {
					t.Errorf("looked at again after %s, %v", wait, ok)
				}
			}
			if got := h.recorded(); len(got) != 0 {
				t.Errorf("events: %v", got)
			}
			if got := messageOf(h.get(testRun)); !strings.Contains(got, "trying again: ") || !strings.Contains(got, "etcd leader changed") {
				t.Errorf("a fault that lasts is not shown: %q", got)
			}
		})
	}
}

func TestRequestIsTooLargeForAStatus(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters(append(resolvable(), param("message", strings.Repeat("long ", 10000)))...))
	cr := h.reconcile(testRun)
	if !cr.IsFailure() || (reasonOf(cr) != "InvalidParameters" && reasonOf(cr) != "InvalidSpec") {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	if got := len(cr.Status.ExtraFields.Raw); got > maxCheckpointBytes {
		t.Errorf("%d bytes of state", got)
	}
}

func TestMissingSecretsAreNamed(t *testing.T) {
	h := newHarness(t)
	h.create(byParameters(append(resolvable(), param("git-secret", "git"))...))
	wantFailed(t, h.finish(testRun), v1alpha1.ReasonCredentialsInvalid, "Secret")
}

func TestPolicyMayWantBoundSecrets(t *testing.T) {
	strict := map[string]string{"allowed-git-hosts": "git.example.com", "allowed-argocd-hosts": "argocd.example.com", "require-host-binding": "true"}
	token := map[string]string{"ARGOCD_AUTH_TOKEN": "t0ken-of-argocd"}
	basic := map[string]string{"username": "u", "password": "p4ssword-of-git"}
	for name, tc := range map[string]struct {
		secrets []runtime.Object
		says    string
	}{
		"git":     {[]runtime.Object{secret("git", basic)}, "git Secret does not say which server it is for: add an annotation tekton.dev/git-0"},
		"Argo CD": {[]runtime.Object{secret("argocd", token)}, "Argo CD Secret does not say which server it is for: add the key ARGOCD_SERVER"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, tc.secrets...)
			h.policy(strict)
			h.create(byParameters(append(resolvable(), param("git-secret", "git"))...))
			_, d := stateOf(t, h.reconcile(testRun))
			run := &run{CustomRun: h.get(testRun), data: &d}
			var err error
			if name == "git" {
				_, err = h.openGit(t.Context(), run)
			} else {
				_, err = h.openArgo(t.Context(), run)
			}
			if err == nil {
				t.Fatal("it is used")
			}
			m := h.outcomeOf(t.Context(), run, err)
			if m.verdict.Reason != v1alpha1.ReasonPolicyDenied || !strings.Contains(m.verdict.Message, tc.says) {
				t.Errorf("got %s: %s", m.verdict.Reason, m.verdict.Message)
			}
		})
	}
}
