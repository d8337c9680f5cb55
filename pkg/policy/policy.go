// Package policy is what the platform allows runs to do: which hosts they may reach, whether without TLS, and how much.
// It is read from the ConfigMap config-gitops in the controller's namespace.
//
// Promises:
//   - A link-local address, a cloud's metadata address, an unspecified or a multicast address is never reached, however
//     it is written and whatever is listed. file:// is never allowed.
//   - A loopback address is reached only for a host that is listed by its exact name or address.
//   - The address is judged when it is dialled, after name resolution: a name that changes its address between check and
//     use gains nothing.
//   - Every refusal wraps ErrDenied, and names the key that would allow it when there is one.
//
// It does not judge credentials, and it knows nothing of an HTTP proxy: with one, the proxy's address is what is
// dialled.
package policy

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// Name of the ConfigMap, in the controller's namespace.
const Name = "config-gitops"

var (
	// ErrDenied says that the policy forbids what the run asks for.
	ErrDenied = errors.New("denied by policy")
	// ErrInvalid says that the ConfigMap cannot be used. No run should start until it can.
	ErrInvalid = errors.New("invalid policy")
)

// What binds a Secret to a server, for Unbound.
const (
	BindsGit    = "an annotation tekton.dev/git-0 with the address of the git server"
	BindsArgoCD = "the key ARGOCD_SERVER"
)

// Unbound refuses a Secret that does not say which server it is for, where RequireHostBinding demands that: kind says what
// the Secret is for, and binds what to add to it.
func Unbound(kind, binds string) error {
	return fmt.Errorf("%w: the %s Secret does not say which server it is for: add %s to it", ErrDenied, kind, binds)
}

// Policy is the parsed ConfigMap. Its zero value allows no host; Default gives the documented defaults.
type Policy struct {
	GitHosts    Hosts
	ArgoCDHosts Hosts
	// AllowPlaintext and AllowInsecure are about Argo CD: without TLS, and without verifying its certificate.
	AllowPlaintext bool
	AllowInsecure  bool
	AllowHTTPGit   bool
	// RequireHostBinding demands that a Secret says which host it is for before it is used.
	RequireHostBinding bool
	// MaxManifestBytes bounds a file that is edited, MaxObjectBytes one object of a repository, MaxFetchBytes all that
	// is fetched from a repository at once.
	MaxManifestBytes int64
	MaxObjectBytes   int64
	MaxFetchBytes    int64
	// SSHKnownHosts are the host keys that git over ssh accepts where a Secret says none, in the format of OpenSSH's
	// known_hosts.
	SSHKnownHosts string
	// GitTimeout and ArgoCDTimeout bound one exchange with a server. The API for pull requests has that of git.
	GitTimeout    time.Duration
	ArgoCDTimeout time.Duration
	// PullRequestPollInterval is the time between two looks at the pull requests of a repository.
	PullRequestPollInterval time.Duration
}

// Check tells whether a run may do what it asks for, as far as its text says it. Addresses behind names are judged when
// they are dialled, and by CheckAddresses.
func (p Policy) Check(r request.Request) error {
	if r.Git != nil {
		if err := p.CheckGit(r.Git.URL); err != nil {
			return err
		}
	}
	if pr := r.PullRequest; pr != nil {
		if err := p.checkPullRequest(*pr); err != nil {
			return err
		}
	}
	if r.ArgoCD == nil {
		return nil
	}
	return p.CheckArgoCD(r.ArgoCD.Server, r.ArgoCD.Plaintext, r.ArgoCD.Insecure)
}

func (p Policy) checkPullRequest(pr request.PullRequest) error {
	if pr.Changes != nil {
		if err := p.CheckGit(pr.Changes.URL); err != nil {
			return fmt.Errorf("source of the changes: %w", err)
		}
	}
	return p.CheckAPI(pr.APIURL)
}

// CheckAPI judges the base URL of a git host's API. An empty one is left for later: the provider makes it of the
// repository's, and then it has to be checked too.
func (p Policy) CheckAPI(api string) error {
	if api == "" {
		return nil
	}
	u, err := url.Parse(api)
	if err != nil {
		return fmt.Errorf("%w: the URL of the git host's API cannot be parsed", ErrDenied)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && p.AllowHTTPGit:
	case u.Scheme == "http":
		return fmt.Errorf("%w: the git host's API over http at %s: use https, or set allow-http-git in ConfigMap %s", ErrDenied, u.Host, Name)
	default:
		return fmt.Errorf("%w: a git host's API over %q: use https", ErrDenied, u.Scheme)
	}
	return p.api().checkText(u.Hostname())
}

// CheckGit judges the URL of a repository, user@host:path for ssh included.
func (p Policy) CheckGit(repository string) error {
	u, err := parseGit(repository)
	if err != nil {
		// The parser's words repeat the URL, and with it a password that should not be there.
		return fmt.Errorf("%w: the repository's URL cannot be parsed", ErrDenied)
	}
	switch u.Scheme {
	case "https", schemeSSH:
	case "http":
		if !p.AllowHTTPGit {
			return fmt.Errorf("%w: git over http to %s: use https, or set allow-http-git in ConfigMap %s", ErrDenied, u.Host, Name)
		}
	case "file":
		return fmt.Errorf("%w: file:// reads the controller's own disk and is never allowed: use https or ssh", ErrDenied)
	default:
		return fmt.Errorf("%w: git over %q: use https or ssh", ErrDenied, u.Scheme)
	}
	return p.git().checkText(u.Hostname())
}

const schemeSSH = "ssh"

// scpForm is user@host:path, which is no URL.
var scpForm = regexp.MustCompile(`^[A-Za-z0-9._-]+@([A-Za-z0-9.-]+):`)

func parseGit(repository string) (*url.URL, error) {
	if m := scpForm.FindStringSubmatch(repository); m != nil {
		return &url.URL{Scheme: schemeSSH, Host: m[1]}, nil
	}
	return url.Parse(repository)
}

// CheckArgoCD judges an Argo CD server, host or host:port. An empty server is left for later: a Secret may name it, and
// then its value has to be checked too.
func (p Policy) CheckArgoCD(server string, plaintext, insecure bool) error {
	if plaintext && !p.AllowPlaintext {
		return fmt.Errorf("%w: Argo CD without TLS: leave plaintext out, or set allow-plaintext in ConfigMap %s", ErrDenied, Name)
	}
	if insecure && !p.AllowInsecure {
		return fmt.Errorf("%w: Argo CD without verifying its certificate: put ca.crt into the Secret, or set allow-insecure in ConfigMap %s", ErrDenied, Name)
	}
	if server == "" {
		return nil
	}
	return p.argocd().checkText(hostOf(server))
}

// target is one kind of server with the hosts that are allowed for it, and the words for a refusal.
type target struct {
	kind  string
	key   string
	hosts Hosts
}

func (p Policy) git() target { return target{kind: "git", key: keyGitHosts, hosts: p.GitHosts} }

// api has the hosts of git: whoever may see the one may see the other.
func (p Policy) api() target {
	return target{kind: "git API", key: keyGitHosts, hosts: p.GitHosts}
}

func (p Policy) argocd() target {
	return target{kind: "Argo CD", key: keyArgoCDHosts, hosts: p.ArgoCDHosts}
}

func hostOf(server string) string {
	if host, _, err := net.SplitHostPort(server); err == nil {
		return host
	}
	return server
}
