package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// otherVersion is a checkpoint of a version that does not exist.
const otherVersion = `{"status":{"extraFields":{"gitops":{"version":99,"data":{"written":"by another version"}}}}}`

// foreignTimeout is the time that the second run of TestCheckpointOfAnotherVersion has.
const foreignTimeout = 18 * time.Second

// TestCheckpointOfAnotherVersion: such a run is left alone, but its end by cancellation or timeout frees its lock.
func TestCheckpointOfAnotherVersion(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Environments: []string{"dev", "test"}})
	controller := startReplica(t, "only")
	// Their pods never become ready, so that they keep their locks.
	n.Create(n.Deploy("to-cancel", "dev", "1.0.1-never-pulls", scenario.Param("lock", "lock-dev")))
	timed := n.Deploy("to-time-out", "test", "1.0.1-never-pulls", scenario.Param("lock", "lock-test"))
	timed.Spec.Timeout = &metav1.Duration{Duration: foreignTimeout}
	n.Create(timed)
	names := []string{"to-cancel", "to-time-out"}
	for _, name := range names {
		n.WaitFor(name, "phase Verifying", func(cr *v1beta1.CustomRun) bool { return scenario.Reason(cr) == "Verifying" })
	}
	controller.Kill()
	bury(t)
	for _, name := range names {
		n.Patch(name, otherVersion, "status")
	}
	before, holders := len(n.Commits()), n.Holders()
	controller.start(t)
	n.Create(n.Deploy("after-cancel", "dev", "1.0.2", scenario.Param("lock", "lock-dev")))
	n.Create(n.Deploy("after-time-out", "test", "1.0.2", scenario.Param("lock", "lock-test")))

	t.Run("it is left alone with a message", func(t *testing.T) {
		n := n.For(t)
		for _, name := range names {
			cr := n.WaitFor(name, "the message", func(cr *v1beta1.CustomRun) bool {
				return strings.Contains(scenario.Message(cr), "another version of the controller")
			})
			cp, err := checkpointOf(cr)
			if err != nil {
				t.Fatal(err)
			}
			if cp.Version != 99 || cp.Phase != "Verifying" || scenario.Reason(cr) != "Verifying" || !strings.Contains(string(cr.Status.ExtraFields.Raw), "by another version") {
				t.Errorf("run %s has the condition %s and the checkpoint %s", name, scenario.Outcome(cr), cr.Status.ExtraFields.Raw)
			}
		}
		for _, name := range []string{"after-cancel", "after-time-out"} {
			n.WaitFor(name, "waiting for the lock", func(cr *v1beta1.CustomRun) bool {
				return strings.Contains(scenario.Message(cr), "held by CustomRun to-")
			})
		}
		if diff := cmp.Diff(holders, n.Holders()); diff != "" {
			t.Errorf("holders (-before +after):\n%s", diff)
		}
		if got := len(n.Commits()); got != before {
			t.Errorf("%d commits, want %d", got, before)
		}
	})
	t.Run("its end frees its lock", func(t *testing.T) {
		n := n.For(t)
		n.Cancel("to-cancel")
		for name, want := range map[string]string{"to-cancel": string(v1alpha1.ReasonCancelled), "to-time-out": string(v1alpha1.ReasonTimedOut)} {
			cr := n.Finish(name)
			if got := scenario.Reason(cr); got != want {
				t.Errorf("run %s ended with %s, want %s", name, scenario.Outcome(cr), want)
			}
			if !strings.Contains(string(cr.Status.ExtraFields.Raw), "by another version") {
				t.Errorf("run %s has lost its checkpoint: %s", name, cr.Status.ExtraFields.Raw)
			}
			for _, result := range v1alpha1.Results() {
				if _, ok := scenario.Results(cr)[result.Name]; !ok {
					t.Errorf("run %s has no result %s", name, result.Name)
				}
			}
		}
		for name, environment := range map[string]string{"after-cancel": "dev", "after-time-out": "test"} {
			n.Succeed(name)
			if got, want := n.LiveImage(environment), scenario.ServerImage+":1.0.2"; got != want {
				t.Errorf("%s runs %s, want %s", environment, got, want)
			}
		}
		n.NoLease()
	})
}
