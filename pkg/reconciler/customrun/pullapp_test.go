package customrun

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A GitHub App is what both git and the API are logged in to with.
func TestPullRequestOfAnApp(t *testing.T) {
	t.Parallel()
	s := &pullSite{}
	s.begin(t, githubdouble.Options{}) // An App signs with the time of the machine.
	raw, err := s.github.AppKey()
	s.must(err)
	key := string(raw)
	app := secret("git", map[string]string{
		"appID": strconv.Itoa(githubdouble.AppID), "installationID": strconv.Itoa(githubdouble.InstallationID), "privateKey": key,
	})
	if _, err := s.kube.CoreV1().Secrets(testNamespace).Update(t.Context(), app, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.waits(s.promote("1.0.1", merged()))
	s.must(s.repo.Merge(1, "squash"))
	s.polled()
	cr := s.finish(testRun)
	s.wantSucceeded(cr, map[string]string{"changed": "true", "pr-state": "merged", "merge-commit": s.rev("main")})
	line := strings.Split(key, "\n")[3]
	if text := fmt.Sprint(cr.Status, string(cr.Status.ExtraFields.Raw), s.recorded()); strings.Contains(text, line) || strings.Contains(text, "ghs_") {
		t.Error("the App's key or its token is in the status or in an event")
	}
}

// What the tags begin with are commits of the source: the body lists what comes between.
func TestPullRequestListsTheChanges(t *testing.T) {
	t.Parallel()
	s := newPullSite(t)
	source, err := s.github.AddRepository("server")
	s.must(err)
	var commits []string
	for i := range 3 {
		commit, err := source.Push("main", map[string]string{"code": fmt.Sprint(i)})
		s.must(err)
		commits = append(commits, strings.TrimSpace(commit))
	}
	from, to := commits[0][:8]+"-1", commits[2][:8]+"-3"
	s.person("main", map[string]string{prodOverlay: strings.ReplaceAll(kustomization100, "1.0.0", from)})
	cr := s.promote(to, param("changes-url", source.URL()))
	s.linkSecret()
	s.create(cr)
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-number": "1"})
	body := s.one().Body
	for i, listed := range []bool{false, true, true} {
		if strings.Contains(body, "`"+commits[i][:10]+"`") != listed {
			t.Errorf("commit %d listed: want %v in\n%s", i, listed, body)
		}
	}
}

// The list is a service: where it cannot be had, the pull request says so.
func TestPullRequestChangesAreNotKnown(t *testing.T) {
	t.Parallel()
	for tag, words := range map[string]string{"1.0.1": "the tags do not begin with a commit's id", "1a2b3c4d": "the tags do not begin"} {
		s := newPullSite(t)
		s.create(s.promote(tag, param("changes-url", s.repo.URL())))
		s.wantSucceeded(s.finish(testRun), map[string]string{"pr-number": "1"})
		if body := s.one().Body; !strings.Contains(body, words) {
			t.Errorf("tag %s: body %q does not say %q", tag, body, words)
		}
	}
	s := newPullSite(t)
	s.create(s.promote("1.0.1", param("changes-url", s.github.URL()+"/acme/nothing.git"), param("changes-from", "v1"), param("changes-to", "v2")))
	s.wantSucceeded(s.finish(testRun), map[string]string{"pr-number": "1"})
	if body := s.one().Body; !strings.Contains(body, "from `v1` to `v2` could not be read") {
		t.Errorf("body %q", body)
	}
}
