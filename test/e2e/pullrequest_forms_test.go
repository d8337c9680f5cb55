package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// looks are what a pull request is given by each form.
type looks struct {
	Title, Branch      string
	Draft              bool
	Labels, Asked, Own []string
}

func (n *tenant) looksOf(number int) looks {
	n.t.Helper()
	p := n.pull(number)
	l := looks{Title: p.Title, Branch: p.Head.Branch, Draft: p.Draft}
	for _, label := range p.Labels {
		l.Labels = append(l.Labels, label.Name)
	}
	for _, u := range p.Reviewers {
		l.Asked = append(l.Asked, u.Login)
	}
	for _, u := range p.Assignees {
		l.Own = append(l.Own, u.Login)
	}
	slices.Sort(l.Labels)
	return l
}

// The values that each form gives, in its own way.
const (
	formTitle = "Promote $(image.tag)"
	formBody  = "After **$(previous-image)**."
)

// formSpec is the spec of a definition, or of a run that holds it itself.
func (n *tenant) formSpec(tag string) object {
	s := with(n.spec(tag), "pullRequest.title", formTitle, "pullRequest.body", formBody, "pullRequest.branch", "promote", "pullRequest.draft", "true")
	pr, _ := s["pullRequest"].(object)
	person := []any{n.Hosted.Person.Name}
	pr["labels"], pr["reviewers"], pr["assignees"] = []any{"deploy", "dev"}, person, person
	return s
}

func list(name string, values ...string) v1beta1.Param {
	return v1beta1.Param{Name: name, Value: v1beta1.ParamValue{Type: v1beta1.ParamTypeArray, ArrayVal: values}}
}

// forms create the run in each form.
func forms() map[string]func(*tenant) {
	return map[string]func(*tenant){
		"by name": func(n *tenant) {
			s := n.formSpec("$(params.tag)")
			s["params"] = []any{object{"name": "tag"}}
			n.mustCreate(v1alpha1.Resource("gitopsprs"), n.Namespace, object{
				"apiVersion": v1alpha1.APIVersion, "kind": v1alpha1.KindGitOpsPR, "metadata": object{"name": "promotion"}, "spec": s,
			})
			n.create(proposal(n.byName("run", "promotion", param("tag", "1.0.1"))))
		},
		"embedded": func(n *tenant) { n.create(proposal(n.embedded("run", n.formSpec("1.0.1")))) },
		"by parameters": func(n *tenant) {
			person := n.Hosted.Person.Name
			n.create(n.promote("run", "1.0.1", param("title", formTitle), param("body", formBody), param("pr-branch", "promote"),
				param("draft", "true"), list("labels", "deploy", "dev"), list("reviewers", person), list("assignees", person)))
		},
		"with defaults": func(n *tenant) {
			person := `["` + n.Hosted.Person.Name + `"]`
			for key, value := range map[string]string{
				"title": formTitle, "body": formBody, "labels": `["deploy", "dev"]`, "reviewers": person, "assignees": person,
			} {
				n.setDefault(key, value)
			}
			n.create(n.promote("run", "1.0.1", param("pr-branch", "promote"), param("draft", "true")))
		},
	}
}

// The three forms of a run, and the namespace's defaults, give the same pull request. A label that the repository does not
// have is made.
func TestPullRequestByNameEmbeddedAndByParameters(t *testing.T) {
	t.Parallel()
	for form, create := range forms() {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			n := newHosted(t)
			create(n)
			cr := n.finish("run")
			wantSucceeded(t, cr)
			wantResults(t, cr, map[string]string{"pr-number": "1", "pr-branch": "promote", "pr-state": "open", "changed": "true"})
			person := []string{n.Hosted.Person.Name}
			want := looks{Title: "WIP: Promote 1.0.1", Branch: "promote", Draft: true, Labels: []string{"deploy", "dev"}, Asked: person, Own: person}
			if d := cmp.Diff(want, n.looksOf(1)); d != "" {
				t.Errorf("the pull request looks (-want +got):\n%s", d)
			}
			wantSays(t, n.pull(1).Body, "After **"+serverImage+":1.0.0**.", "Opened by CustomRun")
			if got := n.hostedCommits("promote"); got != 1 {
				t.Errorf("%d commits, want 1", got)
			}
		})
	}
}

// The base has it already: there is nothing to propose.
func TestPullRequestWithoutADifference(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	n.create(n.promote("run", "1.0.0"))
	n.create(n.promoted("waits", "1.0.0"))
	cr := n.finish("run")
	wantSucceeded(t, cr)
	tip := n.hostedTip(localcluster.Branch)
	wantResults(t, cr, map[string]string{"changed": "false", "commit": tip, "pr-number": "", "pr-branch": "", "pr-state": ""})
	cr = n.finish("waits")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "false", "commit": tip, "revision": tip, "pr-number": "", "image": serverImage + ":1.0.0"})
	if got := n.branches(); len(got) != 1 || len(n.pulls()) > 0 {
		t.Errorf("branches %v, pull requests %+v", got, n.pulls())
	}
}

// What can be seen before anything is changed is seen then.
func TestPullRequestRefusedBeforeAnythingIsChanged(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	cases := append(n.badCredentials(), n.badHosts()...)
	for i, c := range cases {
		n.create(n.promote(fmt.Sprintf("run-%d", i), "1.0.1", c.params...))
	}
	for i, c := range cases {
		cr := n.finish(fmt.Sprintf("run-%d", i))
		if !cr.IsFailure() || reason(cr) != c.reason {
			t.Errorf("%s: got %s, want %s", c.behaviour, outcome(cr), c.reason)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(message(cr), w) {
				t.Errorf("%s: message %q does not say %q", c.behaviour, message(cr), w)
			}
		}
		wantResults(t, cr, map[string]string{"changed": "false", "commit": "", "pr-number": "", "pr-branch": ""})
	}
	if got := n.branches(); len(got) != 1 || len(n.pulls()) > 0 {
		t.Errorf("branches %v, pull requests %+v", got, n.pulls())
	}
}

// badCredentials creates the Secrets that its cases name.
func (n *tenant) badCredentials() []refusal {
	n.t.Helper()
	readOnly, err := n.Gitea.CreateToken(n.t.Context(), n.Hosted.Bot, "read:repository", "read:issue")
	n.must(err)
	for name, token := range map[string]string{"read-only": readOnly, "wrong": "no-such-token-5d7e"} {
		n.secret(name, map[string]string{"tekton.dev/git-0": n.Gitea.URL}, map[string]string{"username": n.Hosted.Bot.Name, "password": token})
	}
	n.secret("empty", nil, map[string]string{"other": "value"})
	one := func(behaviour, parameter, secret string, words ...string) refusal {
		return refusal{behaviour, v1beta1.Params{param(parameter, secret)}, "CredentialsInvalid", words}
	}
	return []refusal{
		one("token that may only read", "git-secret", "read-only"),
		one("token for the API that may only read", "pr-secret", "read-only"),
		one("wrong token", "git-secret", "wrong"),
		one("wrong token for the API", "pr-secret", "wrong"),
		one("Secret missing", "pr-secret", "absent", "absent"),
		one("Secret without a token", "pr-secret", "empty", "empty"),
	}
}

// badHosts are addresses that lead to nothing, or to what is not permitted.
func (n *tenant) badHosts() []refusal {
	n.t.Helper()
	plain, err := n.CreateRepository(n.t.Context(), n.Namespace, map[string]string{
		"overlays/dev/kustomization.yaml": "images:\n- name: " + serverImage + "\n  newTag: 1.0.0\n",
	})
	n.must(err)
	n.secret("git-server", map[string]string{"tekton.dev/git-0": n.Git.HTTPURL},
		map[string]string{"username": n.Git.Writer.Username, "password": n.Git.Writer.Password})
	one := func(behaviour, reason string, params v1beta1.Params, words ...string) refusal {
		return refusal{behaviour, params, reason, words}
	}
	const outside = "https://git.example.com/a/b.git"
	return []refusal{
		one("base missing", "InvalidSpec", v1beta1.Params{param("branch", "absent")}, "absent"),
		one("repository missing", "InvalidSpec", v1beta1.Params{param("repo-url", n.Gitea.URL+"/"+n.Hosted.Owner+"/absent.git")}),
		one("the branch is the base", "InvalidParameters", v1beta1.Params{param("pr-branch", "main")}, "the branch to merge into"),
		one("no git host with pull requests", "InvalidSpec", v1beta1.Params{param("repo-url", plain.HTTPURL), param("git-secret", "git-server")}),
		one("kind of git host that nobody knows", "InvalidSpec", v1beta1.Params{param("pr-provider", "Absent")}, "Absent", "Gitea", "GitHub"),
		one("git host outside the policy", "PolicyDenied", v1beta1.Params{param("repo-url", outside)}, "git.example.com", "allowed-git-hosts"),
		one("source outside the policy", "PolicyDenied", v1beta1.Params{param("changes-url", outside)}, "git.example.com"),
		one("API outside the policy", "PolicyDenied",
			v1beta1.Params{param("pr-api-url", "https://git.example.com/api/v1"), param("pr-secret", testbed.GitSecret)}, "git.example.com"),
	}
}

// The tags begin with commits of the source: those between what is deployed and what is proposed are listed. The source is
// read with what is linked to the run's ServiceAccount.
func TestPullRequestListsTheChanges(t *testing.T) {
	t.Parallel()
	n := newHosted(t)
	source, err := n.Gitea.CreateRepository(t.Context(), n.Hosted.Person.Name, "source", map[string]string{"main.go": "package main"})
	n.must(err)
	n.must(source.Allow(t.Context(), n.Hosted.Bot.Name, "read"))
	var ids []string
	for _, subject := range []string{"Add a *cart*", "Sell <books>", "Count what is left"} {
		id, err := source.Commit(t.Context(), localcluster.Branch, subject+"\n\nAnd why.", map[string]string{"main.go": "package main // " + subject})
		n.must(err)
		ids = append(ids, id)
	}
	before, after := ids[0][:12]+"-build7", ids[2][:12]+"-build9"
	overlay, err := n.Hosted.ReadFile(t.Context(), localcluster.Branch, "overlays/dev/kustomization.yaml")
	n.must(err)
	_, err = n.Hosted.Commit(t.Context(), localcluster.Branch, "Deploy build 7", map[string]string{
		"overlays/dev/kustomization.yaml": strings.Replace(overlay, "newTag: 1.0.0  #", "newTag: "+before+"  #", 1),
	})
	n.must(err)
	_, err = n.Client.CoreV1().ServiceAccounts(n.Namespace).Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: "pipeline"}, Secrets: []corev1.ObjectReference{{Name: testbed.GitSecret}},
	}, metav1.CreateOptions{})
	n.must(err)

	run := n.promote("run", after, param("changes-url", source.URL))
	run.Spec.ServiceAccountName = "pipeline"
	n.create(run)
	cr := n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"previous-image": serverImage + ":" + before})
	body := n.pull(1).Body
	wantSays(t, body, "### Changes", ids[1][:7], "Sell &lt;books&gt; (Somebody)", ids[2][:7], "Count what is left (Somebody)")
	if strings.Contains(body, "cart") || strings.Contains(body, "And why") {
		t.Errorf("the body lists too much: %s", body)
	}
	if newer, older := strings.Index(body, "Count what"), strings.Index(body, "Sell"); newer > older {
		t.Errorf("the newest is not first: %s", body)
	}
}
