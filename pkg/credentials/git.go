package credentials

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"maps"
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

	maxValue      = 16 << 10
	maxKey        = 64 << 10
	maxCA         = 256 << 10
	maxKnownHosts = 256 << 10
	maxLinked     = 64
)

// Git finds what to log in with at a repository URL: https, http, ssh://user@host/path
// or user@host:path.
//
// With a secretName it is that Secret. For https its type is kubernetes.io/basic-auth or
// Opaque, its keys password and username; without username, x-access-token is used. Or
// it is a GitHub App's: Opaque, with appID, installationID and privateKey. For
// ssh its type is kubernetes.io/ssh-auth or Opaque, its keys ssh-privatekey, known_hosts
// and passphrase, the last two optional. If it has tekton.dev/git-N or docker-N
// annotations, one of them must match the URL.
//
// Without, the Secrets linked to the ServiceAccount (its secrets list, as for
// Tekton's steps; "" means the ServiceAccount "default") of type
// kubernetes.io/basic-auth, or ssh-auth for ssh, or Opaque for an App, whose annotation
// matches are candidates, and the longest match wins. None at all means anonymous, or ErrInvalid for
// ssh, which has no such thing.
//
// An annotation of a Secret for https matches a URL of the same scheme, host and port
// whose path it begins, segment by segment. One of a Secret for ssh is host or
// host:port, as Tekton has it; without port it matches every port of the host.
//
// source says for people where the credential comes from.
func Git(ctx context.Context, r Reader, namespace, serviceAccount, secretName, rawURL string) (auth GitAuth, source string, err error) {
	target, ok := parseRepository(rawURL)
	if !ok {
		// Not quoted: the URL may hold a password.
		return GitAuth{}, "", fmt.Errorf("the repository URL is %w: it must be https://host/path, ssh://git@host/path or git@host:path", ErrInvalid)
	}
	if secretName != "" {
		return named(ctx, r, namespace, secretName, target)
	}
	return linked(ctx, r, namespace, serviceAccount, target)
}

func named(ctx context.Context, r Reader, namespace, name string, target address) (GitAuth, string, error) {
	secret, err := readSecret(ctx, r, namespace, name)
	if err != nil {
		return GitAuth{}, "", err
	}
	if t := secret.Type; t != target.secretType() && !opaque(secret) {
		return GitAuth{}, "", unusable(secret, fmt.Sprintf("its type is %s, but %s needs %s", t, target.scheme, target.secretType()))
	}
	// A Secret for an image registry is bound as well: its host is no git host.
	bindings, err := bindingsOf(secret, target.scheme, gitAnnotation, dockerAnnotation)
	if err != nil {
		return GitAuth{}, "", err
	}
	if len(bindings) > 0 && !slices.ContainsFunc(bindings, func(b binding) bool { return b.address.covers(target) }) {
		return GitAuth{}, "", fmt.Errorf("the Secret %s is %w: %s is %s, the repository is at %s",
			name, ErrHostBound, bindings[0].annotation, bindings[0].address, target.origin())
	}
	auth, err := loginOf(secret, target, len(bindings) > 0)
	if err != nil {
		return GitAuth{}, "", err
	}
	return auth, "Secret " + name, nil
}

func linked(ctx context.Context, r Reader, namespace, serviceAccount string, target address) (GitAuth, string, error) {
	found, err := findLinked(ctx, r, namespace, serviceAccount, target)
	if err != nil {
		return GitAuth{}, "", err
	}
	if found.secret == nil && target.scheme == schemeSSH {
		return GitAuth{}, "", fmt.Errorf("ServiceAccount %s is %w for ssh: no Secret linked to it is of type %s with a %sN annotation for %s; add one, or name one with git.secretRef",
			found.account, ErrInvalid, corev1.SecretTypeSSHAuth, gitAnnotation, hostOnly(target.host))
	}
	if found.secret == nil {
		return GitAuth{}, anonymous(found.account, found.missing), nil
	}
	auth, err := loginOf(found.secret, target, true)
	if err != nil {
		return GitAuth{}, "", err
	}
	return auth, found.source(), nil
}

// linkedSecret is the Secret of a ServiceAccount that is for an address.
type linkedSecret struct {
	account string
	secret  *corev1.Secret // nil if there is none
	best    binding
	missing []string // linked, but not there
}

func (l linkedSecret) source() string {
	return fmt.Sprintf("Secret %s (ServiceAccount %s, %s)", l.secret.Name, l.account, l.best.annotation)
}

func findLinked(ctx context.Context, r Reader, namespace, serviceAccount string, target address) (linkedSecret, error) {
	found := linkedSecret{account: cmp.Or(serviceAccount, defaultServiceAccount)}
	account, err := r.ServiceAccount(ctx, namespace, found.account)
	if err != nil {
		return linkedSecret{}, readFailure("ServiceAccount", namespace, found.account, err)
	}
	names := linkedNames(account)
	if len(names) > maxLinked {
		return linkedSecret{}, fmt.Errorf("ServiceAccount %s is %w: it links %d Secrets, at most %d are read; name one with git.secretRef",
			found.account, ErrInvalid, len(names), maxLinked)
	}
	var rival *corev1.Secret
	for _, name := range names {
		secret, err := r.Secret(ctx, namespace, name)
		if apierrors.IsNotFound(err) {
			// As Tekton does: a link to nothing fails no run that does not need it.
			found.missing = append(found.missing, name)
			continue
		}
		if err != nil {
			return linkedSecret{}, readFailure("Secret", namespace, name, err)
		}
		b, ok := bestBinding(secret, target)
		switch {
		case !ok:
		case found.secret == nil || b.address.longer(found.best.address):
			found.best, found.secret, rival = b, secret, nil
		case !found.best.address.longer(b.address):
			rival = secret
		}
	}
	if rival != nil {
		return linkedSecret{}, fmt.Errorf("the Secrets %s and %s are %w: both are annotated for %s; name one with git.secretRef",
			found.secret.Name, rival.Name, ErrInvalid, found.best.address)
	}
	return found, nil
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

// loginOf reads what the target's scheme logs in with.
func loginOf(secret *corev1.Secret, target address, bound bool) (GitAuth, error) {
	switch {
	case target.scheme != schemeSSH && isApp(secret):
		return appLogin(secret, bound)
	case target.scheme != schemeSSH:
		return basic(secret, bound)
	}
	key, err := sshKey(secret)
	if err != nil {
		return GitAuth{}, err
	}
	return GitAuth{SSH: key, Bound: bound}, nil
}

// basic reads user name, password and ca.crt.
func basic(secret *corev1.Secret, bound bool) (GitAuth, error) {
	username, err := value(secret, KeyUsername)
	if err != nil {
		return GitAuth{}, err
	}
	password, err := value(secret, KeyPassword)
	if err != nil {
		return GitAuth{}, err
	}
	if password == "" && len(secret.Data[KeySSHPrivateKey]) > 0 {
		return GitAuth{}, unusable(secret, fmt.Sprintf("key %s is missing; its %s is for ssh only", KeyPassword, KeySSHPrivateKey))
	}
	if password == "" {
		return GitAuth{}, unusable(secret, fmt.Sprintf("key %s is missing or empty", KeyPassword))
	}
	if username == "" {
		username = defaultUsername
	}
	if strings.Contains(username, ":") {
		return GitAuth{}, unusable(secret, fmt.Sprintf("key %s holds a colon, which basic authentication cannot carry", KeyUsername))
	}
	ca, err := certificates(secret)
	if err != nil {
		return GitAuth{}, err
	}
	return GitAuth{Username: username, Password: password, CA: ca, Bound: bound}, nil
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
func bindingsOf(secret *corev1.Secret, scheme string, prefixes ...string) ([]binding, error) {
	var found []binding
	for _, key := range slices.Sorted(maps.Keys(secret.Annotations)) {
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			continue
		}
		parse, example := parseAddress, "a URL such as https://github.com"
		if scheme == schemeSSH {
			parse, example = parseSSHHost, "host or host:port, such as github.com"
		}
		a, ok := parse(strings.TrimSpace(secret.Annotations[key]))
		if !ok {
			return nil, unusable(secret, fmt.Sprintf("annotation %s must be %s", key, example))
		}
		found = append(found, binding{annotation: key, address: a})
	}
	return found, nil
}

// bestBinding is the longest of a linked Secret's annotations that covers the target.
// A Secret that is of no use here, or whose annotations cannot be read, does not match.
func bestBinding(secret *corev1.Secret, target address) (binding, bool) {
	app := target.scheme != schemeSSH && opaque(secret) && isApp(secret)
	if secret.Type != target.secretType() && !app {
		return binding{}, false
	}
	all, err := bindingsOf(secret, target.scheme, gitAnnotation)
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
