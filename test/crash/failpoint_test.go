package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	file := filepath.Join(t.TempDir(), "failpoint")
	controller := startReplica(t, "only", failpointVariable+"="+file)
	// The first sync of an application creates everything; the deployments after it all do the same.
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")

	for i, name := range failpoint.All() {
		ok := t.Run(string(name), func(t *testing.T) {
			n := n.For(t)
			run, tag := fmt.Sprintf("run-%d", i), fmt.Sprintf("1.1.%d", i)
			before := look(n, operations)
			if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
			created := n.Create(n.Deploy(run, "dev", tag))
			select {
			case <-controller.Done():
			case <-time.After(30 * time.Second):
				t.Fatalf("the controller never came to %s; the run is %s", name, scenario.Outcome(n.Get(run)))
			}
			if _, err := os.Stat(file); !os.IsNotExist(err) {
				t.Fatalf("the controller died elsewhere: %v", err)
			}
			bury(t)
			controller.start(t)
			done := n.Succeed(run)
			checkOneEffect(t, n, operations, before, created, done, tag)
		})
		if !ok && controller.Exited() {
			controller.start(t)
		}
	}
}
