package setup

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const argocdNamespace = "argocd"

func account() ArgoCD {
	return ArgoCD{
		Namespace: team, Installed: argocdNamespace, Server: "argocd.example.com", Account: "pipeline", Role: "role:pipeline",
		Projects: []string{"apps"}, Secret: "argocd-env-secret",
	}
}

// settings are argocd-cm with keys and values in turns.
func settings(pairs ...string) *corev1.ConfigMap { return configMap(argocdSettings, pairs...) }

func configMap(name string, pairs ...string) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: argocdNamespace, Name: name}, Data: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		cm.Data[pairs[i]] = pairs[i+1]
	}
	return cm
}

const (
	// theirs is not how this package would write it.
	theirs = "# ours since 2021\np,  role:ops ,applications,*,*/*,allow\n\ng, alice, role:ops"
	ours   = "p, role:pipeline, applications, get, apps/*, allow\np, role:pipeline, applications, sync, apps/*, allow\ng, pipeline, role:pipeline\n"
)

func TestPlanAccount(t *testing.T) {
	for name, tc := range map[string]struct {
		state   ArgoCDState
		restart bool
		want    []string
		policy  string
		details []string
	}{
		"nothing is there": {
			ArgoCDState{Settings: settings("url", "https://argocd.example.com")}, false,
			[]string{"update ConfigMap argocd/argocd-cm: accounts.pipeline: apiKey", "create ConfigMap argocd/argocd-rbac-cm: pipeline may get and sync apps/*"},
			ours, strings.Split(strings.TrimSpace(ours), "\n"),
		},
		"lines of others keep every byte": {
			ArgoCDState{Settings: settings("accounts.pipeline", "login"), RBAC: configMap(argocdRBAC, policyKey, theirs)}, false,
			[]string{"update ConfigMap argocd/argocd-cm: accounts.pipeline: login, apiKey", "update ConfigMap argocd/argocd-rbac-cm: pipeline may get and sync apps/*"},
			theirs + "\n" + ours, strings.Split(strings.TrimSpace(ours), "\n"),
		},
		"all is there, written otherwise": {
			ArgoCDState{
				Settings: settings("accounts.pipeline", "apiKey,login"),
				RBAC: configMap(argocdRBAC, policyKey, "p,role:pipeline,applications,get,apps/*,allow\ng,pipeline, role:pipeline",
					"policy.overlay.csv", `p, "role:pipeline", applications, sync, apps/*, allow`),
			}, false,
			[]string{"unchanged ConfigMap argocd/argocd-cm: accounts.pipeline: apiKey,login", "unchanged ConfigMap argocd/argocd-rbac-cm: pipeline may get and sync apps/*"},
			"p,role:pipeline,applications,get,apps/*,allow\ng,pipeline, role:pipeline", nil,
		},
		"all is there for regular expressions, added by hand": {
			ArgoCDState{
				Settings: settings("accounts.pipeline", "apiKey"),
				RBAC:     configMap(argocdRBAC, policyKey, strings.Join(anchored, "\n"), "policy.matchMode", "regex"),
			}, true,
			[]string{"unchanged ConfigMap argocd/argocd-cm: accounts.pipeline: apiKey", "unchanged ConfigMap argocd/argocd-rbac-cm: pipeline may get and sync apps/*, and restart workloads"},
			strings.Join(anchored, "\n"), nil,
		},
		"a default role that is another one": {
			ArgoCDState{Settings: settings("accounts.pipeline", "apiKey"), RBAC: configMap(argocdRBAC, policyKey, ours, "policy.default", "role:readonly", "policy.matchMode", "glob")}, false,
			[]string{"unchanged ConfigMap argocd/argocd-cm: accounts.pipeline: apiKey", "unchanged ConfigMap argocd/argocd-rbac-cm: pipeline may get and sync apps/*"},
			ours, nil,
		},
		"restart is added": {
			ArgoCDState{Settings: settings("accounts.pipeline", "apiKey"), RBAC: configMap(argocdRBAC, policyKey, ours)}, true,
			[]string{"unchanged ConfigMap argocd/argocd-cm: accounts.pipeline: apiKey", "update ConfigMap argocd/argocd-rbac-cm: pipeline may get and sync apps/*, and restart workloads"},
			ours + strings.Join(restartLines, "\n") + "\n", restartLines,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := account()
			w.Restart = tc.restart
			p, err := PlanAccount(w, tc.state)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, brief(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			rbac := p.Changes[1]
			if diff := cmp.Diff(tc.policy, rbac.wanted.(*corev1.ConfigMap).Data[policyKey]); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.details, rbac.Details); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
		})
	}
}

var restartLines = []string{
	"p, role:pipeline, applications, action/apps/Deployment/restart, apps/*, allow",
	"p, role:pipeline, applications, action/apps/StatefulSet/restart, apps/*, allow",
	"p, role:pipeline, applications, action/apps/DaemonSet/restart, apps/*, allow",
	"p, role:pipeline, applications, action/argoproj.io/Rollout/restart, apps/*, allow",
}

// anchored are ours for a policy of regular expressions, with restart.
var anchored = []string{
	"p, role:pipeline, ^applications$, ^get$, ^apps/.*$, allow",
	"p, role:pipeline, ^applications$, ^sync$, ^apps/.*$, allow",
	"p, role:pipeline, ^applications$, ^action/apps/Deployment/restart$, ^apps/.*$, allow",
	"p, role:pipeline, ^applications$, ^action/apps/StatefulSet/restart$, ^apps/.*$, allow",
	"p, role:pipeline, ^applications$, ^action/apps/DaemonSet/restart$, ^apps/.*$, allow",
	`p, role:pipeline, ^applications$, ^action/argoproj\.io/Rollout/restart$, ^apps/.*$, allow`,
	"g, pipeline, role:pipeline",
}

func TestPlanAccountRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		role  string
		state ArgoCDState
		says  string
	}{
		"an account that was turned off": {"role:pipeline", ArgoCDState{Settings: settings("accounts.pipeline", "apiKey", "accounts.pipeline.enabled", "false")}, "enabled is false"},
		"a role that others have":        {"role:pipeline", ArgoCDState{Settings: settings(), RBAC: configMap(argocdRBAC, policyKey, "g, bob, role:pipeline")}, "also be for bob"},
		"a role of Argo CD itself":       {"role:readonly", ArgoCDState{Settings: settings()}, "everybody"},
		"a role that everybody has": {
			"role:pipeline", ArgoCDState{Settings: settings(), RBAC: configMap(argocdRBAC, policyKey, ours, "policy.default", "role:pipeline")},
			"it is policy.default of ConfigMap argocd-rbac-cm, so everybody would have these rights",
		},
		"a role with the rights of another one": {
			"role:pipeline", ArgoCDState{Settings: settings(), RBAC: configMap(argocdRBAC, policyKey, ours, "policy.more.csv", "g, role:pipeline, role:admin")},
			"the policy gives it the rights of role:admin too",
		},
		"a policy of regular expressions": {
			"role:pipeline", ArgoCDState{Settings: settings(), RBAC: configMap(argocdRBAC, policyKey, ours, "policy.matchMode", "regex")},
			"policy.matchMode: regex of ConfigMap argocd-rbac-cm is in the way: the lines of this command are not for regular expressions, and would grant too much. " +
				"Add these to policy.csv by hand, and run the command again:\n" + strings.Join(anchored[:2], "\n"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := account()
			w.Role = tc.role
			_, err := PlanAccount(w, tc.state)
			if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What an operator makes is not written; once its resource says it, there is nothing to do.
func TestSettingsOfAnOperator(t *testing.T) {
	labelled := func(cm *corev1.ConfigMap, by string) *corev1.ConfigMap {
		cm.Labels = map[string]string{labelManagedBy: by}
		return cm
	}
	rbac := configMap(argocdRBAC, policyKey, theirs)
	p, err := PlanAccount(account(), ArgoCDState{Settings: labelled(settings(), "openshift-gitops"), RBAC: rbac})
	if !errors.Is(err, ErrManaged) || len(p.Changes) != 0 {
		t.Fatalf("got %v, %v", brief(p), err)
	}
	want := []string{`Add this to the resource ArgoCD openshift-gitops of namespace argocd:

spec:
  extraConfig:
    accounts.pipeline: "apiKey"
  rbac:
    policy: |
      # ours since 2021
      p,  role:ops ,applications,*,*/*,allow

      g, alice, role:ops
      p, role:pipeline, applications, get, apps/*, allow
      p, role:pipeline, applications, sync, apps/*, allow
      g, pipeline, role:pipeline`}
	if diff := cmp.Diff(want, p.Notes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	owned := settings("accounts.pipeline", "apiKey")
	owned.OwnerReferences = []metav1.OwnerReference{{Kind: "ArgoCD", Name: "main"}}
	p, err = PlanAccount(account(), ArgoCDState{Settings: owned, RBAC: configMap(argocdRBAC, policyKey, ours)})
	if err != nil || p.Changed() {
		t.Errorf("got %v, %v", brief(p), err)
	}
	p, err = PlanAccount(account(), ArgoCDState{Settings: labelled(settings(), managedByHelm), RBAC: rbac})
	if err != nil || !p.Changed() || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "Helm") {
		t.Errorf("got %v, %v, %v", brief(p), p.Notes, err)
	}
}

func tls(name string, pairs ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: argocdNamespace, Name: name}, Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return s
}

func TestTrustedCA(t *testing.T) {
	type trusted struct {
		CA        string
		Authority bool
	}
	for name, tc := range map[string]struct {
		file  string
		state ArgoCDState
		want  trusted
	}{
		"from the file":              {"file", ArgoCDState{TLS: tls(argocdTLS, "tls.crt", "leaf")}, trusted{"file", true}},
		"of argocd-server-tls":       {"", ArgoCDState{TLS: tls(argocdTLS, "tls.crt", "leaf"), Logins: tls(argocdLogins, "tls.crt", "old")}, trusted{"leaf", false}},
		"authority of that":          {"", ArgoCDState{TLS: tls(argocdTLS, "tls.crt", "leaf", "ca.crt", "issuer")}, trusted{"issuer", true}},
		"of argocd-secret":           {"", ArgoCDState{Logins: tls(argocdLogins, "tls.crt", "self")}, trusted{"self", false}},
		"of nobody":                  {"", ArgoCDState{Logins: tls(argocdLogins)}, trusted{"", true}},
		"of argocd-secret, no other": {"", ArgoCDState{TLS: tls(argocdTLS), Logins: tls(argocdLogins, "tls.crt", "self")}, trusted{"self", false}},
	} {
		t.Run(name, func(t *testing.T) {
			w := account()
			w.CA = []byte(tc.file)
			ca, authority := tc.state.TrustedCA(w)
			if diff := cmp.Diff(tc.want, trusted{string(ca), authority}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
