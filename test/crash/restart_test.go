package crash

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestKilledWhileRestarting kills the controller around the action that restarts a workload, which carries no mark of
// the run that asked for it.
func TestKilledWhileRestarting(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	controller := startVictim(t)
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")

	places := []failpoint.Name{failpoint.RestartPlanBefore, failpoint.RestartPlanAfter, failpoint.RestartBefore, failpoint.RestartAfter, failpoint.SyncedWriteBefore, failpoint.SyncedWriteAfter}
	controller.at(t, places, func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		before := serverGeneration(t, n)
		controller.arm(t, place)
		run := fmt.Sprintf("run-%d", i)
		n.Create(n.Embedded(run, fmt.Sprintf(`{"restart":"true","images":[{"name":%q}],"argocd":{"applications":[{"name":%q}]}}`, scenario.ServerImage, n.App("dev"))))
		controller.died(t, n, run)
		controller.rise(t)
		n.Succeed(run)
		// Each restart is a new generation of the Deployment, and nothing else in here makes one.
		if got := serverGeneration(t, n); got != before+1 {
			t.Errorf("the Deployment is at generation %d after %d, want one restart", got, before)
		}
		n.NoLease()
	})
}

func serverGeneration(t *testing.T, n *scenario.Tenant) int64 {
	t.Helper()
	d, err := n.Client.AppsV1().Deployments(n.Targets["dev"]).Get(t.Context(), "server", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Generation
}
