package credentials

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// Tekton's prefixes (pkg/credentials in tektoncd/pipeline).
	gitAnnotation    = "tekton.dev/git-"
	dockerAnnotation = "tekton.dev/docker-"
	// defaultServiceAccount is the one that Tekton takes when a run names none.
	defaultServiceAccount = "default"
	// defaultUsername goes with a token in a Secret without user name. GitHub asks for
	// this one for the tokens of an App; for others, and at GitLab and Gitea, any does.
	defaultUsername = "x-access-token"

	maxValue  = 16 << 10
	maxCA     = 256 << 10
	maxLinked = 64
)

// Git finds what to log in with at an https (or http) repository URL.
//
// With a secretName it is that Secret: type kubernetes.io/basic-auth or Opaque, keys
// password and username; without username, x-access-token is used. If it has
// tekton.dev/git-N or docker-N annotations, one of them must match the URL.
//
// Without, the Secrets linked to the ServiceAccount (its secrets list, as for
// Tekton's steps; "" means the ServiceAccount "default") of type
// kubernetes.io/basic-auth whose annotation matches are candidates, and the longest
// match wins. An annotation matches a URL of the same scheme, host and port whose
// path it begins, segment by segment. None at all means anonymous.
//
// source says for people where the credential comes from.
func Git(ctx context.Context, r Reader, namespace, serviceAccount, secretName, rawURL string) (auth Basic, source string, err error) {
	target, ok := parseAddress(rawURL)
	if !ok || !strings.Contains(rawURL, "://") {
		// Not quoted: the URL may hold a password.
		return Basic{}, "", fmt.Errorf("the repository URL is %w: it must be https://host/path", ErrInvalid)
	}
	if secretName != "" {
		return named(ctx, r, namespace, secretName, target)
	}
	return linked(ctx, r, namespace, serviceAccount, target)
}

func named(ctx context.Context, r Reader, namespace, name string, target address) (Basic, string, error) {
	secret, err := readSecret(ctx, r, namespace, name)
	if err != nil {
		return Basic{}, "", err
	}
	if t := secret.Type; t != corev1.SecretTypeBasicAuth && t != corev1.SecretTypeOpaque && t != "" {
		return Basic{}, "", unusable(secret, fmt.Sprintf("its type is %s, but https needs %s", t, corev1.SecretTypeBasicAuth))
	}
	// A Secret for an image registry is bound as well: its host is no git host.
	bindings, err := bindingsOf(secret, gitAnnotation, dockerAnnotation)
	if err != nil {
		return Basic{}, "", err
	}
	if len(bindings) > 0 && !slices.ContainsFunc(bindings, func(b binding) bool { return b.address.covers(target) }) {
		return Basic{}, "", fmt.Errorf("the Secret %s is %w: %s is %s, the repository is at %s",
			name, ErrHostBound, bindings[0].annotation, bindings[0].address, target.origin())
	}
	auth, err := basic(secret, len(bindings) > 0)
	if err != nil {
		return Basic{}, "", err
	}
	return auth, "Secret " + name, nil
}

func linked(ctx context.Context, r Reader, namespace, serviceAccount string, target address) (Basic, string, error) {
	if serviceAccount == "" {
		serviceAccount = defaultServiceAccount
	}
	account, err := r.ServiceAccount(ctx, namespace, serviceAccount)
	if err != nil {
		return Basic{}, "", readFailure("ServiceAccount", namespace, serviceAccount, err)
	}
	names := linkedNames(account)
	if len(names) > maxLinked {
		return Basic{}, "", fmt.Errorf("ServiceAccount %s is %w: it links %d Secrets, at most %d are read; name one with git.secretRef",
			serviceAccount, ErrInvalid, len(names), maxLinked)
	}
	var best binding
	var from, rival *corev1.Secret
	var missing []string
	for _, name := range names {
		secret, err := r.Secret(ctx, namespace, name)
		if apierrors.IsNotFound(err) {
			// As Tekton does: a link to nothing fails no run that does not need it.
			missing = append(missing, name)
			continue
		}
		if err != nil {
			return Basic{}, "", readFailure("Secret", namespace, name, err)
		}
		b, ok := bestBinding(secret, target)
		switch {
		case !ok:
		case from == nil || b.address.longer(best.address):
			best, from, rival = b, secret, nil
		case !best.address.longer(b.address):
			rival = secret
		}
	}
	if rival != nil {
		return Basic{}, "", fmt.Errorf("the Secrets %s and %s are %w: both are annotated for %s; name one with git.secretRef",
			from.Name, rival.Name, ErrInvalid, best.address)
	}
	if from == nil {
		return Basic{}, anonymous(serviceAccount, missing), nil
	}
	auth, err := basic(from, true)
	if err != nil {
		return Basic{}, "", err
	}
	return auth, fmt.Sprintf("Secret %s (ServiceAccount %s, %s)", from.Name, serviceAccount, best.annotation), nil
}

func anonymous(serviceAccount string, missing []string) string {
	text := fmt.Sprintf("anonymous: no Secret linked to ServiceAccount %s has a %sN annotation for this address", serviceAccount, gitAnnotation)
	if len(missing) > 0 {
		text += "; linked but not there: " + strings.Join(missing, ", ")
	}
	return text
}

func linkedNames(account *corev1.ServiceAccount) []string {
	var names []string
	for _, ref := range account.Secrets {
		if ref.Name != "" && !slices.Contains(names, ref.Name) {
			names = append(names, ref.Name)
		}
	}
	return names
}

// basic reads user name, password and ca.crt.
func basic(secret *corev1.Secret, bound bool) (Basic, error) {
	username, err := value(secret, KeyUsername)
	if err != nil {
		return Basic{}, err
	}
	password, err := value(secret, KeyPassword)
	if err != nil {
		return Basic{}, err
	}
	if password == "" {
		return Basic{}, unusable(secret, fmt.Sprintf("key %s is missing or empty", KeyPassword))
	}
	if username == "" {
		username = defaultUsername
	}
	if strings.Contains(username, ":") {
		return Basic{}, unusable(secret, fmt.Sprintf("key %s holds a colon, which basic authentication cannot carry", KeyUsername))
	}
	ca, err := certificates(secret)
	if err != nil {
		return Basic{}, err
	}
	return Basic{Username: username, Password: password, CA: ca, Bound: bound}, nil
}

func certificates(secret *corev1.Secret) ([]byte, error) {
	pem := secret.Data[KeyCA]
	switch {
	case len(pem) == 0:
		return nil, nil
	case len(pem) > maxCA:
		return nil, unusable(secret, fmt.Sprintf("key %s has more than %d bytes", KeyCA, maxCA))
	case !x509.NewCertPool().AppendCertsFromPEM(pem):
		return nil, unusable(secret, fmt.Sprintf("key %s holds no PEM certificate", KeyCA))
	}
	return pem, nil
}

// binding is one tekton.dev/git-N (or docker-N) annotation.
type binding struct {
	annotation string
	address    address
}

// bindingsOf reads the annotations of these prefixes in the order of their names. One
// that cannot be read is an error: ignoring it would send the Secret anywhere.
func bindingsOf(secret *corev1.Secret, prefixes ...string) ([]binding, error) {
	var found []binding
	for _, key := range slices.Sorted(maps.Keys(secret.Annotations)) {
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			continue
		}
		a, ok := parseAddress(strings.TrimSpace(secret.Annotations[key]))
		if !ok {
			return nil, unusable(secret, fmt.Sprintf("annotation %s must be a URL such as https://github.com", key))
		}
		found = append(found, binding{annotation: key, address: a})
	}
	return found, nil
}

// bestBinding is the longest of a linked Secret's annotations that covers the target.
// A Secret that is of no use here, or whose annotations cannot be read, does not match.
func bestBinding(secret *corev1.Secret, target address) (binding, bool) {
	if secret.Type != corev1.SecretTypeBasicAuth {
		return binding{}, false
	}
	all, err := bindingsOf(secret, gitAnnotation)
	if err != nil {
		return binding{}, false
	}
	var best binding
	found := false
	for _, b := range all {
		if b.address.covers(target) && (!found || b.address.longer(best.address)) {
			best, found = b, true
		}
	}
	return best, found
}

// address is a URL as far as it decides where a credential may go.
type address struct{ scheme, host, path string }

// parseAddress reads a URL of http or https; a text without scheme is taken as https.
func parseAddress(raw string) (address, bool) {
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || strings.Contains(u.Host, "*") {
		return address{}, false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	// Cleaned, so that https://host/ours/../theirs is not under https://host/ours.
	p := path.Clean("/" + u.Path)
	if base := path.Base(p); base != ".git" {
		p = strings.TrimSuffix(p, ".git")
	}
	p = strings.TrimSuffix(p, "/")
	return address{scheme: u.Scheme, host: net.JoinHostPort(host, port), path: p}, true
}

func (a address) covers(target address) bool {
	return a.scheme == target.scheme && a.host == target.host &&
		(a.path == "" || a.path == target.path || strings.HasPrefix(target.path, a.path+"/"))
}

func (a address) longer(b address) bool { return len(a.path) > len(b.path) }

func (a address) origin() string { return a.scheme + "://" + a.host }

func (a address) String() string { return a.origin() + a.path }

// serverAddress is an Argo CD address in one form, host:port; empty when it is none.
// Without port it is 443, as for the argocd command line.
func serverAddress(s string) string {
	a, ok := parseAddress(bareServer(s))
	if !ok || a.path != "" {
		return ""
	}
	return a.host
}

// bareServer drops the scheme and the slash that people paste along.
func bareServer(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	return strings.TrimSuffix(s, "/")
}
