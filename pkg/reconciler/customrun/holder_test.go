package customrun

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"
)

// A run that made the Lease and died before it could write so comes back behind an older run that has joined the queue
// since.
func TestHolderBehindTheHeadGoesOn(t *testing.T) {
	h := newHarness(t)
	h.queued("older", 2*time.Minute, time.Hour)
	younger := h.queued("younger", time.Minute, time.Hour)
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: younger.Namespace, Name: "catalog", UID: "uid-of-lease", ResourceVersion: "7"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To(younger.Namespace + "/younger/" + string(younger.UID))},
	}
	if err := h.kube.Tracker().Add(lease); err != nil {
		t.Fatal(err)
	}
	if got := reasonOf(h.reconcile("older")); got != string(Locking) {
		t.Errorf("the head is %s while another run holds the lock", got)
	}
	if got := reasonOf(h.reconcile("younger")); got != string(Publishing) {
		t.Errorf("the holder is %s: the two wait for each other", got)
	}
}

// Only the head of a queue reads the Lease; a waiting run does so once, however often it is woken.
func TestWaitingRunReadsTheLeaseOnce(t *testing.T) {
	h := newHarness(t)
	h.queued("older", 2*time.Minute, time.Hour)
	h.queued("younger", time.Minute, time.Hour)
	reads := 0
	for range 5 {
		h.kube.ClearActions()
		h.reconcile("younger")
		for _, action := range h.kube.Actions() {
			if get, ok := action.(clienttesting.GetAction); ok && get.GetResource().Resource == "leases" {
				reads++
			}
		}
	}
	if reads != 1 {
		t.Errorf("%d reads, want 1", reads)
	}
}
