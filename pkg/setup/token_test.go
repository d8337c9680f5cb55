package setup

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// held is the namespace's Secret for Argo CD.
func held(pairs ...string) *corev1.Secret {
	s := tls("argocd-env-secret", pairs...)
	s.Namespace, s.Type = team, corev1.SecretTypeOpaque
	return s
}

// authority is a certificate that a Secret may have.
const authority = `-----BEGIN CERTIFICATE-----
MIIBNjCB6aADAgECAgEBMAUGAytlcDARMQ8wDQYDVQQDEwZ0ZXN0Y2EwHhcNMjYw
MTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjARMQ8wDQYDVQQDEwZ0ZXN0Y2EwKjAF
-----END CERTIFICATE-----
`

func TestPlanToken(t *testing.T) {
	state := func(s ArgoCDState) ArgoCDState {
		s.TLS = tls(argocdTLS, "tls.crt", "leaf")
		return s
	}
	for name, tc := range map[string]struct {
		state ArgoCDState
		file  string
		want  []string
		data  map[string]string
		notes int
	}{
		"no Secret": {
			state(ArgoCDState{}), "",
			[]string{"create Secret team/argocd-env-secret: a new token of account pipeline for argocd.example.com"},
			map[string]string{"ARGOCD_AUTH_TOKEN": hunter, "ARGOCD_SERVER": "argocd.example.com", "ca.crt": "leaf"}, 1,
		},
		"a token that works is kept, with its certificates": {
			state(ArgoCDState{Secret: held("ARGOCD_AUTH_TOKEN", "old-token", "ARGOCD_SERVER", "argocd.example.com", "ca.crt", "mine"), TokenWorks: true, CAWorks: true}), "",
			[]string{"unchanged Secret team/argocd-env-secret: the token of account pipeline for argocd.example.com works"},
			map[string]string{"ARGOCD_AUTH_TOKEN": "old-token", "ARGOCD_SERVER": "argocd.example.com", "ca.crt": "mine"}, 0,
		},
		"a token that works, with an outdated certificate": {
			state(ArgoCDState{Secret: held("ARGOCD_AUTH_TOKEN", "old-token", "ARGOCD_SERVER", "argocd.example.com", "ca.crt", "outdated"), TokenWorks: true}), "",
			[]string{"update Secret team/argocd-env-secret: the token of account pipeline for argocd.example.com works"},
			map[string]string{"ARGOCD_AUTH_TOKEN": "old-token", "ARGOCD_SERVER": "argocd.example.com", "ca.crt": "leaf"}, 1,
		},
		"a token that works, and a file with another certificate": {
			state(ArgoCDState{Secret: held("ARGOCD_AUTH_TOKEN", "old-token", "ARGOCD_SERVER", "argocd.example.com", "ca.crt", "mine"), TokenWorks: true, CAWorks: true}), authority,
			[]string{"update Secret team/argocd-env-secret: the token of account pipeline for argocd.example.com works"},
			map[string]string{"ARGOCD_AUTH_TOKEN": "old-token", "ARGOCD_SERVER": "argocd.example.com", "ca.crt": authority}, 0,
		},
		"a token that does not work, in a Secret with more": {
			state(ArgoCDState{Secret: held("ARGOCD_AUTH_TOKEN", "old-token", "note", "ours", "ca.crt", "leaf\n"), CAWorks: true}), "",
			[]string{"update Secret team/argocd-env-secret: a new token of account pipeline for argocd.example.com"},
			map[string]string{"ARGOCD_AUTH_TOKEN": hunter, "ARGOCD_SERVER": "argocd.example.com", "ca.crt": "leaf\n", "note": "ours"}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := account()
			w.CA = []byte(tc.file)
			p, err := PlanToken(w, tc.state, hunter)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for key, value := range p.Changes[0].wanted.(*corev1.Secret).Data {
				got[key] = string(value)
			}
			if diff := cmp.Diff(tc.data, got); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, brief(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(p.Notes) != tc.notes {
				t.Errorf("%d notes: %v", len(p.Notes), p.Notes)
			}
			withoutSecrets(t, p)
		})
	}
}

// A Secret for another server is neither changed nor asked for its token.
func TestSecretOfAnotherServer(t *testing.T) {
	other := held("ARGOCD_AUTH_TOKEN", "old-token", "ARGOCD_SERVER", "other.example.com")
	s := ArgoCDState{TLS: tls(argocdTLS, "tls.crt", "leaf"), Secret: other}
	if got := s.Login(account()).Token; got != "" {
		t.Errorf("the token %q would be sent to another server", got)
	}
	wrongType := held()
	wrongType.Type = corev1.SecretTypeBasicAuth
	for says, secret := range map[string]*corev1.Secret{
		"other.example.com":         other,
		"kubernetes.io/basic-auth":  wrongType,
		`"elsewhere.example.com:8"`: held("ARGOCD_SERVER", "elsewhere.example.com:8"), // not usable yet, and meant for another
	} {
		s.Secret = secret
		_, err := PlanToken(account(), s, hunter)
		if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "old-token") {
			t.Errorf("got %v", err)
		}
	}
}

// As long as there is no token, a plan has none.
func TestPlanWithoutToken(t *testing.T) {
	p, err := PlanToken(account(), ArgoCDState{TLS: tls(argocdTLS, "tls.crt", "leaf")}, "")
	if err != nil || !p.Changed() {
		t.Fatalf("got %v, %v", brief(p), err)
	}
	kube := fake.NewSimpleClientset()
	if err := Apply(t.Context(), kube, p); err == nil || len(kube.Actions()) > 0 {
		t.Errorf("got %v, %v", kube.Actions(), err)
	}
	want := map[string]any{"ARGOCD_AUTH_TOKEN": redacted, "ARGOCD_SERVER": "argocd.example.com", "ca.crt": "leaf"}
	if diff := cmp.Diff(want, p.Changes[0].Object["stringData"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
