package argocd

import (
	"context"
	"testing"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestRestart(t *testing.T) {
	f := &fakeArgoCD{}
	c := plain(t, f)
	if err := c.Restart(context.Background(), App{Name: "shop", Namespace: "team", Project: "apps"}, server); err != nil {
		t.Fatal(err)
	}
	r := f.restarted
	got := []string{r.GetName(), r.GetAppNamespace(), r.GetProject(), r.GetGroup(), r.GetVersion(), r.GetKind(), r.GetNamespace(), r.GetResourceName(), r.GetAction()}
	if diff := cmp.Diff([]string{"shop", "team", "apps", "apps", "v1", "Deployment", "dev", "server", "restart"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRestartErrors(t *testing.T) {
	denied := status.Error(codes.PermissionDenied, "permission denied")
	for _, tt := range []struct {
		name   string
		err    error
		getErr error
		want   error
		says   string
	}{
		{name: "no right", err: denied, want: ErrPermission, says: "may not action/apps/Deployment/restart applications apps/shop: grant it in Argo CD's RBAC policy (p, ROLE, applications, action/apps/Deployment/restart, apps/shop, allow)"},
		{name: "no right to get either", err: denied, getErr: denied, want: ErrPermission, says: "may not get applications apps/shop"},
		{name: "not part of the application", err: status.Error(codes.InvalidArgument, "Deployment apps server not found as part of application shop"), want: ErrResourceNotFound},
		{name: "a kind without the action", err: status.Error(codes.Unknown, `error getting Lua resource action: built-in script "batch/CronJob/actions/restart" does not exist`), want: ErrNoRestart},
		{name: "anything else", err: status.Error(codes.Unknown, "error patching resource"), want: ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{restartErr: tt.err, apps: map[string]*v1alpha1.Application{"apps": testApp("argocd", "apps")}, getErr: map[string]error{"apps": tt.getErr}}
			sameErr(t, plain(t, f).Restart(context.Background(), App{Name: "shop", Project: "apps"}, server), tt.want, tt.says)
		})
	}
}

func TestCanRestart(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want bool
		fail error
	}{
		{name: "the object is looked for: allowed", err: status.Error(codes.InvalidArgument, "Deployment apps ? not found as part of application shop"), want: true},
		{name: "denied before that", err: status.Error(codes.PermissionDenied, "permission denied")},
		{name: "no answer", err: status.Error(codes.Unavailable, "x"), fail: ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{restartErr: tt.err}
			got, err := plain(t, f).CanRestart(context.Background(), Observation{App: App{Name: "shop", Project: "apps"}}, "apps", "Deployment")
			sameErr(t, err, tt.fail)
			if got != tt.want {
				t.Errorf("got %t", got)
			}
			if diff := cmp.Diff([]string{"RunResourceAction restart ?"}, f.seen()); diff != "" {
				t.Errorf("a name that an object may have: %s", diff)
			}
		})
	}
}
