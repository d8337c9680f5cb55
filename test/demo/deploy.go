package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	application = "server"
	image       = "quay.io/product-catalog/" + application
	poll        = 50 * time.Millisecond
	runLimit    = 5 * time.Minute
)

// deploy starts the sample Pipeline, shows it, and checks from outside that the tag is live.
func deploy(ctx context.Context, p *place, tag string) error {
	client, err := tekton.NewForConfig(p.Config)
	if err != nil {
		return err
	}
	if err := applyPipeline(ctx, p); err != nil {
		return err
	}
	run, err := client.TektonV1().PipelineRuns(p.Namespace).Create(ctx, &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "product-catalog-"},
		Spec: pipelinev1.PipelineRunSpec{
			PipelineRef: &pipelinev1.PipelineRef{Name: "product-catalog"},
			// A person merges in between.
			Timeouts: &pipelinev1.TimeoutFields{Pipeline: &metav1.Duration{}},
			Params: pipelinev1.Params{
				{Name: "application", Value: *pipelinev1.NewStructuredValues(application)},
				{Name: "tag", Value: *pipelinev1.NewStructuredValues(tag)},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("\nPipelineRun %s deploys %s:%s to dev, then to test, and proposes it for prod\n", run.Name, image, tag)
	shown, merging := newShow(p), &merger{place: p}
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	for {
		if err := shown.update(ctx, client, run.Name); err != nil {
			return err
		}
		if err := merging.update(ctx, client, run.Name); err != nil {
			return err
		}
		run, err = client.TektonV1().PipelineRuns(p.Namespace).Get(ctx, run.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if run.IsDone() {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PipelineRun %s: %w", run.Name, ctx.Err())
		case <-time.After(poll):
		}
	}
	if err := errors.Join(shown.update(ctx, client, run.Name), merging.update(ctx, client, run.Name)); err != nil {
		return err
	}
	condition := run.Status.GetCondition(apis.ConditionSucceeded)
	fmt.Printf("\nPipelineRun %s: %s: %s\n", run.Name, condition.Reason, condition.Message)
	if !condition.IsTrue() {
		return errors.New("the PipelineRun failed")
	}
	if err := checkLive(ctx, p, tag); err != nil {
		return err
	}
	fmt.Println(merging.outcome)
	return nil
}

// applyPipeline applies the sample's definitions and Pipeline as examples/ has them.
func applyPipeline(ctx context.Context, p *place) error {
	root, err := testbed.Root()
	if err != nil {
		return err
	}
	for _, file := range []string{"definition.yaml", "promotion.yaml", "pipeline.yaml"} {
		manifest, err := os.ReadFile(filepath.Join(root, "examples", "product-catalog", file))
		if err != nil {
			return err
		}
		if err := p.Apply(ctx, p.Namespace, manifest); err != nil {
			return err
		}
	}
	return nil
}

// checkLive reads the Deployments from the API server: the demo succeeds only if they carry the tag.
func checkLive(ctx context.Context, p *place, tag string) error {
	for _, environment := range environments() {
		d, err := p.Client.AppsV1().Deployments(p.Targets[environment]).Get(ctx, application, metav1.GetOptions{})
		if err != nil {
			return err
		}
		live := d.Spec.Template.Spec.Containers[0].Image
		fmt.Printf("live in %-5s Deployment/%s  %s  %d of %d pods ready\n", environment+":", application, live, d.Status.ReadyReplicas, *d.Spec.Replicas)
		if live != image+":"+tag || d.Status.ReadyReplicas != *d.Spec.Replicas {
			return fmt.Errorf("%s runs %s, want tag %s", environment, live, tag)
		}
	}
	return nil
}

// customRuns are the runs of a PipelineRun.
func customRuns(ctx context.Context, client tekton.Interface, namespace, pipelineRun string) ([]v1beta1.CustomRun, error) {
	list, err := client.TektonV1beta1().CustomRuns(namespace).List(ctx, metav1.ListOptions{LabelSelector: "tekton.dev/pipelineRun=" + pipelineRun})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}
