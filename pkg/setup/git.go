package setup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

// gitAnnotation binds a Secret to a host, for Tekton's own tasks and for this controller.
const gitAnnotation = "tekton.dev/git-0"

// GitSecret is the Secret for git.
type GitSecret struct {
	Name string
	// URL is an address of the git host: https://HOST, ssh://git@HOST or git@HOST:PATH, with or without a repository. Empty:
	// the Secret is there already, and says itself which host it is for.
	URL string
	// Username and Token are for https; without a user name any will do. SSHKey is for ssh, with the host keys to accept.
	// None of them: the Secret is there already.
	Username, Token    string
	SSHKey, KnownHosts []byte
}

// given tells whether there is a credential to store.
func (g GitSecret) given() bool { return g.Token != "" || len(g.SSHKey) > 0 }

var scpForm = regexp.MustCompile(`^[A-Za-z0-9._-]+@([A-Za-z0-9.-]+):(.+)$`)

// binding is the value of the annotation for a URL, and the type of a Secret for it.
func (g GitSecret) binding() (host string, kind corev1.SecretType, err error) {
	if m := scpForm.FindStringSubmatch(g.URL); m != nil && !strings.Contains(g.URL, "://") {
		return strings.ToLower(m[1]), corev1.SecretTypeSSHAuth, nil
	}
	u, err := url.Parse(g.URL)
	if err != nil || u.Hostname() == "" || (u.User != nil && u.Scheme != "ssh") || u.RawQuery != "" || u.Fragment != "" {
		// Not quoted: it may hold a password.
		return "", "", errors.New("the git URL is not usable: write https://HOST, ssh://git@HOST or git@HOST:PATH, without a password")
	}
	switch u.Scheme {
	case "https", "http":
		return u.Scheme + "://" + strings.ToLower(u.Host), corev1.SecretTypeBasicAuth, nil
	case "ssh":
		return strings.ToLower(u.Host), corev1.SecretTypeSSHAuth, nil
	}
	return "", "", errors.New("the git URL is not usable: write https://HOST, ssh://git@HOST or git@HOST:PATH")
}

// gitSecret stores the credential, or sees that the one which is there can be used.
func (p *Plan) gitSecret(namespace string, g GitSecret, current *corev1.Secret) error {
	if current == nil && !g.given() {
		return fmt.Errorf("Secret %s/%s does not exist: give a token with --git-token-file, or the key with --git-ssh-key-file, and --git-url", namespace, g.Name)
	}
	if g.URL == "" {
		if g.given() {
			return errors.New("--git-url is missing: the Secret is bound to the host of that URL")
		}
		wanted := current.DeepCopy()
		p.add(current, wanted, "is there already", shownSecret(wanted, nil, gitAnnotation))
		return nil
	}
	host, kind, err := g.binding()
	if err != nil {
		return err
	}
	wanted := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: g.Name, Labels: partOf()}, Type: kind, Data: map[string][]byte{}}
	if current != nil {
		if err := g.mayChange(current, kind); err != nil {
			return err
		}
		wanted = current.DeepCopy()
	}
	if current != nil && g.keepsUsername(current) {
		p.Notes = append(p.Notes, "Secret "+g.Name+" keeps the user name that it has, for the new token too: --git-username replaces it.")
	}
	keys := g.store(wanted)
	bound, err := boundTo(wanted, g.URL)
	if err != nil {
		return err
	}
	if !bound {
		metav1.SetMetaDataAnnotation(&wanted.ObjectMeta, gitAnnotation, host)
	}
	if kind == corev1.SecretTypeSSHAuth && len(wanted.Data[credentials.KeyKnownHosts]) == 0 {
		p.Notes = append(p.Notes, "Secret "+g.Name+" has no known_hosts: give them with --git-known-hosts-file, or let the platform set ssh-known-hosts in ConfigMap config-gitops. An unknown host key is refused.")
	}
	shown := shownSecret(wanted, keys, gitAnnotation)
	if current == nil {
		p.add(nil, wanted, "for "+host, shown)
		return nil
	}
	p.add(current, wanted, "for "+host, shown)
	return nil
}

// mayChange refuses to change a Secret into one of another type.
func (g GitSecret) mayChange(current *corev1.Secret, kind corev1.SecretType) error {
	if opaque := current.Type == corev1.SecretTypeOpaque || current.Type == ""; current.Type == kind || opaque && !g.given() {
		return nil
	}
	return fmt.Errorf("Secret %s/%s is %w: its type is %s, and %s needs %s: choose another name with --git-secret",
		current.Namespace, g.Name, ErrConflict, current.Type, "the git URL", kind)
}

// keepsUsername tells whether a new token is to go with a user name that was there for another one.
func (g GitSecret) keepsUsername(current *corev1.Secret) bool {
	replaced := g.Token != "" && g.Token != string(current.Data[credentials.KeyPassword])
	return replaced && g.Username == "" && len(current.Data[credentials.KeyUsername]) > 0
}

// store puts the credential into the Secret, and tells which keys it is about.
func (g GitSecret) store(s *corev1.Secret) []string {
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	set := func(key string, value []byte) {
		if len(value) > 0 {
			s.Data[key] = value
		}
	}
	if g.Token != "" {
		set(credentials.KeyUsername, []byte(g.Username))
		set(credentials.KeyPassword, []byte(g.Token))
	}
	set(credentials.KeySSHPrivateKey, g.SSHKey)
	set(credentials.KeyKnownHosts, g.KnownHosts)
	return []string{credentials.KeyUsername, credentials.KeyPassword, credentials.KeySSHPrivateKey, credentials.KeyKnownHosts}
}

// boundTo asks the code that runs use: whether the Secret can be used for the URL, and whether it says so itself.
func boundTo(s *corev1.Secret, rawURL string) (bool, error) {
	auth, _, err := credentials.Git(context.Background(), only{s}, s.Namespace, "", s.Name, rawURL)
	if errors.Is(err, credentials.ErrHostBound) {
		return false, fmt.Errorf("%w: %w: choose another name with --git-secret", ErrConflict, err)
	}
	return auth.Bound, err
}

// only reads one Secret.
type only struct{ secret *corev1.Secret }

func (o only) Secret(context.Context, string, string) (*corev1.Secret, error) { return o.secret, nil }

func (o only) ServiceAccount(_ context.Context, _, name string) (*corev1.ServiceAccount, error) {
	return nil, apierrors.NewNotFound(corev1.Resource("serviceaccounts"), name)
}
