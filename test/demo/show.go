package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
)

// show prints what is new about the runs of a PipelineRun.
type show struct {
	place *place
	seen  map[string]*progress
}

// progress is what was printed of one run.
type progress struct {
	message string
	ended   bool
	phases  int
	lock    bool
}

// timeline is the part of a run's status.extraFields that the demo reads.
type timeline struct {
	GitOps struct {
		Lock string `json:"lock"`
		Data struct {
			Timeline []struct {
				Phase string    `json:"phase"`
				Since time.Time `json:"since"`
			} `json:"timeline"`
			PullRequest struct {
				Number int    `json:"number"`
				URL    string `json:"url"`
			} `json:"pullRequest"`
		} `json:"data"`
	} `json:"gitops"`
}

func newShow(p *place) *show { return &show{place: p, seen: map[string]*progress{}} }

func (s *show) update(ctx context.Context, client tekton.Interface, pipelineRun string) error {
	runs, err := customRuns(ctx, client, s.place.Namespace, pipelineRun)
	if err != nil {
		return err
	}
	for i := range runs {
		if err := s.updateRun(ctx, &runs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *show) updateRun(ctx context.Context, cr *v1beta1.CustomRun) error {
	name := cr.Labels["tekton.dev/pipelineTask"]
	p := s.seen[cr.Name]
	if p == nil {
		p = &progress{}
		s.seen[cr.Name] = p
		fmt.Println()
	}
	condition := cr.Status.GetCondition(apis.ConditionSucceeded)
	if condition == nil || p.ended {
		return nil
	}
	t, err := timelineOf(cr)
	if err != nil {
		return err
	}
	s.phases(name, p, t, cr)
	if err := s.lock(ctx, name, p, t); err != nil {
		return err
	}
	if condition.Message != p.message && condition.IsUnknown() {
		p.message = condition.Message
		fmt.Printf("%-12s   %s\n", name, condition.Message)
	}
	if !condition.IsUnknown() {
		p.ended = true
		return s.end(ctx, name, cr, condition)
	}
	return nil
}

func timelineOf(cr *v1beta1.CustomRun) (t timeline, err error) {
	if err := json.Unmarshal(cr.Status.ExtraFields.Raw, &t); err != nil {
		return t, fmt.Errorf("read the status of %s: %w", cr.Name, err)
	}
	return t, nil
}

// phases prints each phase once it is over, with its duration.
func (s *show) phases(name string, p *progress, t timeline, cr *v1beta1.CustomRun) {
	steps := t.GitOps.Data.Timeline
	for ; p.phases < len(steps); p.phases++ {
		if p.phases+1 == len(steps) && !cr.IsDone() {
			return
		}
		until := time.Now()
		if p.phases+1 < len(steps) {
			until = steps[p.phases+1].Since
		}
		took := until.Sub(steps[p.phases].Since).Round(time.Millisecond)
		fmt.Printf("%-12s %-15s %s\n", name, steps[p.phases].Phase, took)
	}
}

// lock shows the Lease once it is held.
func (s *show) lock(ctx context.Context, name string, p *progress, t timeline) error {
	if p.lock || t.GitOps.Lock == "" {
		return nil
	}
	lease, err := s.place.Client.CoordinationV1().Leases(s.place.Namespace).Get(ctx, t.GitOps.Lock, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // not taken yet, or given back already
	}
	if err != nil {
		return err
	}
	p.lock = true
	fmt.Printf("%-12s   Lease %s held by %s\n", name, lease.Name, *lease.Spec.HolderIdentity)
	return nil
}

// end prints the results of a run, the commit and the pods.
func (s *show) end(ctx context.Context, name string, cr *v1beta1.CustomRun, condition *apis.Condition) error {
	results := map[string]string{}
	for _, r := range cr.Status.Results {
		results[r.Name] = r.Value
	}
	for line := range strings.Lines(results["diff"]) {
		fmt.Printf("%-12s     %s", name, line)
	}
	for _, r := range []string{"changed", "commit", "revision", "image", "previous-image", "image-digest", "health"} {
		fmt.Printf("%-12s   %-14s %s\n", name, r, results[r])
	}
	for _, r := range []string{"pr-number", "pr-url", "pr-state", "merge-commit"} {
		if results[r] != "" {
			fmt.Printf("%-12s   %-14s %s\n", name, r, results[r])
		}
	}
	_, environment, _ := strings.Cut(name, "-")
	if err := s.pods(ctx, name, environment); err != nil {
		return err
	}
	fmt.Printf("%-12s %s: %s\n", name, condition.Reason, condition.Message)
	return nil
}

func (s *show) pods(ctx context.Context, name, environment string) error {
	pods, err := s.place.Client.CoreV1().Pods(s.place.Targets[environment]).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + application})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			fmt.Printf("%-12s   Pod %s  %s  %s\n", name, pod.Name, pod.Spec.Containers[0].Image, pod.Status.Phase)
		}
	}
	return nil
}
