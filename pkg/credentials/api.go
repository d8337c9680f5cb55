package credentials

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// APIAuth is a token or a GitHub App, for the API of a git host. The zero value means
// anonymous.
type APIAuth struct {
	Token string
	App   *App
	// CA holds PEM certificates from the Secret, to trust instead of the system's.
	CA []byte
	// Bound says that the Secret names the address that it is for.
	Bound bool
}

// Anonymous says that there is nothing to log in with.
func (a APIAuth) Anonymous() bool { return a.Token == "" && a.App == nil }

// Secrets returns the values that must not appear anywhere, for Redact.
func (a APIAuth) Secrets() []string {
	secrets := present(a.Token)
	if a.App != nil {
		secrets = append(secrets, a.App.Secrets()...)
	}
	return secrets
}

// String shows what kind of login it is.
func (a APIAuth) String() string {
	switch {
	case a.App != nil:
		return a.App.String()
	case a.Token != "":
		return "token " + hidden
	}
	return "anonymous"
}

// GoString is String, for %#v.
func (a APIAuth) GoString() string { return a.String() }

// Format is String, for every verb and flag.
func (a APIAuth) Format(f fmt.State, _ rune) { write(f, a.String()) }

// LogValue is String, for log/slog.
func (a APIAuth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalText is String, for encodings that ask for text.
func (a APIAuth) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalJSON is String as a JSON string. It does not survive a round trip.
func (a APIAuth) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// PullRequest finds what to log in with at the API of the host that has a repository.
//
// With a secretName, be it the one for pull requests or git's own, it is that Secret:
// of type Opaque or kubernetes.io/basic-auth, with the key token or password, the first
// wins, or Opaque with a GitHub App's keys.
//
// Without, it is the Secret linked to the ServiceAccount that Git finds for the
// repository's https URL. For a repository that is reached by ssh that is
// https://host/path, on the API's port where the host's name is the same.
//
// A Secret with annotations goes to the API only if one of them matches the API's URL,
// or the repository's https URL while the API is on the same host. There api.HOST, as
// GitHub has it, counts as HOST.
//
// It fails with ErrInvalid where there is nothing but an ssh key, or nothing at all:
// nobody opens a pull request without a name.
//
// source says for people where the credential comes from.
func PullRequest(ctx context.Context, r Reader, namespace, serviceAccount, secretName, repositoryURL, apiURL string) (auth APIAuth, source string, err error) {
	api, ok := parseAddress(apiURL)
	if !ok {
		return APIAuth{}, "", fmt.Errorf("the URL of the git host's API is %w: it must be https://host/path", ErrInvalid)
	}
	repository, ok := parseForAPI(repositoryURL, api)
	if !ok {
		return APIAuth{}, "", fmt.Errorf("the repository URL is %w: it must be https://host/path, ssh://git@host/path or git@host:path", ErrInvalid)
	}
	var secret *corev1.Secret
	if secretName != "" {
		if secret, err = readSecret(ctx, r, namespace, secretName); err != nil {
			return APIAuth{}, "", err
		}
		source = "Secret " + secretName
	} else {
		found, err := findLinked(ctx, r, namespace, serviceAccount, repository)
		if err != nil {
			return APIAuth{}, "", err
		}
		if found.secret == nil {
			return APIAuth{}, "", fmt.Errorf("ServiceAccount %s is %w for pull requests: no Secret linked to it has a token and a %sN annotation for %s; add one, or name one with pullRequest.secretRef",
				found.account, ErrInvalid, gitAnnotation, repository.origin())
		}
		secret, source = found.secret, found.source()
	}
	if auth, err = apiLogin(secret, api, repository); err != nil {
		return APIAuth{}, "", err
	}
	return auth, source, nil
}

// parseForAPI reads the URL of a repository as the https one that belongs to it.
func parseForAPI(raw string, api address) (address, bool) {
	plain, ok := parseRepository(raw)
	if !ok || plain.scheme != schemeSSH {
		return plain, ok
	}
	name, place := siteOf(hostOnly(plain.host)), ""
	if m := scpForm.FindStringSubmatch(raw); m != nil {
		place = m[2]
	} else if u, err := url.Parse(raw); err == nil {
		place = u.Path
	}
	base := schemeHTTPS + "://" + urlHost(name)
	if hostOnly(api.host) == name {
		base = api.origin()
	}
	return parseAddress(base + (&url.URL{Path: "/" + strings.TrimLeft(place, "/")}).EscapedPath())
}

// siteOf knows the names under which forges serve ssh on the port of https, for those
// behind a firewall.
func siteOf(name string) string {
	switch name {
	case "ssh.github.com":
		return "github.com"
	case "altssh.gitlab.com":
		return "gitlab.com"
	case "altssh.bitbucket.org":
		return "bitbucket.org"
	}
	return name
}

// urlHost puts an IPv6 address into brackets.
func urlHost(name string) string {
	return strings.TrimSuffix(net.JoinHostPort(name, ""), ":")
}

// apiLogin reads what an API takes, from a Secret that may go there.
func apiLogin(secret *corev1.Secret, api, repository address) (APIAuth, error) {
	if t := secret.Type; t != corev1.SecretTypeBasicAuth && !opaque(secret) || onlySSH(secret) {
		return APIAuth{}, unusable(secret, fmt.Sprintf("the API of a git host takes no ssh key, nor anything else but a token or a GitHub App; name a Secret with the key %s with pullRequest.secretRef", KeyToken))
	}
	bindings, err := bindingsOf(secret, api.scheme, gitAnnotation, dockerAnnotation)
	if err != nil {
		return APIAuth{}, err
	}
	places := apiPlaces(api, repository)
	reaches := func(b binding) bool { return slices.ContainsFunc(places, b.address.covers) }
	if len(bindings) > 0 && !slices.ContainsFunc(bindings, reaches) {
		return APIAuth{}, fmt.Errorf("the Secret %s is %w: %s is %s, the API is at %s",
			secret.Name, ErrHostBound, bindings[0].annotation, bindings[0].address, api.origin())
	}
	auth := APIAuth{Bound: len(bindings) > 0}
	if auth.CA, err = certificates(secret); err != nil {
		return APIAuth{}, err
	}
	if isApp(secret) {
		auth.App, err = appOf(secret)
	} else {
		auth.Token, err = tokenOf(secret)
	}
	if err != nil {
		return APIAuth{}, err
	}
	return auth, nil
}

// apiPlaces are the addresses of an API: its own, and the repository's when both are on
// one host.
func apiPlaces(api, repository address) []address {
	site := api
	site.host = strings.TrimPrefix(api.host, "api.")
	places := []address{api, site}
	for _, a := range places[:2] {
		if a.scheme == repository.scheme && a.host == repository.host {
			places = append(places, repository)
		}
	}
	return places
}

func onlySSH(secret *corev1.Secret) bool {
	return len(secret.Data[KeySSHPrivateKey]) > 0 && len(secret.Data[KeyToken])+len(secret.Data[KeyPassword]) == 0 && !isApp(secret)
}

func tokenOf(secret *corev1.Secret) (string, error) {
	token, err := value(secret, KeyToken)
	if err != nil || token != "" {
		return token, err
	}
	token, err = value(secret, KeyPassword)
	if err == nil && token == tokenIsUsername {
		token, err = value(secret, KeyUsername)
	}
	if err == nil && token == "" {
		err = unusable(secret, fmt.Sprintf("it needs the key %s, or %s, or %s, %s and %s of a GitHub App",
			KeyToken, KeyPassword, KeyAppID, KeyInstallationID, KeyPrivateKey))
	}
	return token, err
}
