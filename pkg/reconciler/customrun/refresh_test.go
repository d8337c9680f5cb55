package customrun

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
)

// Asking again for what is asked for already reaches nobody.
func TestUnansweredRefreshIsAskedForInAnotherWay(t *testing.T) {
	const normal, hard, none = argocd.RefreshNormal, argocd.RefreshHard, argocd.RefreshNone
	type step struct {
		wanted, done argocd.Refresh
		mark         string
	}
	type seen struct {
		Made argocd.Refresh
		Mark string
	}
	for name, tc := range map[string]struct {
		steps []step
		want  []seen
	}{
		"answered":                 {[]step{{normal, normal, "a"}, {normal, normal, "b"}}, []seen{{normal, "a"}, {normal, "b"}}},
		"a normal one is missed":   {[]step{{normal, none, "a"}, {normal, hard, "a"}, {normal, normal, "b"}}, []seen{{normal, ""}, {hard, "a"}, {normal, "b"}}},
		"both are missed":          {[]step{{normal, none, "a"}, {normal, none, "a"}, {normal, normal, "a"}}, []seen{{normal, ""}, {hard, ""}, {normal, "a"}}},
		"a hard one was not done":  {[]step{{hard, none, "a"}, {hard, normal, "a"}, {hard, hard, "a"}}, []seen{{hard, ""}, {normal, ""}, {hard, "a"}}},
		"the second is still hard": {[]step{{normal, none, "a"}, {hard, hard, "b"}}, []seen{{normal, ""}, {hard, "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemories().of("run", testStart).app(0)
			var got []seen
			for i, s := range tc.steps {
				at := testStart.Add(time.Duration(i+1) * time.Minute)
				m.begin(argocd.Decision{Action: argocd.DoRefresh, Refresh: s.wanted, Mark: s.mark}, at)
				made := m.pendingKind
				m.finish(s.done)
				got = append(got, seen{made, m.mark})
				if answered := m.refreshed.Equal(at); answered != (s.done != none) {
					t.Errorf("step %d: counted as refreshed: %v", i, answered)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("refreshes (-want +got):\n%s", diff)
			}
		})
	}
}
