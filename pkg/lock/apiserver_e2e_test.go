//go:build e2e

package lock_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// everybodyLives proves nothing but life, so that only releases free a lock.
type everybodyLives struct{}

func (everybodyLives) Holder(context.Context, lock.Holder) (lock.Evidence, error) {
	return lock.Evidence{Proof: lock.Alive}, nil
}

func (everybodyLives) Named(context.Context, string, string) (lock.Evidence, error) {
	return lock.Evidence{Proof: lock.Unknown}, nil
}

// place is a namespace on a real API server, and the controller's own client to it.
type place struct {
	admin      kubernetes.Interface
	controller kubernetes.Interface
	namespace  string
}

func TestAgainstAPIServer(t *testing.T) {
	cluster, stop, err := localcluster.Start(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	namespace, err := cluster.CreateNamespace(t.Context(), "lock", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.DeleteNamespace(context.Background(), namespace) })
	config := rest.CopyConfig(cluster.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:tekton-gitops:lock-test",
		Groups:   []string{"system:serviceaccounts", "system:authenticated"},
	}
	controller, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	p := place{admin: cluster.Client, controller: controller, namespace: namespace}

	t.Run("a namespace that is not enabled", p.notEnabled)
	p.enable(t)
	t.Run("create, hold, release", p.roundTrip)
	t.Run("preconditions", p.preconditions)
	t.Run("a foreign Lease expires on our clock", p.foreign)
	t.Run("the owner's end frees the lock", p.garbage)
	t.Run("many at once", p.contention)
}

// run makes an object that stands for a run: the garbage collector wants a real owner.
func (p place) run(t *testing.T, name string) (lock.Holder, metav1.OwnerReference) {
	t.Helper()
	made, err := p.admin.CoreV1().ConfigMaps(p.namespace).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return lock.Holder{Namespace: p.namespace, Name: name, UID: made.UID},
		*metav1.NewControllerRef(made, corev1.SchemeGroupVersion.WithKind("ConfigMap"))
}

func (p place) mutex() *lock.Mutex {
	return lock.New(p.controller.CoordinationV1(), everybodyLives{}, clock.RealClock{})
}

func (p place) notEnabled(t *testing.T) {
	h, o := p.run(t, "not-enabled")
	_, err := p.mutex().Acquire(t.Context(), "a", h, o)
	checkError(t, err, lock.ErrForbidden, "leases")
}

// enable gives the controller the rules of the tenant role, which must be enough.
func (p place) enable(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile("../../config/200-clusterrole-tenant.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tenant rbacv1.ClusterRole
	if err := yaml.Unmarshal(data, &tenant); err != nil {
		t.Fatal(err)
	}
	rbac := p.admin.RbacV1()
	if _, err := rbac.Roles(p.namespace).Create(t.Context(),
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "tenant"}, Rules: tenant.Rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := rbac.RoleBindings(p.namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tenant"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "tekton-gitops", Name: "lock-test"}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	// The API server's authoriser follows with an informer.
	p.eventually(t, "the binding works", func(ctx context.Context) bool {
		_, err := p.controller.CoordinationV1().Leases(p.namespace).Get(ctx, "none", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func (p place) eventually(t *testing.T, what string, done func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(ctx context.Context) (bool, error) { return done(ctx), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func (p place) roundTrip(t *testing.T) {
	m := p.mutex()
	h, o := p.run(t, "holder")
	waiter, wo := p.run(t, "waiter")
	for range 2 {
		got, err := m.Acquire(t.Context(), "round", h, o)
		if err != nil || got.State != lock.Held {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	lease, err := p.admin.CoordinationV1().Leases(p.namespace).Get(t.Context(), "round", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "holder", UID: h.UID, Controller: ptr.To(true)}}
	if d := cmp.Diff(want, lease.OwnerReferences); d != "" {
		t.Error(d)
	}
	if got, err := m.Acquire(t.Context(), "round", waiter, wo); err != nil || got.State != lock.Busy || got.Holder != h.String() {
		t.Fatalf("%+v, %v", got, err)
	}
	if released, err := m.Release(t.Context(), "round", waiter); released || err != nil {
		t.Fatalf("the waiter released: %v, %v", released, err)
	}
	if holds, err := m.Holds(t.Context(), "round", h); !holds || err != nil {
		t.Fatalf("holds: %v, %v", holds, err)
	}
	if released, err := m.Release(t.Context(), "round", h); !released || err != nil {
		t.Fatalf("released: %v, %v", released, err)
	}
	if holds, err := m.Holds(t.Context(), "round", h); holds || err != nil {
		t.Fatalf("holds after release: %v, %v", holds, err)
	}
}

// preconditions: the answers on which the package relies, and which the unit tests' server imitates.
func (p place) preconditions(t *testing.T) {
	leases := p.controller.CoordinationV1().Leases(p.namespace)
	made, err := leases.Create(t.Context(), p.foreignLease("pre", nil), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = leases.Create(t.Context(), p.foreignLease("pre", nil), metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: %v", err)
	}
	for name, pre := range map[string]metav1.Preconditions{
		"another UID":     {UID: ptr.To(types.UID("another")), ResourceVersion: &made.ResourceVersion},
		"another version": {UID: &made.UID, ResourceVersion: ptr.To("1")},
	} {
		err := leases.Delete(t.Context(), "pre", metav1.DeleteOptions{Preconditions: &pre})
		if !apierrors.IsConflict(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	exact := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &made.UID, ResourceVersion: &made.ResourceVersion}}
	if err := leases.Delete(t.Context(), "pre", exact); err != nil {
		t.Error(err)
	}
	if err := leases.Delete(t.Context(), "pre", exact); !apierrors.IsNotFound(err) {
		t.Errorf("second delete: %v", err)
	}
}

// foreignLease is what a pipeline's own task creates.
func (p place) foreignLease(name string, duration *int32) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("build-7"), LeaseDurationSeconds: duration,
			AcquireTime: &metav1.MicroTime{Time: time.Now()},
		},
	}
}

func (p place) foreign(t *testing.T) {
	leases := p.admin.CoordinationV1().Leases(p.namespace)
	if _, err := leases.Create(t.Context(), p.foreignLease("foreign", ptr.To[int32](2)), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	m := p.mutex()
	h, o := p.run(t, "after-foreign")
	start := time.Now()
	p.eventually(t, "taken over", func(ctx context.Context) bool {
		got, err := m.Acquire(ctx, "foreign", h, o)
		if err != nil {
			t.Fatal(err)
		}
		return got.State == lock.Held
	})
	if took := time.Since(start); took < 2*time.Second {
		t.Errorf("taken over after %s", took)
	}
}

func (p place) garbage(t *testing.T) {
	m := p.mutex()
	h, o := p.run(t, "deleted")
	if got, err := m.Acquire(t.Context(), "garbage", h, o); err != nil || got.State != lock.Held {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := p.admin.CoreV1().ConfigMaps(p.namespace).Delete(t.Context(), "deleted", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.eventually(t, "the Lease is collected", func(ctx context.Context) bool {
		holds, err := m.Holds(ctx, "garbage", h)
		return err == nil && !holds
	})
}

// contention: twenty runs on two replicas, each of which takes the lock once.
func (p place) contention(t *testing.T) {
	replicas := []*lock.Mutex{p.mutex(), p.mutex()}
	var inside, served atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		h, o := p.run(t, fmt.Sprintf("run-%d", i))
		all.Go(func() {
			m := replicas[i%2]
			for {
				got, err := m.Acquire(t.Context(), "busy", h, o)
				if err != nil {
					t.Error(err)
					return
				}
				if got.State == lock.Held {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d holders at once", n)
			}
			time.Sleep(5 * time.Millisecond)
			inside.Add(-1)
			if released, err := m.Release(t.Context(), "busy", h); !released || err != nil {
				t.Errorf("release: %v, %v", released, err)
			}
			served.Add(1)
		})
	}
	all.Wait()
	if n := served.Load(); n != 20 {
		t.Errorf("%d of 20 runs had the lock", n)
	}
}
