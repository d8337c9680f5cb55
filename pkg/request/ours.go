package request

import (
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// Ours tells whether a CustomRun is of a kind of this project, by reference or embedded.
func Ours(run *pipelinev1beta1.CustomRun) bool {
	apiVersion, kind := TypeOf(run)
	return apiVersion == v1alpha1.APIVersion && (kind == v1alpha1.KindGitOpsDeploy || kind == v1alpha1.KindGitOpsPR)
}

// TypeOf is the type that a CustomRun asks for; empty for a run that asks for none.
func TypeOf(run *pipelinev1beta1.CustomRun) (apiVersion, kind string) {
	switch {
	case run.Spec.CustomRef != nil:
		return run.Spec.CustomRef.APIVersion, string(run.Spec.CustomRef.Kind)
	case run.Spec.CustomSpec != nil:
		return run.Spec.CustomSpec.APIVersion, run.Spec.CustomSpec.Kind
	}
	return "", ""
}
