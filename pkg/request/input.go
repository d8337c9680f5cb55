package request

import (
	"context"
	"fmt"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// Labels that Tekton puts on a CustomRun of a PipelineRun.
const (
	labelPipelineRun = "tekton.dev/pipelineRun"
	labelPipeline    = "tekton.dev/pipeline"
)

// defaultServiceAccount is what Kubernetes gives to whoever names none.
const defaultServiceAccount = "default"

// Input is a plain copy of the parts of a CustomRun that say what to do.
type Input struct {
	// Kind is v1alpha1.KindGitOpsDeploy, which is also meant by the empty string, or v1alpha1.KindGitOpsPR.
	Kind        string
	Namespace   string
	Name        string
	UID         types.UID
	PipelineRun string
	Pipeline    string
	// RefName is the definition's name (spec.customRef.name).
	RefName string
	// Embedded tells that the run has a spec.customSpec. EmbeddedSpec is its spec, and empty or null when that is empty.
	Embedded       bool
	EmbeddedSpec   []byte
	Params         []pipelinev1beta1.Param
	ServiceAccount string
}

// Definitions reads definitions. Absence is an error for which apierrors.IsNotFound is true.
type Definitions interface {
	GitOpsPR(ctx context.Context, namespace, name string) (*v1alpha1.GitOpsPR, error)
	GitOpsDeploy(ctx context.Context, namespace, name string) (*v1alpha1.GitOpsDeploy, error)
}

// kind is the kind of the run.
func (in Input) kind() string {
	if in.Kind == v1alpha1.KindGitOpsPR {
		return v1alpha1.KindGitOpsPR
	}
	return v1alpha1.KindGitOpsDeploy
}

// FromCustomRun copies what Resolve needs out of a CustomRun. Remote references are refused: this controller reads
// definitions of the run's own namespace only.
func FromCustomRun(run *pipelinev1beta1.CustomRun) (Input, error) {
	in := Input{
		Namespace:      run.Namespace,
		Name:           run.Name,
		UID:            run.UID,
		PipelineRun:    run.Labels[labelPipelineRun],
		Pipeline:       run.Labels[labelPipeline],
		Params:         run.Spec.Params,
		ServiceAccount: run.Spec.ServiceAccountName,
	}
	if in.ServiceAccount == "" {
		in.ServiceAccount = defaultServiceAccount
	}
	if spec := run.Spec.CustomSpec; spec != nil {
		in.Embedded = true
		in.Kind = spec.Kind
		in.EmbeddedSpec = spec.Spec.Raw
	}
	ref := run.Spec.CustomRef
	if ref == nil {
		return in, nil
	}
	in.Kind = string(ref.Kind)
	if in.Embedded {
		return Input{}, fmt.Errorf("%w: the run has both a reference and an embedded spec: keep one", ErrInvalidSpec)
	}
	//nolint:staticcheck // Deprecated is not gone: a run that has it asks for something else than a name.
	if ref.Bundle != "" || ref.Resolver != "" || len(ref.ResolverRef.Params) > 0 {
		return Input{}, fmt.Errorf("%w: taskRef uses a resolver or a bundle: name a %s of namespace %s instead", ErrInvalidSpec, in.kind(), run.Namespace)
	}
	in.RefName = ref.Name
	return in, nil
}
