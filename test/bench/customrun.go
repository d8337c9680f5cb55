package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"knative.dev/pkg/apis"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// deploy measures a CustomRun from the call that creates it to the event that shows it succeeded.
func (s *subject) deploy(ctx context.Context, tag string) (measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	name := "deploy-" + tag
	cr, began, ended, err := s.place.finish(ctx, s.Namespace, name, func() error {
		_, err := s.place.tekton.TektonV1beta1().CustomRuns(s.Namespace).Create(ctx, s.customRun(name, tag), metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return measurement{}, err
	}
	return newMeasurement(began, ended, timeline(progress.Of(cr))), nil
}

// finish does what lets a run come to its end, and waits for the event that shows it succeeded.
func (p *place) finish(ctx context.Context, namespace, name string, do func() error) (cr *v1beta1.CustomRun, began, ended time.Time, err error) {
	runs := p.tekton.TektonV1beta1().CustomRuns(namespace)
	list, err := runs.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, began, ended, err
	}
	events, err := runs.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, FieldSelector: "metadata.name=" + name})
	if err != nil {
		return nil, began, ended, err
	}
	defer events.Stop()
	began = time.Now()
	if err := do(); err != nil {
		return nil, began, ended, err
	}
	for cr == nil || !cr.IsDone() {
		if cr, err = nextEvent(ctx, events); err != nil {
			return nil, began, ended, fmt.Errorf("wait for CustomRun %s: %w", name, err)
		}
	}
	ended = time.Now()
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); !c.IsTrue() {
		return nil, began, ended, fmt.Errorf("CustomRun %s: %s: %s", name, c.Reason, c.Message)
	}
	return cr, began, ended, nil
}

// nextEvent waits for the next state of a run.
func nextEvent(ctx context.Context, events watch.Interface) (*v1beta1.CustomRun, error) {
	e, ok := <-events.ResultChan()
	if !ok {
		return nil, errors.Join(errors.New("the watch of CustomRuns ended"), ctx.Err())
	}
	cr, ok := e.Object.(*v1beta1.CustomRun)
	if !ok {
		return nil, fmt.Errorf("watch CustomRuns: %v", e.Object)
	}
	return cr, nil
}

func (s *subject) customRun(name, tag string) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Namespace},
		Spec: v1beta1.CustomRunSpec{
			CustomRef: &v1beta1.TaskRef{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy},
			Params:    params([][2]string{{"image", image}, {"tag", tag}, {"path", s.overlay}, {"argocd-application", s.App(environment)}}),
		},
	}
}

func params(all [][2]string) (list []v1beta1.Param) {
	for _, p := range all {
		list = append(list, v1beta1.Param{Name: p[0], Value: *v1beta1.NewStructuredValues(p[1])})
	}
	return list
}

// timeline is when each phase of a run began.
func timeline(run progress.Run) []start {
	var starts []start
	for _, step := range run.Timeline {
		starts = append(starts, start{step.Phase, step.Begin})
	}
	return starts
}
