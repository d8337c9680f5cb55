package customrun

import (
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// isOurs tells whether a CustomRun names one of our kinds, by reference or embedded. The informer's handler and the
// promotion of a leader use it too: on promotion the framework enqueues every CustomRun of the cluster, and the runs of
// other controllers must not be written to.
func isOurs(obj any) bool {
	cr, ok := obj.(*v1beta1.CustomRun)
	if !ok {
		return false
	}
	apiVersion, kind := typeOf(cr)
	return apiVersion == v1alpha1.APIVersion && (kind == v1alpha1.KindGitOpsDeploy || kind == v1alpha1.KindGitOpsPR)
}

// typeOf is the type that a CustomRun asks for; empty for a run that asks for none.
func typeOf(cr *v1beta1.CustomRun) (apiVersion, kind string) {
	switch {
	case cr.Spec.CustomRef != nil:
		return cr.Spec.CustomRef.APIVersion, string(cr.Spec.CustomRef.Kind)
	case cr.Spec.CustomSpec != nil:
		return cr.Spec.CustomSpec.APIVersion, cr.Spec.CustomSpec.Kind
	}
	return "", ""
}
