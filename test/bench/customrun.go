package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// deploy measures a CustomRun from the call that creates it to the event that shows it succeeded.
func (s *subject) deploy(ctx context.Context, tag string) (measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	runs := s.place.tekton.TektonV1beta1().CustomRuns(s.Namespace)
	list, err := runs.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return measurement{}, err
	}
	name := "deploy-" + tag
	events, err := runs.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, FieldSelector: "metadata.name=" + name})
	if err != nil {
		return measurement{}, err
	}
	defer events.Stop()
	began := time.Now()
	if _, err := runs.Create(ctx, s.customRun(name, tag), metav1.CreateOptions{}); err != nil {
		return measurement{}, err
	}
	for e := range events.ResultChan() {
		cr, ok := e.Object.(*v1beta1.CustomRun)
		if !ok {
			return measurement{}, fmt.Errorf("watch CustomRun %s: %v", name, e.Object)
		}
		if !cr.IsDone() {
			continue
		}
		ended := time.Now()
		if c := cr.Status.GetCondition(apis.ConditionSucceeded); !c.IsTrue() {
			return measurement{}, fmt.Errorf("CustomRun %s: %s: %s", name, c.Reason, c.Message)
		}
		steps, err := timeline(cr.Status.ExtraFields.Raw)
		return newMeasurement(began, ended, steps), err
	}
	return measurement{}, errors.Join(fmt.Errorf("the watch of CustomRun %s ended", name), ctx.Err())
}

func (s *subject) customRun(name, tag string) *v1beta1.CustomRun {
	cr := &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Namespace},
		Spec:       v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy}},
	}
	for _, p := range [][2]string{{"image", image}, {"tag", tag}, {"path", s.overlay}, {"argocd-application", s.App(environment)}} {
		cr.Spec.Params = append(cr.Spec.Params, v1beta1.Param{Name: p[0], Value: *v1beta1.NewStructuredValues(p[1])})
	}
	return cr
}

// timeline reads when each phase of a run began from the run's status.extraFields.
func timeline(extraFields []byte) ([]start, error) {
	var status struct {
		GitOps struct {
			Data struct {
				Timeline []struct {
					Phase string    `json:"phase"`
					Since time.Time `json:"since"`
				} `json:"timeline"`
			} `json:"data"`
		} `json:"gitops"`
	}
	if err := json.Unmarshal(extraFields, &status); err != nil {
		return nil, fmt.Errorf("read the timeline of a run: %w", err)
	}
	var starts []start
	for _, t := range status.GitOps.Data.Timeline {
		starts = append(starts, start{t.Phase, t.Since})
	}
	return starts, nil
}
