package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// object is a part of a spec as its author would write it.
type object = map[string]any

// spec is that of a GitOpsDeploy for the tenant's dev environment. The namespace's defaults complete it.
func (n *tenant) spec(tag string) object {
	return object{
		"images": []any{object{"name": serverImage, "newTag": tag}},
		"update": []any{object{"kustomize": object{"path": "overlays/dev"}}},
		"argocd": object{"applications": []any{object{"name": n.App("dev")}}},
	}
}

// with sets fields of a spec: paths such as verify.timeout, each with its value.
func with(spec object, pathsAndValues ...string) object {
	for i := 0; i < len(pathsAndValues); i += 2 {
		at := spec
		parts := strings.Split(pathsAndValues[i], ".")
		for _, part := range parts[:len(parts)-1] {
			inner, ok := at[part].(object)
			if !ok {
				inner = object{}
				at[part] = inner
			}
			at = inner
		}
		at[parts[len(parts)-1]] = pathsAndValues[i+1]
	}
	return spec
}

// embedded is a run that holds its spec itself.
func (n *tenant) embedded(name string, spec object, params ...v1beta1.Param) *v1beta1.CustomRun {
	n.t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		n.t.Fatal(err)
	}
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace},
		Spec: v1beta1.CustomRunSpec{
			CustomSpec: &v1beta1.EmbeddedCustomRunSpec{
				TypeMeta: runtime.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy},
				Spec:     runtime.RawExtension{Raw: raw},
			},
			Params: params,
		},
	}
}

// byName is a run of a definition.
func (n *tenant) byName(name, definition string, params ...v1beta1.Param) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace},
		Spec: v1beta1.CustomRunSpec{
			CustomRef: &v1beta1.TaskRef{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy, Name: definition},
			Params:    params,
		},
	}
}

// define creates a definition.
func (n *tenant) define(name string, spec object) {
	n.t.Helper()
	n.mustCreate(v1alpha1.Resource("gitopsdeploys"), n.Namespace, object{
		"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.KindGitOpsDeploy, "metadata": object{"name": name}, "spec": spec,
	})
}

func (n *tenant) mustCreate(resource schema.GroupVersionResource, namespace string, content object) {
	n.t.Helper()
	_, err := n.Dynamic.Resource(resource).Namespace(namespace).Create(n.t.Context(), &unstructured.Unstructured{Object: content}, metav1.CreateOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
}

// record is the GitOpsRecord of a lock; nil when there is none.
func (n *tenant) record(lock string) *v1alpha1.GitOpsRecord {
	n.t.Helper()
	found, err := n.Dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(n.Namespace).Get(n.t.Context(), lock, metav1.GetOptions{})
	if gone(err) {
		return nil
	}
	if err != nil {
		n.t.Fatal(err)
	}
	record := &v1alpha1.GitOpsRecord{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, record); err != nil {
		n.t.Fatal(err)
	}
	return record
}

// progress is the part of a checkpoint that tests look at.
type progress struct {
	Phase, Lock string
	Attempt     int
	Data        struct {
		Timeline []struct{ Phase string }
	}
}

func (n *tenant) progress(cr *v1beta1.CustomRun) progress {
	n.t.Helper()
	var extra struct{ GitOps progress }
	if len(cr.Status.ExtraFields.Raw) == 0 {
		return progress{}
	}
	if err := json.Unmarshal(cr.Status.ExtraFields.Raw, &extra); err != nil {
		n.t.Fatal(err)
	}
	return extra.GitOps
}

// phases are those that the last attempt of a run went through.
func (n *tenant) phases(cr *v1beta1.CustomRun) string {
	n.t.Helper()
	var names []string
	for _, p := range n.progress(cr).Data.Timeline {
		names = append(names, p.Phase)
	}
	return strings.Join(names, " ")
}

// wantSucceeded ends the test unless the run has succeeded.
func wantSucceeded(t *testing.T, cr *v1beta1.CustomRun) {
	t.Helper()
	if !cr.IsSuccessful() {
		t.Fatalf("got %s, want success", outcome(cr))
	}
}

// wantResults compares results by name.
func wantResults(t *testing.T, cr *v1beta1.CustomRun, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := result(cr, name); got != value {
			t.Errorf("result %s is %q, want %q", name, got, value)
		}
	}
}

// wantSays checks that a text has all the words.
func wantSays(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}
