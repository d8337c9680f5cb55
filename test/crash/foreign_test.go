package crash

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestPromotionWritesToNoForeignRun: on promotion the framework offers every CustomRun of the cluster.
func TestPromotionWritesToNoForeignRun(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	foreign := map[string]*v1beta1.CustomRun{
		"other-kind":    {Spec: v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: "gitops.tekton.dev/v1alpha1", Kind: "Other"}}},
		"other-version": {Spec: v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: "gitops.tekton.dev/v9", Kind: "GitOpsDeploy"}}},
		"other-embedded": {Spec: v1beta1.CustomRunSpec{CustomSpec: &v1beta1.EmbeddedCustomRunSpec{
			TypeMeta: runtime.TypeMeta{APIVersion: "example.dev/v1", Kind: "Wait"}, Spec: runtime.RawExtension{Raw: []byte(`{}`)},
		}}},
	}
	before := map[string]*v1beta1.CustomRun{}
	for name, cr := range foreign {
		for suffix, status := range map[string]corev1.ConditionStatus{"": "", "-running": corev1.ConditionUnknown, "-failed": corev1.ConditionFalse, "-done": corev1.ConditionTrue} {
			cr := cr.DeepCopy()
			cr.Name, cr.Namespace = name+suffix, n.Namespace
			before[cr.Name] = n.Create(cr)
			if status != "" {
				before[cr.Name] = setOutcome(t, n, cr.Name, status)
			}
		}
	}
	n.Create(n.Deploy("before", "dev", "1.0.1"))

	controller := startReplica(t, "only")
	// Their promotion offers all runs at once; ours among them takes seconds.
	controller.leads(t)
	n.Succeed("before")
	for name, want := range before {
		if diff := cmp.Diff(want, n.Get(name)); diff != "" {
			t.Errorf("run %s was written to (-before +after):\n%s", name, diff)
		}
	}
}

func setOutcome(t *testing.T, n *scenario.Tenant, name string, status corev1.ConditionStatus) *v1beta1.CustomRun {
	t.Helper()
	cr := n.Get(name)
	cr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: status, Reason: "Foreign", Message: "set by its own controller"})
	// An older generation is what makes the framework reset the condition of a run.
	cr.Status.ObservedGeneration = 0
	made, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).UpdateStatus(t.Context(), cr, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestFinishedRunStaysFinished: when a PipelineRun is cancelled, Tekton cancels its finished children too.
func TestFinishedRunStaysFinished(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	startReplica(t, "only")
	n.Create(n.Deploy("good", "dev", "1.0.1"))
	bad := n.Deploy("bad", "dev", "1.0.2")
	bad.Spec.Params[3] = scenario.Param("argocd-application", "no-such-application")
	n.Create(bad)
	for _, name := range []string{"good", "bad"} {
		before := n.Finish(name)
		n.Cancel(name)
		after := n.WaitFor(name, "the new generation is observed", func(cr *v1beta1.CustomRun) bool {
			return cr.Status.ObservedGeneration == cr.Generation && cr.Generation > before.Generation
		})
		want := before.Status.DeepCopy()
		want.ObservedGeneration = after.Generation
		if diff := cmp.Diff(asJSON(t, want), asJSON(t, after.Status)); diff != "" {
			t.Errorf("status of run %s (-want +got):\n%s", name, diff)
		}
	}
}

// asJSON is the status as it is stored.
func asJSON(t *testing.T, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}
