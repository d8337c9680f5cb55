package lock_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
)

const (
	team = "team"
	name = "catalog-dev"
)

var (
	t0 = time.Date(2026, 11, 22, 10, 2, 11, 0, time.UTC)

	me    = lock.Holder{Namespace: team, Name: "r42-deploy", UID: "42"}
	other = lock.Holder{Namespace: team, Name: "r41-deploy", UID: "41"}
)

// held is a Lease of that holder, with a duration in seconds if there is one.
func held(identity string, seconds ...int32) *coordinationv1.Lease {
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: name, CreationTimestamp: metav1.Time{Time: t0}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &identity},
	}
	if len(seconds) > 0 {
		lease.Spec.LeaseDurationSeconds = &seconds[0]
	}
	return lease
}

func electing(lease *coordinationv1.Lease) *coordinationv1.Lease {
	lease.Spec.RenewTime = &metav1.MicroTime{Time: t0}
	return lease
}

func coordinated(lease *coordinationv1.Lease) *coordinationv1.Lease {
	lease.Spec.Strategy = ptr.To(coordinationv1.OldestEmulationVersion)
	return lease
}

func dying(lease *coordinationv1.Lease) *coordinationv1.Lease {
	lease.DeletionTimestamp, lease.Finalizers = &metav1.Time{Time: t0}, []string{"example.com/stay"}
	return lease
}

func nameless(lease *coordinationv1.Lease) *coordinationv1.Lease {
	lease.Spec.HolderIdentity = nil
	return lease
}

func TestAcquire(t *testing.T) {
	alive := lock.Evidence{Proof: lock.Alive}
	for behaviour, tc := range map[string]struct {
		lease     *coordinationv1.Lease
		proofs    proofs
		fail      map[string]error
		want      lock.Result
		wantErr   error
		wantCalls string
		// wantText is what the error says besides.
		wantText string
	}{
		"free: taken": {
			want:      lock.Result{State: lock.Held, Holder: me.String(), UID: "lease-1", Why: "the lock is ours"},
			wantCalls: "get create",
		},
		"ours from an earlier call: held": {
			lease:     held(me.String()),
			want:      lock.Result{State: lock.Held, Holder: me.String(), UID: "lease-1", Since: t0, Why: "the lock is ours"},
			wantCalls: "get",
		},
		"ours, although somebody gave it a renewTime: held": {
			lease:     electing(held(me.String())),
			want:      lock.Result{State: lock.Held, Holder: me.String(), UID: "lease-1", Since: t0, Why: "the lock is ours"},
			wantCalls: "get",
		},
		"a run that lives: busy": {
			lease: held(other.String()), proofs: proofs{"41": alive},
			want: lock.Result{
				State: lock.Busy, Holder: other.String(), UID: "lease-1", Since: t0, Wake: 30 * time.Second,
				Why: "held by CustomRun r41-deploy since 2026-11-22T10:02:11Z",
			},
			wantCalls: "get",
		},
		"a run that cannot be judged: busy": {
			lease: held(other.String()), proofs: proofs{"41": {Proof: lock.Unknown}},
			want: lock.Result{
				State: lock.Busy, Holder: other.String(), UID: "lease-1", Since: t0, Wake: 30 * time.Second,
				Why: "held by CustomRun r41-deploy since 2026-11-22T10:02:11Z",
			},
			wantCalls: "get",
		},
		"a run that is gone: removed": {
			lease: held(other.String()),
			want: lock.Result{
				State: lock.Removed, Holder: other.String(), UID: "lease-1", Since: t0,
				Why: `took the lock from "team/r41-deploy/41": CustomRun r41-deploy does not exist`,
			},
			wantCalls: "get delete",
		},
		"a run that is done: removed": {
			lease: held(other.String()), proofs: proofs{"41": {Proof: lock.Done, Why: "CustomRun r41-deploy is done"}},
			want: lock.Result{
				State: lock.Removed, Holder: other.String(), UID: "lease-1", Since: t0,
				Why: `took the lock from "team/r41-deploy/41": CustomRun r41-deploy is done`,
			},
			wantCalls: "get delete",
		},
		"a run whose look-up fails: nothing happens": {
			lease: held(other.String()), proofs: proofs{"41": {Why: "error: the API server is away"}},
			wantCalls: "get", wantText: "acquire lock team/catalog-dev: look up its holder r41-deploy: error: the API server is away",
			wantErr: errAny,
		},
		"a run of another namespace is foreign": {
			lease: held("elsewhere/r41-deploy/41"),
			want: lock.Result{
				State: lock.Busy, Holder: "elsewhere/r41-deploy/41", UID: "lease-1", Since: t0, Wake: 5 * time.Second,
				Why: `held by "elsewhere/r41-deploy/41" since 2026-11-22T10:02:11Z; its Lease has no duration and never expires: ` +
					"if nothing uses it any more, free the lock with `kubectl delete lease catalog-dev -n team`",
				Seen: lock.Seen{UID: "lease-1", ResourceVersion: "1"},
			},
			wantCalls: "get",
		},
		"a PipelineRun that lives: busy": {
			lease: held("build-7", 1200), proofs: proofs{"build-7": alive},
			want: lock.Result{
				State: lock.Busy, Holder: "build-7", UID: "lease-1", Since: t0, Wake: 5 * time.Second,
				Why:  "held by PipelineRun build-7 since 2026-11-22T10:02:11Z",
				Seen: lock.Seen{UID: "lease-1", ResourceVersion: "1", Alive: true},
			},
			wantCalls: "get",
		},
		"a PipelineRun that is done: removed": {
			lease: held("build-7", 1200), proofs: proofs{"build-7": {Proof: lock.Done, Why: "PipelineRun build-7 is done"}},
			want: lock.Result{
				State: lock.Removed, Holder: "build-7", UID: "lease-1", Since: t0,
				Why: `took the lock from "build-7": PipelineRun build-7 is done`,
			},
			wantCalls: "get delete",
		},
		"a PipelineRun whose look-up fails: nothing happens": {
			lease: held("build-7", 1), proofs: proofs{"build-7": {Why: "error: the API server is away"}},
			wantCalls: "get", wantErr: errAny, wantText: "look up its holder build-7: error",
		},
		"an unknown name with a duration: busy until it has passed": {
			lease: held("build-7", 3),
			want: lock.Result{
				State: lock.Busy, Holder: "build-7", UID: "lease-1", Since: t0, Wake: 3 * time.Second,
				Why:  `held by "build-7" since 2026-11-22T10:02:11Z; taken over when its Lease has been seen unchanged for 3s`,
				Seen: lock.Seen{UID: "lease-1", ResourceVersion: "1"},
			},
			wantCalls: "get",
		},
		"somebody who is no Kubernetes name is not looked up": {
			lease: held("Alice!", 1200), proofs: proofs{"Alice!": {Proof: lock.Done}},
			want: lock.Result{
				State: lock.Busy, Holder: "Alice!", UID: "lease-1", Since: t0, Wake: 5 * time.Second,
				Why:  `held by "Alice!" since 2026-11-22T10:02:11Z; taken over when its Lease has been seen unchanged for 20m0s`,
				Seen: lock.Seen{UID: "lease-1", ResourceVersion: "1"},
			},
			wantCalls: "get",
		},
		"nobody, but it exists: busy": {
			lease: nameless(held("")),
			want: lock.Result{
				State: lock.Busy, UID: "lease-1", Since: t0, Wake: 5 * time.Second,
				Why: `held by "" since 2026-11-22T10:02:11Z; its Lease has no duration and never expires: ` +
					"if nothing uses it any more, free the lock with `kubectl delete lease catalog-dev -n team`",
				Seen: lock.Seen{UID: "lease-1", ResourceVersion: "1"},
			},
			wantCalls: "get",
		},
		"being deleted behind a finalizer: busy, not deleted again": {
			lease: dying(held(other.String())),
			want: lock.Result{
				State: lock.Busy, Holder: other.String(), UID: "lease-1", Since: t0, Wake: 5 * time.Second,
				Why: `Lease catalog-dev of "team/r41-deploy/41" is being deleted; a finalizer still holds it`,
			},
			wantCalls: "get",
		},
		"a leader election: refused, untouched": {
			lease:     electing(held("controller-1", 1)),
			wantCalls: "get", wantErr: lock.ErrLeaderElection, wantText: `holder "controller-1"`,
		},
		"a coordinated leader election: refused, untouched": {
			lease:     coordinated(held("controller-1", 1)),
			wantCalls: "get", wantErr: lock.ErrLeaderElection,
		},
		"a leader election signed like a run of ours that is gone: refused, untouched": {
			lease:     electing(held(other.String())),
			wantCalls: "get", wantErr: lock.ErrLeaderElection,
		},
		"no right to read": {
			fail:      map[string]error{"get": apierrors.NewForbidden(leases, name, errors.New(`User "us" cannot get resource "leases"`))},
			wantCalls: "get", wantErr: lock.ErrForbidden, wantText: `User "us" cannot get resource "leases"`,
		},
		"no right to create": {
			fail:      map[string]error{"create": apierrors.NewForbidden(leases, name, errors.New("no"))},
			wantCalls: "get create", wantErr: lock.ErrForbidden,
		},
		"no right to delete": {
			lease: held(other.String()), fail: map[string]error{"delete": apierrors.NewForbidden(leases, name, errors.New("no"))},
			wantCalls: "get delete", wantErr: lock.ErrForbidden, wantText: "take over lock team/catalog-dev",
		},
		"the namespace goes away": {
			fail:      map[string]error{"create": terminating()},
			wantCalls: "get create", wantErr: lock.ErrNamespaceTerminating,
		},
		"the API server is away": {
			fail:      map[string]error{"get": errAny},
			wantCalls: "get", wantErr: errAny, wantText: "acquire lock team/catalog-dev: ",
		},
		"the Lease is gone before it is deleted: as if removed": {
			lease: held(other.String()), fail: map[string]error{"delete": apierrors.NewNotFound(leases, name)},
			want: lock.Result{
				State: lock.Removed, Holder: other.String(), UID: "lease-1", Since: t0,
				Why: `took the lock from "team/r41-deploy/41": CustomRun r41-deploy does not exist`,
			},
			wantCalls: "get delete",
		},
	} {
		t.Run(behaviour, func(t *testing.T) {
			s := newServer()
			if tc.lease != nil {
				s.put(tc.lease)
			}
			for verb, err := range tc.fail {
				s.fail[verb] = err
			}
			m := lock.New(s.leases(), tc.proofs, clocktesting.NewFakePassiveClock(t0))
			got, err := m.Acquire(t.Context(), name, me, owner(me))
			checkError(t, err, tc.wantErr, tc.wantText)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tc.wantCalls, strings.Join(s.calls, " ")); d != "" {
				t.Error(d)
			}
		})
	}
}

// errAny stands for an error that the package has no name for.
var errAny = errors.New("connection refused")

func terminating() error {
	err := apierrors.NewForbidden(leases, name, errors.New("unable to create new content in namespace team because it is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	return err
}

func checkError(t *testing.T, err, want error, text string) {
	t.Helper()
	switch {
	case errors.Is(want, errAny) && err != nil: // any will do
	case !errors.Is(err, want):
		t.Fatalf("error = %v, want %v", err, want)
	}
	if err != nil && !strings.Contains(err.Error(), text) {
		t.Fatalf("error = %q, want it to contain %q", err, text)
	}
}

func TestLeaseAsCreated(t *testing.T) {
	s := newServer()
	m := lock.New(s.leases(), proofs{}, clocktesting.NewFakePassiveClock(t0))
	if _, err := m.Acquire(t.Context(), name, me, owner(me)); err != nil {
		t.Fatal(err)
	}
	want := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: team, Name: name, UID: "lease-1", ResourceVersion: "1",
			Labels: map[string]string{
				"app.kubernetes.io/managed-by": "tekton-gitops",
				"app.kubernetes.io/part-of":    "tekton-gitops",
				"app.kubernetes.io/component":  "lock",
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "tekton.dev/v1beta1", Kind: "CustomRun", Name: "r42-deploy", UID: "42", Controller: ptr.To(true),
			}},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("team/r42-deploy/42"),
			AcquireTime:    &metav1.MicroTime{Time: t0},
		},
	}
	if d := cmp.Diff(want, s.stored[types.NamespacedName{Namespace: team, Name: name}]); d != "" {
		t.Error(d)
	}
}

func TestAcquireRaces(t *testing.T) {
	for behaviour, tc := range map[string]struct {
		lease      *coordinationv1.Lease
		before     string
		put        *coordinationv1.Lease
		want       lock.State
		wantHolder string
		wantCalls  string
	}{
		"another run creates it first":                 {before: "create", put: held(other.String()), want: lock.Busy, wantHolder: other.String(), wantCalls: "get create get"},
		"our own create, whose answer was lost":        {before: "create", put: held(me.String()), want: lock.Held, wantHolder: me.String(), wantCalls: "get create get"},
		"the judged Lease is replaced before deletion": {lease: held("gone-1"), before: "delete", put: held("build-7"), want: lock.Busy, wantHolder: "gone-1", wantCalls: "get delete"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			s := newServer()
			if tc.lease != nil {
				s.put(tc.lease)
			}
			s.before[tc.before] = func() { s.put(tc.put) }
			p := proofs{"41": {Proof: lock.Alive}, "gone-1": {Proof: lock.Done}}
			m := lock.New(s.leases(), p, clocktesting.NewFakePassiveClock(t0))
			got, err := m.Acquire(t.Context(), name, me, owner(me))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]any{tc.want, tc.wantHolder}, []any{got.State, got.Holder}); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tc.wantCalls, strings.Join(s.calls, " ")); d != "" {
				t.Error(d)
			}
			if left := s.stored[types.NamespacedName{Namespace: team, Name: name}]; left == nil || *left.Spec.HolderIdentity != *tc.put.Spec.HolderIdentity {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// The lock is created and released by others between our create and our read.
func TestAcquireMissesABriefHolder(t *testing.T) {
	s := newServer()
	s.fail["create"] = apierrors.NewAlreadyExists(leases, name)
	m := lock.New(s.leases(), proofs{}, clocktesting.NewFakePassiveClock(t0))
	got, err := m.Acquire(t.Context(), name, me, owner(me))
	want := lock.Result{State: lock.Busy, Wake: time.Second, Why: "another run has just had the lock"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestAcquireRefusesUnusableNames(t *testing.T) {
	for behaviour, tc := range map[string]struct {
		name   string
		holder lock.Holder
		owner  metav1.OwnerReference
		want   string
	}{
		"no name":                   {holder: me, owner: owner(me), want: `name ""`},
		"a name that is no Lease's": {name: "a/../b", holder: me, owner: owner(me), want: `name "a/../b"`},
		"no UID":                    {name: name, holder: lock.Holder{Namespace: team, Name: "r"}, want: "needs a namespace, a name and a UID"},
		"a slash in the name":       {name: name, holder: lock.Holder{Namespace: team, Name: "r/x", UID: "1"}, want: "needs a namespace, a name and a UID"},
		"somebody else's object":    {name: name, holder: me, owner: owner(other), want: "owner r41-deploy is not the holder r42-deploy"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			s := newServer()
			m := lock.New(s.leases(), proofs{}, clocktesting.NewFakePassiveClock(t0))
			_, err := m.Acquire(t.Context(), tc.name, tc.holder, tc.owner)
			checkError(t, err, lock.ErrInvalid, tc.want)
			if len(s.calls) > 0 {
				t.Errorf("calls: %v", s.calls)
			}
		})
	}
}
