package setup

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

// PlanToken plans the Secret with the token of the account. token is a new one, empty as long as there is none yet: then
// the plan is for showing only, and Apply refuses it. A token that works is kept, and so is a certificate that is trusted already. Errors wrap
// ErrConflict.
func PlanToken(w ArgoCD, s ArgoCDState, token string) (Plan, error) {
	ca, authority := s.TrustedCA(w)
	wanted := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: w.Secret, Labels: partOf()}, Type: corev1.SecretTypeOpaque}
	what := "a new token of account " + w.Account + " for " + w.Server
	if s.Secret != nil {
		if err := w.mayHold(s.Secret); err != nil {
			return Plan{}, err
		}
		wanted = s.Secret.DeepCopy()
	}
	if wanted.Data == nil {
		wanted.Data = map[string][]byte{}
	}
	switch {
	case s.TokenWorks:
		what = "the token of account " + w.Account + " for " + w.Server + " works"
	case token != "":
		wanted.Data[credentials.KeyArgoCDToken] = []byte(token)
	default:
		wanted.Data[credentials.KeyArgoCDToken] = []byte(redacted)
	}
	if len(wanted.Data[credentials.KeyArgoCDServer]) == 0 {
		wanted.Data[credentials.KeyArgoCDServer] = []byte(w.Server)
	}
	p := Plan{}
	// Certificates that are good stay, unless a file is named that they do not have.
	has := bytes.Contains(wanted.Data[credentials.KeyCA], bytes.TrimSpace(ca))
	switch {
	case len(ca) == 0 && len(wanted.Data[credentials.KeyCA]) == 0:
		p.Notes = append(p.Notes, fmt.Sprintf("Secret %s gets no ca.crt: neither Secret %s nor %s of namespace %s has a certificate. Where the server's is not of a public authority, name its CA with --ca-file.",
			w.Secret, argocdTLS, argocdLogins, w.Installed))
	case !has && (!s.CAWorks || len(w.CA) > 0):
		wanted.Data[credentials.KeyCA] = ca
		if !authority {
			p.Notes = append(p.Notes, "ca.crt of Secret "+w.Secret+" is the certificate of the server itself: run this command again when that one is renewed, or name its CA with --ca-file.")
		}
	}
	shown := shownSecret(wanted, []string{credentials.KeyArgoCDToken, credentials.KeyArgoCDServer, credentials.KeyCA})
	if s.Secret == nil {
		p.add(nil, wanted, what, shown)
	} else {
		p.add(s.Secret, wanted, what, shown)
	}
	p.Changes[0].draft = !s.TokenWorks && token == ""
	return p, nil
}

// mayHold refuses to bind a Secret to another server than the one that it names, and Secrets that are for something else.
func (w ArgoCD) mayHold(s *corev1.Secret) error {
	if s.Type != corev1.SecretTypeOpaque && s.Type != "" {
		return fmt.Errorf("Secret %s/%s is %w: its type is %s: choose another name with --secret", s.Namespace, s.Name, ErrConflict, s.Type)
	}
	auth := credentials.ArgoCDAuth{Server: string(bytes.TrimSpace(s.Data[credentials.KeyArgoCDServer]))}
	if full, err := credentials.ArgoCD(context.Background(), only{s}, s.Namespace, s.Name); err == nil {
		auth = full
	}
	if _, err := auth.Address(w.Server); err != nil {
		return fmt.Errorf("Secret %s/%s is %w: %w: choose another name with --secret", s.Namespace, s.Name, ErrConflict, err)
	}
	return nil
}
