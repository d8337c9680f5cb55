package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ktesting "k8s.io/client-go/testing"
)

const setupToken = "hunter2-token"

// emptyNamespace is what Kubernetes makes of a new one, and Argo CD beside it.
func emptyNamespace() []runtime.Object {
	argocd := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "argocd", Name: name} }
	return []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "default"}},
		&corev1.ConfigMap{ObjectMeta: argocd("argocd-cm"), Data: map[string]string{"url": "https://argocd.example.com", "oidc.config": "clientSecret: hunter2"}},
		&corev1.ConfigMap{ObjectMeta: argocd("argocd-rbac-cm"), Data: map[string]string{"policy.csv": "g, alice, role:admin"}},
		&corev1.Secret{ObjectMeta: argocd("argocd-secret"), Data: map[string][]byte{"tls.crt": []byte("certificate"), "tls.key": []byte("hunter2-key")}},
	}
}

// tokenFile has a token, with the line break that editors add.
func tokenFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(setupToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// writes are the verbs of the calls that change something.
func (b *bench) writes() []string {
	var verbs []string
	for _, a := range b.kube.Actions() {
		if a.GetVerb() != "get" && a.GetVerb() != "list" {
			verbs = append(verbs, a.GetVerb()+" "+a.GetResource().Resource)
		}
	}
	return verbs
}

// withoutSecrets looks for secrets in all that a command has printed.
func (b *bench) withoutSecrets() {
	b.t.Helper()
	if all := b.out.String() + b.err.String(); strings.Contains(all, "hunter2") || strings.Contains(all, "aHVudGVyM") {
		b.t.Errorf("a secret is in the output:\n%s", all)
	}
}

func TestSetupPlans(t *testing.T) {
	git := []string{"setup", "namespace", "--git-url", "https://github.com", "--git-username", "bot", "--git-token-env", "GIT_TOKEN", "--argocd-server", "argocd.example.com"}
	argocd := []string{"setup", "argocd", "--server", "argocd.example.com", "--project", "apps", "--project", "apps"}
	for name, args := range map[string][]string{
		"setup-namespace":         append(git, "--dry-run"),
		"setup-namespace-yaml":    append(git, "--dry-run", "-o", "yaml"),
		"setup-argocd":            append(argocd, "--dry-run"),
		"setup-argocd-restart":    append(argocd, "--dry-run", "--allow-restart", "--account", "team", "--expires-in", "24h"),
		"setup-argocd-json":       append(argocd, "--dry-run", "-o", "json"),
		"setup-namespace-binding": {"setup", "namespace", "team", "--dry-run", "--controller-namespace", "platform"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, emptyNamespace()...)
			b.streams.Env = environment{"GIT_TOKEN": setupToken}.get
			if code := b.run(t.Context(), args...); code != 0 {
				t.Fatalf("exit status %d: %s", code, b.err)
			}
			golden(t, name, b.out.String())
			if diff := cmp.Diff([]string(nil), b.writes()); diff != "" {
				t.Errorf("a dry run writes (-want +got):\n%s", diff)
			}
			b.withoutSecrets()
		})
	}
}

// environment is what commands are told of it.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

func TestSetupAsks(t *testing.T) {
	all := []string{"create rolebindings", "create secrets", "update serviceaccounts"}
	for name, tc := range map[string]struct {
		answer      string
		interactive bool
		flags       []string
		code        int
		writes      []string
		says        string
	}{
		"yes":                       {"y\n", true, nil, 0, all, "Namespace team is set up."},
		"yes in full":               {"Yes\n", true, nil, 0, all, "Make these changes? [y/N]"},
		"no":                        {"n\n", true, nil, 1, nil, "nothing was changed"},
		"nothing":                   {"\n", true, nil, 1, nil, "nothing was changed"},
		"the end of the input":      {"", true, nil, 1, nil, "nothing was changed"},
		"nobody":                    {"y\n", false, nil, 1, nil, "run it again with --yes"},
		"not at all":                {"", false, []string{"--yes"}, 0, all, "Namespace team is set up."},
		"for tools, on the other":   {"y\n", true, []string{"-o", "json"}, 0, all, `"dryRun": false`},
		"a dry run asks nobody":     {"y\n", true, []string{"--dry-run"}, 0, nil, "Dry run: nothing was changed."},
		"a dry run, although --yes": {"", false, []string{"--dry-run", "--yes"}, 0, nil, "Dry run: nothing was changed."},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, emptyNamespace()...)
			b.streams.In, b.streams.Interactive = strings.NewReader(tc.answer), tc.interactive
			args := append([]string{"setup", "namespace", "--git-url", "https://github.com", "--git-token-file", tokenFile(t)}, tc.flags...)
			if code := b.run(t.Context(), args...); code != tc.code {
				t.Errorf("exit status %d: %s", code, b.err)
			}
			if diff := cmp.Diff(tc.writes, b.writes()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			if all := b.out.String() + b.err.String(); !strings.Contains(all, tc.says) {
				t.Errorf("it does not say %q:\n%s", tc.says, all)
			}
			b.withoutSecrets()
		})
	}
}

// The token arrives as it was given, without the line break at its end, and the second run has nothing to do.
func TestSetupTakesTokens(t *testing.T) {
	file := tokenFile(t)
	for name, tc := range map[string]struct {
		input string
		flags []string
	}{
		"file":                 {"", []string{"--git-token-file", file}},
		"standard input":       {setupToken + "\r\n", []string{"--git-token-file", "-"}},
		"environment variable": {"", []string{"--git-token-env", "GIT_TOKEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, emptyNamespace()...)
			for _, want := range []string{"create", "Nothing to change."} {
				b.streams.In, b.streams.Env = strings.NewReader(tc.input), environment{"GIT_TOKEN": setupToken}.get
				again := newSession(b.streams)
				again.made = b.made
				b.session = again
				args := append([]string{"setup", "namespace", "--git-url", "https://github.com", "--yes"}, tc.flags...)
				if code := b.run(t.Context(), args...); code != 0 || !strings.Contains(b.out.String(), want) {
					t.Fatalf("exit status %d: %s%s", code, b.out, b.err)
				}
			}
			secret, err := b.kube.CoreV1().Secrets("team").Get(t.Context(), "git-credentials", metav1.GetOptions{})
			if err != nil || string(secret.Data["password"]) != setupToken {
				t.Errorf("the Secret has %q, %v", secret.Data["password"], err)
			}
			b.withoutSecrets()
		})
	}
}

func TestSetupRefuses(t *testing.T) {
	operated := emptyNamespace()
	operated[2].(*corev1.ConfigMap).Labels = map[string]string{"app.kubernetes.io/managed-by": "openshift-gitops"}
	namespace, argocd := []string{"setup", "namespace"}, []string{"setup", "argocd", "--server", "argocd.example.com"}
	for name, tc := range map[string]struct {
		objects []runtime.Object
		args    []string
		says    string
	}{
		"no server":                     {nil, []string{"setup", "argocd"}, `required flag(s) "server" not set`},
		"admin as the account":          {nil, append(argocd, "--account", "admin"), "admin is no account for pipelines"},
		"an account of two fields":      {nil, append(argocd, "--account", "a, b"), "is no name of an account"},
		"a project of two lines":        {nil, append(argocd, "--project", "a\np, b"), "is no name of an account"},
		"a token that is older":         {nil, append(argocd, "--expires-in", "-1h"), "--expires-in is -1h"},
		"no Argo CD there":              {nil, append(argocd, "--argocd-namespace", "elsewhere"), "name the namespace of Argo CD with --argocd-namespace"},
		"an operator":                   {operated, append(argocd, "--yes"), `accounts.pipeline: "apiKey"`},
		"no password":                   {nil, append(argocd, "--yes"), "--admin-password-file"},
		"a password that cannot answer": {nil, append(argocd, "--admin-password-file", "-"), "add --yes or --dry-run"},
		"a token that cannot answer":    {nil, append(namespace, "--git-url", "https://github.com", "--git-token-file", "-"), "add --yes or --dry-run"},
		"a token of no host":            {nil, append(namespace, "--git-token-env", "GIT_TOKEN"), "--git-url is missing"},
		"an empty variable":             {nil, append(namespace, "--git-url", "https://github.com", "--git-token-env", "NOTHING"), "NOTHING is empty or not set"},
		"no such file":                  {nil, append(namespace, "--git-url", "https://github.com", "--git-token-file", "nowhere"), "nowhere: no such file"},
		"a default without value":       {nil, append(namespace, "--default", "branch"), "write KEY=VALUE"},
		"no such namespace":             {nil, append(namespace, "nowhere"), "kubectl create namespace nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := tc.objects
			if objects == nil {
				objects = emptyNamespace()
			}
			b := newBench(t, objects...)
			b.streams.Env = environment{"GIT_TOKEN": setupToken}.get
			if code := b.run(t.Context(), tc.args...); code != 1 || !strings.Contains(b.err.String(), tc.says) {
				t.Errorf("exit status %d: %s", code, b.err)
			}
			if diff := cmp.Diff([]string(nil), b.writes()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			b.withoutSecrets()
		})
	}
}

// Somebody without the rights is told who has them.
func TestSetupWithoutRights(t *testing.T) {
	for _, args := range [][]string{{"setup", "namespace"}, {"setup", "argocd", "--server", "argocd.example.com"}} {
		b := newBench(t, emptyNamespace()...)
		b.kube.PrependReactor("get", "*", func(a ktesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(a.GetResource().GroupResource(), "x", nil)
		})
		if code := b.run(t.Context(), args...); code != 1 || !strings.Contains(b.err.String(), "A cluster administrator has to run this command") {
			t.Errorf("%v: exit status %d: %s", args, code, b.err)
		}
	}
}
