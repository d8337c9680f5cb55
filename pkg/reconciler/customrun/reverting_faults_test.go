package customrun

import (
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (s *site) dropLease() {
	s.t.Helper()
	if err := s.kube.CoordinationV1().Leases(testNamespace).Delete(s.t.Context(), "catalog", metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// Whoever ends a run that is putting the previous state back wants it to end.
func TestInterruptedWhileReverting(t *testing.T) {
	cancel := func(s *site) { s.cancel(testRun, v1beta1.CustomRunCancelledByPipelineMsg) }
	for name, tc := range map[string]struct {
		at       func(*v1beta1.CustomRun) bool
		how      func(*site)
		reason   v1alpha1.Reason
		reverted string
	}{
		"cancelled before anything is planned": {func(cr *v1beta1.CustomRun) bool { return reasonOf(cr) == string(Reverting) }, cancel, v1alpha1.ReasonCancelled, ""},
		"cancelled before the push":            {isPlanned, cancel, v1alpha1.ReasonCancelled, ""},
		"cancelled after the push":             {revertIsPushed, cancel, v1alpha1.ReasonCancelled, "true"},
		"the run's time is over":               {isPlanned, func(s *site) { s.now.Step(time.Hour) }, v1alpha1.ReasonTimedOut, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.revertible()
			s.until(testRun, name, tc.at)
			tc.how(s)
			cr := s.finish(testRun)
			wantFailed(t, cr, tc.reason, "; before that, it had failed with RolloutFailed: Deployment/server: ")
			if got := resultOf(cr, "reverted"); got != tc.reverted || (s.git.tagAt("main") == "1.0.0") != (got == "true") || len(s.leases()) != 0 {
				t.Errorf("reverted is %q, tag %s, locks %v", got, s.git.tagAt("main"), s.leases())
			}
		})
	}
}

// A push that has arrived although nobody knows is found when the run is cancelled.
func TestCancelledWhileTheRevertIsPushed(t *testing.T) {
	s := newSite(t)
	s.revertible()
	planned := s.until(testRun, "a planned commit", isPlanned)
	s.reconcile(testRun)
	s.loseStatus(planned)
	s.cancel(testRun, "")
	cr := s.finish(testRun)
	wantFailed(t, cr, v1alpha1.ReasonCancelled)
	if resultOf(cr, "reverted") != "true" || s.git.commits() != 3 {
		t.Errorf("reverted is %q, %d commits", resultOf(cr, "reverted"), s.git.commits())
	}
}

// loseStatus puts the status back to an earlier one, as if the process had died before it could write.
func (s *site) loseStatus(earlier *v1beta1.CustomRun) {
	s.t.Helper()
	lost := s.get(testRun)
	lost.Status = earlier.Status
	s.store(lost)
	s.plans = newPlans()
	s.memories = newMemories()
}

// Wherever the process dies on the way back, there is one commit that reverts.
func TestRevertIsResumed(t *testing.T) {
	for name, tc := range map[string]struct {
		from func(*v1beta1.CustomRun) bool
		then func(*site)
	}{
		"planned, not pushed":            {isPlanned, func(*site) {}},
		"pushed, not written":            {isPlanned, func(s *site) { s.reconcile(testRun) }},
		"pushed, and somebody on top":    {isPlanned, func(s *site) { s.reconcile(testRun); s.git.commit(map[string]string{"README.md": "x"}) }},
		"synced, not written":            {revertIsPushed, func(s *site) { s.inPhase(testRun, Releasing) }},
		"over, the verdict not written":  {func(cr *v1beta1.CustomRun) bool { return reasonOf(cr) == string(Reverting) }, func(s *site) { s.finish(testRun) }},
		"at the first look, by a replay": {func(cr *v1beta1.CustomRun) bool { return reasonOf(cr) == string(Reverting) }, func(s *site) { s.reconcile(testRun) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.revertible()
			earlier := s.until(testRun, name, tc.from)
			_, before := stateOf(t, earlier)
			tc.then(s)
			s.loseStatus(earlier)
			cr := s.finish(testRun)
			if name == "over, the verdict not written" {
				// Nothing was planned in what is left of the status: the previous state stands, and nobody can tell who put it back.
				wantFailed(t, cr, v1alpha1.ReasonRolloutFailed)
			} else {
				wantFailed(t, cr, v1alpha1.ReasonRolloutFailed, "has put the previous state back, and it runs")
			}
			reverts, _ := s.git.git("", "log", "--format=%H", "--grep=^Revert", "main")
			if len(strings.Fields(reverts)) != 1 || s.git.tagAt("main") != "1.0.0" || (before.Publish.Commit != "" && reverts != before.Publish.Commit) {
				t.Errorf("commits that revert: %v, planned was %q", reverts, before.Publish.Commit)
			}
		})
	}
}

func TestStaleStatusesOfARevertHaveNoEffect(t *testing.T) {
	s := newSite(t)
	s.revertible()
	var versions []*v1beta1.CustomRun
	s.until(testRun, "the end", func(cr *v1beta1.CustomRun) bool {
		versions = append(versions, cr)
		return cr.IsDone()
	})
	last := s.get(testRun).ResourceVersion
	for _, old := range versions {
		for range 3 {
			s.refreshCache()
			s.reconcileVersion(old)
		}
	}
	if s.git.commits() != 3 || len(s.argo.syncedBy()) != 2 || len(s.leases()) != 0 || s.get(testRun).ResourceVersion != last {
		t.Errorf("%d commits, syncs %v, locks %v", s.git.commits(), s.argo.syncedBy(), s.leases())
	}
}

// A way back that cannot be gone to its end changes nothing of the verdict, and says how far it came.
func TestRevertThatDoesNotGetThrough(t *testing.T) {
	for name, tc := range map[string]struct {
		at       func(*v1beta1.CustomRun) bool
		broken   func(*site)
		says     string
		reverted string
		tag      string
	}{
		"the server refuses the push": {
			isPlanned, func(s *site) { s.git.set(func(g *gitServer) { g.readOnly = true }) }, "; the previous state was not put back: CredentialsInvalid: ", "", "1.0.1",
		},
		"the server is away for too long": {
			isPlanned, func(s *site) {
				s.git.set(func(g *gitServer) { g.down = true })
				s.reconcile(testRun)
				s.now.Step(revertBound)
			}, "; the previous state was not put back: it did not end within 10m0s: ", "", "1.0.1",
		},
		"the branch never rests": {
			isPlanned, func(s *site) {
				cr := s.get(testRun)
				cp, d := stateOf(t, cr)
				d.Publish.Replans = maxReplans
				s.store(withState(t, cr, cp, d))
				s.git.set(func(g *gitServer) { g.beforePush = func() { s.git.commit(map[string]string{"README.md": "x"}) } })
			}, "; the previous state was not put back: PushConflict: ", "", "1.0.1",
		},
		"the lock is taken away before the push": {
			isPlanned, (*site).dropLease, "; the previous state was not put back: lock catalog was taken from this run", "", "1.0.1",
		},
		"the lock is taken away after the push": {
			revertIsPushed, (*site).dropLease, "has put the previous state back, and it runs", "true", "1.0.0",
		},
		"the previous pods do not come up": {
			revertIsPushed, func(s *site) { s.failing() }, "has put the previous state back in git, but it was not seen running: RolloutFailed: Deployment/server: ", "true", "1.0.0",
		},
		"the application hangs": {
			revertIsPushed, func(s *site) {
				s.argo.set(func(a *argoServer) { a.health = "Progressing" })
				s.reconcile(testRun)
				s.now.Step(revertBound)
			}, "has put the previous state back in git, but it was not seen running: it did not end within 10m0s: ", "true", "1.0.0",
		},
		"the application is gone": {
			revertIsPushed, func(s *site) { s.argo.set(func(a *argoServer) { a.absent = true }) }, "but it was not seen running: ApplicationNotFound: ", "true", "1.0.0",
		},
		"somebody deploys another tag": {
			revertIsPushed, func(s *site) {
				s.git.commit(map[string]string{overlay: strings.ReplaceAll(kustomization100, "1.0.0", "3.0.0")})
			}, "but it was not seen running: Superseded: ", "true", "3.0.0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.revertible()
			s.until(testRun, "the point to break it at", tc.at)
			tc.broken(s)
			cr := s.finish(testRun)
			wantFailed(t, cr, v1alpha1.ReasonRolloutFailed, "Deployment/server: ", tc.says)
			s.git.set(func(g *gitServer) { g.down, g.readOnly = false, false })
			if got := s.git.tagAt("main"); got != tc.tag || resultOf(cr, "reverted") != tc.reverted || len(s.leases()) != 0 {
				t.Errorf("tag %s, reverted %q, locks %v", got, resultOf(cr, "reverted"), s.leases())
			}
		})
	}
}

// A lock that is lost while a push is under way does not hide that push.
func TestLockLostAfterTheRevertWasPushed(t *testing.T) {
	s := newSite(t)
	s.revertible()
	planned := s.until(testRun, "a planned commit", isPlanned)
	s.reconcile(testRun)
	s.loseStatus(planned)
	s.dropLease()
	cr := s.finish(testRun)
	wantFailed(t, cr, v1alpha1.ReasonRolloutFailed, "has put the previous state back, and it runs")
	if resultOf(cr, "reverted") != "true" {
		t.Error("it is not reported")
	}
}

// A server as git sets it up sends whole commits only. What the run's commit was made on is no tip any more; over http,
// such a server gives it out all the same.
func TestRevertWithAPlainServer(t *testing.T) {
	s := newSite(t)
	for _, option := range []string{"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"} {
		if _, err := s.git.git("", "config", option, "false"); err != nil {
			t.Fatal(err)
		}
	}
	s.revertible()
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonRolloutFailed, "has put the previous state back, and it runs")
}
