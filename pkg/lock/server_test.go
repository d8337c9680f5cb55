package lock_test

import (
	"context"
	"fmt"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	ktesting "k8s.io/client-go/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
)

var leases = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

// server answers for Leases as an API server does where it matters here, which the
// fake clientset alone does not: it gives out UIDs and resourceVersions, and checks
// a delete's preconditions. TestAgainstAPIServer holds the same against a real one.
type server struct {
	client  *fake.Clientset
	stored  map[types.NamespacedName]*coordinationv1.Lease
	version int
	// calls are the verbs seen, in order.
	calls []string
	// fail is the error for the next call of a verb.
	fail map[string]error
	// before runs just before a verb is carried out, once: somebody else's move.
	before map[string]func()
	// deleting sees what a delete with preconditions is about to delete.
	deleting func(*coordinationv1.Lease)
}

func newServer(existing ...*coordinationv1.Lease) *server {
	s := &server{
		client: fake.NewClientset(),
		stored: map[types.NamespacedName]*coordinationv1.Lease{},
		fail:   map[string]error{}, before: map[string]func(){},
	}
	s.client.PrependReactor("*", "leases", s.react)
	for _, lease := range existing {
		s.put(lease)
	}
	return s
}

func (s *server) leases() coordinationv1client.LeasesGetter { return s.client.CoordinationV1() }

// put stores a Lease as if somebody else had created or changed it.
func (s *server) put(lease *coordinationv1.Lease) *coordinationv1.Lease {
	s.version++
	lease = lease.DeepCopy()
	if lease.UID == "" {
		lease.UID = types.UID(fmt.Sprintf("lease-%d", s.version))
	}
	lease.ResourceVersion = fmt.Sprint(s.version)
	s.stored[key(lease)] = lease
	return lease
}

func key(lease *coordinationv1.Lease) types.NamespacedName {
	return types.NamespacedName{Namespace: lease.Namespace, Name: lease.Name}
}

func (s *server) react(action ktesting.Action) (bool, runtime.Object, error) {
	verb := action.GetVerb()
	if move := s.before[verb]; move != nil {
		delete(s.before, verb)
		move()
	}
	s.calls = append(s.calls, verb)
	if err := s.fail[verb]; err != nil {
		delete(s.fail, verb)
		return true, nil, err
	}
	switch a := action.(type) {
	case ktesting.CreateAction:
		lease := a.GetObject().(*coordinationv1.Lease)
		if s.stored[key(lease)] != nil {
			return true, nil, apierrors.NewAlreadyExists(leases, lease.Name)
		}
		return true, s.put(lease).DeepCopy(), nil
	case ktesting.DeleteActionImpl:
		lease := s.stored[types.NamespacedName{Namespace: a.Namespace, Name: a.Name}]
		if lease == nil {
			return true, nil, apierrors.NewNotFound(leases, a.Name)
		}
		p := a.DeleteOptions.Preconditions
		if p == nil || p.UID == nil || p.ResourceVersion == nil {
			panic("delete without both preconditions")
		}
		if *p.UID != lease.UID || *p.ResourceVersion != lease.ResourceVersion {
			return true, nil, apierrors.NewConflict(leases, a.Name, fmt.Errorf("precondition failed"))
		}
		if s.deleting != nil {
			s.deleting(lease)
		}
		delete(s.stored, key(lease))
		return true, nil, nil
	case ktesting.GetAction:
		lease := s.stored[types.NamespacedName{Namespace: a.GetNamespace(), Name: a.GetName()}]
		if lease == nil {
			return true, nil, apierrors.NewNotFound(leases, a.GetName())
		}
		return true, lease.DeepCopy(), nil
	}
	panic("unexpected " + verb)
}

// proofs answers as a Prover from a table: by UID for runs, by name for the rest.
// What is not in it is Absent, as a live read would have it.
type proofs map[string]lock.Evidence

func (p proofs) Holder(_ context.Context, h lock.Holder) (lock.Evidence, error) {
	return p.lookUp("CustomRun "+h.Name, string(h.UID))
}

func (p proofs) Named(_ context.Context, _, name string) (lock.Evidence, error) {
	return p.lookUp("PipelineRun "+name, name)
}

func (p proofs) lookUp(what, key string) (lock.Evidence, error) {
	e, ok := p[key]
	switch {
	case !ok:
		return lock.Evidence{Proof: lock.Absent, Why: what + " does not exist"}, nil
	case strings.HasPrefix(e.Why, "error"):
		return lock.Evidence{}, fmt.Errorf("%s", e.Why)
	}
	return e, nil
}

func owner(h lock.Holder) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion: "tekton.dev/v1beta1", Kind: "CustomRun", Name: h.Name, UID: h.UID,
		Controller: &yes, BlockOwnerDeletion: &yes,
	}
}
