package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// The setup commands make all that a run needs, from nothing: with what they have made, and with nothing else, a run
// deploys. A second time they change nothing, and a dry run never does. render shows what a dry run of the controller finds.
func TestSetupFromNothing(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	namespace := []string{
		"setup", "namespace", a.Namespace, "--git-url", a.RepoURL(), "--git-username", a.Git.Writer.Username, "--git-token-env", gitTokenVariable,
		"--argocd-server", a.ArgoCD.Address, "--argocd-secret", testbed.ArgoCDSecret, "--default", "repo-url=" + a.RepoURL(),
	}
	argocd := []string{
		"setup", "argocd", "--server", a.ArgoCD.Address, "--account", a.Namespace, "--project", a.Namespace, "--admin-password-file", a.password,
	}

	a.withoutEffect(namespace)
	a.withoutEffect(argocd)
	wantSays(t, a.run(1, namespace...), "run it again with --yes")

	wantSays(t, a.run(0, append(namespace, "--yes")...), "create", "Secret "+a.Namespace+"/git-credentials", "update", "ServiceAccount "+a.Namespace+"/default")
	wantSays(t, a.run(0, append(argocd, "--yes", "--expires-in", "24h")...),
		"+ p, role:"+a.Namespace+", applications, sync, "+a.Namespace+"/*, allow", "Logged in to "+a.ArgoCD.Address+" as "+a.Namespace, "It may get and sync "+a.Namespace+"/*.")
	token := a.token()
	bed.secrets.add(token)

	for _, again := range [][]string{namespace, argocd} {
		out := a.run(0, again...)
		if strings.Contains(out, "create ") || strings.Contains(out, "update ") || !strings.Contains(out, "Nothing to change.") {
			t.Errorf("the second run says:\n%s", out)
		}
	}
	if a.token() != token {
		t.Error("a token that works was replaced")
	}

	n := a.tenant
	dry := n.deploy("look", "1.0.1", param("dry-run", "true"))
	shown := a.render(dry)
	n.create(dry)
	cr := n.finish("look")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"diff": shown})

	n.create(n.deploy("run", "1.0.1"))
	cr = n.finish("run")
	wantSucceeded(t, cr)
	wantResults(t, cr, map[string]string{"changed": "true", "commit": n.tip(), "image": serverImage + ":1.0.1"})

	if may := a.mayElsewhere(token); may != "no" {
		t.Errorf("the account may sync other projects: %s", may)
	}
	a.repairs(argocd)
}

// gitTokenVariable is the environment variable that setup reads the token from.
const gitTokenVariable = "SETUP_GIT_TOKEN" //nolint:gosec // the name of a variable

// administrator sets up a namespace that has nothing but an application in a project of its own.
type administrator struct {
	*tenant
	env []string
	// password is the file with that of Argo CD's admin.
	password string
}

func newAdministrator(t *testing.T) administrator {
	t.Helper()
	ctx := t.Context()
	client, err := tekton.NewForConfig(bed.Config)
	if err != nil {
		t.Fatal(err)
	}
	a := administrator{tenant: &tenant{t: t, tekton: client, Tenant: &testbed.Tenant{Cluster: bed.Cluster, Targets: map[string]string{}}}}
	a.Namespace, err = a.CreateNamespace(ctx, "setup", nil)
	a.must(err)
	a.Targets["dev"], err = a.CreateNamespace(ctx, a.Namespace+"-dev", nil)
	a.must(err)
	files, err := testbed.SampleFiles()
	a.must(err)
	a.Repository, err = a.CreateRepository(ctx, a.Namespace, files)
	a.must(err)
	a.must(a.CreateProject(ctx, localcluster.Project{Name: a.Namespace}))
	a.must(a.CreateApplication(ctx, localcluster.Application{
		Name: a.App("dev"), RepoURL: a.RepoURL(), Path: "overlays/dev", Namespace: a.Targets["dev"], Project: a.Namespace,
	}))
	binary, err := pluginBinary()
	a.must(err)
	a.password = filepath.Join(t.TempDir(), "password")
	a.must(os.WriteFile(a.password, []byte(a.ArgoCD.AdminPassword+"\n"), 0o600))
	a.env = []string{
		"PATH=" + filepath.Dir(binary), "HOME=" + t.TempDir(), "KUBECONFIG=" + a.Kubernetes.Kubeconfig, gitTokenVariable + "=" + a.Git.Writer.Password,
	}
	return a
}

// run gives all that a command prints. No secret is in it.
func (a administrator) run(status int, args ...string) string {
	a.t.Helper()
	out, failure := a.outputs(status, args...)
	return out + failure
}

func (a administrator) outputs(status int, args ...string) (out, failure string) {
	a.t.Helper()
	binary, err := pluginBinary()
	a.must(err)
	// Others may change Argo CD's settings at the same time; then the command asks to be run again.
	for attempt := 0; ; attempt++ {
		cmd := exec.CommandContext(a.t.Context(), binary, append(args, "-n", a.Namespace)...)
		cmd.Env = a.env
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			a.t.Fatal(err)
		}
		out, failure = stdout.String(), stderr.String()
		if strings.Contains(failure, "run the command again") && attempt < 5 {
			continue
		}
		if at, leaked := bed.secrets.find(out + failure); leaked {
			a.t.Errorf("%v: a secret stands in the output, after %q", args, (out + failure)[max(0, at-100):at])
		}
		if got := cmd.ProcessState.ExitCode(); got != status {
			a.t.Fatalf("%v: exit status %d, want %d\n%s%s", args, got, status, out, failure)
		}
		return out, failure
	}
}

// withoutEffect makes dry runs: the plan as text, and as objects without the values of Secrets.
func (a administrator) withoutEffect(args []string) {
	a.t.Helper()
	before := a.versions()
	wantSays(a.t, a.run(0, append(args, "--dry-run")...), "create", "Dry run: nothing was changed.")
	wantSays(a.t, a.run(0, append(args, "--dry-run", "-o", "yaml")...), "dryRun: true", "(redacted)")
	if diff := cmp.Diff(before, a.versions()); diff != "" {
		a.t.Errorf("a dry run has changed (-before +after):\n%s", diff)
	}
}

// versions are those of everything that setup may write. Argo CD's ConfigMaps are for all, so they count by what they have
// for this account.
func (a administrator) versions() map[string]string {
	a.t.Helper()
	found := map[string]string{}
	for _, r := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "secrets"}, {Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "serviceaccounts"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	} {
		list, err := a.Dynamic.Resource(r).Namespace(a.Namespace).List(a.t.Context(), metav1.ListOptions{})
		a.must(err)
		for _, o := range list.Items {
			found[r.Resource+"/"+o.GetName()] = o.GetResourceVersion()
		}
	}
	for _, name := range []string{"argocd-cm", "argocd-rbac-cm"} {
		cm, err := a.Client.CoreV1().ConfigMaps(a.ArgoCD.Namespace).Get(a.t.Context(), name, metav1.GetOptions{})
		a.must(err)
		for key, value := range cm.Data {
			if strings.Contains(key+value, a.Namespace) {
				found[name+"/"+key] = value
			}
		}
	}
	return found
}

// token is the one in the namespace's Secret for Argo CD, which is bound to the server.
func (a administrator) token() string {
	a.t.Helper()
	secret, err := a.Client.CoreV1().Secrets(a.Namespace).Get(a.t.Context(), testbed.ArgoCDSecret, metav1.GetOptions{})
	a.must(err)
	if got := string(secret.Data["ARGOCD_SERVER"]); got != a.ArgoCD.Address || len(secret.Data["ca.crt"]) == 0 {
		a.t.Errorf("the Secret is for %q, and has %d bytes of certificates", got, len(secret.Data["ca.crt"]))
	}
	return string(secret.Data["ARGOCD_AUTH_TOKEN"])
}

// render gives the diff that render shows for a run: as text for people, and as a field for tools.
func (a administrator) render(cr *v1beta1.CustomRun) string {
	a.t.Helper()
	cr = cr.DeepCopy()
	cr.TypeMeta = metav1.TypeMeta{APIVersion: "tekton.dev/v1beta1", Kind: "CustomRun"}
	manifest, err := yaml.Marshal(cr)
	a.must(err)
	file := filepath.Join(a.t.TempDir(), "run.yaml")
	a.must(os.WriteFile(file, manifest, 0o600))
	out, _ := a.outputs(0, "render", "-f", file, "-o", "json")
	var shown struct {
		Runs []struct{ Diff, Source, Lock string }
	}
	a.must(json.Unmarshal([]byte(out), &shown))
	if len(shown.Runs) != 1 || !strings.Contains(shown.Runs[0].Source, "Secret git-credentials") || shown.Runs[0].Lock == "" {
		a.t.Fatalf("render shows %s", out)
	}
	wantSays(a.t, a.run(0, "render", "-f", file), shown.Runs[0].Diff)
	return shown.Runs[0].Diff
}

// mayElsewhere asks Argo CD whether the account may sync the applications of another project.
func (a administrator) mayElsewhere(token string) string {
	a.t.Helper()
	var answer struct{ Value string }
	a.must(a.CallArgoCD(a.t.Context(), token, "GET", "/api/v1/account/can-i/applications/sync/default%2F*", nil, &answer))
	return answer.Value
}

// repairs spoils the token; the command then makes a new one, and says that it works. Asked to, it replaces one that works,
// which Argo CD does not take any more then.
func (a administrator) repairs(args []string) {
	a.t.Helper()
	secrets := a.Client.CoreV1().Secrets(a.Namespace)
	secret, err := secrets.Get(a.t.Context(), testbed.ArgoCDSecret, metav1.GetOptions{})
	a.must(err)
	secret.Data["ARGOCD_AUTH_TOKEN"] = []byte("not.a.token")
	_, err = secrets.Update(a.t.Context(), secret, metav1.UpdateOptions{})
	a.must(err)
	wantSays(a.t, a.run(0, append(args, "--yes")...), "update     Secret "+a.Namespace+"/"+testbed.ArgoCDSecret, "Logged in to "+a.ArgoCD.Address)
	older := a.token()
	bed.secrets.add(older)
	a.run(0, append(args, "--yes", "--renew")...)
	bed.secrets.add(a.token())
	for token, want := range map[string]bool{older: false, a.token(): true} {
		var who struct{ LoggedIn bool } // Argo CD leaves out what is false.
		a.must(a.CallArgoCD(a.t.Context(), token, "GET", "/api/v1/session/userinfo", nil, &who))
		if who.LoggedIn != want {
			a.t.Errorf("the older token is taken back, the newer one works: got %t, want %t", who.LoggedIn, want)
		}
	}
}
