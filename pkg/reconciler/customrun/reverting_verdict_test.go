package customrun

import (
	"slices"
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
)

// Only a run's own commit is taken back, and only when the run itself has found that it failed.
func TestFailuresThatAreNotReverted(t *testing.T) {
	for name, tc := range map[string]struct {
		run    func(*site)
		reason v1alpha1.Reason
		tag    string // in git, in the end
	}{
		"nothing was to change": {func(s *site) {
			s.git.commit(map[string]string{overlay: strings.ReplaceAll(kustomization100, "1.0.0", "1.0.1")})
		}, v1alpha1.ReasonRolloutFailed, "1.0.1"},
		"cancelled": {func(s *site) {
			s.inPhase(testRun, Verifying)
			s.cancel(testRun, v1beta1.CustomRunCancelledByPipelineMsg)
		}, v1alpha1.ReasonCancelled, "1.0.1"},
		"timed out": {func(s *site) {
			s.inPhase(testRun, Verifying)
			s.now.Step(61 * time.Minute)
		}, v1alpha1.ReasonTimedOut, "1.0.1"},
		"failed before the push": {func(s *site) { s.git.readOnly = true }, v1alpha1.ReasonCredentialsInvalid, "1.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.failing()
			run := s.deploy("1.0.1", param("on-failure", "Revert"))
			s.create(run)
			tc.run(s)
			commits := 0
			cr := s.until(testRun, "the end", func(cr *v1beta1.CustomRun) bool {
				if reasonOf(cr) == string(Reverting) {
					t.Fatal("it is reverted")
				}
				if reasonOf(cr) == string(Releasing) {
					commits = s.git.commits()
				}
				return cr.IsDone()
			})
			wantFailed(t, cr, tc.reason)
			if got := s.git.tagAt("main"); got != tc.tag || resultOf(cr, "reverted") != "" || len(s.leases()) != 0 || (commits > 0 && s.git.commits() != commits) {
				t.Errorf("tag %s, reverted %q, locks %v", got, resultOf(cr, "reverted"), s.leases())
			}
		})
	}
}

// Each attempt takes back what the run has pushed and not taken back yet, and reports what stands in the end.
func TestRetriesAndRevert(t *testing.T) {
	second := func(cr *v1beta1.CustomRun) bool { return len(cr.Status.RetriesStatus) == 1 }
	for name, tc := range map[string]struct {
		first    func(*site) // while the first attempt reverts
		between  func(*site) // at the beginning of the second
		succeeds bool
		want     map[string]string
		tag      string
		commits  int
	}{
		"the second attempt deploys again": {
			nil, nil, true, map[string]string{"changed": "true", "reverted": "", "previous-image": "quay.io/team/server:1.0.0"}, "1.0.1", 4,
		},
		"both attempts fail": {
			nil, (*site).failing, false, map[string]string{"changed": "true", "reverted": "true", "previous-image": "quay.io/team/server:1.0.0"}, "1.0.0", 5,
		},
		"somebody has set the tag between the attempts": {
			nil, func(s *site) {
				s.git.commit(map[string]string{overlay: strings.ReplaceAll(kustomization100, "1.0.0", "1.0.1")})
			}, true, map[string]string{"changed": "true", "reverted": ""}, "1.0.1", 4,
		},
		"somebody has set the tag, and the second attempt fails": {
			nil, func(s *site) {
				s.git.commit(map[string]string{overlay: strings.ReplaceAll(kustomization100, "1.0.0", "1.0.1")})
				s.failing()
			}, false, map[string]string{"changed": "true", "reverted": ""}, "1.0.1", 4,
		},
		"the first attempt cannot revert, the second one does": {
			func(s *site) { s.git.set(func(g *gitServer) { g.readOnly = true }) },
			func(s *site) { s.git.set(func(g *gitServer) { g.readOnly = false }); s.failing() }, false, map[string]string{"changed": "true", "reverted": "true"}, "1.0.0", 3,
		},
		"others had changed all of it": {
			func(s *site) {
				s.git.commit(map[string]string{overlay: strings.ReplaceAll(kustomization100, "1.0.0", "3.0.0")})
			},
			(*site).failing, false, map[string]string{"changed": "true", "reverted": "true"}, "3.0.0", 5,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.failing()
			run := s.deploy("1.0.1", param("on-failure", "Revert"))
			run.Spec.Retries = 1
			s.create(run)
			s.inPhase(testRun, Reverting)
			s.healthy()
			if tc.first != nil {
				tc.first(s)
			}
			cr := s.until(testRun, "the second attempt", second)
			if got := cr.Status.RetriesStatus[0].Conditions[0].Reason; got != string(v1alpha1.ReasonRolloutFailed) {
				t.Errorf("the first attempt ended with %s", got)
			}
			if tc.between != nil {
				tc.between(s)
			}
			if !tc.succeeds {
				s.until(testRun, "the end of the second attempt", func(cr *v1beta1.CustomRun) bool {
					return cr.IsDone() || reasonOf(cr) == string(Reverting)
				})
				s.healthy()
			}
			cr = s.finish(testRun)
			if cr.IsSuccessful() != tc.succeeds || s.git.tagAt("main") != tc.tag || s.git.commits() != tc.commits || len(s.leases()) != 0 {
				t.Errorf("the run is %s: %s; tag %s, %d commits, locks %v", reasonOf(cr), messageOf(cr), s.git.tagAt("main"), s.git.commits(), s.leases())
			}
			for result, want := range tc.want {
				if got := resultOf(cr, result); got != want {
					t.Errorf("result %s is %q, want %q", result, got, want)
				}
			}
			if tc.succeeds && resultOf(cr, "commit") != s.git.tip() {
				t.Errorf("commit is %s, the tip is %s", resultOf(cr, "commit"), s.git.tip())
			}
		})
	}
}

// A long failure leaves room for what became of the way back.
func TestWhatBecameOfTheRevertIsAlwaysSaid(t *testing.T) {
	r := &run{CustomRun: &v1beta1.CustomRun{}, cp: checkpoint{Verdict: &verdict{Reason: v1alpha1.ReasonRolloutFailed, Message: strings.Repeat("long ", 2000)}}, data: &data{}}
	m := newHarness(t).reverted(r, "nothing was put back")
	if got := r.clean(m.verdict.Message); !strings.HasSuffix(got, "...; nothing was put back") || m.verdict.Reason != v1alpha1.ReasonRolloutFailed {
		t.Errorf("%d bytes, ends with %q", len(got), got[len(got)-40:])
	}
}

// A state that does not fit changes no verdict.
func TestStateThatDoesNotFitKeepsTheVerdict(t *testing.T) {
	h := newHarness(t)
	cr := byParameters()
	cr.Status.InitializeConditions()
	d := data{Outcome: outcome{Changed: true, Commit: "c0ffee", Reverted: true, Live: []v1alpha1.LiveImage{{Image: strings.Repeat("x", 32<<10)}}}}
	d.enter(Reverting, testStart)
	h.create(withState(t, cr, checkpoint{Version: checkpointVersion, Phase: Reverting, Lock: "catalog", Attempt: 1}, data{}))
	r := &run{CustomRun: h.get(testRun), key: keyOf(h.get(testRun)), data: &d, cp: checkpoint{
		Version: checkpointVersion, Phase: Reverting, Attempt: 1, Verdict: &verdict{Reason: v1alpha1.ReasonRolloutFailed, Message: "no pods"},
	}}
	if err := h.apply(t.Context(), r, again("")); err != nil {
		t.Fatal(err)
	}
	got := h.get(testRun)
	wantFailed(t, got, v1alpha1.ReasonRolloutFailed, "no pods")
	if got.Status.GetCondition(conditionSucceeded).Status != corev1.ConditionFalse || resultOf(got, "reverted") != "true" {
		t.Errorf("results %v", got.Status.Results)
	}
}

func TestWritesOfTheWayBackAreNamed(t *testing.T) {
	pushed := revertState{Parent: "p", Commit: "c"}
	synced := revertState{Parent: "p", Commit: "c", Synced: true}
	sent := []appState{{Sync: syncState{Attempt: 2, Sent: true}}}
	for name, tc := range map[string]struct {
		move          move
		data          data
		before, after failpoint.Name
	}{
		"a planned commit":        {again(""), data{Revert: revertState{Parent: "p"}}, failpoint.PlanWriteBefore, failpoint.PlanWriteAfter},
		"the commit is pushed":    {again(""), data{Revert: pushed, Apps: []appState{{Sync: syncState{Attempt: 2}}}}, failpoint.RevertWriteBefore, failpoint.RevertWriteAfter},
		"the sync was accepted":   {stay("", 0), data{Revert: pushed, Apps: sent}, failpoint.SyncWriteBefore, failpoint.SyncWriteAfter},
		"the commit is synced":    {again(""), data{Revert: synced, Apps: sent}, failpoint.SyncedWriteBefore, failpoint.SyncedWriteAfter},
		"what became of all that": {fail(v1alpha1.ReasonRolloutFailed, ""), data{Revert: synced, Apps: sent}, failpoint.RevertEndBefore, failpoint.RevertEndAfter},
	} {
		t.Run(name, func(t *testing.T) {
			r := &run{CustomRun: &v1beta1.CustomRun{}, data: &tc.data}
			r.Status.ExtraFields.Raw = []byte(`{}`)
			before, after := writePlaces(r, Reverting, tc.move)
			if before != tc.before || after != tc.after {
				t.Errorf("got %s and %s, want %s and %s", before, after, tc.before, tc.after)
			}
			if !slices.Contains(failpoint.WayBack(), before) || !slices.Contains(failpoint.WayBack(), after) {
				t.Error("a test that walks all places does not pass this one")
			}
		})
	}
}
