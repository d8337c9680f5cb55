package customrun

import (
	"slices"
	"strings"
	"testing"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
)

// stateOf decodes a stored checkpoint.
func stateOf(t *testing.T, cr *v1beta1.CustomRun) (checkpoint, data) {
	t.Helper()
	cp, d, err := decodeCheckpoint(cr)
	if err != nil || cp == nil {
		t.Fatalf("checkpoint %v: %v", cp, err)
	}
	return *cp, *d
}

// withState gives a run a stored checkpoint.
func withState(t *testing.T, cr *v1beta1.CustomRun, cp checkpoint, d data) *v1beta1.CustomRun {
	t.Helper()
	extra, err := encodeCheckpoint(cp, &d)
	if err != nil {
		t.Fatal(err)
	}
	cr.Status.ExtraFields = extra
	return cr
}

func reasonOf(cr *v1beta1.CustomRun) string {
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); c != nil {
		return c.Reason
	}
	return ""
}

func messageOf(cr *v1beta1.CustomRun) string {
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); c != nil {
		return c.Message
	}
	return ""
}

func resultOf(cr *v1beta1.CustomRun, name string) string {
	i := slices.IndexFunc(cr.Status.Results, func(r v1beta1.CustomRunResult) bool { return r.Name == name })
	if i < 0 {
		return "(no result " + name + ")"
	}
	return cr.Status.Results[i].Value
}

func param(name, value string) v1beta1.Param {
	return v1beta1.Param{Name: name, Value: *v1beta1.NewStructuredValues(value)}
}

// byParameters is a run of the kind without a definition.
func byParameters(params ...v1beta1.Param) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{Spec: v1beta1.CustomRunSpec{
		CustomRef: &v1beta1.TaskRef{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy}, Params: params,
	}}
}

// embedded is a run with its spec in itself.
func embedded(spec string, params ...v1beta1.Param) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{Spec: v1beta1.CustomRunSpec{
		CustomSpec: &v1beta1.EmbeddedCustomRunSpec{
			TypeMeta: runtime.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy},
			Spec:     runtime.RawExtension{Raw: []byte(spec)},
		},
		Params: params,
	}}
}

// resolvable are parameters that name a repository and an application which nobody has to have.
func resolvable() []v1beta1.Param {
	return []v1beta1.Param{
		param("repo-url", "https://git.example.com/team/catalog"), param("path", "overlays/dev"),
		param("image", "quay.io/team/server"), param("tag", "1.0.1"), param("argocd-application", "catalog"),
		param("argocd-server", "argocd.example.com"), param("argocd-secret", "argocd"),
	}
}

// wantFailed checks the end of a run: the reason, and that the message has all the words.
func wantFailed(t *testing.T, cr *v1beta1.CustomRun, reason v1alpha1.Reason, words ...string) {
	t.Helper()
	if !cr.IsFailure() || reasonOf(cr) != string(reason) {
		t.Fatalf("the run is %s: %s, want it failed with %s", reasonOf(cr), messageOf(cr), reason)
	}
	for _, w := range words {
		if !strings.Contains(messageOf(cr), w) {
			t.Errorf("message %q does not say %q", messageOf(cr), w)
		}
	}
	if cr.Status.CompletionTime == nil {
		t.Error("a run that has ended has no completion time")
	}
}

func secret(name string, values map[string]string, annotations ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name}, Data: map[string][]byte{}}
	for k, v := range values {
		s.Data[k] = []byte(v)
	}
	for i := 0; i+1 < len(annotations); i += 2 {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, annotations[i], annotations[i+1])
	}
	return s
}

func keyOf(cr *v1beta1.CustomRun) types.NamespacedName {
	return types.NamespacedName{Namespace: cr.Namespace, Name: cr.Name}
}
