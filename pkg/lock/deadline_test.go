package lock_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
)

// timed notes for each call whether its context has a deadline.
type timed struct {
	coordinationv1client.LeasesGetter
	coordinationv1client.LeaseInterface
	seen map[string]bool
}

func (d timed) Leases(namespace string) coordinationv1client.LeaseInterface {
	d.LeaseInterface = d.LeasesGetter.Leases(namespace)
	return d
}

func (d timed) note(ctx context.Context, verb string) { _, d.seen[verb] = ctx.Deadline() }

func (d timed) Get(ctx context.Context, name string, o metav1.GetOptions) (*coordinationv1.Lease, error) {
	d.note(ctx, "get")
	return d.LeaseInterface.Get(ctx, name, o)
}

func (d timed) Create(ctx context.Context, lease *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error) {
	d.note(ctx, "create")
	return d.LeaseInterface.Create(ctx, lease, o)
}

func (d timed) Delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	d.note(ctx, "delete")
	return d.LeaseInterface.Delete(ctx, name, o)
}

func TestEveryCallHasADeadline(t *testing.T) {
	d := timed{LeasesGetter: newServer().leases(), seen: map[string]bool{}}
	m := lock.New(d, proofs{}, clocktesting.NewFakePassiveClock(t0))
	if _, err := m.Acquire(context.Background(), name, me, owner(me)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Release(context.Background(), name, me); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"get": true, "create": true, "delete": true}, d.seen); diff != "" {
		t.Error(diff)
	}
}
