package customrun

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pullSite is a harness with GitHub's API over a real repository.
type pullSite struct {
	*harness
	github *githubdouble.Server
	repo   *githubdouble.Repository
}

func newPullSite(t *testing.T) *pullSite {
	t.Helper()
	s := &pullSite{}
	s.begin(t, githubdouble.Options{Now: func() time.Time { return s.now.Now() }})
	return s
}

// begin starts everything. The host has the clock of the options.
func (s *pullSite) begin(t *testing.T, o githubdouble.Options) {
	t.Helper()
	s.github = githubdouble.New(t, o)
	s.harness = newHarness(t, secret("git", map[string]string{"username": "x", "password": githubdouble.Token}))
	var err error
	if s.repo, err = s.github.AddRepository("catalog"); err != nil {
		t.Fatal(err)
	}
	s.person("main", map[string]string{prodOverlay: kustomization100})
}

const prodOverlay = "overlays/prod/kustomization.yaml"

// person pushes a commit, as a person.
func (s *pullSite) person(branch string, files map[string]string) string {
	s.t.Helper()
	commit, err := s.repo.Push(branch, files)
	if err != nil {
		s.t.Fatal(err)
	}
	return commit
}

func (s *pullSite) rev(ref string) string {
	s.t.Helper()
	commit, err := s.repo.Git("rev-parse", ref)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(commit)
}

// tagAt is the image's tag in the overlay of a commit or branch.
func (s *pullSite) tagAt(ref string) string {
	text, _ := s.repo.Git("show", ref+":"+prodOverlay)
	_, after, _ := strings.Cut(text, "newTag: ")
	return strings.Trim(strings.Fields(after + " ?")[0], `"`)
}

// one is the only pull request.
func (s *pullSite) one() githubdouble.PullRequest {
	s.t.Helper()
	all := s.repo.PullRequests()
	if len(all) != 1 {
		s.t.Fatalf("there are %d pull requests, want one: %+v", len(all), all)
	}
	return all[0]
}

func (s *pullSite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// promote is a run that proposes a tag.
func (s *pullSite) promote(tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	cr := byParameters(append([]v1beta1.Param{
		param("repo-url", s.repo.URL()), param("git-secret", "git"), param("path", "overlays/prod"), param("image", "quay.io/team/server"), param("tag", tag),
		param("pr-branch", "push-"+tag),
	}, extra...)...)
	cr.Spec.CustomRef.Kind = v1alpha1.KindGitOpsPR
	return cr
}

func list1(name string, values ...string) v1beta1.Param {
	return v1beta1.Param{Name: name, Value: v1beta1.ParamValue{Type: v1beta1.ParamTypeArray, ArrayVal: values}}
}

// wantSucceeded checks the end of a run and what it tells of its pull request.
func (s *pullSite) wantSucceeded(cr *v1beta1.CustomRun, want map[string]string) {
	s.t.Helper()
	if !cr.IsSuccessful() {
		s.t.Fatalf("the run is %s: %s", reasonOf(cr), messageOf(cr))
	}
	s.wantResults(cr, want)
}

func (s *pullSite) wantResults(cr *v1beta1.CustomRun, want map[string]string) {
	s.t.Helper()
	for name, value := range want {
		if got := resultOf(cr, name); got != value {
			s.t.Errorf("result %s is %q, want %q", name, got, value)
		}
	}
	if text := fmt.Sprint(cr.Status, string(cr.Status.ExtraFields.Raw), s.recorded()); strings.Contains(text, githubdouble.Token) {
		s.t.Error("the token is in the status or in an event")
	}
}

// polled lets the run hear of what has changed.
func (s *pullSite) polled() { s.now.Step(2 * pollInterval) }

// replaceSecret gives the run another token.
func (s *pullSite) replaceSecret(token string) {
	s.t.Helper()
	if _, err := s.kube.CoreV1().Secrets(testNamespace).Update(s.t.Context(), secret("git", map[string]string{"username": "x", "password": token}), metav1.UpdateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// hook lets git run a script on the server.
func (s *pullSite) hook(name, script string) {
	s.t.Helper()
	dir, err := s.repo.Git("rev-parse", "--absolute-git-dir")
	if err == nil {
		dir = filepath.Join(strings.TrimSpace(dir), "hooks")
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755) //nolint:gosec // git has to run it
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// linkSecret links the Secret to the run's ServiceAccount, for every repository of the host.
func (s *pullSite) linkSecret() {
	s.t.Helper()
	linked := secret("linked", map[string]string{"username": "x", "password": githubdouble.Token}, "tekton.dev/git-0", s.github.URL())
	linked.Type = corev1.SecretTypeBasicAuth
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "default"}, Secrets: []corev1.ObjectReference{{Name: "linked"}}}
	if err := errors.Join(s.kube.Tracker().Add(linked), s.kube.Tracker().Add(account)); err != nil {
		s.t.Fatal(err)
	}
}
