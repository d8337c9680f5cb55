package crash

import (
	"fmt"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// failpointVariable and replayVariable are those of the packages failpoint and customrun, which only builds with fail
// points have.
const (
	failpointVariable = "GITOPS_FAILPOINT_FILE"
	replayVariable    = "GITOPS_REPLAY_STALE"
)

// TestKilledAtEveryFailPoint kills the controller in one deployment after another, each time at another place, and
// looks from outside at what each deployment has done.
func TestKilledAtEveryFailPoint(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	operations := scenario.WatchOperations(t, bed.Cluster)
	controller := startVictim(t)
	// The first sync of an application creates everything; the deployments after it all do the same.
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")

	controller.at(t, failpoint.All(), func(t *testing.T, i int, place failpoint.Name) {
		n := n.For(t)
		run, tag := fmt.Sprintf("run-%d", i), fmt.Sprintf("1.1.%d", i)
		before := look(n, operations)
		controller.arm(t, place)
		created := n.Create(n.Deploy(run, "dev", tag))
		controller.died(t, n, run)
		controller.rise(t)
		checkOneEffect(t, n, operations, before, created, n.Succeed(run), tag)
	})
}
