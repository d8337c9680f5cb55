package crash

import (
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	twenty = 20
	// killEvery is the time between two kills. Leadership lasts for three seconds, so each kill costs the runs of the dead
	// replica most of that time.
	killEvery = 5 * time.Second
	// twentyTimeout is what an idle machine needs many times over.
	twentyTimeout = 15 * time.Minute
)

// TestTwentyRunsOnOneLock kills one of two replicas with SIGKILL every five seconds, in turn, for as long as twenty runs
// need to pass one lock.
func TestTwentyRunsOnOneLock(t *testing.T) {
	environments := []string{"dev"}
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Environments: environments})
	operations := scenario.WatchOperations(t, bed.Cluster)
	r := startReplicas(t, 2)
	h := record(t, n)
	block(t, n, lockName("dev"))
	created := createMany(t, n, r, environments, twenty)
	for name := range created {
		n.WaitFor(name, "its place in the queue", func(cr *v1beta1.CustomRun) bool { return scenario.Reason(cr) == "Locking" })
	}
	unblock(t, n, lockName("dev"))

	began, kills := time.Now(), 0
	for ; !allDone(t, n); kills++ {
		if time.Since(began) > twentyTimeout {
			t.Fatalf("not done within %s and %d kills", twentyTimeout, kills)
		}
		time.Sleep(time.Until(began.Add(time.Duration(kills+1) * killEvery)))
		one := r.all[kills%2]
		one.Kill()
		one.start(t)
	}
	t.Logf("%d runs in %s with %d kills", twenty, time.Since(began).Round(time.Second), kills)
	if kills < 4 {
		t.Errorf("only %d kills: the test shows nothing", kills)
	}
	for name := range created {
		n.Succeed(name)
	}
	checkAll(t, n, operations, h, created, environments)
}

// allDone tells whether every run of the namespace has ended.
func allDone(t *testing.T, n *scenario.Tenant) bool {
	t.Helper()
	runs, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).List(t.Context(), listAll)
	if err != nil {
		t.Fatal(err)
	}
	for _, cr := range runs.Items {
		if !cr.IsDone() {
			return false
		}
	}
	return true
}
