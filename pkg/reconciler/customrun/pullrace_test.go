package customrun

import (
	"fmt"
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
)

// onBranch is a run that proposes a tag on the branch push-1.0.1.
func (s *pullSite) onBranch(name, tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	cr := s.promote(tag, extra...)
	cr.Name = name
	cr.Spec.Params = replaceParam(cr.Spec.Params, param("pr-branch", "push-1.0.1"))
	return cr
}

// What was merged is the other run's version: the run that was replaced has not deployed its own.
func TestPullRequestIsTakenOverAndMerged(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.waits(s.onBranch(testRun, "1.0.1", merged()))
	s.waits(s.onBranch("next", "1.0.2", merged()))
	s.must(s.repo.Merge(1, "merge"))
	s.polled()
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonSuperseded, "CustomRun team/next")
	s.wantSucceeded(s.finish("next"), map[string]string{"image": "quay.io/team/server:1.0.2", "merge-commit": s.rev("main")})
}

// A run that is slow to open its pull request does not take that of a newer one, which has replaced its commit meanwhile.
func TestPullRequestOfASlowRun(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.create(s.onBranch(testRun, "1.0.1", merged()))
	s.inPhase(testRun, Opening)
	s.waits(s.onBranch("next", "1.0.2", merged(), param("title", "Next")))
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonSuperseded, "CustomRun team/next")
	if pr := s.one(); pr.Title != "Next" || s.tagAt("push-1.0.1") != "1.0.2" {
		t.Errorf("title %q, branch with %s", pr.Title, s.tagAt("push-1.0.1"))
	}
	s.must(s.repo.Merge(1, "merge"))
	s.polled()
	s.wantSucceeded(s.finish("next"), map[string]string{"merge-commit": s.rev("main")})
}

// A commit that a person has amended keeps the trailers of the run, and is the person's all the same.
func TestPullRequestBranchWasAmended(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.create(s.promote("1.0.1"))
	s.finish(testRun)
	message, err := s.repo.Git("log", "-1", "--format=%B", "push-1.0.1")
	s.must(err)
	tree := s.rev(s.person("amended", map[string]string{"work": "of a person"}) + "^{tree}")
	amended, err := s.repo.Git("commit-tree", tree, "-p", s.rev("main"), "-m", message)
	s.must(err)
	_, err = s.repo.Git("update-ref", "refs/heads/push-1.0.1", strings.TrimSpace(amended))
	s.must(err)
	s.create(s.onBranch("next", "1.0.2"))
	wantFailed(t, s.finish("next"), v1alpha1.ReasonPushRejected, "was not made by this controller")
	if got := s.rev("push-1.0.1"); got != strings.TrimSpace(amended) {
		t.Error("a person's work was overwritten")
	}
}

// A run that has only adopted what another one waits for does not close it.
func TestPullRequestAdopterIsCancelled(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.waits(s.onBranch(testRun, "1.0.1", merged()))
	s.waits(s.onBranch("next", "1.0.1", merged()))
	s.cancel("next", "")
	wantFailed(t, s.finish("next"), v1alpha1.ReasonCancelled)
	s.must(s.repo.Merge(1, "merge"))
	s.polled()
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-state": "merged"})
}

// What cannot be closed keeps no cancelled run from ending, in its time and as cancelled.
func TestPullRequestCannotBeWithdrawn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githubdouble.Fault{
		"the token is revoked":  {Status: 401, Message: "Bad credentials"},
		"it is gone":            {Status: 404, Message: "Not Found"},
		"the host is away":      {Status: 502, Message: "Bad Gateway"},
		"the host limits us":    {Status: 429, Header: map[string]string{"Retry-After": "1800"}, Message: "Too many requests"},
		"the host hangs up":     {Status: 0},
		"only one call is lost": {Status: 502, Times: 1, Message: "Bad Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPullSite(t)
			s.waits(s.promote("1.0.1", merged(), param("lock", "prod")))
			s.now.Step(time.Hour) // The run's own timeout must not count any more.
			fault.Match = ".*/api/v3/repos/.*"
			if fault.Times == 0 {
				fault.Times = 1000
			}
			s.must(s.github.Fail(fault))
			began := s.now.Now()
			s.cancel(testRun, "")
			cr := s.finish(testRun)
			wantFailed(t, cr, v1alpha1.ReasonCancelled)
			if took := s.now.Now().Sub(began); took > releaseBound+time.Second {
				t.Errorf("ended after %s", took)
			}
			want := "open"
			if fault.Times == 1 {
				want = "closed"
			}
			if got := s.one().State; got != want {
				t.Errorf("the pull request is %s, want %s", got, want)
			}
		})
	}
}

// The namespace is taken away while a run releases its lock: the verdict stands, and the run ends.
func TestReleasingKeepsTheVerdict(t *testing.T) {
	s := newSite(t)
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Releasing)
	s.kube.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "leases"}, "catalog", nil)
	})
	if cr := s.finish(testRun); !cr.IsSuccessful() {
		t.Errorf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
}

// A run whose time is over, and whose lock cannot be released at once, is looked at again.
func TestReleasingAfterTheRunsTimeout(t *testing.T) {
	s := newSite(t)
	s.argo.available = 0
	s.create(s.deploy("1.0.1"))
	s.inPhase(testRun, Verifying)
	s.now.Step(61 * time.Minute)
	s.inPhase(testRun, Releasing)
	failed := false
	s.kube.PrependReactor("delete", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		if failed {
			return false, nil, nil
		}
		failed = true
		return true, nil, apierrors.NewServiceUnavailable("away")
	})
	for !failed {
		s.reconcile(testRun)
	}
	if wake, ok := s.wake(testRun); !ok || wake <= 0 {
		t.Errorf("woken in %s, %v", wake, ok)
	}
	wantFailed(t, s.finish(testRun), v1alpha1.ReasonTimedOut)
	if got := s.leases(); len(got) != 0 {
		t.Errorf("locks left: %v", got)
	}
}

// An older pull request is closed, too, where the host has merged the newer one at once.
func TestPullRequestMergedAtOnceSupersedes(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.create(s.promote("1.0.1"))
	s.finish(testRun)
	newer := s.promote("1.0.2", param("auto-merge", "merge"))
	newer.Name = "newer"
	s.create(newer)
	cr := s.finish("newer")
	s.wantSucceeded(cr, map[string]string{"pr-state": "merged"})
	if !strings.Contains(messageOf(cr), "pull request #2 is merged") {
		t.Errorf("message %q", messageOf(cr))
	}
	if got := s.repo.PullRequests()[0]; got.State != "closed" || got.Merged {
		t.Errorf("the older is %+v", got)
	}
}

// A host that answers late is asked a few times, and a change of the base leads back to the edit.
func TestPullRequestSeesNoDifference(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.must(s.github.Fail(githubdouble.Fault{Match: "POST .*/pulls$", Times: 2, Status: 422, Body: `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"No commits between main and push-1.0.1"}],"documentation_url":"https://docs.github.com","status":"422"}`}))
	s.create(s.promote("1.0.1"))
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-number": "1", "changed": "true"})
	if got := s.github.Counts()["POST /repos/{owner}/{repo}/pulls"].All; got > 4 {
		t.Errorf("proposed %d times", got)
	}
}

// However often a run is reconciled, its App asks for few tokens.
func TestPullRequestOfAnAppAsksForFewTokens(t *testing.T) {
	t.Parallel()
	s := &pullSite{}
	s.begin(t, githubdouble.Options{})
	key, err := s.github.AppKey()
	s.must(err)
	app := secret("git", map[string]string{"appID": fmt.Sprint(githubdouble.AppID), "installationID": fmt.Sprint(githubdouble.InstallationID), "privateKey": string(key)})
	if _, err := s.kube.CoreV1().Secrets(testNamespace).Update(t.Context(), app, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.waits(s.promote("1.0.1", merged(), list1("labels", "bug")))
	if got := s.github.Counts()["POST /app/installations/{installation_id}/access_tokens"].All; got == 0 || got > 3 {
		t.Errorf("asked for %d tokens: want one for the check, one for git and one for the pull request", got)
	}
}
