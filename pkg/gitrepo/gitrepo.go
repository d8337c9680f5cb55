package gitrepo

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"k8s.io/utils/clock"
)

// Defaults of [Options].
const (
	DefaultMaxObjectBytes = 1 << 20
	DefaultMaxTotalBytes  = 64 << 20
	DefaultTimeout        = time.Minute
)

// Auth is an HTTPS user name with a password or a token, or an ssh key. The zero value is anonymous. A
// server that wants a token alone usually takes any user name.
type Auth struct {
	Username string
	Password string
	// SSHKey is a private key for ssh URLs: OpenSSH's own format, or PEM (RSA, EC, PKCS #8).
	SSHKey []byte
	// SSHPassphrase decrypts SSHKey. It is not looked at when the key is not encrypted.
	SSHPassphrase []byte
	// KnownHosts are the host keys that ssh accepts, in the format of OpenSSH's known_hosts. No other
	// key is accepted, at no time.
	KnownHosts []byte
}

// Remote names a branch of a repository and how to reach it.
type Remote struct {
	// URL of the repository, without credentials in it: https://host/path, ssh://user@host:port/path or
	// user@host:path. The user of an ssh URL is git when there is none.
	URL string
	// Branch is the short name: main, not refs/heads/main.
	Branch string
	Auth   Auth
	// CA is a PEM bundle that https trusts instead of the system's. Empty means the system's.
	CA []byte
}

// Options bound what a Repository may do. The zero value is usable.
type Options struct {
	// MaxObjectBytes bounds each file that is read. Default 1 MiB.
	MaxObjectBytes int64
	// MaxTotalBytes bounds each answer of the server and all objects of a Snapshot. Default 64 MiB.
	MaxTotalBytes int64
	// Timeout bounds each request, its answer included, and connecting where that is needed. Default 1
	// minute.
	Timeout time.Duration
	// AllowHTTP permits http URLs: credentials then travel in the clear.
	AllowHTTP bool
	// Dial replaces the dialer, so that a policy can check the address that is really dialled.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Proxy selects a proxy as in [http.Transport], not for ssh. Nil means none; the environment is not
	// read.
	Proxy func(*http.Request) (*url.URL, error)
	// Memory speeds up what was asked before. Nil means that nothing is remembered.
	Memory *Memory
	// Clock is used when a Message has no time. Nil means the system's.
	Clock clock.PassiveClock
}

// Repository talks to one remote. Requests share a connection; Close it after use.
type Repository struct {
	url       *url.URL
	branch    string
	auth      Auth
	opts      Options
	transport transport

	// caps is what upload-pack offered at the last Tip; nil before that.
	caps *capability.List
	// bigTrees: a snapshot turned out to have too many trees to fetch at once.
	bigTrees bool
}

// Open checks the remote without contacting it. It fails with [ErrURL], [ErrCertificate], [ErrKey]
// or [ErrHostKey].
func Open(r Remote, o Options) (*Repository, error) {
	u, err := parseRemoteURL(r.URL, o.AllowHTTP)
	if err != nil {
		return nil, err
	}
	if err := checkBranchName(r.Branch); err != nil {
		return nil, err
	}
	auth := r.Auth
	if auth.Username == "" && u.User != nil {
		auth.Username = u.User.Username()
	}
	u.User = nil

	o.MaxObjectBytes = cmp.Or(o.MaxObjectBytes, DefaultMaxObjectBytes)
	o.MaxTotalBytes = cmp.Or(o.MaxTotalBytes, DefaultMaxTotalBytes)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	repo := &Repository{url: u, branch: r.Branch, auth: auth, opts: o, bigTrees: o.Memory.isBig(u.String())}
	if u.Scheme == schemeSSH {
		repo.transport, err = newSSH(u, auth, o)
	} else {
		repo.transport, err = newSmartHTTP(u, auth, r.CA, o)
	}
	if err != nil {
		return nil, err
	}
	return repo, nil
}

// Close drops idle connections. The Repository stays usable.
func (r *Repository) Close() { r.transport.close() }

// String is the URL without credentials.
func (r *Repository) String() string { return r.url.String() }

func branchRef(branch string) string { return "refs/heads/" + branch }
