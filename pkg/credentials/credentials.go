// Package credentials turns the Secrets of a namespace into values to log in with.
//
// # What it promises
//
//   - A Secret is read from the namespace that is asked for, by name, when it is
//     asked for. Nothing is kept, listed or watched.
//   - A Secret that says which host it is for goes to that host only: the
//     annotations tekton.dev/git-N (and docker-N) for git and for the API of a git
//     host, the key ARGOCD_SERVER for Argo CD, where the caller asks Address. That
//     holds for a Secret named outright too.
//   - A Secret for https is not used for ssh, nor the other way round, nor an ssh key
//     for an API.
//   - Errors name the Secret and the key, never a value. The values themselves print,
//     log and marshal without their secret parts, in every format that fmt, log/slog
//     and encoding/json have.
//
// # What it does not promise
//
//   - It does not try a credential, nor decide which hosts are allowed.
//   - A value that is a field of another struct is protected by its own methods only
//     where that field is exported: fmt cannot call methods on unexported fields.
//   - A text that quotes a server, which may echo what it was sent, is clean only
//     after Redact.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The errors that a caller tells apart. Any other error is the API server's own.
var (
	// ErrNotFound: the Secret or the ServiceAccount does not exist.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: a key is missing, empty or not usable, or the Secret has the wrong
	// type, or two Secrets claim the same address.
	ErrInvalid = errors.New("not usable")
	// ErrForbidden: the controller may not read Secrets or ServiceAccounts in this
	// namespace: the namespace is not enabled.
	ErrForbidden = errors.New("not allowed to read it")
	// ErrHostBound: the Secret says that it is for another address.
	ErrHostBound = errors.New("bound to another address")
)

// Keys that are read from a Secret.
const (
	KeyUsername       = corev1.BasicAuthUsernameKey // git
	KeyPassword       = corev1.BasicAuthPasswordKey // git: a password or a token
	KeySSHPrivateKey  = corev1.SSHAuthPrivateKey    // git over ssh
	KeyKnownHosts     = "known_hosts"               // git over ssh: the host keys to accept
	KeySigningKey     = "signing-key"               // an OpenPGP or an ssh key
	KeyPassphrase     = "passphrase"                // of an encrypted key, for ssh and for signing
	KeyCA             = "ca.crt"                    // git and Argo CD: PEM certificates to trust, instead of the system's
	KeyToken          = "token"                     // a git host's API
	KeyAppID          = "appID"                     // a GitHub App: its number, for git and the API
	KeyInstallationID = "installationID"            // a GitHub App: the number of its installation
	KeyPrivateKey     = "privateKey"                // a GitHub App: its key in PEM
	KeyArgoCDToken    = "ARGOCD_AUTH_TOKEN"         //nolint:gosec // the name of a key, not its value
	KeyArgoCDUsername = "ARGOCD_USERNAME"
	KeyArgoCDPassword = "ARGOCD_PASSWORD"
	KeyArgoCDServer   = "ARGOCD_SERVER"
)

// Reader reads one object at a time, from the API server itself. Its errors are
// those of k8s.io/apimachinery/pkg/api/errors.
type Reader interface {
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)
}

// GitAuth is a user name and a password, or a token in the password's place, or a
// GitHub App, for https, or a key for ssh. The zero value means anonymous.
type GitAuth struct {
	Username, Password string
	// App has to be exchanged for a user name and a password.
	App *App
	// CA holds PEM certificates from the Secret, to trust instead of the system's.
	CA []byte
	// SSH is what an ssh URL takes in their place.
	SSH SSH
	// Bound says that the Secret names the address that it is for.
	Bound bool
}

// SSH is a private key and the host keys that it may be used with. Whether the key
// can be read is not checked here.
type SSH struct {
	PrivateKey, Passphrase []byte
	// KnownHosts is in the format of OpenSSH's known_hosts. It may be empty: then it
	// has to come from elsewhere.
	KnownHosts []byte
}

// Anonymous says that there is nothing to log in with.
func (a GitAuth) Anonymous() bool {
	return a.Username == "" && a.Password == "" && a.App == nil && len(a.SSH.PrivateKey) == 0
}

// Secrets returns the values that must not appear anywhere, for Redact.
func (a GitAuth) Secrets() []string {
	secrets := present(basicHeader(a.Username, a.Password))
	if a.Password == tokenIsUsername {
		secrets = append(secrets, present(a.Username)...)
	} else {
		secrets = append(secrets, present(a.Password)...)
	}
	if a.App != nil {
		secrets = append(secrets, a.App.Secrets()...)
	}
	return append(secrets, keySecrets(a.SSH.PrivateKey, a.SSH.Passphrase)...)
}

// tokenIsUsername is the password that goes with a token given as the user name, a
// form that GitHub documents. The user name is the secret then.
const tokenIsUsername = "x-oauth-basic" //nolint:gosec // a documented constant, not a password

// ArgoCDAuth is a token, or a user name and a password, for an Argo CD server.
type ArgoCDAuth struct {
	Token              string
	Username, Password string
	// Server is the address that the Secret is for, empty when it does not say.
	Server string
	// CA holds PEM certificates from the Secret, to trust instead of the system's.
	CA []byte
}

// Secrets returns the values that must not appear anywhere, for Redact.
func (a ArgoCDAuth) Secrets() []string { return present(a.Token, a.Password) }

// Address returns the server to talk to: the requested one, or the Secret's own
// when none is requested. A Secret with ARGOCD_SERVER goes to that server only:
// ErrHostBound otherwise. ErrInvalid when neither names a server.
func (a ArgoCDAuth) Address(requested string) (string, error) {
	switch {
	case requested == "" && a.Server == "":
		return "", fmt.Errorf("%w: no Argo CD server: set argocd.server, or %s in the Secret", ErrInvalid, KeyArgoCDServer)
	case requested == "":
		return a.Server, nil
	case a.Server == "" || serverAddress(a.Server) == serverAddress(requested):
		return requested, nil
	}
	return "", fmt.Errorf("the Argo CD Secret is %w: %s is %q, the request names %q",
		ErrHostBound, KeyArgoCDServer, a.Server, requested)
}

// ArgoCD reads the Secret of that name: ARGOCD_AUTH_TOKEN, or ARGOCD_USERNAME and
// ARGOCD_PASSWORD; the token wins. ARGOCD_SERVER and ca.crt are optional. Spaces
// and line breaks at the end of values are dropped, since `echo TOKEN | base64`
// adds one.
func ArgoCD(ctx context.Context, r Reader, namespace, secretName string) (ArgoCDAuth, error) {
	if secretName == "" {
		return ArgoCDAuth{}, fmt.Errorf("the Argo CD Secret is %w: none is named, set argocd.secretRef", ErrInvalid)
	}
	secret, err := readSecret(ctx, r, namespace, secretName)
	if err != nil {
		return ArgoCDAuth{}, err
	}
	var a ArgoCDAuth
	for _, field := range []struct {
		key string
		to  *string
	}{
		{KeyArgoCDToken, &a.Token}, {KeyArgoCDUsername, &a.Username},
		{KeyArgoCDPassword, &a.Password}, {KeyArgoCDServer, &a.Server},
	} {
		if *field.to, err = value(secret, field.key); err != nil {
			return ArgoCDAuth{}, err
		}
	}
	switch {
	case a.Token != "":
		a.Username, a.Password = "", ""
	case a.Username == "" && a.Password == "":
		return ArgoCDAuth{}, unusable(secret, fmt.Sprintf("it needs the key %s, or %s and %s", KeyArgoCDToken, KeyArgoCDUsername, KeyArgoCDPassword))
	case a.Username == "":
		return ArgoCDAuth{}, unusable(secret, fmt.Sprintf("it has %s but no %s", KeyArgoCDPassword, KeyArgoCDUsername))
	case a.Password == "":
		return ArgoCDAuth{}, unusable(secret, fmt.Sprintf("it has %s but no %s", KeyArgoCDUsername, KeyArgoCDPassword))
	}
	if a.Server != "" && serverAddress(a.Server) == "" {
		return ArgoCDAuth{}, unusable(secret, fmt.Sprintf("%s must be host or host:port", KeyArgoCDServer))
	}
	a.Server = bareServer(a.Server)
	if a.CA, err = certificates(secret); err != nil {
		return ArgoCDAuth{}, err
	}
	return a, nil
}

func readSecret(ctx context.Context, r Reader, namespace, name string) (*corev1.Secret, error) {
	secret, err := r.Secret(ctx, namespace, name)
	if err != nil {
		return nil, readFailure("Secret", namespace, name, err)
	}
	return secret, nil
}

func readFailure(kind, namespace, name string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s %s: %w in namespace %s", kind, name, ErrNotFound, namespace)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s %s in namespace %s: %w: %w", kind, name, namespace, ErrForbidden, err)
	}
	return fmt.Errorf("read %s %s in namespace %s: %w", kind, name, namespace, err)
}

func unusable(secret *corev1.Secret, why string) error {
	return fmt.Errorf("the Secret %s is %w: %s", secret.Name, ErrInvalid, why)
}

// value returns a key's text without white space at its end, empty when the key is
// not there.
func value(secret *corev1.Secret, key string) (string, error) {
	text := strings.TrimRight(string(secret.Data[key]), " \t\r\n")
	if len(text) > maxValue {
		return "", unusable(secret, fmt.Sprintf("key %s has more than %d bytes", key, maxValue))
	}
	// A line break inside would end a header or a line of the protocol.
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", unusable(secret, fmt.Sprintf("key %s holds a line break or another control character", key))
	}
	return text, nil
}
