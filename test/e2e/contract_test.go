package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// These tests show what Tekton's own controller makes of our runs: what a pipeline promises to its author. What can be
// shown without Tekton is in package customrun, next to the table of the rules.

// All three forms in one pipeline; results reach later tasks, when expressions and the pipeline's own results.
func TestPipelineUsesTheTaskInItsThreeForms(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	spec := n.spec("$(params.tag)")
	spec["params"] = []any{object{"name": "tag"}}
	n.define("catalog", spec)
	n.startPipelineRun("pr", `
pipelineSpec:
  params: [{name: first, type: string}]
  results:
  - {name: commit, value: $(tasks.embedded.results.commit)}
  - {name: image, value: $(tasks.embedded.results.image)}
  tasks:
  - name: by-params
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "$(params.first)", "{name: message, value: 'Deploy for $(context.pipelineRun.name)'}")+`
  - name: again
    runAfter: [by-params]
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "$(params.first)")+`
  - name: on-change
    taskRef: `+probeType+`
    when: [{input: $(tasks.by-params.results.changed), operator: in, values: ["true"]}]
    params:
    - {name: images, value: $(tasks.by-params.results.images)}
    - {name: commit, value: $(tasks.by-params.results.commit)}
    - {name: nothing, value: $(tasks.by-params.results.reverted)}
  - name: on-no-change
    taskRef: `+probeType+`
    when: [{input: $(tasks.again.results.changed), operator: in, values: ["true"]}]
  - name: by-name
    runAfter: [again]
    taskRef: {`+deployTask+`, name: catalog}
    params: [{name: tag, value: 1.0.2}]
  - name: embedded
    taskSpec:
      apiVersion: gitops.tekton.dev/v1alpha1
      kind: GitOpsDeploy
      spec:
        params: [{name: previous}]
        images: [{name: `+serverImage+`, newTag: 1.0.3}]
        git: {message: "After $(params.previous)"}
        update: [{kustomize: {path: overlays/dev}}]
        argocd: {applications: [{name: `+n.App("dev")+`}]}
    params: [{name: previous, value: $(tasks.by-name.results.image)}]
params: [{name: first, value: 1.0.1}]
`)
	given := n.answer("pr", "on-change")
	first := n.child("pr", "by-params")
	if d := cmp.Diff(map[string]string{
		"commit": result(first, "commit"), "nothing": "",
		"images": `[{"name":"` + serverImage + `","previous":"` + serverImage + `:1.0.0","image":"` + serverImage + `:1.0.1"}]`,
	}, given); d != "" {
		t.Errorf("the following task was given: %s", d)
	}
	pr := n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonCompleted)
	last := n.child("pr", "embedded")
	got := map[string]string{}
	for _, r := range pr.Status.Results {
		got[r.Name] = r.Value.StringVal
	}
	if d := cmp.Diff(map[string]string{"commit": n.tip(), "image": serverImage + ":1.0.3"}, got); d != "" {
		t.Errorf("the pipeline's results: %s", d)
	}
	if got := n.children("pr", "on-no-change"); len(got) != 0 {
		t.Error("a task that waits for a change ran although nothing had changed")
	}
	if result(n.child("pr", "again"), "changed") != "false" || n.commits() != 3 {
		t.Errorf("changed is %s, %d commits", result(n.child("pr", "again"), "changed"), n.commits())
	}
	log, err := n.Repository.Log(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	wantSays(t, log[0].Message, "After "+serverImage+":1.0.2\n", "Tekton-PipelineRun: "+n.Namespace+"/pr", "Tekton-CustomRun-UID: "+string(last.UID))
	wantSays(t, log[2].Message, "Deploy for pr\n")
	n.noLease()
}

func TestFailureIsSeenInFinallyAndMayBePassedOver(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.startPipelineRun("pr", `
pipelineSpec:
  tasks:
  - name: broken
    onError: continue
    taskRef: {`+deployTask+`}
    params: `+strings.ReplaceAll(n.byParametersText("dev", "1.0.1"), n.App("dev"), "no-such-application")+`
  - name: goes-on
    runAfter: [broken]
    taskRef: `+probeType+`
    params: [{name: changed, value: $(tasks.broken.results.changed)}]
  - name: fatal
    runAfter: [goes-on]
    taskRef: {`+deployTask+`, name: absent}
  finally:
  - name: report
    taskRef: `+probeType+`
    params:
    - {name: broken, value: "$(tasks.broken.status) $(tasks.broken.reason)"}
    - {name: fatal, value: "$(tasks.fatal.status) $(tasks.fatal.reason)"}
    - {name: all, value: $(tasks.status)}
`)
	if d := cmp.Diff(map[string]string{"changed": "false"}, n.answer("pr", "goes-on")); d != "" {
		t.Errorf("results of a failed run: %s", d)
	}
	want := map[string]string{"broken": "Failed ApplicationNotFound", "fatal": "Failed DefinitionNotFound", "all": "Failed"}
	if d := cmp.Diff(want, n.answer("pr", "report")); d != "" {
		t.Error(d)
	}
	n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonFailed)
	n.noLease()
}

func TestMatrixDeploysEachEnvironment(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Environments: []string{"dev", "test"}})
	n.define("catalog", object{
		"params": []any{object{"name": "environment"}},
		"images": []any{object{"name": serverImage, "newTag": "1.0.1"}},
		"update": []any{object{"kustomize": object{"path": "overlays/$(params.environment)"}}},
		"argocd": object{"applications": []any{object{"name": n.Namespace + "-$(params.environment)"}}},
	})
	n.startPipelineRun("pr", `
pipelineSpec:
  tasks:
  - name: deploy
    taskRef: {`+deployTask+`, name: catalog}
    matrix: {params: [{name: environment, value: [dev, test]}]}
`)
	n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonSuccessful)
	runs := n.children("pr", "deploy")
	if len(runs) != 2 || n.commits() != 2 {
		t.Fatalf("%d runs, %d commits, want 2 of both", len(runs), n.commits())
	}
	for _, environment := range []string{"dev", "test"} {
		if got := n.liveImage(environment); got != serverImage+":1.0.1" {
			t.Errorf("%s runs %s", environment, got)
		}
	}
	for _, cr := range runs {
		wantResults(t, &cr, map[string]string{"changed": "true", "image": serverImage + ":1.0.1"})
	}
	n.noLease()
}

// Cancelling a PipelineRun ends the runs under way, those that wait too, and leaves the finished ones as they are.
func TestCancelledPipelineRun(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{Environments: []string{"test", "dev"}})
	n.addHook()
	n.startPipelineRun("pr", `
pipelineSpec:
  tasks:
  - name: finished
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("test", "1.0.1", "{name: lock, value: one}")+`
  - name: holding
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "1.0.1", "{name: lock, value: two}")+`
  - name: waiting
    retries: 3
    runAfter: [finished]
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "1.0.2", "{name: lock, value: two}")+`
`)
	n.whileIn(n.child("pr", "holding").Name, "Syncing")
	finished := n.finish(n.child("pr", "finished").Name)
	wantSucceeded(t, finished)
	n.waitForMessage(n.child("pr", "waiting").Name, "waiting for lock two: ")

	patch := []byte(`{"spec":{"status":"Cancelled"}}`)
	if _, err := n.tekton.TektonV1().PipelineRuns(n.Namespace).Patch(t.Context(), "pr", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, task := range []string{"holding", "waiting"} {
		cr := n.finish(n.child("pr", task).Name)
		n.wantFailed(cr, "CustomRunCancelled", string(v1beta1.CustomRunCancelledByPipelineMsg))
		if len(cr.Status.RetriesStatus) != 0 {
			t.Errorf("%s was tried again after the cancellation", task)
		}
	}
	n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonCancelled)
	n.noLease()
	if got := n.commits(); got != 3 {
		t.Errorf("%d commits, want the hook's and one of each run that got so far", got)
	}
	// Tekton asks finished children to stop as well.
	after := n.waitFor(finished.Name, "the cancellation of the finished run is seen", func(cr *v1beta1.CustomRun) bool {
		return cr.Generation == finished.Generation || cr.Status.ObservedGeneration == cr.Generation
	})
	want := finished.Status
	want.ObservedGeneration = after.Generation
	if d := cmp.Diff(want, after.Status); d != "" {
		t.Errorf("the finished run has changed: %s", d)
	}
}

// The same for a run that is asked to stop when it has long ended, whoever asks.
func TestFinishedRunThatIsCancelledStaysAsItIs(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.byName("run", "absent"))
	before := n.finish("run")
	n.cancel("run")
	after := n.waitFor("run", "the new generation is observed", func(cr *v1beta1.CustomRun) bool { return cr.Status.ObservedGeneration == before.Generation+1 })
	want := before.Status
	want.ObservedGeneration++
	if d := cmp.Diff(want, after.Status); d != "" {
		t.Error(d)
	}
}

func TestPipelineRunThatTimesOut(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.lease("taken", "somebody", 3600)
	n.startPipelineRun("pr", `
timeouts: {pipeline: 6s}
pipelineSpec:
  tasks:
  - name: deploy
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "1.0.1", "{name: lock, value: taken}")+`
`)
	n.wantFailed(n.finish(n.child("pr", "deploy").Name), "CustomRunCancelled", string(v1beta1.CustomRunCancelledByPipelineTimeoutMsg))
	n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonTimedOut)
	if got := n.holderOf("taken"); got != "somebody" || n.commits() != 0 {
		t.Errorf("the lock is held by %q, %d commits", got, n.commits())
	}
}

func TestTimeoutAndRetriesOfTheTaskAreOurs(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.lease("taken", "somebody", 3600)
	n.startPipelineRun("pr", `
pipelineSpec:
  tasks:
  - name: deploy
    timeout: 3s
    retries: 1
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "1.0.1", "{name: lock, value: taken}")+`
`)
	cr := n.finish(n.child("pr", "deploy").Name)
	if cr.Spec.Retries != 1 || cr.GetTimeout() != 3*time.Second {
		t.Errorf("Tekton has forwarded %d retries and a timeout of %s", cr.Spec.Retries, cr.GetTimeout())
	}
	n.wantFailed(cr, "CustomRunTimedOut", "within 3s; it was in phase Locking")
	if len(cr.Status.RetriesStatus) != 1 || cr.Status.RetriesStatus[0].Conditions[0].Reason != "CustomRunTimedOut" {
		t.Errorf("attempts: %+v", cr.Status.RetriesStatus)
	}
	n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonFailed)
	if got := n.holderOf("taken"); got != "somebody" {
		t.Errorf("the lock is held by %q", got)
	}
}

// Tekton starts a deleted CustomRun again under the same name. It is another run: it takes the lock over, and finds on
// the branch what the first one has pushed.
func TestDeletedRunIsStartedAgainUnderTheSameName(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.addHook()
	n.startPipelineRun("pr", `
pipelineSpec:
  tasks:
  - name: deploy
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", "1.0.1", "{name: lock, value: catalog}")+`
`)
	first := n.whileIn(n.child("pr", "deploy").Name, "Syncing")
	if got := n.holderOf("catalog"); !strings.HasSuffix(got, "/"+string(first.UID)) {
		t.Fatalf("the lock is held by %q", got)
	}
	runs := n.tekton.TektonV1beta1().CustomRuns(n.Namespace)
	if err := runs.Delete(t.Context(), first.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	n.poll("the run is there again", func() bool {
		cr, err := runs.Get(t.Context(), first.Name, metav1.GetOptions{})
		return err == nil && cr.UID != first.UID
	})
	second := n.whileIn(first.Name, "Syncing")
	if got := n.holderOf("catalog"); !strings.HasSuffix(got, "/"+string(second.UID)) {
		t.Errorf("the lock is held by %q, want the second run", got)
	}
	n.endHook("healthy")
	cr := n.finish(first.Name)
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "false", "commit": n.tip(), "image": serverImage + ":1.0.1"})
	n.finishPipelineRun("pr", pipelinev1.PipelineRunReasonSuccessful)
	if got := n.commits(); got != 2 {
		t.Errorf("%d commits, want the hook's and one of the first run", got)
	}
	n.noLease()
}

// Runs of other kinds are other controllers' business, from the first event on.
func TestRunsOfOtherKindsAreNotTouched(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	foreign := map[string]*v1beta1.CustomRun{
		"another group":   {Spec: v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: "contract.example.dev/v1", Kind: "GitOpsDeploy"}}},
		"another version": {Spec: v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: "gitops.tekton.dev/v1", Kind: "GitOpsDeploy"}}},
		"another kind":    {Spec: v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: "gitops.tekton.dev/v1alpha1", Kind: "GitOpsOther"}, Status: v1beta1.CustomRunSpecStatusCancelled}},
	}
	for name, cr := range foreign {
		cr.Name, cr.Namespace = strings.ReplaceAll(name, " ", "-"), n.Namespace
		foreign[name] = n.create(cr)
	}
	// The controller has seen them when it has dealt with a run that came after.
	n.create(n.byName("ours", "absent"))
	n.finish("ours")
	for name, before := range foreign {
		after := n.get(before.Name)
		if after.ResourceVersion != before.ResourceVersion || len(after.Status.Conditions) != 0 || len(after.Finalizers) != 0 {
			t.Errorf("%s: the run was written: %+v", name, after.Status)
		}
	}
}
