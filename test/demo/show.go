package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// show prints what is new about the runs of a PipelineRun.
type show struct {
	place *place
	seen  map[string]*shown
}

// shown is what was printed of one run.
type shown struct {
	message string
	ended   bool
	phases  int
	lock    bool
}

func newShow(p *place) *show { return &show{place: p, seen: map[string]*shown{}} }

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
		p = &shown{}
		s.seen[cr.Name] = p
		fmt.Println()
	}
	condition := cr.Status.GetCondition(apis.ConditionSucceeded)
	if condition == nil || p.ended {
		return nil
	}
	run := progress.Of(cr)
	s.phases(name, p, run)
	if err := s.lock(ctx, name, p, run); err != nil {
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

// phases prints each phase once it is over, with its duration.
func (s *show) phases(name string, p *shown, run progress.Run) {
	for ; p.phases < len(run.Timeline); p.phases++ {
		step := run.Timeline[p.phases]
		if step.End == nil {
			return
		}
		fmt.Printf("%-12s %-15s %s\n", name, step.Phase, step.Duration(*step.End).Round(time.Millisecond))
	}
}

// lock shows the Lease once it is held.
func (s *show) lock(ctx context.Context, name string, p *shown, run progress.Run) error {
	if p.lock || run.Lock == "" {
		return nil
	}
	lease, err := s.place.Client.CoordinationV1().Leases(s.place.Namespace).Get(ctx, run.Lock, metav1.GetOptions{})
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
