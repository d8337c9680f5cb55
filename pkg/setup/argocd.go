package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

// ErrManaged says that Argo CD's settings belong to an operator, who would take a change back. The plan's notes say what to
// add to its resource.
var ErrManaged = errors.New("settings of Argo CD are made by an operator")

// Names of Argo CD's own objects.
const (
	argocdSettings = "argocd-cm"
	argocdRBAC     = "argocd-rbac-cm"
	argocdLogins   = "argocd-secret"
	argocdTLS      = "argocd-server-tls"
	policyKey      = "policy.csv"
	// policyDefaultKey names the role of everybody, policyMatchKey how lines are compared: as globs, or as policyMatchRegex.
	policyDefaultKey = "policy.default"
	policyMatchKey   = "policy.matchMode"
	policyMatchRegex = "regex"
	keyTLS           = corev1.TLSCertKey
	apiKey           = "apiKey"
)

// ArgoCD is what a namespace needs of Argo CD.
type ArgoCD struct {
	// Namespace is the team's, Installed where Argo CD is.
	Namespace, Installed string
	// Server is host or host:port, as runs reach it.
	Server string
	// Account is the local account, and Role its role in policy.csv.
	Account, Role string
	Projects      []string
	// Restart allows to restart workloads.
	Restart bool
	// Secret is the name of the Secret with the token.
	Secret string
	// CA holds PEM certificates from a file; empty: those of Argo CD's own Secrets.
	CA []byte
}

// ArgoCDState is what there is; nil where there is nothing.
type ArgoCDState struct {
	Settings, RBAC *corev1.ConfigMap
	// TLS and Logins may hold the server's certificate. They are not read when the CA comes from a file.
	TLS, Logins *corev1.Secret
	Secret      *corev1.Secret
	// TokenWorks tells whether Argo CD accepts the Secret's token for the account, and CAWorks whether the Secret's own
	// certificates are those to trust. It is for the caller to find out, see Login.
	TokenWorks, CAWorks bool
}

// ReadArgoCD reads what a plan needs.
func ReadArgoCD(ctx context.Context, kube kubernetes.Interface, w ArgoCD) (s ArgoCDState, err error) {
	core := kube.CoreV1()
	if s.Settings, err = get(ctx, "ConfigMap", w.Installed, argocdSettings, core.ConfigMaps(w.Installed)); err != nil {
		return s, err
	}
	if s.Settings == nil {
		return s, fmt.Errorf("namespace %s has no ConfigMap %s: name the namespace of Argo CD with --argocd-namespace", w.Installed, argocdSettings)
	}
	if s.RBAC, err = get(ctx, "ConfigMap", w.Installed, argocdRBAC, core.ConfigMaps(w.Installed)); err != nil {
		return s, err
	}
	if len(w.CA) == 0 {
		if s.TLS, err = get(ctx, "Secret", w.Installed, argocdTLS, core.Secrets(w.Installed)); err != nil {
			return s, err
		}
		if s.Logins, err = get(ctx, "Secret", w.Installed, argocdLogins, core.Secrets(w.Installed)); err != nil {
			return s, err
		}
	}
	s.Secret, err = get(ctx, "Secret", w.Namespace, w.Secret, core.Secrets(w.Namespace))
	return s, err
}

// TrustedCA are the certificates to trust: those of the file, else what Argo CD itself serves with, as its own Secrets say.
// What a connection shows is never taken for them. Without any, only public authorities are trusted. authority tells whether they are of who signs the server's
// certificate; otherwise they are that certificate itself, and change with it.
func (s ArgoCDState) TrustedCA(w ArgoCD) (ca []byte, authority bool) {
	if len(w.CA) > 0 {
		return w.CA, true
	}
	if s.TLS != nil && len(s.TLS.Data[keyTLS]) > 0 {
		if ca := s.TLS.Data[corev1.ServiceAccountRootCAKey]; len(ca) > 0 {
			return ca, true
		}
		return s.TLS.Data[keyTLS], false
	}
	if s.Logins != nil && len(s.Logins.Data[keyTLS]) > 0 {
		return s.Logins.Data[keyTLS], false
	}
	return nil, true
}

// Login is what the Secret has for this server; the zero value when it has no token for it.
func (s ArgoCDState) Login(w ArgoCD) credentials.ArgoCDAuth {
	if s.Secret == nil {
		return credentials.ArgoCDAuth{}
	}
	auth, err := credentials.ArgoCD(context.Background(), only{s.Secret}, w.Namespace, w.Secret)
	if err != nil || auth.Token == "" {
		return credentials.ArgoCDAuth{}
	}
	if _, err := auth.Address(w.Server); err != nil {
		return credentials.ArgoCDAuth{}
	}
	return auth
}

// PlanAccount plans the account and its rights in Argo CD. With ErrManaged the plan has notes, and nothing is to be
// written. Other errors wrap ErrConflict.
func PlanAccount(w ArgoCD, s ArgoCDState) (Plan, error) {
	settings, what, err := w.account(s.Settings)
	if err != nil {
		return Plan{}, err
	}
	lines, err := w.missing(s.RBAC)
	if err != nil {
		return Plan{}, err
	}
	if by := operator(s.Settings); by != "" && (len(lines) > 0 || settings.Data[w.accountKey()] != s.Settings.Data[w.accountKey()]) {
		return Plan{Notes: []string{operatorNote(w, s, by, settings.Data[w.accountKey()], lines)}}, fmt.Errorf("%w, %s: add the lines to it, wait until they are in ConfigMap %s, and run the command again",
			ErrManaged, by, argocdSettings)
	}
	p := Plan{}
	p.add(s.Settings, settings, what, shownConfigMap(settings, []string{w.accountKey()}))
	p.rights(w, s.RBAC, lines)
	if by := gitOps(s.Settings); by != "" && p.Changed() {
		p.Notes = append(p.Notes, "ConfigMap "+argocdSettings+" is kept by "+by+", which may take the change back: make it there as well.")
	}
	return p, nil
}

func (w ArgoCD) accountKey() string { return "accounts." + w.Account }

// account allows the account to have tokens.
func (w ArgoCD) account(current *corev1.ConfigMap) (wanted *corev1.ConfigMap, what string, err error) {
	if current.Data[w.accountKey()+".enabled"] == "false" {
		return nil, "", fmt.Errorf("account %s is %w: %s.enabled is false in ConfigMap %s: enable it, or choose another with --account",
			w.Account, ErrConflict, w.accountKey(), argocdSettings)
	}
	wanted = current.DeepCopy()
	if wanted.Data == nil {
		wanted.Data = map[string]string{}
	}
	capabilities := strings.FieldsFunc(wanted.Data[w.accountKey()], func(r rune) bool { return r == ',' || r == ' ' })
	if !slices.Contains(capabilities, apiKey) {
		wanted.Data[w.accountKey()] = strings.Join(append(capabilities, apiKey), ", ")
	}
	return wanted, w.accountKey() + ": " + wanted.Data[w.accountKey()], nil
}

// missing are the lines that the policy lacks. A role is refused that others have too, as they would get its rights, and one
// that has the rights of another role, as the account would get more than the plan shows.
func (w ArgoCD) missing(rbac *corev1.ConfigMap) (policyLines, error) {
	var there policyLines
	settings := map[string]string{}
	if rbac != nil {
		settings = rbac.Data
	}
	for _, key := range sortedKeys(settings) {
		// policy.NAME.csv is read too (util/rbac/rbac.go, PolicyCSV).
		if strings.HasPrefix(key, "policy.") && strings.HasSuffix(key, ".csv") {
			there = append(there, parsePolicy(settings[key])...)
		}
	}
	if settings[policyDefaultKey] == w.Role {
		return nil, fmt.Errorf("%s is %w: it is %s of ConfigMap %s, so everybody would have these rights: choose another with --role",
			w.Role, ErrConflict, policyDefaultKey, argocdRBAC)
	}
	if more := there.inherited(w.Role); len(more) > 0 {
		return nil, fmt.Errorf("%s is %w: the policy gives it the rights of %s too: choose another with --role", w.Role, ErrConflict, strings.Join(more, ", "))
	}
	wanted := grants(w.Account, w.Role, w.Projects, w.Restart)
	regex := settings[policyMatchKey] == policyMatchRegex
	if regex {
		wanted = wanted.anchored()
	}
	lines := wanted.without(there)
	builtIn := w.Role == "role:admin" || w.Role == "role:readonly"
	if others := there.others(w.Account, w.Role); len(lines) > 0 && (len(others) > 0 || builtIn) {
		if builtIn {
			others = []string{"everybody who has it by default"}
		}
		return nil, fmt.Errorf("%s is %w: these rights would also be for %s: choose another with --role", w.Role, ErrConflict, strings.Join(others, ", "))
	}
	if regex && len(lines) > 0 {
		return nil, fmt.Errorf("%s: %s of ConfigMap %s is %w: the lines of this command are not for regular expressions, and would grant too much. "+
			"Add these to %s by hand, and run the command again:\n%s",
			policyMatchKey, policyMatchRegex, argocdRBAC, ErrConflict, policyKey, strings.Join(lines.strings(), "\n"))
	}
	return lines, nil
}

// rights adds lines to policy.csv.
func (p *Plan) rights(w ArgoCD, current *corev1.ConfigMap, lines policyLines) {
	what := fmt.Sprintf("%s may get and sync %s", w.Account, strings.Join(objects(w.Projects), ", "))
	if w.Restart {
		what += ", and restart workloads"
	}
	if current == nil {
		wanted := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.Installed, Name: argocdRBAC, Labels: map[string]string{"app.kubernetes.io/part-of": "argocd"}},
			Data:       map[string]string{policyKey: appendPolicy("", lines)},
		}
		p.add(nil, wanted, what, shownConfigMap(wanted, []string{policyKey}))
		p.Changes[len(p.Changes)-1].Details = lines.strings()
		return
	}
	wanted := current.DeepCopy()
	if len(lines) > 0 {
		if wanted.Data == nil {
			wanted.Data = map[string]string{}
		}
		wanted.Data[policyKey] = appendPolicy(wanted.Data[policyKey], lines)
	}
	p.add(current, wanted, what, shownConfigMap(wanted, []string{policyKey}))
	p.Changes[len(p.Changes)-1].Details = lines.strings()
}

func objects(projects []string) []string {
	var all []string
	for _, project := range projects {
		all = append(all, project+"/*")
	}
	return all
}
