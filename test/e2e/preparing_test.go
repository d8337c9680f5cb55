package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// refusal is a run that Preparing refuses.
type refusal struct {
	behaviour string
	params    v1beta1.Params // over those of a good run by parameters
	reason    string
	words     []string
}

// Everything that can be seen before anything is changed is seen then: after all of these runs there is no commit, no
// Lease ever was, and Argo CD was asked for nothing.
func TestRefusedBeforeAnythingIsChanged(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.makeBadSecrets()
	n.makeUnfitApplications()
	n.push(map[string]string{"overlays/broken/kustomization.yaml": "images:\n- name: a\n  newTag: [\n", "overlays/empty/README.md": "nothing"})
	commits, history := n.commits(), n.recordHistory()
	var cases []refusal
	for _, some := range [][]refusal{badParameters(), n.badRepositories(), n.badApplications(), n.deniedByPolicy()} {
		cases = append(cases, some...)
	}
	for i, c := range cases {
		n.create(n.deploy(fmt.Sprintf("run-%d", i), "1.0.1", c.params...))
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
		if got := n.progress(cr).Lock; got != "" {
			t.Errorf("%s: it got as far as lock %s", c.behaviour, got)
		}
		wantResults(t, cr, map[string]string{"changed": "false", "commit": "", "revision": ""})
	}
	n.nothingChanged(commits, history)
}

// nothingChanged checks from outside that no run has had an effect since the history began.
func (n *tenant) nothingChanged(commits int, h *history) {
	n.t.Helper()
	if got := n.commits(); got != commits {
		n.t.Errorf("%d commits after %d", got, commits)
	}
	if leases := h.leases(); len(leases) > 0 {
		n.t.Errorf("Leases were made: %+v", leases)
	}
	if app := n.readApplication("dev"); app.Status.OperationState != nil || app.Operation != nil || len(app.Status.History) > 0 {
		n.t.Errorf("the application was synced: %+v", app.Status.OperationState)
	}
}

func badParameters() []refusal {
	const invalid = "InvalidParameters"
	one := func(behaviour, name, value string, words ...string) refusal {
		return refusal{behaviour, v1beta1.Params{param(name, value)}, invalid, append(words, name)}
	}
	return []refusal{
		one("unknown parameter", "colour", "red", "unknown; known are repo-url, branch"),
		one("missing tag", "tag", "", "missing: give a tag or a digest"),
		one("missing path", "path", "", "missing: give the directory"),
		one("missing image", "image", "", `parameter "tag": says nothing without parameter "image"`),
		{"wrong type", v1beta1.Params{{Name: "tag", Value: *v1beta1.NewStructuredValues("a", "b")}}, invalid, []string{`parameter "tag": wants type string, got array`}},
		one("malformed tag", "tag", "not a tag"),
		one("unresolved variable in tag", "tag", "$(tasks.build.results.tag)", "holds a variable that nothing has replaced"),
		one("malformed digest", "digest", "sha256:1234"),
		one("malformed image", "image", "quay.io/a b"),
		one("path that leaves the repository", "path", "../elsewhere", "without '..'"),
		one("absolute path", "path", "/etc", "below the root of the repository"),
		one("malformed URL", "repo-url", "not a url", "write https://HOST/PATH"),
		one("URL without a path", "repo-url", "https://git.example.com", "write https://HOST/PATH"),
		one("malformed branch", "branch", "a..b", "short name of a branch"),
		one("malformed boolean", "prune", "yes", "write true or false"),
		one("malformed duration", "sync-timeout", "10 minutes", "write a duration"),
		one("too short a duration", "verify-timeout", "1ms", "at least 1s"),
		one("malformed health", "health", "Good", "write Application or Workloads"),
		one("malformed workload", "workload", "server", "write Kind/name"),
		one("unknown kind of workload", "workload", "Pod/server", "write one of Deployment, StatefulSet"),
		one("unknown update", "update", "jsonnet", "write "),
		one("malformed lock", "lock", "Not_A_Name", "name of an object"),
		one("Secret of another namespace", "git-secret", "kube-system/token", "no other can be used"),
		one("commit message with an unknown end", "message", "line\x07"),
	}
}

func (n *tenant) badRepositories() []refusal {
	one := func(behaviour, reason, name, value string, words ...string) refusal {
		return refusal{behaviour, v1beta1.Params{param(name, value)}, reason, words}
	}
	return []refusal{
		one("git Secret that is not there", "CredentialsInvalid", "git-secret", "nowhere", "Secret nowhere", "not found in namespace "+n.Namespace),
		one("git Secret without password", "CredentialsInvalid", "git-secret", "no-password", "Secret no-password", "key password is missing"),
		one("wrong git password", "CredentialsInvalid", "git-secret", "wrong-password", "authentication required", "401"),
		one("user who may only read", "CredentialsInvalid", "git-secret", "reader", "this account may only read", "403"),
		one("git Secret for another host", "CredentialsInvalid", "git-secret", "other-host", "bound to another address", "https://git.example.com"),
		one("repository that is not there", "InvalidSpec", "repo-url", n.Git.HTTPURL+"/nowhere.git", "repository not found"),
		one("branch that is not there", "InvalidSpec", "branch", "develop", "branch not found", "develop"),
		one("directory that is not there", "ManifestInvalid", "path", "overlays/nowhere", "overlays/nowhere"),
		one("directory without a kustomization", "ManifestInvalid", "path", "overlays/empty", "directory overlays/empty has no kustomization.yaml"),
		one("kustomization that is no YAML", "ManifestInvalid", "path", "overlays/broken", "overlays/broken/kustomization.yaml"),
	}
}

func (n *tenant) badApplications() []refusal {
	one := func(behaviour, reason, name, value string, words ...string) refusal {
		return refusal{behaviour, v1beta1.Params{param(name, value)}, reason, words}
	}
	both := func(c refusal, name, value string) refusal {
		c.params = append(c.params, param(name, value))
		return c
	}
	return []refusal{
		one("Argo CD Secret that is not there", "CredentialsInvalid", "argocd-secret", "nowhere", "Secret nowhere", "not found"),
		one("Argo CD Secret without token", "CredentialsInvalid", "argocd-secret", "no-token", "needs the key ARGOCD_AUTH_TOKEN"),
		one("wrong token", "CredentialsInvalid", "argocd-secret", "wrong-token", "not authenticated"),
		one("expired token", "CredentialsInvalid", "argocd-secret", "expired-token", "not authenticated", "expired"),
		one("wrong Argo CD password", "CredentialsInvalid", "argocd-secret", "wrong-login", "not authenticated", "Invalid username or password"),
		one("account without the right to sync", "PermissionDenied", "argocd-secret", "restricted", "may not sync applications", "default/"+n.App("dev"), "grant it"),
		one("certificate of an unknown authority", "CertificateInvalid", "argocd-secret", "no-ca", "ca.crt"),
		one("application that is not there", "ApplicationNotFound", "argocd-application", "nowhere", "application nowhere", "check its name, namespace and project"),
		both(one("application that is not there, with its project", "ApplicationNotFound", "argocd-application", n.App("deev"), n.App("deev")), "argocd-project", "default"),
		one("wrong project", "ApplicationNotFound", "argocd-project", "payments", n.App("dev"), "payments"),
		one("application of another repository", "ApplicationMismatch", "argocd-application", n.App("elsewhere"), "no source of it is "+n.Repository.HTTPURL, "https://github.com/argoproj/argocd-example-apps"),
		one("application of another branch", "ApplicationMismatch", "argocd-application", n.App("release"), "follows the branch or tag release, not branch main"),
		one("application that is not reconciled", "ApplicationMismatch", "argocd-application", n.App("skipped"), "argocd.argoproj.io/skip-reconcile"),
	}
}

func (n *tenant) deniedByPolicy() []refusal {
	one := func(behaviour, name, value string, words ...string) refusal {
		return refusal{behaviour, v1beta1.Params{param(name, value)}, "PolicyDenied", words}
	}
	return []refusal{
		one("link-local git host", "repo-url", "https://169.254.169.254/latest/meta-data.git", "169.254.169.254", "never allowed"),
		one("link-local git host written as IPv6", "repo-url", "https://[::ffff:169.254.169.254]/a.git", "never allowed"),
		one("git host outside the policy", "repo-url", "https://git.example.com/a.git", "git.example.com", "allowed-git-hosts"),
		one("files", "repo-url", "file:///etc/passwd", "file://"),
		one("link-local Argo CD", "argocd-server", "169.254.169.254", "169.254.169.254", "never allowed"),
		one("Argo CD outside the policy", "argocd-server", "argocd.example.com:443", "argocd.example.com", "allowed-argocd-hosts"),
		one("Argo CD without TLS", "plaintext", "true", "allow-plaintext"),
		one("Argo CD without verification", "insecure", "true", "allow-insecure", "ca.crt"),
	}
}

// makeBadSecrets creates the Secrets that the cases name.
func (n *tenant) makeBadSecrets() {
	n.t.Helper()
	git := map[string]string{"tekton.dev/git-0": n.Git.HTTPURL}
	n.secret("no-password", git, map[string]string{"username": "writer", "password": ""})
	n.secret("wrong-password", git, map[string]string{"username": n.Git.Writer.Username, "password": "wrong-password-5d1f"})
	n.secret("reader", git, map[string]string{"username": n.Git.Reader.Username, "password": n.Git.Reader.Password})
	n.secret("other-host", map[string]string{"tekton.dev/git-0": "https://git.example.com"}, map[string]string{"username": "writer", "password": "for-another-host-77aa"})
	ca, err := os.ReadFile(n.ArgoCD.CAFile)
	if err != nil {
		n.t.Fatal(err)
	}
	for name, data := range map[string]map[string]string{
		"no-token":      {},
		"wrong-token":   {"ARGOCD_AUTH_TOKEN": "wrong-token-93be"},
		"expired-token": {"ARGOCD_AUTH_TOKEN": n.expiredToken()},
		"wrong-login":   {"ARGOCD_USERNAME": n.Namespace, "ARGOCD_PASSWORD": "wrong-login-40c7"},
		"restricted":    {"ARGOCD_AUTH_TOKEN": n.ArgoCD.Tokens["restricted"]},
	} {
		data["ca.crt"] = string(ca)
		n.secret(name, nil, data)
	}
	n.secret("no-ca", nil, map[string]string{"ARGOCD_AUTH_TOKEN": n.ArgoCD.Tokens["pipeline"]})
}

// expiredToken is a token of the account pipeline whose time is over.
func (n *tenant) expiredToken() string {
	n.t.Helper()
	var made struct{ Token string }
	n.byHand(http.MethodPost, "/api/v1/account/pipeline/token", object{"name": "pipeline", "expiresIn": 1}, &made)
	// The token says whole seconds.
	time.Sleep(2100 * time.Millisecond)
	return made.Token
}

// makeUnfitApplications creates the applications that the cases name.
func (n *tenant) makeUnfitApplications() {
	n.t.Helper()
	for _, app := range []localcluster.Application{
		{Name: n.App("elsewhere"), RepoURL: "https://github.com/argoproj/argocd-example-apps"},
		{Name: n.App("release"), RepoURL: n.Repository.HTTPURL, Revision: "release"},
		{Name: n.App("skipped"), RepoURL: n.Repository.HTTPURL},
	} {
		app.Path, app.Namespace = "overlays/dev", n.Targets["dev"]
		if err := n.CreateApplication(n.t.Context(), app); err != nil {
			n.t.Fatal(err)
		}
	}
	n.patchApplication("skipped", `{"metadata":{"annotations":{"argocd.argoproj.io/skip-reconcile":"true"}}}`)
}

// Specs that the controller refuses. A definition of that name would be refused by its schema already.
func TestRefusedSpecs(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	commits, history := n.commits(), n.recordHistory()
	declared := n.spec("$(params.tag)")
	declared["params"] = []any{object{"name": "tag"}}
	unresolved := with(n.spec("$(params.tga)"), "lock.name", "x")
	number := n.spec("1.0.1")
	number["images"] = []any{object{"name": serverImage, "newTag": 1.1}}
	withWorkspace := n.deploy("workspace", "1.0.1")
	withWorkspace.Spec.Workspaces = []v1beta1.WorkspaceBinding{{Name: "source", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	for _, c := range []struct {
		run    *v1beta1.CustomRun
		reason string
		words  []string
	}{
		{n.embedded("unknown-field", with(n.spec("1.0.1"), "git.ulr", "x")), "InvalidSpec", []string{"spec.git.ulr: unknown field", "known here are author, branch"}},
		{n.embedded("unknown-variable", unresolved), "InvalidSpec", []string{"params.tga"}},
		{n.embedded("number", number), "InvalidSpec", []string{"spec.images[0].newTag: wants a string, got a number: put it in quotes"}},
		{n.embedded("empty", object{}), "InvalidSpec", []string{"nothing to do"}},
		{n.embedded("missing", declared), "InvalidParameters", []string{"parameter tag: missing, and it has no default"}},
		{n.embedded("undeclared", declared, param("tag", "1.0.1"), param("colour", "red")), "InvalidParameters", []string{"parameter colour: not declared; declared are tag"}},
		{n.embedded("injected", declared, param("tag", "$(params.tag)")), "InvalidSpec", []string{"spec.images[0].newTag"}},
		{n.byName("unknown-definition", "nowhere"), "DefinitionNotFound", []string{`namespace ` + n.Namespace + ` has no GitOpsDeploy "nowhere"`, "kubectl get gitopsdeploys"}},
		{withWorkspace, "CustomRunWorkspaceNotSupported", []string{"workspaces are not supported", "remove workspaces"}},
	} {
		c.run.Spec.Retries = 2
		n.create(c.run)
		cr := n.finish(c.run.Name)
		n.wantFailed(cr, c.reason, c.words...)
		if got := len(cr.Status.RetriesStatus); got != 0 {
			t.Errorf("%s: %d retries: another attempt cannot end differently", c.run.Name, got)
		}
	}
	n.nothingChanged(commits, history)
}

func TestNamespaceThatIsNotEnabled(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{NotEnabled: true})
	commits, history := n.commits(), n.recordHistory()
	n.create(n.deploy("first", "1.0.1"))
	n.wantFailed(n.finish("first"), "NamespaceNotEnabled",
		"kubectl create rolebinding tekton-gitops --namespace "+n.Namespace+" --clusterrole tekton-gitops-tenant --serviceaccount tekton-gitops:tekton-gitops-controller")
	n.nothingChanged(commits, history)
	if err := n.Enable(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.create(n.deploy("second", "1.0.1"))
	wantSucceeded(t, n.finish("second"))
	n.noLease()
}
