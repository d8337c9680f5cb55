package crash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestKilledWhileReverting kills the controller twice in each deployment: before it stores that the deployment has
// failed, when all that deploys is done, and then at a place on the way back.
func TestKilledWhileReverting(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	operations := scenario.WatchOperations(t, bed.Cluster)
	controller := startVictim(t)
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")

	controller.at(t, failpoint.WayBack(), func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		run := fmt.Sprintf("run-%d", i)
		before := look(n, operations)
		controller.arm(t, failpoint.VerdictWriteBefore)
		created := n.Create(revertible(n, run, fmt.Sprintf("never-pulls-%d", i)))
		controller.died(t, n, run)
		controller.arm(t, place)
		controller.rise(t)
		controller.died(t, n, run)
		controller.rise(t)
		checkOneRevert(t, n, operations, before, created, n.Finish(run))
	})
}

// revertible is a run that takes its commit back soon when its pods do not come up.
func revertible(n *scenario.Tenant, name, tag string) *v1beta1.CustomRun {
	return n.Embedded(name, fmt.Sprintf(`{
		"images": [{"name": %q, "newTag": %q}],
		"update": [{"kustomize": {"path": "overlays/dev"}}],
		"argocd": {"applications": [{"name": %q}]},
		"verify": {"failureGrace": "1s"},
		"onFailure": "Revert"
	}`, scenario.ServerImage, tag, n.App("dev")))
}

// checkOneRevert wants one commit that deploys and one that takes it back, one sync of each, and the verdict of the first.
func checkOneRevert(t *testing.T, n *scenario.Tenant, operations *scenario.Operations, before outside, created, done *v1beta1.CustomRun) {
	t.Helper()
	if done.IsSuccessful() || scenario.Reason(done) != string(v1alpha1.ReasonRolloutFailed) || !strings.Contains(scenario.Message(done), "has put the previous state back, and it runs") {
		t.Errorf("the run is %s", scenario.Outcome(done))
	}
	want := outside{commits: before.commits + 2, operations: before.operations + 2, deployment: before.deployment + 2}
	eventually(t, "the watch sees the operations", 5*time.Second, func() bool { return len(operations.Of(n.App("dev"))) >= want.operations })
	if diff := cmp.Diff(want, look(n, operations), cmp.AllowUnexported(outside{})); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	for _, op := range operations.Of(n.App("dev"))[before.operations:] {
		if op.Run != string(created.UID) {
			t.Errorf("somebody else's sync: %+v", op)
		}
	}
	commits := n.Commits()
	if !strings.HasPrefix(commits[0].Message, "Revert ") || !strings.Contains(commits[0].Message, "takes back commit "+commits[1].ID) {
		t.Errorf("the last commit says %q", commits[0].Message)
	}
	if got := n.LiveImage("dev"); got != scenario.ServerImage+":1.0.1" {
		t.Errorf("the Deployment runs %s", got)
	}
	results := scenario.Results(done)
	for name, value := range map[string]string{v1alpha1.ResultReverted: "true", v1alpha1.ResultChanged: "true", v1alpha1.ResultCommit: commits[1].ID, v1alpha1.ResultRevision: commits[0].ID} {
		if results[name] != value {
			t.Errorf("result %s is %q, want %q", name, results[name], value)
		}
	}
	if recorded := n.Recorded(created.UID); len(recorded) != 0 {
		t.Errorf("a failed run left a record: %v", recorded)
	}
	n.NoLease()
}
