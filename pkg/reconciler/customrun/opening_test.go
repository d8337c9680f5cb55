package customrun

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

func TestPullRequest(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	cr := s.promote("1.0.1", param("title", "Promote $(image.tag)"), param("body", "- [ ] [Scan](https://example.com/$(image.tag))"),
		list1("labels", "bug", "promotion"), list1("reviewers", githubdouble.Reviewer), list1("team-reviewers", githubdouble.Team), list1("assignees", githubdouble.Assignee))
	cr.Labels = map[string]string{"tekton.dev/pipelineRun": "release-7", "tekton.dev/pipeline": "release"}
	s.create(cr)
	cr = s.finish(testRun)
	pr := s.one()
	head := s.rev("push-1.0.1")
	s.wantSucceeded(cr, map[string]string{
		"changed": "true", "commit": head, "previous-image": "quay.io/team/server:1.0.0", "image": "quay.io/team/server:1.0.1",
		"pr-number": "1", "pr-url": s.github.URL() + "/acme/catalog/pull/1", "pr-state": "open", "pr-branch": "push-1.0.1", "merge-commit": "", "revision": "",
	})
	if got, want := messageOf(cr), "pull request #1 is open: "+s.github.URL()+"/acme/catalog/pull/1"; got != want {
		t.Errorf("message is %q, want %q", got, want)
	}
	if got := s.tagAt("push-1.0.1"); got != "1.0.1" {
		t.Errorf("the branch has tag %s", got)
	}
	if got := s.tagAt("main"); got != "1.0.0" {
		t.Errorf("the base has tag %s before the merge", got)
	}
	m, ok := markerOf(pr.Body)
	if !ok || m.UID != "uid-of-deploy" || m.Commit != head {
		t.Errorf("marker %+v, %v", m, ok)
	}
	for _, words := range []string{"- [ ] [Scan](https://example.com/1.0.1)", "CustomRun `team/deploy` of PipelineRun `release-7`"} {
		if !strings.Contains(pr.Body, words) {
			t.Errorf("body %q does not say %q", pr.Body, words)
		}
	}
	want := githubdouble.PullRequest{
		Title: "Promote 1.0.1", Branch: "push-1.0.1", Base: "main", Head: head, Labels: []string{"bug", "promotion"},
		Reviewers: []string{githubdouble.Reviewer}, Teams: []string{githubdouble.Team}, Assignees: []string{githubdouble.Assignee},
	}
	got := githubdouble.PullRequest{
		Title: pr.Title, Branch: pr.Branch, Base: pr.Base, Head: pr.Head, Labels: pr.Labels, Reviewers: pr.Reviewers, Teams: pr.Teams, Assignees: pr.Assignees,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if warnings := s.warnings(); len(warnings) > 0 {
		t.Errorf("warnings %v", warnings)
	}
}

func (s *pullSite) warnings() []string {
	return slices.DeleteFunc(s.recorded(), func(e string) bool { return !strings.HasPrefix(e, "Warning") })
}

// A second run for the same branch takes over what is there, and says its own version.
func TestPullRequestIsAdopted(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.create(s.promote("1.0.1"))
	s.finish(testRun)
	head := s.rev("push-1.0.1")
	again := s.promote("1.0.1", param("title", "Again"))
	again.Name = "again"
	s.create(again)
	s.wantSucceeded(s.finish("again"), map[string]string{"changed": "false", "commit": head, "pr-number": "1", "pr-state": "open"})
	pr := s.one()
	if m, _ := markerOf(pr.Body); pr.Title != "Again" || m.UID != "uid-of-again" || m.Commit != head {
		t.Errorf("title %q, marker %+v", pr.Title, m)
	}
	// Another version on the same branch replaces the commit, not the pull request.
	next := s.promote("1.0.2", param("title", "Next"))
	next.Name = "next"
	next.Spec.Params[5] = param("pr-branch", "push-1.0.1")
	s.create(next)
	s.wantSucceeded(s.finish("next"), map[string]string{"changed": "true", "pr-number": "1"})
	pr = s.one()
	if s.tagAt("push-1.0.1") != "1.0.2" || s.rev("push-1.0.1^") != s.rev("main") || pr.Title != "Next" || pr.Head == head {
		t.Errorf("branch has %s; pull request %+v", s.tagAt("push-1.0.1"), pr)
	}
}

// A version that was merged, or whose pull request was closed, is proposed anew when the base has another one again, though
// its branch is still there.
func TestPullRequestIsProposedAnew(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*pullSite) error{
		"merged":   func(s *pullSite) error { return s.repo.Merge(1, "merge") },
		"squashed": func(s *pullSite) error { return s.repo.Merge(1, "squash") },
		"rebased":  func(s *pullSite) error { return s.repo.Merge(1, "rebase") },
		"closed":   func(s *pullSite) error { return s.repo.Close(1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPullSite(t)
			s.create(s.promote("1.0.1"))
			s.finish(testRun)
			s.must(change(s))
			s.person("main", map[string]string{prodOverlay: strings.ReplaceAll(kustomization100, "1.0.0", "1.2.3")})
			again := s.promote("1.0.1", merged())
			again.Name = "again"
			s.waits(again)
			if s.rev("push-1.0.1^") != s.rev("main") {
				t.Error("the branch is not made on the base")
			}
			s.must(s.repo.Merge(2, "merge"))
			s.polled()
			s.wantSucceeded(s.finish("again"), map[string]string{"changed": "true", "pr-number": "2", "merge-commit": s.rev("main"), "previous-image": "quay.io/team/server:1.2.3"})
			if got := s.tagAt("main"); got != "1.0.1" {
				t.Errorf("the base has %s", got)
			}
		})
	}
}

// What cannot be proposed ends with a named reason, and opens nothing.
func TestPullRequestRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*pullSite)
		params []v1beta1.Param
		reason v1alpha1.Reason
		words  []string
	}{
		"the branch is a person's": {
			change: func(s *pullSite) { s.person("push-1.0.1", map[string]string{"work": "in progress"}) },
			reason: v1alpha1.ReasonPushRejected, words: []string{"branch push-1.0.1 exists", "was not made by this controller", "pullRequest.branch"},
		},
		"the base is missing": {params: []v1beta1.Param{param("branch", "release")}, reason: v1alpha1.ReasonInvalidSpec, words: []string{"release"}},
		"the token may only read": {
			change: func(s *pullSite) { s.replaceSecret(githubdouble.ReadToken) }, reason: v1alpha1.ReasonCredentialsInvalid,
		},
		"the token has expired": {
			change: func(s *pullSite) { s.replaceSecret("ghp_expired") }, reason: v1alpha1.ReasonCredentialsInvalid,
		},
		"the kind of host is unknown": {params: []v1beta1.Param{param("pr-provider", "Subversion")}, reason: v1alpha1.ReasonInvalidSpec, words: []string{"Subversion", "GitHub", "Gitea"}},
		"the host refuses the branch": {
			change: func(s *pullSite) { s.hook("update", "echo branches are protected >&2; exit 1") },
			reason: v1alpha1.ReasonPushRejected, words: []string{"hook"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPullSite(t)
			if tc.change != nil {
				tc.change(s)
			}
			s.create(s.promote("1.0.1", tc.params...))
			wantFailed(t, s.finish(testRun), tc.reason, tc.words...)
			if all := s.repo.PullRequests(); len(all) > 0 {
				t.Errorf("pull requests %+v", all)
			}
		})
	}
}

// Nothing to propose is a success, with nothing opened and no branch left.
func TestPullRequestNothingToPropose(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	s.create(s.promote("1.0.0"))
	s.wantSucceeded(s.finish(testRun), map[string]string{"changed": "false", "commit": s.rev("main"), "pr-number": "", "pr-branch": ""})
	if _, err := s.repo.Git("rev-parse", "--verify", "--quiet", "push-1.0.0"); err == nil || len(s.repo.PullRequests()) > 0 {
		t.Error("a branch or a pull request was made")
	}
}

// The pull request is there: what it lacks is told, and fails no run.
func TestPullRequestFinishingTouchesFail(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		match  string
		status int
		params []v1beta1.Param
		words  string
	}{
		"label":           {match: "POST .*/labels", status: 422, params: []v1beta1.Param{list1("labels", "bug")}, words: "labels could not be added"},
		"label, for long": {match: "POST .*/labels", status: 502, params: []v1beta1.Param{list1("labels", "bug")}, words: "labels could not be added"},
		"reviewer":        {match: "POST .*/requested_reviewers", status: 422, params: []v1beta1.Param{list1("reviewers", githubdouble.Reviewer)}, words: "reviewers could not be asked"},
		"assignee":        {match: "POST .*/assignees", status: 403, params: []v1beta1.Param{list1("assignees", githubdouble.Assignee)}, words: "assignees could not be added"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPullSite(t)
			s.must(s.github.Fail(githubdouble.Fault{Match: tc.match, Times: 100, Status: tc.status, Message: "Validation Failed"}))
			s.create(s.promote("1.0.1", tc.params...))
			cr := s.finish(testRun)
			warnings := s.warnings()
			s.wantSucceeded(cr, map[string]string{"pr-number": "1"})
			if len(warnings) != 1 || !strings.Contains(warnings[0], tc.words) || !strings.Contains(messageOf(cr), tc.words) {
				t.Errorf("warnings %v, message %q: want one that says %q", warnings, messageOf(cr), tc.words)
			}
		})
	}
}

// Whatever the host answers for a while, there is one pull request in the end.
func TestPullRequestSurvivesFaults(t *testing.T) {
	t.Parallel()
	create := "POST /api/v3/repos/acme/catalog/pulls$"
	for name, fault := range map[string]githubdouble.Fault{
		"403 with Retry-After":          {Match: create, Status: 403, Header: map[string]string{"Retry-After": "60"}, Message: "You have exceeded a secondary rate limit"},
		"429 with Retry-After":          {Match: create, Status: 429, Header: map[string]string{"Retry-After": "60"}, Message: "Too many requests"},
		"5xx":                           {Match: create, Status: 502, Message: "Server Error"},
		"the answer is lost":            {Match: create, Status: 0, Done: true},
		"5xx, and yet created":          {Match: create, Status: 504, Done: true, Message: "Timeout"},
		"the list does not answer":      {Match: "GET .*/pulls\\?", Status: 503, Message: "Unavailable"},
		"the preparing look is limited": {Match: "GET /api/v3/repos/acme/catalog$", Status: 429, Header: map[string]string{"Retry-After": "60"}, Message: "Too many requests"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPullSite(t)
			fault.Times = 1
			s.must(s.github.Fail(fault))
			before := s.now.Now()
			s.create(s.promote("1.0.1"))
			s.wantSucceeded(s.finish(testRun), map[string]string{"changed": "true", "pr-number": "1"})
			if m, ok := markerOf(s.one().Body); !ok || m.UID != "uid-of-deploy" {
				t.Errorf("marker %+v", m)
			}
			if _, limited := fault.Header["Retry-After"]; limited && s.now.Now().Sub(before).Seconds() < 60 {
				t.Errorf("asked again after %s", s.now.Now().Sub(before))
			}
		})
	}
}
