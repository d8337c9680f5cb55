package argocd

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCanSync(t *testing.T) {
	for _, tt := range []struct {
		name      string
		o         Observation
		allowed   map[string]bool
		want      bool
		wantCalls []string
	}{
		{"in Argo CD's namespace", Observation{RBACName: "apps/shop", ControllerNamespace: "argocd"},
			map[string]bool{"applications sync apps/shop": true}, true, []string{"CanI applications sync apps/shop"}},
		{"in another namespace", Observation{RBACName: "apps/team/shop", ControllerNamespace: "argocd"},
			map[string]bool{"applications sync apps/shop": true}, false, []string{"CanI applications sync apps/team/shop"}},
		{"Argo CD's namespace is not known yet", Observation{App: App{Name: "shop"}, RBACName: "apps/team/shop"},
			map[string]bool{"applications sync apps/shop": true}, true, []string{"CanI applications sync apps/team/shop", "CanI applications sync apps/shop"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{allowed: tt.allowed}
			got, err := plain(t, f).CanSync(context.Background(), tt.o)
			if got != tt.want || err != nil {
				t.Errorf("got %t, %v", got, err)
			}
			if diff := cmp.Diff(tt.wantCalls, f.seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
	f := &fakeArgoCD{}
	_, err := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: "x"}, Options{}).CanSync(context.Background(), Observation{RBACName: "a/b"})
	sameErr(t, err, ErrUnauthenticated)
}
