package e2e

import (
	"strings"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// resetSample puts the sample's files back as they are.
func (n *tenant) resetSample() {
	n.t.Helper()
	sample, err := testbed.SampleFiles()
	n.must(err)
	if n.Hosted == nil {
		n.push(sample)
		return
	}
	_, err = n.Hosted.Commit(n.t.Context(), localcluster.Branch, "Begin anew", sample)
	n.must(err)
}

// commitsOfExamples are the commits of main without the first one.
func (n *tenant) commitsOfExamples() int {
	n.t.Helper()
	if n.Hosted != nil {
		return n.hostedCommits(localcluster.Branch)
	}
	return n.commits()
}

// openPulls are the open pull requests.
func (n *tenant) openPulls() []localcluster.GiteaPull {
	n.t.Helper()
	open, err := n.Hosted.Pulls(n.t.Context(), "open")
	n.must(err)
	return open
}

// mergesByHand plays the person who merges what a run proposes.
func (n *tenant) mergesByHand(pipelineRun string) {
	n.t.Helper()
	var open []localcluster.GiteaPull
	n.poll("a pull request of PipelineRun "+pipelineRun, func() bool {
		if n.pipelineRun(pipelineRun).IsDone() {
			n.t.Fatalf("PipelineRun %s has ended without one: %s", pipelineRun, n.outcomes(pipelineRun))
		}
		open = n.openPulls()
		return len(open) > 0
	})
	n.mergePull(open[0].Number, "squash")
}

// hasTestedTheMerge looks at what the task after the merge was given: the commit of main.
func (n *tenant) hasTestedTheMerge(pipelineRun string) {
	n.t.Helper()
	tasks, err := n.tekton.TektonV1().TaskRuns(n.Namespace).List(n.t.Context(), metav1.ListOptions{LabelSelector: "tekton.dev/pipelineRun=" + pipelineRun})
	n.must(err)
	var given []pipelinev1.Params
	for _, task := range tasks.Items {
		given = append(given, task.Spec.Params)
	}
	want := []pipelinev1.Params{{{Name: "commit", Value: *pipelinev1.NewStructuredValues(n.hostedTip(localcluster.Branch))}}}
	if diff := cmp.Diff(want, given); diff != "" {
		n.t.Errorf("parameters of the tasks after it (-want +got):\n%s", diff)
	}
	if p := n.pipelineRun(pipelineRun); !p.Status.GetCondition(apis.ConditionSucceeded).IsTrue() {
		n.t.Errorf("got %s", n.outcomes(pipelineRun))
	}
}

// showsTheGates looks at the pull request that a pipeline has left behind.
func (n *tenant) showsTheGates(string) {
	n.t.Helper()
	open := n.openPulls()
	if len(open) != 1 {
		n.t.Fatalf("%d open pull requests, want one", len(open))
	}
	p := open[0]
	if p.Title != "Deploy quay.io/product-catalog/server:1.0.1 to prod" || !strings.HasSuffix(p.Head.Branch, "push-server-1.0.1") ||
		len(p.Labels) != 1 || p.Labels[0].Name != "production" {
		n.t.Errorf("got pull request %+v", p)
	}
	for _, line := range []string{
		"Replaces `quay.io/product-catalog/server:1.0.0`. Before this is merged:",
		"- [ ] [Image vulnerabilities](https://quay.io/repository/product-catalog/server?tab=tags)",
		"- [ ] [Code analysis](https://sonarqube.example.com/dashboard?id=server)",
	} {
		if !strings.Contains(p.Body, line+"\n") {
			n.t.Errorf("the body has no line %q:\n%s", line, p.Body)
		}
	}
}
