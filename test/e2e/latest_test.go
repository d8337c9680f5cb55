package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// Of the runs that only want the latest, one keeps waiting: the one that came last. The others end while the lock is
// still held, and whoever holds it notices nothing. A run that wants its turn gets it.
func TestQueueOfTheLatest(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	held := n.lease(lockName, "somebody", 0)
	n.create(n.locked("in-turn", "1.0.1"))
	n.waitForMessage("in-turn", "waiting for lock "+lockName+": 1st of 1")
	var runs []*v1beta1.CustomRun
	for i := range 3 {
		spec := with(n.spec(fmt.Sprintf("2.0.%d", i)), "lock.name", lockName, "lock.queue", "Latest")
		runs = append(runs, n.create(n.embedded(fmt.Sprintf("latest-%d", i), spec)))
	}
	// Creation times are whole seconds; among equals the UID decides.
	slices.SortFunc(runs, func(a, b *v1beta1.CustomRun) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(string(a.UID), string(b.UID)))
	})
	newest := runs[2].Name
	for _, run := range runs[:2] {
		cr := n.finish(run.Name)
		n.wantFailed(cr, "Superseded", "came later for lock "+lockName+", and lock.queue is Latest")
		wantResults(t, cr, map[string]string{"changed": "false", "commit": ""})
	}
	n.waitForMessage(newest, "waiting for lock "+lockName+": 2nd of 2, behind CustomRun in-turn")
	if after := n.readLease(lockName); after.UID != held.UID || after.ResourceVersion != held.ResourceVersion {
		t.Errorf("the Lease of the holder is %+v, was %+v", after, held)
	}
	if got := n.commits(); got != 0 {
		t.Errorf("%d commits", got)
	}
	n.deleteLease(lockName)
	wantSucceeded(t, n.finish("in-turn"))
	wantSucceeded(t, n.finish(newest))
	if got := n.commits(); got != 2 {
		t.Errorf("%d commits, want one of each run that had its turn", got)
	}
	n.noLease()
}
