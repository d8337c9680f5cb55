package argocd

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
	"k8s.io/utils/clock"
)

// Server says where Argo CD is and how much of it to trust.
type Server struct {
	// Address is host[:port], without scheme or path. The port defaults to 443,
	// or 80 with Plaintext.
	Address string
	// Plaintext turns TLS off. Insecure keeps TLS but accepts any certificate.
	Plaintext bool
	Insecure  bool
	// CA holds PEM certificates that are trusted besides the system's.
	CA []byte
	// Web speaks gRPC-web, over HTTP/1.1 or HTTP/2 as the server prefers: for
	// addresses behind a proxy or load balancer that does not carry gRPC.
	Web bool
}

// Credential is a token, or a user and password from which a session token is
// made. The token wins.
type Credential struct {
	Token    string
	Username string
	Password string
}

// DialFunc opens a network connection to host:port. A policy on addresses
// belongs here, where the name has been resolved.
type DialFunc func(ctx context.Context, addr string) (net.Conn, error)

// Options of Dial and NewPool; the zero value is usable.
type Options struct {
	// Dial defaults to a plain TCP dial. No proxy is taken from the environment.
	Dial DialFunc
	// Clock defaults to the real one.
	Clock clock.PassiveClock
	// Timeout is the deadline of a call whose context has none. Default DefaultTimeout.
	Timeout time.Duration
	// RefreshTimeout bounds a Get that refreshes. Default DefaultRefreshTimeout.
	RefreshTimeout time.Duration
	// UserAgent is sent with each call.
	UserAgent string
}

const (
	// DefaultTimeout is the deadline of a call whose context carries none.
	DefaultTimeout = 15 * time.Second
	// DefaultRefreshTimeout is how long Argo CD may take to compare again.
	DefaultRefreshTimeout = 25 * time.Second

	// maxMessageBytes bounds an answer. An Application is at most as large as etcd
	// lets it be (1.5 MiB); a resource tree of 10,000 objects is about 10 MiB.
	maxMessageBytes = 64 << 20
	connectTimeout  = 10 * time.Second
	// Argo CD's server drops clients that ping more often than every 10 s
	// (common/common.go, defaultGRPCKeepAliveEnforcementMinimum).
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
	maxReconnectWait = 10 * time.Second
	// idleTimeout closes the network connection of an unused client.
	idleTimeout = 5 * time.Minute
)

func (o Options) withDefaults() Options {
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.RefreshTimeout = cmp.Or(o.RefreshTimeout, DefaultRefreshTimeout)
	return o
}

// hostPort validates the address and completes its port.
func (s Server) hostPort() (host, addr string, err error) {
	if s.Address == "" || strings.ContainsAny(s.Address, "/ @?#") {
		return "", "", fmt.Errorf("%w: address %q must be host[:port], without scheme, user or path", ErrServer, s.Address)
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		host, port = strings.Trim(s.Address, "[]"), "443"
		if s.Plaintext {
			port = "80"
		}
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", "", fmt.Errorf("%w: address %q must be host[:port]", ErrServer, s.Address)
		}
	}
	if host == "" || port == "" {
		return "", "", fmt.Errorf("%w: address %q must be host[:port]", ErrServer, s.Address)
	}
	return host, net.JoinHostPort(host, port), nil
}

// channel is a connection with what is learned about it: the last failed
// handshake and the session token. It holds no credential of the caller.
type channel struct {
	server Server
	grpc   *grpc.ClientConn
	tls    *transport // nil with Plaintext
	web    *web       // nil without Web
	// session is set up by the first call with a password.
	session session
}

func open(s Server, o Options) (*channel, error) {
	host, addr, err := s.hostPort()
	if err != nil {
		return nil, err
	}
	ch := &channel{server: s}
	ch.session.clock = o.Clock
	creds := plaintext()
	if !s.Plaintext {
		if ch.tls, err = newTransport(host, s); err != nil {
			return nil, err
		}
		creds = ch.tls
	}
	var overWeb []grpc.DialOption
	if s.Web {
		ch.web = newWeb(addr, ch.tls, o)
		overWeb = ch.web.dialOptions()
	}
	backoffConfig := backoff.DefaultConfig
	backoffConfig.MaxDelay = maxReconnectWait
	// passthrough hands the name to Dial unresolved, so that what is checked there
	// is what is connected to.
	ch.grpc, err = grpc.NewClient("passthrough:///"+addr, append(overWeb,
		grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := o.Dial(ctx, addr)
			if err != nil && ch.tls != nil {
				ch.tls.failed.Store(nil)
			}
			return conn, err
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent(o.UserAgent),
		grpc.WithIdleTimeout(idleTimeout),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoffConfig, MinConnectTimeout: connectTimeout}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	return ch, nil
}

// close ends the connection and every call on it.
func (ch *channel) close() error {
	if ch.web != nil {
		ch.web.close()
	}
	return ch.grpc.Close()
}
