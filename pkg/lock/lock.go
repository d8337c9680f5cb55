package lock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/utils/clock"
)

// The errors that a caller tells apart. Anything else is the API server's own
// error, wrapped with the Lease's name, and worth another try.
var (
	// ErrLeaderElection: the Lease has a renewTime, so it is the leader election of
	// some program. It was not touched; the lock needs another name.
	ErrLeaderElection = errors.New("the Lease belongs to a leader election")
	// ErrForbidden: the API server refused a Lease operation. Its own words follow;
	// usually the controller has no rights in this namespace.
	ErrForbidden = errors.New("not allowed to use Leases")
	// ErrNamespaceTerminating: the namespace is being deleted and takes no new Lease.
	ErrNamespaceTerminating = errors.New("the namespace is being deleted")
	// ErrInvalid: the lock's name, the holder or the owner cannot be used for a Lease.
	ErrInvalid = errors.New("invalid lock")
)

const (
	// LabelManagedBy and ManagedBy mark the Leases that this package creates, and
	// PartOf says what they are for, so that `kubectl get leases -l` finds them.
	// They are for people: no decision looks at them.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "tekton-gitops"
	LabelPartOf    = "app.kubernetes.io/part-of"
	PartOf         = "tekton-gitops"
	LabelComponent = "app.kubernetes.io/component"
	Component      = "lock"
)

const (
	// callTimeout bounds each call to the API server.
	callTimeout = 10 * time.Second
	// pollForeign is how often to look again behind a holder that sends no event.
	pollForeign = 5 * time.Second
	// pollOwn is the safety net behind a run of ours, whose end sends an event.
	pollOwn = 30 * time.Second
)

// Holder identifies the run that holds a lock. It is written to the Lease as
// "namespace/name/uid".
type Holder struct {
	Namespace, Name string
	UID             types.UID
}

// String is the holderIdentity of the run.
func (h Holder) String() string {
	return h.Namespace + "/" + h.Name + "/" + string(h.UID)
}

// ParseHolder reads what String writes. ok is false for any other identity, such
// as the bare name of a PipelineRun.
func ParseHolder(identity string) (h Holder, ok bool) {
	part := strings.Split(identity, "/")
	if len(part) != 3 || part[2] == "" ||
		len(validation.IsDNS1123Label(part[0])) > 0 || len(validation.IsDNS1123Subdomain(part[1])) > 0 {
		return Holder{}, false
	}
	return Holder{Namespace: part[0], Name: part[1], UID: types.UID(part[2])}, true
}

// State is what Acquire found or did.
type State int

const (
	// Busy: somebody else holds the lock. Look again after Wake, or when woken.
	Busy State = iota
	// Held: the lock is ours, by this call or by an earlier one.
	Held
	// Removed: the Lease of a holder that is proven gone is deleted. The lock is
	// free but not yet ours: call again.
	Removed
)

// String names the state for logs and tests.
func (s State) String() string {
	switch s {
	case Busy:
		return "Busy"
	case Held:
		return "Held"
	case Removed:
		return "Removed"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Result is the outcome of one Acquire.
type Result struct {
	State State
	// Holder is the holderIdentity on the Lease, empty when it has none. After
	// Removed it is the holder that was displaced.
	Holder string
	// Since is when the Lease was created, by the API server's clock.
	Since time.Time
	// UID is the Lease's. While it stays the same, the lock was not lost in between.
	UID types.UID
	// Wake is when to call again at the latest; 0 means at once.
	Wake time.Duration
	// Why is one sentence for people, the same for as long as nothing changes.
	Why string
	// Seen is how long a foreign Lease has been seen unchanged, for a caller that
	// wants to keep it over a restart (see Remember). Zero for other holders.
	Seen Seen
}

// Mutex acquires and releases locks. It is safe for concurrent use, keeps nothing
// but what it has seen of foreign Leases, and should live as long as the process.
type Mutex struct {
	leases coordinationv1client.LeasesGetter
	prover Prover
	clock  clock.PassiveClock

	mu    sync.Mutex
	sight map[types.NamespacedName]sighting
}

// New returns a Mutex for the locks of all namespaces. The prover is asked about
// holders; leases is usually a clientset's CoordinationV1().
func New(leases coordinationv1client.LeasesGetter, prover Prover, c clock.PassiveClock) *Mutex {
	return &Mutex{leases: leases, prover: prover, clock: c, sight: map[types.NamespacedName]sighting{}}
}

// Acquire tries once to take the lock in the holder's namespace, and says who has
// it otherwise. It never waits. It changes at most one thing: it creates the Lease,
// or deletes the Lease of a holder that is proven gone.
//
// The Lease is owned by owner, which must be the holder's own object, so that the
// garbage collector frees the lock of a deleted run. Whatever owner says,
// blockOwnerDeletion is not set: it would need rights on the run's finalizers.
func (m *Mutex) Acquire(ctx context.Context, name string, h Holder, owner metav1.OwnerReference) (Result, error) {
	if err := check(name, h, owner); err != nil {
		return Result{}, err
	}
	key := types.NamespacedName{Namespace: h.Namespace, Name: name}

	lease, err := m.get(ctx, key)
	if apierrors.IsNotFound(err) {
		m.forget(key)
		lease, err = m.create(ctx, key, h, owner)
		if apierrors.IsAlreadyExists(err) {
			lease, err = m.get(ctx, key)
			if apierrors.IsNotFound(err) {
				// Created and deleted by others between our two calls.
				return Result{State: Busy, Wake: time.Second, Why: "another run has just had the lock"}, nil
			}
		}
	}
	if err != nil {
		return Result{}, failure("acquire", key, err)
	}
	if identity(lease) == h.String() {
		m.forget(key)
		return Result{
			State: Held, Holder: h.String(), Since: lease.CreationTimestamp.Time, UID: lease.UID,
			Why: "the lock is ours",
		}, nil
	}
	return m.challenge(ctx, key, lease)
}

// Holds says whether the lock is ours at this moment, by a live read.
func (m *Mutex) Holds(ctx context.Context, name string, h Holder) (bool, error) {
	key := types.NamespacedName{Namespace: h.Namespace, Name: name}
	lease, err := m.get(ctx, key)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("read", key, err)
	}
	return identity(lease) == h.String(), nil
}

// Release deletes the Lease if it is ours, and nothing else. released is false when
// there was nothing of ours to delete, which is no error: a repeated release, a
// Lease deleted by hand, another holder.
func (m *Mutex) Release(ctx context.Context, name string, h Holder) (released bool, err error) {
	key := types.NamespacedName{Namespace: h.Namespace, Name: name}
	lease, err := m.get(ctx, key)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("release", key, err)
	}
	if identity(lease) != h.String() {
		return false, nil
	}
	err = m.delete(ctx, lease)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("release", key, err)
	}
	return true, nil
}

func (m *Mutex) get(ctx context.Context, key types.NamespacedName) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return m.leases.Leases(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
}

func (m *Mutex) create(ctx context.Context, key types.NamespacedName, h Holder, owner metav1.OwnerReference) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	owner.BlockOwnerDeletion = nil
	id := h.String()
	// No leaseDurationSeconds and no renewTime: this Lease does not expire, and must
	// not look to others as if it did.
	return m.leases.Leases(key.Namespace).Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       key.Namespace,
			Name:            key.Name,
			Labels:          map[string]string{LabelManagedBy: ManagedBy, LabelPartOf: PartOf, LabelComponent: Component},
			OwnerReferences: []metav1.OwnerReference{owner},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &id,
			AcquireTime:    &metav1.MicroTime{Time: m.clock.Now()},
		},
	}, metav1.CreateOptions{})
}

func (m *Mutex) delete(ctx context.Context, lease *coordinationv1.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return m.leases.Leases(lease.Namespace).Delete(ctx, lease.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion},
	})
}

func check(name string, h Holder, owner metav1.OwnerReference) error {
	if msgs := validation.IsDNS1123Subdomain(name); len(msgs) > 0 {
		return fmt.Errorf("%w: name %q: %s", ErrInvalid, clip(name), msgs[0])
	}
	if back, ok := ParseHolder(h.String()); !ok || back != h {
		return fmt.Errorf("%w: holder %q needs a namespace, a name and a UID", ErrInvalid, clip(h.String()))
	}
	// The garbage collector deletes an object whose owner does not exist, so a wrong
	// owner would lose the lock while it is held.
	if owner.UID != h.UID || owner.Name != h.Name {
		return fmt.Errorf("%w: owner %s is not the holder %s", ErrInvalid, clip(owner.Name), h.Name)
	}
	return nil
}

func failure(verb string, key types.NamespacedName, err error) error {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return fmt.Errorf("%s lock %s: %w: %w", verb, key, ErrNamespaceTerminating, err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s lock %s: %w: %w", verb, key, ErrForbidden, err)
	}
	return fmt.Errorf("%s lock %s: %w", verb, key, err)
}

func identity(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
