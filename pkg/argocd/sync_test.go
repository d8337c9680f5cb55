package argocd

import (
	"context"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	synccommon "github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestSyncRequest(t *testing.T) {
	f := &fakeArgoCD{}
	c := plain(t, f)
	app := App{Name: "shop", Namespace: "team", Project: "apps"}
	if err := c.Sync(context.Background(), app, SyncRequest{Run: "uid-1", Attempt: 2, Prune: true, Options: []string{"ServerSideApply=true"}}); err != nil {
		t.Fatal(err)
	}
	r := f.synced
	got := map[string]any{
		"name": r.GetName(), "namespace": r.GetAppNamespace(), "project": r.GetProject(), "revision": r.Revision == nil, "prune": r.GetPrune(),
		"options": r.SyncOptions.Items, "retry": r.RetryStrategy.Limit, "infos": *r.Infos[0], "attempt": *r.Infos[1],
	}
	want := map[string]any{
		"name": "shop", "namespace": "team", "project": "apps", "revision": true, "prune": true,
		"options": []string{"ServerSideApply=true"}, "retry": int64(0),
		"infos": v1alpha1.Info{Name: "Tekton-CustomRun-UID", Value: "uid-1"}, "attempt": v1alpha1.Info{Name: "Tekton-CustomRun-Attempt", Value: "2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Without options of ours the Application's own stay: nil, not empty.
	if err := c.Sync(context.Background(), App{Name: "shop"}, SyncRequest{Revision: "abc"}); err != nil {
		t.Fatal(err)
	}
	if r := f.synced; r.SyncOptions != nil || r.AppNamespace != nil || r.Project != nil || r.GetRevision() != "abc" || len(r.SourcePositions) != 0 {
		t.Errorf("unexpected request %v", r)
	}
	// Of several sources one is pinned, and the others follow what they track.
	if err := c.Sync(context.Background(), App{Name: "shop"}, SyncRequest{Revision: "abc", Position: 2}); err != nil {
		t.Fatal(err)
	}
	if r := f.synced; r.Revision != nil || !cmp.Equal(r.Revisions, []string{"abc"}) || !cmp.Equal(r.SourcePositions, []int64{2}) {
		t.Errorf("unexpected request %v", r)
	}
}

func TestTerminate(t *testing.T) {
	running := func(phase string, started int) *v1alpha1.Application {
		a := testApp("argocd", "apps")
		a.Operation = &v1alpha1.Operation{InitiatedBy: v1alpha1.OperationInitiator{Username: "admin"}}
		a.Status.OperationState = &v1alpha1.OperationState{Operation: *a.Operation, Phase: synccommon.OperationPhase(phase), StartedAt: *metaTime(started)}
		return a
	}
	const id = "admin//0/2026-11-22T10:00:01Z"
	get, terminate := "Get apps ", "TerminateOperation"
	denied := status.Error(codes.PermissionDenied, "permission denied")
	for _, tt := range []struct {
		name      string
		app       *v1alpha1.Application
		getErr    error
		err       error
		want      error
		says      string
		wantCalls []string
	}{
		{name: "ends it", app: running(PhaseRunning, 1), wantCalls: []string{get, terminate}},
		{name: "another one runs by now: left alone", app: running(PhaseRunning, 2), wantCalls: []string{get}},
		{name: "it has ended", app: running(PhaseSucceeded, 1), wantCalls: []string{get}},
		{name: "nothing ever ran", app: testApp("argocd", "apps"), wantCalls: []string{get}},
		{name: "it ends already", app: running(PhaseTerminating, 1), wantCalls: []string{get}},
		{name: "it ended in between", app: running(PhaseRunning, 1), err: status.Error(codes.InvalidArgument, "Unable to terminate operation. No operation is in progress"), wantCalls: []string{get, terminate}},
		{name: "no right to sync", app: running(PhaseRunning, 1), err: denied, want: ErrPermission, says: "may not sync applications apps/shop", wantCalls: []string{get, terminate, get}},
		{name: "too many conflicts", app: running(PhaseRunning, 1), err: status.Error(codes.Internal, "Failed to terminate app. Too many conflicts"), want: ErrUnavailable, wantCalls: []string{get, terminate}},
		{name: "cannot be read", getErr: status.Error(codes.Unavailable, "x"), want: ErrUnavailable, wantCalls: []string{get}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{apps: map[string]*v1alpha1.Application{"apps": tt.app}, getErr: map[string]error{"apps": tt.getErr}, terminateErr: tt.err}
			sameErr(t, plain(t, f).Terminate(context.Background(), App{Name: "shop", Project: "apps"}, id), tt.want, tt.says)
			if diff := cmp.Diff(tt.wantCalls, f.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The texts are those of argo-cd's source, see classify.go for the places.
func TestSyncErrors(t *testing.T) {
	for _, tt := range []struct {
		code codes.Code
		text string
		want error
		says string
	}{
		{codes.PermissionDenied, "cannot sync: blocked by sync window", ErrSyncWindow, "blocked by sync window"},
		{codes.PermissionDenied, "Cannot sync: Blocked by sync window", ErrSyncWindow, ""},
		{codes.PermissionDenied, "cannot sync: invalid sync window: bad schedule", ErrSyncWindow, "bad schedule"},
		{codes.PermissionDenied, "permission denied: applications, sync, apps/shop, sub: pipeline, iat: 2026-11-22T00:00:00Z", ErrPermission,
			"account pipeline may not sync applications apps/shop: grant it in Argo CD's RBAC policy (p, ROLE, applications, sync, apps/shop, allow)"},
		{codes.PermissionDenied, "permission denied: applications, override, apps/shop, sub: pipeline", ErrPermission, "(p, ROLE, applications, override, apps/shop, allow), or leave pinRevision out"},
		{codes.PermissionDenied, "permission denied", ErrPermission, "may not get applications"},
		{codes.PermissionDenied, "permission denied: odd", ErrPermission, "odd"},
		{codes.FailedPrecondition, "another operation is already in progress", ErrOperationInProgress, ""},
		{codes.FailedPrecondition, "error setting app operation: another operation is already in progress", ErrOperationInProgress, ""},
		{codes.FailedPrecondition, "Cannot sync to abc: auto-sync currently set to main", ErrAutoSyncRevision, "set to main: remove pinRevision, or auto-sync"},
		{codes.FailedPrecondition, "Cannot sync source https://x to abc: auto-sync currently set to main", ErrAutoSyncRevision, ""},
		{codes.FailedPrecondition, "application is deleting", ErrDeleting, ""},
		{codes.FailedPrecondition, "error resolving repo revision: dial tcp: timeout", ErrUnavailable, "timeout"},
		{codes.InvalidArgument, `app is not allowed in project "apps", or the project does not exist`, ErrProject, `"apps"`},
		{codes.NotFound, `applications.argoproj.io "shop" not found`, ErrNotFound, ""},
		{codes.Unauthenticated, "invalid session: token " + testToken + " expired", ErrUnauthenticated, "token [redacted] expired"},
		{codes.Unavailable, "the server is shutting down", ErrUnavailable, ""},
		{codes.ResourceExhausted, "grpc: received message larger than max (1 vs. 0)", ErrTooLarge, ""},
		{codes.ResourceExhausted, "too many requests", ErrUnavailable, ""},
		{codes.Unknown, strings.Repeat("x", 5000), ErrUnavailable, "x…"},
	} {
		t.Run(tt.code.String()+" "+clip(tt.text, 60), func(t *testing.T) {
			c := plain(t, &fakeArgoCD{syncErr: status.Error(tt.code, tt.text)})
			err := c.Sync(context.Background(), App{Name: "shop"}, SyncRequest{})
			sameErr(t, err, tt.want, "sync application shop", tt.says)
			if len(err.Error()) > 2*maxMessage {
				t.Errorf("error has %d bytes", len(err.Error()))
			}
		})
	}
}
