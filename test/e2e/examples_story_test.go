package e2e

import (
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// The stories of examples/README.md, from the setup on: its commands are run one after the other, and so is what they start.
func TestStories(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.setUp()
	s.hasNoOtherRights()

	const tag = "1a2b3c4-20260301094500"
	s.results("build-and-deploy/server-run.yaml", `{"commit": "1a2b3c4d5e", "tag": "`+tag+`", "IMAGE_URL": "u", "IMAGE_DIGEST": "d"}`)
	s.results("build-and-deploy/client-run.yaml", `{"commit": "5d6e7f8a9b", "tag": "5d6e7f8-20260301094500", "IMAGE_URL": "u", "IMAGE_DIGEST": "d"}`)
	runs := s.start("examples/build-and-deploy/server-run.yaml")
	s.mergeUntilDone(runs)
	for run, want := range map[string]string{runs[0]: tag, runs[1]: "5d6e7f8-20260301094500"} {
		s.wantPromoted(run, want)
	}
	s.mayNotRestart("dev")
	s.wantNotified()

	s.results("floating-tag/run.yaml", `{"commit": "1a2b3c4d5e", "IMAGE_URL": "u", "IMAGE_DIGEST": "d"}`)
	commits := s.hostedCommits("main")
	s.shell(s.block("examples/floating-tag/argocd.yaml"))
	s.base.waitForApplication("floating", "the environment of the floating tag", syncedAndHealthy)
	inProject := "get applications " + s.base.App("floating") + "/" + s.base.App("floating")
	s.poll("the rights in the project of the floating tag", func() bool { return s.canI(inProject) == "yes" })
	s.wantRestarted(s.start("examples/floating-tag/run.yaml")[0], "true")
	s.wantRestarted(createdRuns(s.shell("kubectl create -f examples/floating-tag/run.yaml"))[0], "false")
	s.hasRestartedTwice()
	if got := s.hostedCommits("main"); got != commits {
		t.Errorf("restarting has made %d commits", got-commits)
	}
	s.noLease()
}

// createdRuns are the PipelineRuns that kubectl says it has created.
func createdRuns(output string) []string {
	var runs []string
	for _, found := range regexp.MustCompile(`(?m)^pipelinerun.tekton.dev/(\S+) created$`).FindAllStringSubmatch(output, -1) {
		runs = append(runs, found[1])
	}
	return runs
}

// start runs the block of commands that has a word in it, and gives the PipelineRuns that it has created.
func (s *story) start(word string) []string {
	s.t.Helper()
	runs := createdRuns(s.shell(s.block(word)))
	if len(runs) == 0 {
		s.t.Fatalf("the commands with %s have created no PipelineRun", word)
	}
	return runs
}

// mergeUntilDone merges what the runs propose until they have ended, and looks at it first.
func (s *story) mergeUntilDone(runs []string) {
	s.t.Helper()
	merged := 0
	s.poll("the end of "+strings.Join(runs, " and "), func() bool {
		for _, p := range s.openPulls() {
			application := "server"
			if strings.Contains(p.Title, "/client:") {
				application = "client"
			}
			for _, line := range []string{
				"Proven to run in dev and test. In prod it replaces `quay.io/product-catalog/" + application + ":1.0.0`. Before this is merged:",
				"- [ ] [Image vulnerabilities](https://quay.io/repository/product-catalog/" + application + "?tab=tags)",
				"- [ ] [Code analysis](https://sonarqube.example.com/dashboard?id=" + application + ")",
			} {
				if !strings.Contains(p.Body, line+"\n") {
					s.t.Errorf("the body has no line %q:\n%s", line, p.Body)
				}
			}
			s.mergePull(p.Number, "squash")
			merged++
		}
		return !slices.ContainsFunc(runs, func(run string) bool { return !s.pipelineRun(run).IsDone() })
	})
	if merged != len(runs) {
		s.t.Errorf("%d pull requests were merged for %d runs", merged, len(runs))
	}
}

// wantPromoted looks at what a run has deployed everywhere, and at what its tests were given.
func (s *story) wantPromoted(run, tag string) {
	s.t.Helper()
	p := s.pipelineRun(run)
	if !p.Status.GetCondition(apis.ConditionSucceeded).IsTrue() {
		s.t.Fatalf("PipelineRun %s: %s", run, s.outcomes(run))
	}
	application := p.Labels["tekton.dev/pipeline"]
	image := "quay.io/product-catalog/" + application + ":" + tag
	done := end{Reason: "Succeeded", Changed: "true"}
	if diff := cmp.Diff(ends{"deploy-to-dev": done, "deploy-to-test": done, "promote-to-prod": done}, s.endsOf(run)); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", run, diff)
	}
	results := map[string]string{}
	for _, r := range p.Status.Results {
		results[r.Name] = r.Value.StringVal
	}
	if results["tag"] != tag || results["prod-commit"] == "" || !strings.HasPrefix(results["pull-request"], s.Gitea.URL) {
		s.t.Errorf("%s has the results %v", run, results)
	}
	for _, environment := range []string{"dev", "test", "prod"} {
		want := []map[string]string{{"image": image, "url": "http://" + application + "." + s.Targets[environment]}}
		if diff := cmp.Diff(want, s.givenTo("tekton.dev/pipelineRun="+run, "test-in-"+environment)); diff != "" {
			s.t.Errorf("%s: parameters of the tests in %s (-want +got):\n%s", run, environment, diff)
		}
		if got := s.deployment(environment, application).Spec.Template.Spec.Containers[0].Image; got != image {
			s.t.Errorf("%s runs %s, want %s", environment, got, image)
		}
	}
	if told := s.givenTo("tekton.dev/pipelineRun="+run, "notify"); len(told) > 0 {
		s.t.Errorf("%s has told %v", run, told)
	}
}

// wantNotified runs a pipeline whose deployment cannot succeed, and looks at what the team is told.
func (s *story) wantNotified() {
	s.t.Helper()
	s.results("build-and-deploy/client-run.yaml", `{"commit": "5d6e7f8a9b", "tag": "no tag", "IMAGE_URL": "u", "IMAGE_DIGEST": "d"}`)
	run := createdRuns(s.shell("kubectl create -f examples/build-and-deploy/client-run.yaml"))[0]
	s.poll("the end of "+run, func() bool { return s.pipelineRun(run).IsDone() })
	want := []map[string]string{{"text": run + " of client failed: build Succeeded; dev InvalidSpec, tests None; test , tests None; prod , tests None"}}
	if diff := cmp.Diff(want, s.givenTo("tekton.dev/pipelineRun="+run, "notify")); diff != "" {
		s.t.Errorf("what the team is told (-want +got):\n%s", diff)
	}
}

func (s *story) wantRestarted(run, changed string) {
	s.t.Helper()
	s.poll("the end of "+run, func() bool { return s.pipelineRun(run).IsDone() })
	if diff := cmp.Diff(ends{"restart": {Reason: "Succeeded", Changed: changed}}, s.endsOf(run)); diff != "" {
		s.t.Fatalf("%s (-want +got):\n%s%s", run, diff, s.outcomes(run))
	}
	given := s.givenTo("tekton.dev/pipelineRun="+run, "integration-tests")
	if len(given) != 1 || !strings.HasPrefix(given[0]["image"], serverImage+"@sha256:") {
		s.t.Errorf("%s: the tests were given %v", run, given)
	}
}

// hasRestartedTwice counts the restarts that the server has seen, and looks whether its image is pulled each time.
func (s *story) hasRestartedTwice() {
	s.t.Helper()
	sets, err := s.Client.AppsV1().ReplicaSets(s.Targets["floating"]).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=server"})
	s.must(err)
	restarted := slices.DeleteFunc(sets.Items, func(set appsv1.ReplicaSet) bool { return set.Spec.Template.Annotations[restartedAt] == "" })
	if len(restarted) != 2 {
		s.t.Errorf("the server was restarted %d times, want 2", len(restarted))
	}
	container := s.deployment("floating", "server").Spec.Template.Spec.Containers[0]
	if container.Image != serverImage+":dev" || container.ImagePullPolicy != "Always" {
		s.t.Errorf("the server runs %s, pulled %s", container.Image, container.ImagePullPolicy)
	}
}

// hasNoOtherRights asks for what the usual setup gives away.
func (s *story) hasNoOtherRights() {
	s.t.Helper()
	for _, right := range []struct{ account, namespace, verb, group, resource string }{
		{"pipeline", s.Namespace, "get", "", "secrets"},
		{"pipeline", s.Namespace, "update", "", "serviceaccounts"},
		{"pipeline", s.Targets["dev"], "get", "apps", "deployments"},
		{"pipeline", s.Targets["dev"], "patch", "apps", "deployments"},
		{"pipeline", s.Targets["dev"], "get", "", "secrets"},
		{"pipeline", s.ArgoCD.Namespace, "get", "", "secrets"},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   "system:serviceaccount:" + s.Namespace + ":" + right.account,
			Groups: []string{"system:serviceaccounts", "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: right.namespace, Verb: right.verb, Group: right.group, Resource: right.resource,
			},
		}}
		answer, err := s.Client.AuthorizationV1().SubjectAccessReviews().Create(s.t.Context(), review, metav1.CreateOptions{})
		s.must(err)
		if answer.Status.Allowed {
			s.t.Errorf("ServiceAccount %s may %s %s in %s", right.account, right.verb, right.resource, right.namespace)
		}
	}
	project := s.base.App("apps") + "/" + s.base.App("dev")
	for question, want := range map[string]string{
		"get applications " + project:                     "yes",
		"sync applications " + project:                    "yes",
		"update applications " + project:                  "no",
		"delete applications " + project:                  "no",
		"get applications default/" + s.base.App("setup"): "no",
		"get projects default":                            "no",
		"get repositories *":                              "no",
	} {
		if got := s.canI(question); got != want {
			s.t.Errorf("may the account of Argo CD %s: %s, want %s", question, got, want)
		}
	}
}

// mayNotRestart tries with the account of Argo CD what only the story of the floating tag takes.
func (s *story) mayNotRestart(environment string) {
	s.t.Helper()
	path := "/api/v1/applications/" + s.base.App(environment) + "/resource/actions?group=apps&version=v1&kind=Deployment&resourceName=server&namespace=" +
		s.Targets[environment]
	var refused *localcluster.ArgoCDError
	err := s.CallArgoCD(s.t.Context(), s.token(), http.MethodPost, path, "restart", nil)
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		s.t.Errorf("restarting in %s ends with %v, want %d", environment, err, http.StatusForbidden)
	}
}

// token is that of the account of Argo CD, as the Secret holds it.
func (s *story) token() string {
	s.t.Helper()
	secret, err := s.Client.CoreV1().Secrets(s.Namespace).Get(s.t.Context(), "argocd-env-secret", metav1.GetOptions{})
	s.must(err)
	return strings.TrimSpace(string(secret.Data["ARGOCD_AUTH_TOKEN"]))
}

// canI asks Argo CD for a right (action, resource, object) of that account.
func (s *story) canI(right string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.BinDir, "argocd"), append([]string{"account", "can-i"}, strings.Fields(right)...)...)
	cmd.Env = append(slices.Clone(s.env), "ARGOCD_AUTH_TOKEN="+s.token())
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("may the account %s: %v: %s", right, err, out)
	}
	return strings.TrimSpace(string(out))
}
