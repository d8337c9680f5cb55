package setup

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

const (
	hunter = "hunter2-token"
	team   = "team"
)

// brief is a plan in one line for each object.
func brief(p Plan) []string {
	var lines []string
	for _, c := range p.Changes {
		lines = append(lines, string(c.Action)+" "+c.Kind+" "+c.Namespace+"/"+c.Name+": "+c.What)
	}
	return lines
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: team, Name: name} }

// github is what a person asks for most often.
func github() Namespace {
	return Namespace{
		Name: team, ControllerNamespace: ControllerNamespace, ServiceAccount: "default",
		Git:      &GitSecret{Name: "git", URL: "https://GitHub.com/org/repo", Username: "bot", Token: hunter},
		Defaults: map[string]string{"git-secret": "git", "argocd-server": "argocd.example.com"},
	}
}

// basicAuth is a Secret that is bound as its annotation says.
func basicAuth(annotation string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: meta("git"), Type: corev1.SecretTypeBasicAuth, Data: map[string][]byte{"username": []byte("old"), "password": []byte("old-token")}}
	if annotation != "" {
		s.Annotations = map[string]string{gitAnnotation: annotation}
	}
	return s
}

func TestPlanNamespace(t *testing.T) {
	const bound = "create RoleBinding team/tekton-gitops: lets tekton-gitops-controller of namespace tekton-gitops deploy from here"
	existing := func(g GitSecret) Namespace {
		w := github()
		w.Git, w.Defaults = &g, nil
		return w
	}
	for name, tc := range map[string]struct {
		wanted Namespace
		state  NamespaceState
		want   []string
	}{
		"nothing is there": {github(), NamespaceState{}, []string{
			bound, "create Secret team/git: for https://github.com", "create ServiceAccount team/default: links git",
			"create ConfigMap team/config-gitops-defaults: argocd-server=argocd.example.com, git-secret=git",
		}},
		"only the RoleBinding is wanted": {Namespace{Name: team, ControllerNamespace: "elsewhere"}, NamespaceState{}, []string{
			"create RoleBinding team/tekton-gitops: lets tekton-gitops-controller of namespace elsewhere deploy from here",
		}},
		"other links, keys and tokens are there": {github(), NamespaceState{
			RoleBinding: &rbacv1.RoleBinding{ObjectMeta: meta(roleBinding), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: tenantRole},
				Subjects: []rbacv1.Subject{{Kind: "User", Name: "somebody"}}},
			GitSecret:      basicAuth("https://github.com"),
			ServiceAccount: &corev1.ServiceAccount{ObjectMeta: meta("default"), Secrets: []corev1.ObjectReference{{Name: "registry"}}},
			Defaults:       &corev1.ConfigMap{ObjectMeta: meta("config-gitops-defaults"), Data: map[string]string{"branch": "trunk", "git-secret": "git"}},
		}, []string{
			"update" + strings.TrimPrefix(bound, "create"), "update Secret team/git: for https://github.com", "update ServiceAccount team/default: links git",
			"update ConfigMap team/config-gitops-defaults: argocd-server=argocd.example.com, git-secret=git",
		}},
		"a Secret that is there already": {existing(GitSecret{Name: "git"}), NamespaceState{GitSecret: basicAuth("https://github.com")}, []string{
			bound, "unchanged Secret team/git: is there already", "create ServiceAccount team/default: links git",
		}},
		"a Secret that is not bound yet": {existing(GitSecret{Name: "git", URL: "https://github.com"}), NamespaceState{GitSecret: basicAuth("")}, []string{
			bound, "update Secret team/git: for https://github.com", "create ServiceAccount team/default: links git",
		}},
		"a Secret that is bound to a part of the host": {existing(GitSecret{Name: "git", URL: "https://github.com/org/repo"}), NamespaceState{GitSecret: basicAuth("https://github.com/org")}, []string{
			bound, "unchanged Secret team/git: for https://github.com", "create ServiceAccount team/default: links git",
		}},
		"a key for ssh": {existing(GitSecret{Name: "git", URL: "git@GitHub.com:org/repo.git", SSHKey: []byte("key"), KnownHosts: []byte("github.com ssh-ed25519 AAAA")}), NamespaceState{}, []string{
			bound, "create Secret team/git: for github.com", "create ServiceAccount team/default: links git",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := PlanNamespace(tc.wanted, tc.state)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, brief(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			withoutSecrets(t, p)
		})
	}
}

// A new token goes with the user name that is there, and the plan says so.
func TestUsernameThatStays(t *testing.T) {
	kept := []string{"Secret git keeps the user name that it has, for the new token too: --git-username replaces it."}
	nameless := basicAuth("https://github.com")
	delete(nameless.Data, "username")
	for name, tc := range map[string]struct {
		username, token string
		current         *corev1.Secret
		want            []string
	}{
		"a new token without a user name": {"", hunter, basicAuth("https://github.com"), kept},
		"with one":                        {"bot", hunter, basicAuth("https://github.com"), nil},
		"the token that is there":         {"", "old-token", basicAuth("https://github.com"), nil},
		"no user name is there":           {"", hunter, nameless, nil},
		"no Secret is there":              {"", hunter, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := github()
			w.Git.Username, w.Git.Token = tc.username, tc.token
			p, err := PlanNamespace(w, NamespaceState{GitSecret: tc.current})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, p.Notes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			withoutSecrets(t, p)
		})
	}
}

// withoutSecrets looks for the values of Secrets in all that a plan shows.
func withoutSecrets(t *testing.T, p Plan) {
	t.Helper()
	shown, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{hunter, "old-token", "aHVudGVyMi10b2tlbg", "b2xkLXRva2Vu"} {
		if strings.Contains(string(shown), value) {
			t.Errorf("the plan shows %s:\n%s", value, shown)
		}
	}
}

func TestPlanNamespaceRefuses(t *testing.T) {
	git := func(g GitSecret) Namespace {
		g.Name = "git"
		return Namespace{Name: team, ServiceAccount: "default", Git: &g}
	}
	for name, tc := range map[string]struct {
		wanted   Namespace
		state    NamespaceState
		conflict bool
		says     string
	}{
		"a binding to another role": {
			Namespace{Name: team}, NamespaceState{RoleBinding: &rbacv1.RoleBinding{RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "mine"}}}, true, "it is for Role mine",
		},
		"a Secret of another host": {
			git(GitSecret{URL: "https://gitlab.com", Token: hunter}), NamespaceState{GitSecret: basicAuth("https://github.com")}, true, "choose another name with --git-secret",
		},
		"a Secret of another type": {
			git(GitSecret{URL: "git@github.com:a/b", SSHKey: []byte("key")}), NamespaceState{GitSecret: basicAuth("")}, true, "its type is kubernetes.io/basic-auth",
		},
		"no Secret and no token":        {git(GitSecret{URL: "https://github.com"}), NamespaceState{}, false, "--git-token-file"},
		"a token without a host":        {git(GitSecret{Token: hunter}), NamespaceState{}, false, "--git-url is missing"},
		"a password in the URL":         {git(GitSecret{URL: "https://me:" + hunter + "@github.com", Token: "x"}), NamespaceState{}, false, "without a password"},
		"a URL of no git host":          {git(GitSecret{URL: "ftp://github.com", Token: "x"}), NamespaceState{}, false, "write https://HOST"},
		"a token that is no line":       {git(GitSecret{URL: "https://github.com", Token: "a\nb"}), NamespaceState{}, false, "line break"},
		"an unknown key of the default": {Namespace{Name: team, Defaults: map[string]string{"tagg": "1"}}, NamespaceState{}, false, "tagg"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := PlanNamespace(tc.wanted, tc.state)
			if err == nil || !strings.Contains(err.Error(), tc.says) || errors.Is(err, ErrConflict) != tc.conflict {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), hunter) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

// A plan that was applied leaves nothing to do, and what others have put there is still there.
func TestNamespaceTwice(t *testing.T) {
	others := []runtime.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: team}},
		&corev1.ServiceAccount{ObjectMeta: meta("default"), Secrets: []corev1.ObjectReference{{Name: "registry"}}},
		&corev1.ConfigMap{ObjectMeta: meta("config-gitops-defaults"), Data: map[string]string{"branch": "trunk"}},
	}
	kube := fake.NewSimpleClientset(others...)
	var actions [][]string
	for range 2 {
		state, err := ReadNamespace(t.Context(), kube, github())
		if err != nil {
			t.Fatal(err)
		}
		p, err := PlanNamespace(github(), state)
		if err != nil {
			t.Fatal(err)
		}
		if err := Apply(t.Context(), kube, p); err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, c := range p.Changes {
			said = append(said, string(c.Action))
		}
		actions = append(actions, said)
	}
	if diff := cmp.Diff([][]string{{"create", "create", "update", "update"}, {"unchanged", "unchanged", "unchanged", "unchanged"}}, actions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	state, err := ReadNamespace(t.Context(), kube, github())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"secrets": state.ServiceAccount.Secrets, "defaults": state.Defaults.Data,
		"token": string(state.GitSecret.Data["password"]), "host": state.GitSecret.Annotations[gitAnnotation],
	}
	want := map[string]any{
		"secrets":  []corev1.ObjectReference{{Name: "registry"}, {Name: "git"}},
		"defaults": map[string]string{"branch": "trunk", "git-secret": "git", "argocd-server": "argocd.example.com"},
		"token":    hunter, "host": "https://github.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNamespaceThatIsNotThere(t *testing.T) {
	_, err := ReadNamespace(t.Context(), fake.NewSimpleClientset(), github())
	if err == nil || !strings.Contains(err.Error(), "kubectl create namespace team") {
		t.Errorf("got %v", err)
	}
}

// Somebody who creates the same object between plan and Apply is not overwritten.
func TestApplyAfterSomebodyElse(t *testing.T) {
	p, err := PlanNamespace(Namespace{Name: team, ControllerNamespace: ControllerNamespace}, NamespaceState{})
	if err != nil {
		t.Fatal(err)
	}
	err = Apply(t.Context(), fake.NewSimpleClientset(&rbacv1.RoleBinding{ObjectMeta: meta(roleBinding)}), p)
	if err == nil || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("got %v", err)
	}
}
