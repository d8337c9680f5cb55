package customrun

import (
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// waits creates a run and brings it to where it waits for the merge, having seen its pull request open.
func (s *pullSite) waits(cr *v1beta1.CustomRun) {
	s.t.Helper()
	created := s.create(cr)
	s.until(created.Name, "waiting for the merge", func(cr *v1beta1.CustomRun) bool {
		return reasonOf(cr) == string(WaitingForMerge) && s.memories.of(cr.UID, s.now.Now()).pull != nil
	})
}

func merged() v1beta1.Param { return param("wait", "Merged") }

func TestPullRequestIsMerged(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := newPullSite(t)
			s.waits(s.promote("1.0.1", merged()))
			if got := messageOf(s.get(testRun)); !strings.Contains(got, "pull request #1 waits to be merged: "+s.github.URL()) || !strings.Contains(got, "ends at 2026-03-02T11:00:00Z: the run's timeout is 1h0m0s") {
				t.Errorf("message is %q", got)
			}
			// Another commit comes first, so that no method can be a fast-forward.
			s.person("main", map[string]string{"docs": "more"})
			s.must(s.repo.Merge(1, method))
			s.polled()
			s.wantSucceeded(s.finish(testRun), map[string]string{
				"changed": "true", "pr-state": "merged", "merge-commit": s.rev("main"), "commit": s.rev("main"), "pr-branch": "push-1.0.1",
			})
			if got := s.tagAt("main"); got != "1.0.1" {
				t.Errorf("main has tag %s", got)
			}
		})
	}
}

func TestPullRequestIsMergedByTheQueue(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.repo.Configure(githubdouble.Settings{AutoMerge: true, MergeQueue: true})
	s.waits(s.promote("1.0.1", merged(), param("auto-merge", "merge")))
	s.person("main", map[string]string{"docs": "more"})
	s.must(s.repo.Queue())
	s.polled()
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-state": "merged", "merge-commit": s.rev("main")})
}

// The host merges when its checks have passed, and deletes the branch.
func TestPullRequestAutoMerge(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.repo.RequireChecks("main", "test")
	s.repo.Configure(githubdouble.Settings{AutoMerge: true, DeleteBranchOnMerge: true})
	s.waits(s.promote("1.0.1", merged(), param("auto-merge", "squash")))
	if got := s.one(); got.AutoMerge != "squash" {
		t.Fatalf("auto-merge is %q", got.AutoMerge)
	}
	s.must(s.repo.PassChecks(s.one().Head))
	s.polled()
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-state": "merged", "merge-commit": s.rev("main")})
}

// What nothing stands in the way of is merged at once.
func TestPullRequestAutoMergeAtOnce(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.create(s.promote("1.0.1", merged(), param("auto-merge", "merge")))
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-state": "merged", "merge-commit": s.rev("main")})
}

// Where the host does not merge by itself, a person has to, and the message says so.
func TestPullRequestAutoMergeNotAllowed(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.repo.Configure(githubdouble.Settings{})
	s.repo.RequireChecks("main", "test")
	s.waits(s.promote("1.0.1", merged(), param("auto-merge", "merge")))
	if got := messageOf(s.get(testRun)); !strings.Contains(got, "auto-merge could not be switched as asked for") {
		t.Errorf("message is %q", got)
	}
	s.must(s.repo.PassChecks(s.one().Head))
	s.must(s.repo.Merge(1, "merge"))
	s.polled()
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-state": "merged"})
}

// What the run has asked the host to merge is its own commit: after a person's push, a person merges.
func TestPullRequestPushedToWhileAutoMerging(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.repo.RequireChecks("main", "test")
	s.waits(s.promote("1.0.1", merged(), param("auto-merge", "merge")))
	head := s.person("push-1.0.1", map[string]string{"more": "work"})
	s.polled()
	s.until(testRun, "auto-merge is off", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(messageOf(cr), "auto-merge was switched off")
	})
	if got := s.one().AutoMerge; got != "" {
		t.Errorf("auto-merge is %q", got)
	}
	s.must(s.repo.PassChecks(head))
	if s.one().Merged {
		t.Error("merged, although nobody wanted that")
	}
	s.must(s.repo.Merge(1, "merge"))
	s.polled()
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-state": "merged", "merge-commit": s.rev("main")})
}

func TestPullRequestIsClosed(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.waits(s.promote("1.0.1", merged()))
	s.must(s.repo.Close(1))
	closed := s.now.Now()
	s.polled()
	cr := s.finish(testRun)
	wantFailed(t, cr, v1alpha1.ReasonPullRequestClosed, "pull request #1 was closed without being merged")
	s.wantResults(cr, map[string]string{"pr-number": "1", "pr-state": "closed", "changed": "true"})
	if took := s.now.Now().Sub(closed); took < closedGrace {
		t.Errorf("failed after %s, before the time of grace was over", took)
	}
}

// People close a pull request and open it again to make its checks run anew.
func TestPullRequestIsReopened(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.waits(s.promote("1.0.1", merged()))
	s.must(s.repo.Close(1))
	s.polled()
	s.until(testRun, "it is seen closed", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(messageOf(cr), "the run fails unless it is opened again")
	})
	s.must(s.repo.Reopen(1))
	s.until(testRun, "it is seen open", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(messageOf(cr), "waits to be merged")
	})
	s.now.Step(2 * closedGrace)
	if cr := s.reconcile(testRun); cr.IsDone() {
		t.Fatalf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	s.must(s.repo.Merge(1, "merge"))
	s.polled()
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-state": "merged"})
}

// A run that is cancelled takes its proposal back, where that is asked for and nobody else has worked on it.
func TestPullRequestOfACancelledRun(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		params []v1beta1.Param
		change func(*pullSite)
		state  string
	}{
		"closed":                     {state: "closed"},
		"kept":                       {params: []v1beta1.Param{param("on-cancel", "Keep")}, state: "open"},
		"a person has pushed: kept":  {change: func(s *pullSite) { s.person("push-1.0.1", map[string]string{"more": "work"}) }, state: "open"},
		"merged in the last moment":  {change: func(s *pullSite) { s.must(s.repo.Merge(1, "merge")) }, state: "merged"},
		"with a lock, closed before": {params: []v1beta1.Param{param("lock", "prod")}, state: "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPullSite(t)
			s.waits(s.promote("1.0.1", append(tc.params, merged())...))
			if tc.change != nil {
				tc.change(s)
			}
			s.cancel(testRun, "")
			cr := s.finish(testRun)
			wantFailed(t, cr, v1alpha1.ReasonCancelled)
			pr := s.one()
			state := pr.State
			if pr.Merged {
				state = "merged"
			}
			if state != tc.state || len(s.leases()) != 0 {
				t.Errorf("the pull request is %s, locks %v", state, s.leases())
			}
			if told := len(pr.Comments) == 1 && strings.Contains(pr.Comments[0], "CustomRun `team/deploy` was cancelled"); told != (tc.state == "closed") {
				t.Errorf("comments %q", pr.Comments)
			}
			if tc.params == nil {
				s.wantResults(cr, map[string]string{"pr-state": tc.state, "pr-number": "1"})
			}
		})
	}
}

// The run's time is over: the pull request stays for those who may still want it.
func TestPullRequestOfARunThatTimesOut(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.waits(s.promote("1.0.1", merged()))
	s.now.Step(61 * time.Minute)
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonTimedOut, "WaitingForMerge")
	if got := s.one().State; got != "open" {
		t.Errorf("the pull request is %s", got)
	}
}

// Two versions of one thing: the newer pull request replaces the older, unless a person works on that.
func TestPullRequestSupersedes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		params []v1beta1.Param
		change func(*pullSite)
		closed bool
	}{
		"closed":               {closed: true},
		"kept":                 {params: []v1beta1.Param{param("supersede", "Keep")}},
		"a person has pushed":  {change: func(s *pullSite) { s.person("push-1.0.1", map[string]string{"more": "work"}) }},
		"it is another target": {params: []v1beta1.Param{param("new-name", "quay.io/team/server2"), param("path", "overlays/test")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPullSite(t)
			s.person("main", map[string]string{"overlays/test/kustomization.yaml": kustomization100})
			s.create(s.promote("1.0.1"))
			s.finish(testRun)
			if tc.change != nil {
				tc.change(s)
			}
			newer := s.promote("1.0.2")
			for _, p := range tc.params {
				newer.Spec.Params = replaceParam(newer.Spec.Params, p)
			}
			newer.Name = "newer"
			s.create(newer)
			s.wantSucceeded(s.finish("newer"), map[string]string{"pr-number": "2"})
			all := s.repo.PullRequests()
			if closed := all[0].State == "closed"; closed != tc.closed || all[1].State != "open" {
				t.Errorf("the older is %s, the newer %s", all[0].State, all[1].State)
			}
			if told := len(all[0].Comments) == 1 && strings.Contains(all[0].Comments[0], "Superseded by #2"); told != tc.closed {
				t.Errorf("comments %q", all[0].Comments)
			}
		})
	}
}

// Another run puts another version on the same branch: the pull request goes on, the older run does not.
func TestPullRequestIsTakenOver(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.repo.RequireChecks("main", "test")
	s.waits(s.promote("1.0.1", merged(), param("auto-merge", "merge")))
	next := s.promote("1.0.2", merged())
	next.Name = "next"
	next.Spec.Params = replaceParam(next.Spec.Params, param("pr-branch", "push-1.0.1"))
	s.waits(next)
	s.polled()
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonSuperseded, "CustomRun team/next has put another commit on pull request #1")
	s.must(s.repo.PassChecks(s.one().Head))
	s.must(s.repo.Merge(1, "merge"))
	s.polled()
	s.wantSucceeded(s.finish("next"), map[string]string{"pr-number": "1", "merge-commit": s.rev("main")})
}

// A run that is cancelled does not close what another run has taken for its own.
func TestPullRequestOfACancelledRunIsAnothersToo(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.waits(s.promote("1.0.1", merged()))
	next := s.promote("1.0.1", merged())
	next.Name = "next"
	s.waits(next)
	s.cancel(testRun, "")
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonCancelled)
	if got := s.one().State; got != "open" {
		t.Errorf("the pull request is %s", got)
	}
}

func replaceParam(params []v1beta1.Param, p v1beta1.Param) []v1beta1.Param {
	for i := range params {
		if params[i].Name == p.Name {
			params[i] = p
			return params
		}
	}
	return append(params, p)
}

// Every status of a run, seen once more after it is long past, has no effect.
func TestStaleStatusesOfAPullRequest(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.create(s.promote("1.0.1", merged(), list1("labels", "bug")))
	var versions []*v1beta1.CustomRun
	s.until(testRun, "waiting for the merge", func(cr *v1beta1.CustomRun) bool {
		versions = append(versions, cr)
		return reasonOf(cr) == string(WaitingForMerge) && s.memories.of(cr.UID, s.now.Now()).pull != nil
	})
	last, before := s.get(testRun).ResourceVersion, len(s.github.Requests())
	for _, old := range versions[:len(versions)-1] {
		for range 3 {
			s.refreshCache()
			s.reconcileVersion(old)
		}
	}
	for _, r := range s.github.Requests()[before:] {
		if !strings.HasPrefix(r.Operation, "GET ") {
			t.Errorf("an old status has made %s", r.Operation)
		}
	}
	if commits, _ := s.repo.Git("rev-list", "--count", "push-1.0.1"); strings.TrimSpace(commits) != "3" || s.get(testRun).ResourceVersion != last {
		t.Errorf("%s commits, version %s after %s", commits, s.get(testRun).ResourceVersion, last)
	}
	s.one()
}

// A second attempt goes on with the pull request of the first.
func TestPullRequestAcrossAttempts(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	cr := s.promote("1.0.1", merged())
	cr.Spec.Retries = 1
	s.waits(cr)
	s.now.Step(61 * time.Minute) // the first attempt's time is over
	s.until(testRun, "the second attempt waits", func(cr *v1beta1.CustomRun) bool {
		return len(cr.Status.RetriesStatus) == 1 && reasonOf(cr) == string(WaitingForMerge)
	})
	s.must(s.repo.Merge(1, "squash"))
	s.polled()
	s.wantSucceeded(s.finish(testRun), map[string]string{"changed": "true", "pr-number": "1", "merge-commit": s.rev("main"), "image": "quay.io/team/server:1.0.1"})
	s.one()
}

// The token is a person's who may only read by now: the wait ends with a reason.
func TestPullRequestTokenExpiresWhileWaiting(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.waits(s.promote("1.0.1", merged()))
	s.must(s.github.Fail(githubdouble.Fault{Match: "GET .*/pulls", Times: 100, Status: 401, Message: "Bad credentials"}))
	s.polled()
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonCredentialsInvalid)
}
