package customrun

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// restart is a run that restarts what runs the image in both applications.
func (s *site) restart(name string, fields map[string]any) *v1beta1.CustomRun {
	all := map[string]any{"update": nil, "git": nil, "restart": "true", "images": []any{map[string]any{"name": "quay.io/team/server"}}}
	for k, v := range fields {
		all[k] = v
	}
	cr := s.spec(all)
	cr.Name = name
	return cr
}

func (s *argoServer) restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.restarted)
}

func TestRestart(t *testing.T) {
	s, shop := newMall(t)
	planned := s.intended("a restart", func(d data) bool { return len(d.Restart.Workloads) == 2 })
	s.argo.onRestart, shop.onRestart = planned, planned
	s.create(s.restart(testRun, nil))
	before := s.effects()
	cr := s.until(testRun, "the end", func(cr *v1beta1.CustomRun) bool {
		if now := s.effects(); now > before+1 {
			t.Errorf("%d effects in one reconcile, in phase %s", now-before, reasonOf(cr))
		}
		before = s.effects()
		return cr.IsDone()
	})
	if !cr.IsSuccessful() || !strings.HasSuffix(messageOf(cr), "Deployment/server (catalog), Deployment/server (shop) restarted") || s.argo.restarts() != 1 || shop.restarts() != 1 {
		t.Fatalf("the run is %s: %s, %d and %d restarts", reasonOf(cr), messageOf(cr), s.argo.restarts(), shop.restarts())
	}
	if resultOf(cr, "revision") != s.git.tip() || resultOf(cr, "health") != "Healthy" || resultOf(cr, "changed") != "true" {
		t.Errorf("results are %v", cr.Status.Results)
	}
	s.argo.onRestart, shop.onRestart = nil, nil
	s.create(s.restart("second", nil))
	if cr := s.finish("second"); !cr.IsSuccessful() || resultOf(cr, "changed") != "false" || s.argo.restarts() != 2 || shop.restarts() != 2 {
		t.Errorf("the second run is %s: %s, changed %s, %d and %d restarts", reasonOf(cr), messageOf(cr), resultOf(cr, "changed"), s.argo.restarts(), shop.restarts())
	}
	if len(s.argo.syncedBy()) != 0 || s.git.commits() != 2 {
		t.Errorf("syncs %v, %d commits", s.argo.syncedBy(), s.git.commits())
	}
}

// The write after the action is lost: the next process finds the workload restarted.
func TestRestartWhoseWriteIsLostIsNotRepeated(t *testing.T) {
	s, shop := newMall(t)
	s.argo.onRestart = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.beforeWrite = func() { s.edit(testRun, func(*v1beta1.CustomRun) {}) }
	}
	s.create(s.restart(testRun, nil))
	if cr := s.finish(testRun); !cr.IsSuccessful() || s.argo.restarts() != 1 || shop.restarts() != 1 {
		t.Errorf("the run is %s: %s, %d and %d restarts", reasonOf(cr), messageOf(cr), s.argo.restarts(), shop.restarts())
	}
}

// Argo CD writes the second of a restart. A second one within it changes nothing, and so has to be asked for again.
func TestRestartWithinTheSameSecondIsAskedForAgain(t *testing.T) {
	s, _ := newMall(t)
	s.argo.restarted = []string{"2026-03-02T10:00:00Z"}
	began := s.now.Now()
	s.argo.restartedAt = func() string {
		if s.now.Since(began) < restartPause {
			return "2026-03-02T10:00:00Z"
		}
		return "2026-03-02T10:00:01Z"
	}
	s.create(s.restart(testRun, nil))
	if cr := s.finish(testRun); !cr.IsSuccessful() || s.argo.restarts() != 3 {
		t.Errorf("the run is %s: %s, restarts %v", reasonOf(cr), messageOf(cr), s.argo.restarted)
	}
}

func TestRestartThatIsTakenBackIsNotRepeatedForEver(t *testing.T) {
	s, _ := newMall(t)
	s.argo.restartedAt = func() string { return "" }
	s.create(s.restart(testRun, nil))
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonRolloutFailed, "Deployment/dev/server of application catalog", "3 times")
	if got := s.argo.restarts(); got != maxRestarts {
		t.Errorf("%d restarts", got)
	}
}

// What keeps a run from restarting is seen before anything is restarted or locked.
func TestRestartThatCannotBe(t *testing.T) {
	many := make([]string, maxWorkloads-1)
	for i := range many {
		many[i] = fmt.Sprintf("quay.io/team/server:%d", i)
	}
	named := func(kind, name string) map[string]any {
		return map[string]any{"verify.workloads": []any{map[string]any{"kind": kind, "name": name}}}
	}
	for name, tc := range map[string]struct {
		fields map[string]any
		argo   func(catalog, shop *argoServer)
		reason v1alpha1.Reason
		says   []string
	}{
		"the right is missing": {
			nil, func(_, shop *argoServer) { shop.noRestart = true }, v1alpha1.ReasonPermissionDenied,
			[]string{"may not action/apps/Deployment/restart applications default/shop", "grant it"},
		},
		"nothing runs the image": {
			map[string]any{"images": []any{map[string]any{"name": "quay.io/team/nobody"}}}, func(*argoServer, *argoServer) {}, v1alpha1.ReasonImageNotInManifest,
			[]string{"quay.io/team/nobody: nothing runs it; its workloads run quay.io/team/server:1.0.0"},
		},
		"there is nothing": {
			map[string]any{"images": nil}, func(a, shop *argoServer) { a.gone, shop.gone = true, true }, v1alpha1.ReasonImageNotInManifest,
			[]string{"applications catalog, shop has no Deployment, StatefulSet, DaemonSet or Rollout to restart"},
		},
		"a named workload is not there": {
			named("StatefulSet", "db"), func(*argoServer, *argoServer) {}, v1alpha1.ReasonInvalidSpec, []string{"applications catalog, shop has no StatefulSet/db, which verify.workloads names"},
		},
		"it is too much": {
			nil, func(a, _ *argoServer) { a.others = many }, v1alpha1.ReasonInvalidSpec, []string{"51 are to be restarted, at most 50 in one run"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, shop := newMall(t)
			tc.argo(s.argo, shop)
			s.create(s.restart(testRun, tc.fields))
			wantFailed(t, s.finish(testRun), tc.reason, tc.says...)
			if s.argo.restarts()+shop.restarts() != 0 || len(writingActions(s.kube.Actions())) != 0 {
				t.Errorf("%d and %d restarts, the API server was asked to %v", s.argo.restarts(), shop.restarts(), writingActions(s.kube.Actions()))
			}
		})
	}
}

// A Deployment that only lends its pod template to a Rollout has no pods to restart.
func TestRestartLeavesTemplatesAlone(t *testing.T) {
	resource := func(kind, name string) argocd.Resource {
		return argocd.Resource{Group: map[bool]string{true: "argoproj.io", false: "apps"}[kind == "Rollout"], Kind: kind, Namespace: "dev", Name: name}
	}
	a := &application{found: workloads{verified: []workload{
		{Resource: resource("Rollout", "server"), verdict: rollout.Verdict{Template: &rollout.Template{Group: "apps", Kind: "Deployment", Name: "template"}}},
		{Resource: resource("Deployment", "template")}, {Resource: resource("Deployment", "client")}, {Resource: resource("CronJob", "report")},
		{Resource: resource("DaemonSet", "absent"), missing: true},
	}}}
	var got []string
	for _, w := range a.toRestart() {
		got = append(got, w.String())
	}
	if d := cmp.Diff([]string{"Rollout/dev/server", "Deployment/dev/client"}, got); d != "" {
		t.Error(d)
	}
}
