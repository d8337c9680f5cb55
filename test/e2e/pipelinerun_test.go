package e2e

import (
	"fmt"
	"strings"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// probeType is a custom task whose controller is the test: it sees what other tasks of a pipeline are given, and shows
// that this project's controller leaves the runs of others alone.
const probeType = "{apiVersion: contract.example.dev/v1, kind: Probe}"

// deployTask is the type of this project's task, for a pipeline's text.
const deployTask = "apiVersion: " + v1alpha1.APIVersion + ", kind: " + v1alpha1.KindGitOpsDeploy

// byParametersText are the parameters of a deployment as a pipeline writes them.
func (n *tenant) byParametersText(environment, tag string, extra ...string) string {
	params := []string{
		"{name: image, value: " + serverImage + "}", "{name: tag, value: '" + tag + "'}",
		"{name: path, value: overlays/" + environment + "}", "{name: argocd-application, value: " + n.App(environment) + "}",
	}
	return "[" + strings.Join(append(params, extra...), ", ") + "]"
}

// startPipelineRun creates a PipelineRun from the text of its spec.
func (n *tenant) startPipelineRun(name, spec string) {
	n.t.Helper()
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace}}
	if err := yaml.UnmarshalStrict([]byte(spec), &pr.Spec); err != nil {
		n.t.Fatalf("%v in\n%s", err, spec)
	}
	if _, err := n.tekton.TektonV1().PipelineRuns(n.Namespace).Create(n.t.Context(), pr, metav1.CreateOptions{}); err != nil {
		n.t.Fatal(err)
	}
}

func (n *tenant) pipelineRun(name string) *pipelinev1.PipelineRun {
	n.t.Helper()
	pr, err := n.tekton.TektonV1().PipelineRuns(n.Namespace).Get(n.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return pr
}

// finishPipelineRun waits for the end of a PipelineRun, and checks its reason.
func (n *tenant) finishPipelineRun(name string, want pipelinev1.PipelineRunReason) *pipelinev1.PipelineRun {
	n.t.Helper()
	var pr *pipelinev1.PipelineRun
	n.poll("the end of PipelineRun "+name, func() bool {
		pr = n.pipelineRun(name)
		return pr.IsDone()
	})
	if c := pr.Status.GetCondition(apis.ConditionSucceeded); c.Reason != string(want) {
		n.t.Fatalf("PipelineRun %s ended with %s: %s, want %s", name, c.Reason, c.Message, want)
	}
	return pr
}

// children are the CustomRuns of a pipeline's task.
func (n *tenant) children(pipelineRun, task string) []v1beta1.CustomRun {
	n.t.Helper()
	list, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).List(n.t.Context(), metav1.ListOptions{
		LabelSelector: "tekton.dev/pipelineRun=" + pipelineRun + ",tekton.dev/pipelineTask=" + task,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return list.Items
}

// child waits for the CustomRun of a pipeline's task.
func (n *tenant) child(pipelineRun, task string) *v1beta1.CustomRun {
	n.t.Helper()
	var found []v1beta1.CustomRun
	n.poll(fmt.Sprintf("task %s of PipelineRun %s has begun", task, pipelineRun), func() bool {
		found = n.children(pipelineRun, task)
		if pr := n.pipelineRun(pipelineRun); len(found) == 0 && pr.IsDone() {
			n.t.Fatalf("PipelineRun %s has ended without it: %s", pipelineRun, pr.Status.GetCondition(apis.ConditionSucceeded).Message)
		}
		return len(found) > 0
	})
	return &found[0]
}

// answer ends a probe well, as its controller would, and gives the parameters that it was started with. Until then
// nobody but Tekton may have written it.
func (n *tenant) answer(pipelineRun, task string) map[string]string {
	n.t.Helper()
	probe := n.child(pipelineRun, task)
	given := map[string]string{}
	for _, p := range probe.Spec.Params {
		given[p.Name] = p.Value.StringVal
	}
	for _, entry := range probe.ManagedFields {
		if entry.Subresource == "status" {
			n.t.Errorf("probe %s: its status was written by %s", probe.Name, entry.Manager)
		}
	}
	if probe.ResourceVersion == "" || len(probe.Status.Conditions) != 0 || len(probe.Finalizers) != 0 {
		n.t.Errorf("probe %s: somebody else works on it: conditions %v, finalizers %v", probe.Name, probe.Status.Conditions, probe.Finalizers)
	}
	probe.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Probed"})
	if _, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).UpdateStatus(n.t.Context(), probe, metav1.UpdateOptions{}); err != nil {
		n.t.Fatal(err)
	}
	return given
}

// holderOf is who holds a lock; empty when nobody does.
func (n *tenant) holderOf(lock string) string {
	n.t.Helper()
	lease, err := n.Client.CoordinationV1().Leases(n.Namespace).Get(n.t.Context(), lock, metav1.GetOptions{})
	if gone(err) {
		return ""
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return *lease.Spec.HolderIdentity
}
