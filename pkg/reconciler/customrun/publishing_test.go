package customrun

import (
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestBranchThatMovesIsEditedAgain(t *testing.T) {
	s := newSite(t)
	s.git.beforePush = func() { s.git.commit(map[string]string{"README.md": "somebody else's change"}) }
	s.create(s.deploy("1.0.1"))
	cr := s.finish(testRun)
	if !cr.IsSuccessful() || s.git.commits() != 3 || s.git.tagAt("main") != "1.0.1" {
		t.Errorf("the run is %s: %s, %d commits, tag %s", reasonOf(cr), messageOf(cr), s.git.commits(), s.git.tagAt("main"))
	}
	if text, err := s.git.git("", "show", "main:README.md"); err != nil || text != "somebody else's change" {
		t.Errorf("the other change is %q, %v", text, err)
	}
}

func TestPushGivesUpWhenTheBranchNeverRests(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Publishing)
	cr := s.get(testRun)
	cp, d := stateOf(t, cr)
	d.Publish = publishState{Replans: maxReplans}
	s.store(withState(t, cr, cp, d))
	s.git.set(func(g *gitServer) { g.beforePush = func() { s.git.commit(map[string]string{"README.md": "x"}) } })
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonPushConflict, "branch main has moved under 101 planned commits")
}

// The process may die after a push and before the status says so: the next one finds its commit on the branch.
func TestPushedCommitIsRecognised(t *testing.T) {
	for name, tc := range map[string]struct {
		after   func(*site)
		commits int
	}{
		"at the tip":            {func(*site) {}, 2},
		"below somebody else's": {func(s *site) { s.git.commit(map[string]string{"README.md": "x"}) }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.create(s.deploy("1.0.1"))
			planned := s.until(testRun, "a planned commit", func(cr *v1beta1.CustomRun) bool {
				_, d, _ := decodeCheckpoint(cr)
				return d != nil && d.Publish.Commit != ""
			})
			s.reconcile(testRun) // pushes
			if s.git.commits() != 2 {
				t.Fatalf("%d commits", s.git.commits())
			}
			tc.after(s)
			lost := s.get(testRun)
			lost.Status = planned.Status
			s.store(lost)
			s.plans = newPlans()
			cr := s.finish(testRun)
			_, d := stateOf(t, planned)
			if !cr.IsSuccessful() || resultOf(cr, "commit") != d.Publish.Commit || resultOf(cr, "changed") != "true" || s.git.commits() != tc.commits {
				t.Errorf("the run is %s: %s, commit %s of %d, planned %s", reasonOf(cr), messageOf(cr), resultOf(cr, "commit"), s.git.commits(), d.Publish.Commit)
			}
		})
	}
}

// A process that died before the push sends the very bytes that were stored.
func TestPlannedCommitIsPushedByTheNextProcess(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	planned := s.until(testRun, "a planned commit", func(cr *v1beta1.CustomRun) bool {
		_, d, _ := decodeCheckpoint(cr)
		return d != nil && d.Publish.Commit != ""
	})
	_, d := stateOf(t, planned)
	s.plans = newPlans()
	s.now.Step(time.Minute)
	cr := s.finish(testRun)
	if !cr.IsSuccessful() || s.git.tip() != d.Publish.Commit || s.git.commits() != 2 {
		t.Errorf("the run is %s: %s, tip %s, planned %s", reasonOf(cr), messageOf(cr), s.git.tip(), d.Publish.Commit)
	}
}

func TestServerThatIsAwayIsWaitedFor(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Publishing)
	s.git.set(func(g *gitServer) { g.down = true })
	cr := s.until(testRun, "the fault is shown", func(cr *v1beta1.CustomRun) bool { return strings.HasPrefix(messageOf(cr), "trying again: ") })
	if reasonOf(cr) != "Publishing" {
		t.Errorf("the run is %s", reasonOf(cr))
	}
	s.git.set(func(g *gitServer) { g.down = false })
	if cr = s.finish(testRun); !cr.IsSuccessful() {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

func TestLockThatIsLostBeforeThePushIsTakenAgain(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Publishing)
	if err := s.kube.CoordinationV1().Leases(testNamespace).Delete(t.Context(), "catalog", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if cr := s.reconcile(testRun); reasonOf(cr) != "Locking" {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	if cr := s.finish(testRun); !cr.IsSuccessful() || s.git.commits() != 2 {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}
