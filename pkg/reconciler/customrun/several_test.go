package customrun

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

const shopOverlay = "overlays/shop/kustomization.yaml"

// newMall is a site with a second application, shop, from another overlay of the same repository.
func newMall(t *testing.T) (*site, *argoServer) {
	t.Helper()
	s := newSite(t)
	s.git.commit(map[string]string{shopOverlay: kustomization100})
	shop := s.argo.add("shop", "overlays/shop")
	s.argo.compared, s.argo.deployed = s.git.tip(), s.git.tip()
	return s, shop
}

// spec is an embedded run. The fields that are given replace those of a deployment of 1.0.1 to both overlays.
func (s *site) spec(fields map[string]any) *v1beta1.CustomRun {
	s.t.Helper()
	type object = map[string]any
	spec := object{
		"lock":   object{"name": "catalog"},
		"git":    object{"url": s.git.url, "secretRef": object{"name": "git"}},
		"images": []any{object{"name": "quay.io/team/server", "newTag": "1.0.1"}},
		"update": []any{object{"kustomize": object{"path": "overlays/dev"}}, object{"kustomize": object{"path": "overlays/shop"}}},
		"argocd": object{
			"server": s.argo.address, "plaintext": "true", "secretRef": object{"name": "argocd"},
			"applications": []any{object{"name": "catalog", "project": "default"}, object{"name": "shop", "project": "default"}},
		},
	}
	for path, value := range fields {
		at, key := spec, path
		for before, after, more := strings.Cut(key, "."); more; before, after, more = strings.Cut(key, ".") {
			inner, ok := at[before].(object)
			if !ok {
				inner = object{}
				at[before] = inner
			}
			at, key = inner, after
		}
		if at[key] = value; value == nil {
			delete(at, key)
		}
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		s.t.Fatal(err)
	}
	return embedded(string(raw))
}

// effects counts what was done outside of the run's own status.
func (s *site) effects() int {
	n := s.git.commits() + len(writingActions(s.dynamic.Actions())) + len(writingActions(s.kube.Actions()))
	for _, a := range append([]*argoServer{s.argo}, s.argo.all()...) {
		a.mu.Lock()
		n += len(a.syncs) + len(a.restarted) + a.terminated
		a.mu.Unlock()
	}
	return n
}

func (s *argoServer) all() []*argoServer {
	var all []*argoServer
	for _, a := range s.more {
		all = append(all, a)
	}
	return all
}

// intended fails the test unless the stored status has the intent of what is about to happen.
func (s *site) intended(what string, has func(data) bool) func() {
	return func() {
		if _, d := stateOf(s.t, s.get(testRun)); !has(d) {
			s.t.Errorf("%s before its intent was stored: %+v", what, d)
		}
	}
}

func TestSeveralApplications(t *testing.T) {
	s, shop := newMall(t)
	s.argo.onSync = s.intended("catalog was synced", func(d data) bool { return d.Apps[0].Sync.Attempt == 1 })
	shop.onSync = s.intended("shop was synced", func(d data) bool { return d.Apps[1].Sync.Attempt == 1 })
	s.create(s.spec(nil))
	before := s.effects()
	cr := s.until(testRun, "the end", func(cr *v1beta1.CustomRun) bool {
		if now := s.effects(); now > before+1 {
			t.Errorf("%d effects in one reconcile, in phase %s", now-before, reasonOf(cr))
		}
		before = s.effects()
		return cr.IsDone()
	})
	tip := s.git.tip()
	want := "Deployment/server (catalog), Deployment/server (shop) runs quay.io/team/server:1.0.1 at revision " + tip[:10]
	if !cr.IsSuccessful() || messageOf(cr) != want {
		t.Fatalf("the run is %s: %s, want %s", reasonOf(cr), messageOf(cr), want)
	}
	for name, want := range map[string]string{
		"changed": "true", "commit": tip, "revision": tip, "health": "Healthy", "application-url": "https://argocd.example.com/applications/argocd/catalog",
		"image-digest": "sha256:" + strings.Repeat("a", 64),
	} {
		if got := resultOf(cr, name); got != want {
			t.Errorf("result %s is %q, want %q", name, got, want)
		}
	}
	if d := cmp.Diff([][]string{{"uid-of-deploy"}, {"uid-of-deploy"}}, [][]string{s.argo.syncedBy(), shop.syncedBy()}); d != "" {
		t.Errorf("syncs: %s", d)
	}
	record, err := readRecord(t.Context(), s.dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(testNamespace), "catalog")
	if err != nil || record.Application != "catalog,shop" || len(record.Live) != 2 {
		t.Errorf("the record is %+v, %v", record, err)
	}
}

// All have to pass. What fails is named, with the application.
func TestOneOfSeveralApplicationsFails(t *testing.T) {
	for name, tc := range map[string]struct {
		fields map[string]any
		shop   func(*argoServer)
		reason v1alpha1.Reason
		says   []string
		health string
	}{
		"its pods cannot start": {
			map[string]any{"verify.failureGrace": "10s"},
			func(a *argoServer) { a.available, a.podMessage, a.health = 0, "no such tag", "Degraded" },
			v1alpha1.ReasonRolloutFailed, []string{"application shop: Deployment/server: ", "no such tag"}, "Degraded",
		},
		"its sync fails": {
			nil, func(a *argoServer) { a.syncFails = "one or more objects failed to apply" },
			v1alpha1.ReasonSyncFailed, []string{"application argocd/shop", "one or more objects failed to apply"}, "Healthy",
		},
		"it is not healthy": {
			map[string]any{"verify.timeout": "20s"}, func(a *argoServer) { a.health = "Progressing" },
			v1alpha1.ReasonVerifyTimeout, []string{"application argocd/shop is Synced but Progressing"}, "Progressing",
		},
		"it never sees the commit": {
			map[string]any{"argocd.sync.timeout": "20s"}, func(a *argoServer) { a.stuck = true },
			v1alpha1.ReasonSyncTimeout, []string{"application argocd/shop"}, "Healthy",
		},
		"it runs another image": {
			nil, func(a *argoServer) { a.image = "quay.io/team/server:0.9" },
			v1alpha1.ReasonImageMismatch, []string{"application argocd/shop: Deployment/server runs quay.io/team/server:0.9"}, "Healthy",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, shop := newMall(t)
			s.create(s.spec(tc.fields))
			s.inPhase(testRun, Publishing)
			shop.set(tc.shop)
			cr := s.finish(testRun)
			wantFailed(t, cr, tc.reason, tc.says...)
			if got := resultOf(cr, "health"); got != tc.health {
				t.Errorf("result health is %q, want %q", got, tc.health)
			}
			if len(s.argo.syncedBy()) != 1 || len(s.leases()) != 0 {
				t.Errorf("syncs of the other %v, locks %v", s.argo.syncedBy(), s.leases())
			}
		})
	}
}

// Right after a sync an application's tree is from before it. That nothing runs an image is known when that is so of all
// applications, not of the first that was compared again.
func TestImageOfAnotherApplicationIsWaitedFor(t *testing.T) {
	for name, appears := range map[string]bool{"it appears": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			s, shop := newMall(t)
			s.create(s.spec(nil))
			s.argo.set(func(a *argoServer) { a.gone = true })
			s.inPhase(testRun, Verifying)
			shop.set(func(a *argoServer) { a.gone, a.appears, a.unsettled = true, appears, 2 })
			cr := s.finish(testRun)
			if !appears {
				wantFailed(t, cr, v1alpha1.ReasonImageNotInManifest, "quay.io/team/server: nothing runs it")
			} else if !cr.IsSuccessful() {
				t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
			}
		})
	}
}

// The workload that fails is timed, whatever else is waited for, and nothing is written meanwhile.
func TestFailingWorkloadIsTimedBesideOthers(t *testing.T) {
	s, shop := newMall(t)
	s.create(s.spec(map[string]any{"verify.failureGrace": "30s", "verify.timeout": "10m"}))
	s.inPhase(testRun, Verifying)
	s.argo.set(func(a *argoServer) { a.available = 0 }) // slow, no more
	shop.set(func(a *argoServer) { a.available, a.podMessage = 0, "no such tag" })
	s.until(testRun, "the pod is seen failing", func(cr *v1beta1.CustomRun) bool { return strings.Contains(messageOf(cr), "given 30s to recover") })
	writes, began := s.writes, s.now.Now()
	cr := s.finish(testRun)
	wantFailed(t, cr, v1alpha1.ReasonRolloutFailed, "application shop: Deployment/server", "no such tag")
	if took := s.now.Now().Sub(began); took < 28*time.Second || took > 35*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := s.writes - writes; got > 4 {
		t.Errorf("%d statuses were written while waiting", got)
	}
}

func TestApplicationsBySelector(t *testing.T) {
	bySelector := map[string]any{"argocd.applications": nil, "argocd.selector": map[string]any{"matchLabels": map[string]any{"team": "retail"}}}
	t.Run("all that match, chosen once", func(t *testing.T) {
		s, shop := newMall(t)
		s.argo.labels, shop.labels = map[string]string{"team": "retail"}, map[string]string{"team": "retail", "x": "y"}
		run := s.spec(bySelector)
		run.Spec.Retries = 1
		s.create(run)
		s.inPhase(testRun, Publishing)
		shop.set(func(a *argoServer) { a.labels, a.syncFails = nil, "not now" })
		s.until(testRun, "the second attempt", func(cr *v1beta1.CustomRun) bool { return len(cr.Status.RetriesStatus) == 1 })
		shop.set(func(a *argoServer) { a.syncFails = "" })
		cr := s.finish(testRun)
		if !cr.IsSuccessful() || len(s.argo.syncedBy()) != 1 || len(shop.syncedBy()) != 2 || !strings.Contains(messageOf(cr), "(argocd/shop)") {
			t.Errorf("the run is %s: %s, syncs %v %v", reasonOf(cr), messageOf(cr), s.argo.syncedBy(), shop.syncedBy())
		}
	})
	t.Run("none", func(t *testing.T) {
		s, _ := newMall(t)
		s.create(s.spec(bySelector))
		wantFailed(t, s.finish(testRun), v1alpha1.ReasonApplicationNotFound, "none has the labels team=retail", "check the labels")
	})
	t.Run("too many", func(t *testing.T) {
		s, _ := newMall(t)
		for i := range request.MaxApplications + 1 {
			s.argo.add(fmt.Sprint("shop-", i), "overlays/shop").labels = map[string]string{"team": "retail"}
		}
		s.create(s.spec(bySelector))
		wantFailed(t, s.finish(testRun), v1alpha1.ReasonInvalidSpec, "17 applications", "at most 16")
	})
}

// A workload that is named may be in any of the applications.
func TestNamedWorkloadsOfSeveralApplications(t *testing.T) {
	s, shop := newMall(t)
	s.argo.others = []string{"quay.io/team/cron:1"}
	s.create(s.spec(map[string]any{"verify.workloads": []any{map[string]any{"kind": "Deployment", "name": "server"}, map[string]any{"kind": "Deployment", "name": "other-0"}}}))
	cr := s.finish(testRun)
	if want := "Deployment/server (catalog), Deployment/other-0 (catalog), Deployment/server (shop) runs"; !cr.IsSuccessful() || !strings.HasPrefix(messageOf(cr), want) {
		t.Errorf("the run is %s: %s, want %s", reasonOf(cr), messageOf(cr), want)
	}
	shop.set(func(a *argoServer) { a.gone = true })
	s.argo.set(func(a *argoServer) { a.others = nil })
	second := s.spec(map[string]any{"verify.timeout": "20s", "verify.workloads": []any{map[string]any{"kind": "Deployment", "name": "server"}, map[string]any{"kind": "Deployment", "name": "other-0"}}})
	second.Name = "second"
	s.create(second)
	wantFailed(t, s.finish("second"), v1alpha1.ReasonVerifyTimeout, "Deployment/other-0 does not exist yet")
}

func TestNamespaceTellsNamedWorkloadsApart(t *testing.T) {
	run := &run{data: &data{Request: &request.Request{Verify: request.Verify{Workloads: []request.Workload{{Kind: "Deployment", Namespace: "a", Name: "x"}, {Kind: "Deployment", Namespace: "b", Name: "x"}}}}}}
	has := func(namespaces ...string) []*application {
		a := &application{}
		for _, n := range namespaces {
			a.found.verified = append(a.found.verified, workload{Resource: argocd.Resource{Kind: "Deployment", Namespace: n, Name: "x"}})
		}
		return []*application{a}
	}
	if got := absent(run, has("a")); got != "Deployment/x" {
		t.Errorf("absent is %q", got)
	}
	if got := absent(run, has("b", "a")); got != "" {
		t.Errorf("absent is %q", got)
	}
}

// What is said while nothing is news does not grow from one look to the next.
func TestWaitsOfSeveralApplicationsAreStable(t *testing.T) {
	first, second := &application{memory: &appMemory{}}, &application{memory: &appMemory{}}
	var said []string
	for _, m := range [][2]move{
		{stay("a runs", time.Minute), stay("b runs", time.Second)}, {stay("", time.Minute), stay("b runs", time.Second)}, {stay("", time.Second), stay("", time.Minute)},
		{stay("the same", time.Second), stay("the same", time.Minute)},
	} {
		var w waits
		w.add(first, m[0])
		w.add(second, m[1])
		got := w.move(&run{CustomRun: &v1beta1.CustomRun{}})
		said = append(said, got.message)
		if got.wake != time.Second {
			t.Errorf("wakes after %s", got.wake)
		}
	}
	if d := cmp.Diff([]string{"a runs; b runs", "a runs; b runs", "a runs; b runs", "the same"}, said); d != "" {
		t.Error(d)
	}
}
