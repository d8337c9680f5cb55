package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const lockName = "product-catalog-dev"

// lease creates a Lease as kubectl does for a pipeline that locks by hand. Zero seconds leave the duration out.
func (n *tenant) lease(name, holder string, seconds int32) *coordinationv1.Lease {
	n.t.Helper()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder}}
	if seconds > 0 {
		lease.Spec.LeaseDurationSeconds = &seconds
	}
	made, err := n.Client.CoordinationV1().Leases(n.Namespace).Create(n.t.Context(), lease, metav1.CreateOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return made
}

func (n *tenant) readLease(name string) *coordinationv1.Lease {
	n.t.Helper()
	lease, err := n.Client.CoordinationV1().Leases(n.Namespace).Get(n.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return lease
}

func (n *tenant) deleteLease(name string) {
	n.t.Helper()
	if err := n.Client.CoordinationV1().Leases(n.Namespace).Delete(n.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		n.t.Fatal(err)
	}
}

// locked is a run that names the lock.
func (n *tenant) locked(name, tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	return n.deploy(name, tag, append(extra, param("lock", lockName))...)
}

func TestFiveRunsOnOneLock(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	history := n.recordHistory()
	n.lease(lockName, "somebody", 0)
	var runs []*v1beta1.CustomRun
	for i := range 5 {
		runs = append(runs, n.create(n.locked(fmt.Sprintf("run-%d", i), fmt.Sprintf("1.0.%d", i+1))))
	}
	// Creation times are whole seconds; among equals the UID decides.
	slices.SortFunc(runs, func(a, b *v1beta1.CustomRun) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(string(a.UID), string(b.UID)))
	})
	var names []string
	for _, run := range runs {
		names = append(names, run.Name)
		n.whileIn(run.Name, "Locking")
	}
	n.waitForMessage(names[0], "waiting for lock "+lockName+": 1st of 5", `held by "somebody" since`)
	n.waitForMessage(names[1], "waiting for lock "+lockName+": 2nd of 5, behind CustomRun "+names[0])
	n.waitForMessage(names[2], "waiting for lock "+lockName+": 3rd of 5, behind CustomRun "+names[1])
	n.deleteLease(lockName)
	for _, name := range names {
		wantSucceeded(t, n.finish(name))
	}
	if err := mutualExclusion(lockName, history.until(n, names...)); err != nil {
		t.Error(err)
	}
	log, err := n.Repository.Log(t.Context(), localcluster.Branch)
	if err != nil {
		t.Fatal(err)
	}
	var committed []string
	for _, commit := range log[:len(log)-1] {
		_, run, _ := strings.Cut(commit.Message, "Tekton-CustomRun: "+n.Namespace+"/")
		run, _, _ = strings.Cut(run, "\n")
		committed = append(committed, run)
	}
	slices.Reverse(committed)
	if !slices.Equal(committed, names) {
		t.Errorf("commits are by %v, want the order %v", committed, names)
	}
	record := n.record(lockName)
	recorded := []string{record.Run}
	for _, before := range record.History {
		recorded = append(recorded, before.Run)
	}
	slices.Reverse(recorded)
	if !slices.Equal(recorded, names) {
		t.Errorf("the record has %v, want the order %v", recorded, names)
	}
	n.noLease()
}

// A run that waits too long ends, and the holder keeps what is its own.
func TestLockTimeout(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.locked("holder", "never-pulls-1"))
	n.whileIn("holder", "Verifying")
	before := n.readLease(lockName)
	n.create(n.locked("waiter", "1.0.2", param("lock-timeout", "1s")))
	n.wantFailed(n.finish("waiter"), "LockTimeout", "lock "+lockName+" was not free within 1s", "held by CustomRun holder")
	n.create(n.locked("impatient", "1.0.3", param("lock-timeout", "0")))
	n.wantFailed(n.finish("impatient"), "LockTimeout", "lock "+lockName+" is taken and lock.timeout is 0")
	after := n.readLease(lockName)
	if after.UID != before.UID || after.ResourceVersion != before.ResourceVersion || !strings.Contains(*after.Spec.HolderIdentity, "/holder/") {
		t.Errorf("the holder's Lease is %+v, was %+v", after, before)
	}
	if reason(n.get("holder")) != "Verifying" {
		t.Errorf("the holder is %s", outcome(n.get("holder")))
	}
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want only the holder's", got)
	}
	n.cancel("holder")
	n.finish("holder")
	n.noLease()
}

// A Lease that kubectl made is respected until it has been seen unchanged for the time that it states.
func TestLeaseMadeByHandExpires(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	made := n.lease(lockName, "build-and-deploy-x7k2p", 4)
	began := time.Now()
	n.create(n.locked("run", "1.0.1"))
	n.waitForMessage("run", `held by "build-and-deploy-x7k2p" since `, "taken over when its Lease has been seen unchanged for 4s")
	if n.readLease(lockName).UID != made.UID {
		t.Error("the Lease was replaced before its time")
	}
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if took := time.Since(began); took < 4*time.Second {
		t.Errorf("the run ended after %s, before the Lease's time was over", took)
	}
	n.noLease()
}

// While the PipelineRun that the Lease names is running, the Lease holds for however long; when it is done, the lock is
// free at once.
func TestLeaseOfAPipelineRun(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	pipelineRuns := n.tekton.TektonV1().PipelineRuns(n.Namespace)
	_, err := pipelineRuns.Create(t.Context(), &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Name: "by-hand"},
		Spec: pipelinev1.PipelineRunSpec{PipelineSpec: &pipelinev1.PipelineSpec{Tasks: []pipelinev1.PipelineTask{{
			Name: "forever", TaskRef: &pipelinev1.TaskRef{APIVersion: "example.dev/v1", Kind: "Nobody"},
		}}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const seconds = 2
	n.lease(lockName, "by-hand", seconds)
	n.create(n.locked("run", "1.0.1"))
	n.waitForMessage("run", "held by PipelineRun by-hand since ")
	time.Sleep(seconds*time.Second + soon)
	if cr := n.get("run"); reason(cr) != "Locking" {
		t.Errorf("the run is %s, want Locking: the PipelineRun is running", outcome(cr))
	}
	patch := []byte(`{"spec":{"status":"Cancelled"}}`)
	if _, err := pipelineRuns.Patch(t.Context(), "by-hand", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	wantSucceeded(t, n.finish("run"))
	n.noLease()
}

// A Lease with a renewTime is some operator's leader election.
func TestLeaseOfALeaderElection(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	lease := n.lease(lockName, "operator-0", 15)
	lease.Spec.RenewTime = &metav1.MicroTime{Time: time.Now()}
	before, err := n.Client.CoordinationV1().Leases(n.Namespace).Update(t.Context(), lease, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n.create(n.locked("run", "1.0.1"))
	n.wantFailed(n.finish("run"), "InvalidSpec", "leader election", lockName, "operator-0", "choose another lock name")
	if after := n.readLease(lockName); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the Lease was touched: %+v", after)
	}
	if got := n.commits(); got != 0 {
		t.Errorf("%d commits", got)
	}
}

// Somebody deletes the Lease while the run cannot push yet: it queues again, and still makes one commit.
func TestLeaseDeletedBeforeThePush(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	unblock := n.blockBranch()
	n.create(n.locked("run", "1.0.1"))
	n.waitForMessage("run", "branch main has moved, editing again")
	first := n.readLease(lockName)
	n.deleteLease(lockName)
	n.poll("the run holds the lock again", func() bool {
		lease, err := n.Client.CoordinationV1().Leases(n.Namespace).Get(t.Context(), lockName, metav1.GetOptions{})
		return err == nil && lease.UID != first.UID
	})
	unblock()
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if got := n.phases(cr); !strings.HasPrefix(got, "Preparing Locking Publishing Locking Publishing Syncing") {
		t.Errorf("the phases were %s, want a return to Locking", got)
	}
	if got := n.commits(); got != 1 {
		t.Errorf("%d commits, want 1", got)
	}
	n.noLease()
}

// Somebody deletes the Lease after the push: git and Argo CD protect what follows.
func TestLeaseDeletedAfterThePush(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.create(n.locked("run", "slow-ready-1"))
	n.whileIn("run", "Verifying")
	n.deleteLease(lockName)
	cr := n.finish("run")
	wantSucceeded(t, cr)
	if got := n.phases(cr); strings.Count(got, "Locking") != 1 {
		t.Errorf("the phases were %s, want no return to Locking", got)
	}
	n.noLease()
}
