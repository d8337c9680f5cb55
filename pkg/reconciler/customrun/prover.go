package customrun

import (
	"context"
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// prover tells by live reads whether the holder of a lock still lives.
type prover struct{ tekton tekton.Interface }

// Holder looks a run of ours up. It is gone when it is absent, another of the same name, or done.
func (p prover) Holder(ctx context.Context, h lock.Holder) (lock.Evidence, error) {
	cr, err := p.tekton.TektonV1beta1().CustomRuns(h.Namespace).Get(ctx, h.Name, getOptions)
	switch {
	case apierrors.IsNotFound(err):
		return lock.Evidence{Proof: lock.Absent, Why: fmt.Sprintf("CustomRun %s does not exist any more", h.Name)}, nil
	case err != nil:
		return lock.Evidence{}, err
	case cr.UID != h.UID:
		return lock.Evidence{Proof: lock.Absent, Why: fmt.Sprintf("CustomRun %s was replaced by another of the same name", h.Name)}, nil
	case cr.IsDone():
		return lock.Evidence{Proof: lock.Done, Why: fmt.Sprintf("CustomRun %s is done", h.Name)}, nil
	}
	return lock.Evidence{Proof: lock.Alive, Why: fmt.Sprintf("CustomRun %s is running", h.Name)}, nil
}

// Named looks a PipelineRun up: pipelines that lock by hand sign with its name.
func (p prover) Named(ctx context.Context, namespace, name string) (lock.Evidence, error) {
	pr, err := p.tekton.TektonV1().PipelineRuns(namespace).Get(ctx, name, getOptions)
	switch {
	case apierrors.IsNotFound(err):
		return lock.Evidence{Proof: lock.Absent, Why: fmt.Sprintf("PipelineRun %s does not exist any more", name)}, nil
	case err != nil:
		return lock.Evidence{}, err
	case pr.IsDone():
		return lock.Evidence{Proof: lock.Done, Why: fmt.Sprintf("PipelineRun %s is done", name)}, nil
	}
	return lock.Evidence{Proof: lock.Alive, Why: fmt.Sprintf("PipelineRun %s is running", name)}, nil
}
