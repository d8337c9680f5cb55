package argocd

import (
	"context"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestGet(t *testing.T) {
	denied := status.Error(codes.PermissionDenied, "permission denied")
	absent := status.Error(codes.NotFound, `applications.argoproj.io "shop" not found`)
	for _, tt := range []struct {
		name   string
		app    App
		getErr map[string]error
		listed []v1alpha1.Application
		want   error
		says   string
	}{
		{name: "there", app: App{Name: "shop"}},
		{name: "typo, project given", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": absent},
			want: ErrNotFound, says: "application not found in project apps: check its name, namespace and project"},
		{name: "typo, no project", app: App{Name: "shop"}, getErr: map[string]error{"": denied, "default": absent},
			want: ErrNotFound, says: "application not found in project default"},
		{name: "no project, nothing known", app: App{Name: "shop"}, getErr: map[string]error{"": denied, "default": denied},
			want: ErrPermission, says: "or there is no application shop: name its project to tell which"},
		{name: "no right to get", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": denied},
			want: ErrPermission, says: "may not get applications apps/shop"},
		{name: "wrong project", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": absent},
			listed: []v1alpha1.Application{*testApp("argocd", "web")},
			want:   ErrNotFound, says: "in project apps: it is in project web"},
		{name: "another namespace", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": absent},
			listed: []v1alpha1.Application{*testApp("team", "apps")},
			want:   ErrNotFound, says: "in Argo CD's own namespace: one of that name is in namespace team (project apps)"},
		{name: "same name twice", app: App{Name: "shop", Namespace: "mine"}, getErr: map[string]error{"": denied},
			listed: []v1alpha1.Application{*testApp("argocd", "apps"), *testApp("team", "web")},
			want:   ErrNotFound, says: "in namespace mine: one of that name is in namespace argocd (project apps)"},
		{name: "same name twice, wrong project", app: App{Name: "shop", Namespace: "team", Project: "apps"}, getErr: map[string]error{"apps": denied},
			listed: []v1alpha1.Application{*testApp("argocd", "apps"), *testApp("team", "web")},
			want:   ErrNotFound, says: "in project apps: it is in project web"},
		{name: "same name twice, could not read that in its own namespace", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": denied},
			listed: []v1alpha1.Application{*testApp("team", "web"), *testApp("argocd", "apps")},
			want:   ErrUnavailable, says: "could not read it just now"},
		{name: "Argo CD could not read it", app: App{Name: "shop", Project: "apps"}, getErr: map[string]error{"apps": denied},
			listed: []v1alpha1.Application{*testApp("argocd", "apps")},
			want:   ErrUnavailable, says: "could not read it just now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{getErr: tt.getErr, listed: tt.listed, apps: map[string]*v1alpha1.Application{"": testApp("argocd", "")}}
			got, err := plain(t, f).Get(context.Background(), tt.app, RefreshNormal)
			sameErr(t, err, tt.want, tt.says)
			if tt.want == nil {
				want := Observation{
					App: App{Name: "shop", Namespace: "argocd", Project: "default"}, ResourceVersion: "7",
					RBACName: "default/shop", ControllerNamespace: "argocd", Refreshed: RefreshNormal,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestGetRefresh(t *testing.T) {
	inTree := testApp("argocd", "")
	inTree.Status.ResourceHealthSource = v1alpha1.ResourceHealthLocationAppTree
	inTree.Status.Health.Status = "Degraded"
	for _, tt := range []struct {
		name      string
		stuck     bool
		app       *v1alpha1.Application
		refresh   Refresh
		want      Refresh
		wantCalls []string
	}{
		{"none", false, testApp("argocd", ""), RefreshNone, RefreshNone, []string{"Get  "}},
		{"hard", false, testApp("argocd", ""), RefreshHard, RefreshHard, []string{"Get  hard"}},
		{"never ends: as it stands", true, testApp("argocd", ""), RefreshNormal, RefreshNone, []string{"Get  normal", "Get  "}},
		{"health kept in the tree: read once more", false, inTree, RefreshNormal, RefreshNormal, []string{"Get  normal", "Get  "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{stuck: tt.stuck, apps: map[string]*v1alpha1.Application{"": tt.app}, tokens: map[string]bool{testToken: true}}
			c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: testToken}, Options{RefreshTimeout: 200 * time.Millisecond})
			got, err := c.Get(context.Background(), App{Name: "shop"}, tt.refresh)
			if err != nil || got.Refreshed != tt.want {
				t.Errorf("got %q, %v, want %q", got.Refreshed, err, tt.want)
			}
			if diff := cmp.Diff(tt.wantCalls, f.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
