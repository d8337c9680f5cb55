package cli

import (
	"context"
	"fmt"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// begun is the PipelineRun that was started last, where it goes on and is newer than every run: its runs are still to come,
// and who follows the last one after a start means those. Empty: there is none, or it may not be seen.
func (s *session) begun(ctx context.Context, namespace string) (string, error) {
	newest, err := s.newestPipelineRun(ctx, namespace)
	if apierrors.IsForbidden(err) {
		return "", nil
	}
	if err != nil || newest == nil || newest.IsDone() {
		return "", err
	}
	runs, err := s.runs(ctx, namespace, "")
	if err != nil {
		return "", err
	}
	// Kubernetes knows whole seconds only.
	if len(runs) > 0 && (runs[0].PipelineRun == newest.Name || newest.CreationTimestamp.Time.Before(runs[0].Created)) {
		return "", nil
	}
	return newest.Name, nil
}

func (s *session) newestPipelineRun(ctx context.Context, namespace string) (*pipelinev1.PipelineRun, error) {
	client, err := s.tekton()
	if err != nil {
		return nil, err
	}
	var newest *pipelinev1.PipelineRun
	for o := (metav1.ListOptions{Limit: pageSize}); ; {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		page, err := client.TektonV1().PipelineRuns(namespace).List(call, o)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("list PipelineRuns: %w", err)
		}
		for i := range page.Items {
			if pr := &page.Items[i]; newest == nil || newest.CreationTimestamp.Before(&pr.CreationTimestamp) {
				newest = pr
			}
		}
		if o.Continue = page.Continue; o.Continue == "" {
			return newest, nil
		}
	}
}
