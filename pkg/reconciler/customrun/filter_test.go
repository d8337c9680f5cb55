package customrun

import (
	"testing"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
)

// types of runs, by reference and embedded, that are near ours and yet are not.
var typeCases = map[string]struct {
	apiVersion, kind string
	ours             bool
}{
	"our kind":                       {v1alpha1.APIVersion, "GitOpsDeploy", true},
	"our group in another version":   {"gitops.tekton.dev/v1", "GitOpsDeploy", false},
	"our kind of another group":      {"example.com/v1alpha1", "GitOpsDeploy", false},
	"a group that ours is a part of": {"x.gitops.tekton.dev/v1alpha1", "GitOpsDeploy", false},
	"our group without a version":    {"gitops.tekton.dev", "GitOpsDeploy", false},
	"another kind of our group":      {v1alpha1.APIVersion, "GitOpsRecord", false},
	"another case":                   {v1alpha1.APIVersion, "gitopsdeploy", false},
	"no kind":                        {v1alpha1.APIVersion, "", false},
	"another controller's":           {"example.dev/v1", "Wait", false},
}

func runOfType(apiVersion, kind string, embedded bool) *v1beta1.CustomRun {
	if embedded {
		return &v1beta1.CustomRun{Spec: v1beta1.CustomRunSpec{CustomSpec: &v1beta1.EmbeddedCustomRunSpec{
			TypeMeta: runtime.TypeMeta{APIVersion: apiVersion, Kind: kind},
		}}}
	}
	return &v1beta1.CustomRun{Spec: v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: apiVersion, Kind: v1beta1.TaskKind(kind)}}}
}

func TestOnlyOurExactKindIsOurs(t *testing.T) {
	for name, tc := range typeCases {
		for form, embedded := range map[string]bool{"by reference": false, "embedded": true} {
			t.Run(name+", "+form, func(t *testing.T) {
				cr := runOfType(tc.apiVersion, tc.kind, embedded)
				if got := isOurs(cr); got != tc.ours {
					t.Errorf("isOurs is %v", got)
				}
				if got := filterEvent(cache.DeletedFinalStateUnknown{Obj: cr}); got != tc.ours {
					t.Errorf("for an inferred deletion the filter says %v", got)
				}
			})
		}
	}
	if isOurs(&v1beta1.CustomRun{}) {
		t.Error("a run without a type is taken")
	}
	if isOurs("a string") || filterEvent(cache.DeletedFinalStateUnknown{}) {
		t.Error("something that is no run is taken")
	}
}

// A replica reconciles a key that it was told of, whoever told it: the guard in ReconcileKind is the last one.
func TestForeignRunsAreNeverWritten(t *testing.T) {
	for name, tc := range typeCases {
		if tc.ours {
			continue
		}
		for form, embedded := range map[string]bool{"by reference": false, "embedded": true} {
			t.Run(name+", "+form, func(t *testing.T) {
				h := newHarness(t)
				cr := runOfType(tc.apiVersion, tc.kind, embedded)
				cr.Spec.Status = v1beta1.CustomRunSpecStatusCancelled
				before := h.create(cr)
				after := h.reconcile(before.Name)
				if after.ResourceVersion != before.ResourceVersion || len(after.Status.Conditions) != 0 {
					t.Errorf("the run was written: %+v", after.Status)
				}
				if got := writingActions(h.tekton.Actions()); len(got) != 0 {
					t.Errorf("calls: %v", got)
				}
				if wait, woken := h.wake(before.Name); woken {
					t.Errorf("it is looked at again after %s", wait)
				}
			})
		}
	}
}
