package crash

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestHolderBehindTheHead: a run was the first in the queue, made the Lease, and its controller died before it could
// write so. Meanwhile an older run has joined the queue, ahead of it. Neither may wait for the other.
func TestHolderBehindTheHead(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	h := record(t, n)
	controller := startReplica(t, "only")
	block(t, n, "lock-dev")
	older := n.Create(n.Deploy("older", "dev", "1.0.1", scenario.Param("lock", "lock-dev")))
	n.WaitFor("older", "the head of the queue", func(cr *v1beta1.CustomRun) bool { return scenario.Reason(cr) == "Locking" })
	younger := n.Create(n.Deploy("younger", "dev", "1.0.2", scenario.Param("lock", "lock-dev")))
	for younger.CreationTimestamp.Equal(&older.CreationTimestamp) {
		if err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).Delete(t.Context(), "younger", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		younger = n.Create(n.Deploy("younger", "dev", "1.0.2", scenario.Param("lock", "lock-dev")))
	}
	n.WaitFor("younger", "its place in the queue", func(cr *v1beta1.CustomRun) bool { return scenario.Reason(cr) == "Locking" })
	controller.Kill()
	bury(t)
	unblock(t, n, "lock-dev")
	_, err := n.Client.CoordinationV1().Leases(n.Namespace).Create(t.Context(), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "lock-dev", OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1beta1.SchemeGroupVersion.String(), Kind: "CustomRun", Name: younger.Name, UID: younger.UID,
		}}},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: ptr.To(n.Namespace + "/younger/" + string(younger.UID))},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	controller.start(t)
	n.Succeed("younger")
	n.Succeed("older")
	if diff := cmp.Diff([]types.UID{younger.UID, older.UID}, served(h.sorted(t), "lock-dev")); diff != "" {
		t.Errorf("holders of the lock (-want +got):\n%s", diff)
	}
	checkOneHolder(t, h.sorted(t))
	n.NoLease()
}
