package controlplane

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/apply"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/process"
)

// webhookAnswers sends a Task that must be admitted and one that must be
// refused, both without storing them.
func (c *ControlPlane) webhookAnswers(ctx context.Context) error {
	tasks := c.dynamic.Resource(tektonResource("v1", "tasks")).Namespace(tektonNamespace)
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	task := func(steps ...any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "tekton.dev/v1", "kind": "Task",
			"metadata": map[string]any{"name": "trial"},
			"spec":     map[string]any{"steps": steps},
		}}
	}
	if _, err := tasks.Create(ctx, task(map[string]any{"image": "trial"}), dryRun); err != nil {
		return err
	}
	_, err := tasks.Create(ctx, task(map[string]any{"image": "trial", "name": "Not A Name"}), dryRun)
	if err == nil {
		return errors.New("an invalid Task was admitted")
	}
	if !apierrors.IsBadRequest(err) && !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) {
		return err
	}
	return nil
}

// tryTekton waits until the controller turns a PipelineRun into a CustomRun:
// its own probe answers long before it works.
func (c *ControlPlane) tryTekton(ctx context.Context, controller *process.Child) error {
	objects, err := apply.Parse([]byte(`
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: trial}
spec:
  pipelineSpec:
    tasks:
    - name: wait
      taskRef: {apiVersion: trial.invalid/v1, kind: Wait, name: nobody}
`))
	if err != nil {
		return err
	}
	if err := apply.Create(ctx, c.dynamic, tektonNamespace, objects); err != nil {
		return err
	}
	customRuns := c.dynamic.Resource(tektonResource("v1beta1", "customruns")).Namespace(tektonNamespace)
	err = controller.WaitReady(ctx, readyTimeout, func(ctx context.Context) error {
		list, err := customRuns.List(ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) == 0 {
			return errors.New("a PipelineRun has made no CustomRun yet")
		}
		return err
	})
	if err != nil {
		return err
	}
	pipelineRuns := c.dynamic.Resource(tektonResource("v1", "pipelineruns")).Namespace(tektonNamespace)
	if err := pipelineRuns.Delete(ctx, "trial", metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete the trial PipelineRun: %w", err)
	}
	if err := customRuns.Delete(ctx, "trial-wait", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete the trial CustomRun: %w", err)
	}
	return nil
}

func tektonResource(version, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "tekton.dev", Version: version, Resource: resource}
}
