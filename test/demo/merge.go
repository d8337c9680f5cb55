package main

import (
	"context"
	"fmt"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	"knative.dev/pkg/apis"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// mergeMethod leaves one commit on the branch that is none of the run's: the run has to follow it.
const mergeMethod = "squash"

// merger plays the person who merges the pull request of a PipelineRun.
type merger struct {
	place *place
	// outcome says what became of the pull request.
	outcome string
}

// update merges once a run waits for it.
func (m *merger) update(ctx context.Context, client tekton.Interface, pipelineRun string) error {
	if m.outcome != "" {
		return nil
	}
	runs, err := customRuns(ctx, client, m.place.Namespace, pipelineRun)
	if err != nil {
		return err
	}
	for i := range runs {
		if runs[i].Spec.CustomRef.Kind == v1alpha1.KindGitOpsPR {
			return m.merge(ctx, &runs[i])
		}
	}
	return nil
}

func (m *merger) merge(ctx context.Context, cr *v1beta1.CustomRun) error {
	condition := cr.Status.GetCondition(apis.ConditionSucceeded)
	switch {
	case condition == nil:
		return nil
	case condition.IsTrue():
		m.outcome = "no pull request: prod had the tag already"
		return nil
	case condition.Reason != string(v1alpha1.ReasonWaitingForMerge):
		return nil
	}
	pull, name := progress.Of(cr).PullRequest, cr.Labels["tekton.dev/pipelineTask"]
	if pull == nil {
		return fmt.Errorf("CustomRun %s waits for a merge and names no pull request", cr.Name)
	}
	fmt.Printf("%-12s   the demo merges it now, through Gitea's API, in a person's place\n", name)
	commit, err := m.place.Hosted.Merge(ctx, m.place.Hosted.Person, pull.Number, mergeMethod)
	if err != nil {
		return fmt.Errorf("merge pull request %d: %w", pull.Number, err)
	}
	m.outcome = fmt.Sprintf("pull request #%d %s, merged as %s", pull.Number, pull.URL, commit)
	return nil
}
