package customrun

import (
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestClosedWindowIsSeenBeforeThePush(t *testing.T) {
	s, shop := newMall(t)
	shop.windowClosed = true
	s.create(s.spec(nil))
	before := s.git.commits()
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonSyncWindowClosed, "application argocd/shop", "set sync.window to Wait")
	if s.git.commits() != before || len(s.leases()) != 0 {
		t.Errorf("%d commits, locks %v", s.git.commits(), s.leases())
	}
}

// Without a change there is nothing to sync, and no window forbids that.
func TestClosedWindowMattersToAChangeOnly(t *testing.T) {
	s := newSite(t)
	s.argo.windowClosed = true
	s.create(s.deploy("1.0.0"))
	if cr := s.finish(testRun); !cr.IsSuccessful() || resultOf(cr, "changed") != "false" {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

var waitForWindow = map[string]any{"argocd.sync.window": "Wait", "argocd.sync.timeout": "20s"}

// One window holds its own application only. Waiting for it uses up no time, and writes nothing.
func TestWindowIsWaitedFor(t *testing.T) {
	s, shop := newMall(t)
	s.argo.windowClosed = true
	s.create(s.spec(waitForWindow))
	s.until(testRun, "the wait for the window", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(messageOf(cr), "application argocd/catalog: waiting for its sync window") && len(shop.syncedBy()) == 1
	})
	s.until(testRun, "shop is synced", func(cr *v1beta1.CustomRun) bool {
		_, d := stateOf(t, cr)
		return d.Apps[1].Revision != ""
	})
	s.reconcile(testRun)
	writes, until := s.writes, s.now.Now().Add(5*time.Minute)
	s.until(testRun, "five minutes", func(cr *v1beta1.CustomRun) bool { return cr.IsDone() || s.now.Now().After(until) })
	if cr := s.get(testRun); cr.IsDone() || s.writes != writes {
		t.Fatalf("the run is %s: %s, %d statuses were written", reasonOf(cr), messageOf(cr), s.writes-writes)
	}
	if len(s.argo.syncedBy()) != 0 {
		t.Errorf("synced by %v while the window is closed", s.argo.syncedBy())
	}
	s.argo.set(func(a *argoServer) { a.windowClosed = false })
	if cr := s.finish(testRun); !cr.IsSuccessful() || len(s.argo.syncedBy()) != 1 || len(shop.syncedBy()) != 1 {
		t.Errorf("the run is %s: %s, syncs %v %v", reasonOf(cr), messageOf(cr), s.argo.syncedBy(), shop.syncedBy())
	}
}

// A controller that was away for longer than the timeout looks at the window before it gives up.
func TestWindowOutlastsTheController(t *testing.T) {
	s := newSite(t)
	s.argo.windowClosed = true
	s.create(s.spec(map[string]any{
		"argocd.sync.window": "Wait", "argocd.sync.timeout": "20s", "update": []any{map[string]any{"kustomize": map[string]any{"path": "overlays/dev"}}},
		"argocd.applications": []any{map[string]any{"name": "catalog"}},
	}))
	s.until(testRun, "the wait for the window", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(messageOf(cr), "waiting for its sync window")
	})
	s.memories.forget("uid-of-deploy")
	s.now.Step(10 * time.Minute)
	s.argo.set(func(a *argoServer) { a.windowClosed, a.stuck = false, true })
	began := s.now.Now()
	// It is synced, but its next comparison never comes: from the opening on, time counts.
	s.argo.set(func(a *argoServer) { a.held = true })
	cr := s.finish(testRun)
	wantFailed(t, cr, v1alpha1.ReasonSyncTimeout, "was not synced within 20s")
	if took := s.now.Now().Sub(began); took < 19*time.Second || took > 25*time.Second {
		t.Errorf("it took %s after the opening", took)
	}
}

func TestWindowClosesAfterTheSyncWasAccepted(t *testing.T) {
	for name, tc := range map[string]struct {
		fields map[string]any
		reason v1alpha1.Reason
	}{
		"Fail": {nil, v1alpha1.ReasonSyncWindowClosed},
		"Wait": {waitForWindow, v1alpha1.ReasonSucceeded},
	} {
		t.Run(name, func(t *testing.T) {
			s, shop := newMall(t)
			s.create(s.spec(tc.fields))
			s.inPhase(testRun, Publishing)
			shop.set(func(a *argoServer) {
				a.held = true
				a.onSync = func() { a.windowClosed = a.held && len(a.syncs) > 0 }
			})
			s.until(testRun, "the sync of shop", func(cr *v1beta1.CustomRun) bool { return cr.IsDone() || len(shop.syncedBy()) == 1 })
			shop.set(func(a *argoServer) { a.windowClosed = true })
			until := s.now.Now().Add(3 * time.Minute)
			cr := s.until(testRun, "three minutes, or the end", func(cr *v1beta1.CustomRun) bool { return cr.IsDone() || s.now.Now().After(until) })
			if tc.reason != v1alpha1.ReasonSucceeded {
				wantFailed(t, cr, tc.reason, "application argocd/shop", "Argo CD has accepted the sync of this run")
				return
			}
			if cr.IsDone() || !strings.Contains(messageOf(cr), "Argo CD has accepted the sync of this run") {
				t.Fatalf("the run is %s: %s", reasonOf(cr), messageOf(cr))
			}
			shop.set(func(a *argoServer) {
				a.windowClosed = false
				a.goOn()
			})
			if cr := s.finish(testRun); !cr.IsSuccessful() || len(shop.syncedBy()) != 1 {
				t.Errorf("the run is %s: %s, syncs %v", reasonOf(cr), messageOf(cr), shop.syncedBy())
			}
		})
	}
}

func TestForeignOperation(t *testing.T) {
	terminate := map[string]any{"argocd.sync.onForeignOperation": "Terminate"}
	t.Run("Wait: until it ends", func(t *testing.T) {
		s, shop := newMall(t)
		s.create(s.spec(nil))
		s.inPhase(testRun, Publishing)
		shop.set((*argoServer).foreign)
		until := s.now.Now().Add(5 * time.Minute)
		cr := s.until(testRun, "five minutes", func(cr *v1beta1.CustomRun) bool { return cr.IsDone() || s.now.Now().After(until) })
		if cr.IsDone() || !strings.Contains(messageOf(cr), "application argocd/shop: the operation started by admin runs") || shop.terminated != 0 {
			t.Fatalf("the run is %s: %s, %d terminations", reasonOf(cr), messageOf(cr), shop.terminated)
		}
		shop.set(func(a *argoServer) {
			a.operated.Phase = "Failed"
			a.operated.FinishedAt = &metav1.Time{Time: testStart.Add(time.Minute)}
		})
		if cr := s.finish(testRun); !cr.IsSuccessful() {
			t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
		}
	})
	t.Run("Terminate: once, after it got nowhere for a minute", func(t *testing.T) {
		s, shop := newMall(t)
		s.create(s.spec(terminate))
		s.inPhase(testRun, Publishing)
		shop.set((*argoServer).foreign)
		s.until(testRun, "it is seen", func(cr *v1beta1.CustomRun) bool { return strings.Contains(messageOf(cr), "started by admin runs") })
		began := s.now.Now()
		s.until(testRun, "its termination", func(cr *v1beta1.CustomRun) bool {
			shop.mu.Lock()
			defer shop.mu.Unlock()
			return cr.IsDone() || shop.terminated > 0
		})
		if took := s.now.Now().Sub(began); took < 58*time.Second || took > 65*time.Second {
			t.Errorf("it was terminated after %s", took)
		}
		if cr := s.finish(testRun); !cr.IsSuccessful() || shop.terminated != 1 || s.argo.terminated != 0 {
			t.Errorf("the run is %s: %s, %d and %d terminations", reasonOf(cr), messageOf(cr), shop.terminated, s.argo.terminated)
		}
	})
	t.Run("Terminate: it does not end", func(t *testing.T) {
		s, shop := newMall(t)
		s.create(s.spec(terminate))
		s.inPhase(testRun, Publishing)
		shop.set(func(a *argoServer) {
			a.foreign()
			a.unstoppable = true
		})
		wantFailed(t, s.finish(testRun), v1alpha1.ReasonOperationBlocked, "application argocd/shop", "started by admin", "3 terminations")
		if shop.terminated != 3 {
			t.Errorf("%d terminations", shop.terminated)
		}
	})
}

// A pinned revision and auto-sync exclude each other. That does not pass by itself.
func TestPinnedRevisionUnderAutoSyncIsRefused(t *testing.T) {
	s, shop := newMall(t)
	shop.autoSync = true
	s.create(s.spec(map[string]any{"argocd.sync.pinRevision": "true"}))
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonApplicationMismatch, "application argocd/shop", "remove pinRevision")
}
