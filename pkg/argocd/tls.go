package argocd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

func plaintext() credentials.TransportCredentials { return insecure.NewCredentials() }

// transport is TLS for gRPC that remembers why a handshake failed. gRPC itself
// flattens that into the text of an Unavailable status, and a certificate that
// is not trusted must be told from a server that is not there.
//
// It also does not insist on ALPN, unlike credentials.NewTLS: proxies in front
// of Argo CD, and old servers, do not negotiate it.
type transport struct {
	config *tls.Config
	failed atomic.Pointer[error]
}

func newTransport(host string, s Server) (*transport, error) {
	config := &tls.Config{
		ServerName:         host,
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2"},
		InsecureSkipVerify: s.Insecure, //nolint:gosec // an explicit flag, subject to policy
	}
	if len(s.CA) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(s.CA) {
			return nil, fmt.Errorf("%w: ca.crt holds no PEM certificate", ErrCertificate)
		}
		config.RootCAs = roots
	}
	return &transport{config: config}, nil
}

func (t *transport) ClientHandshake(ctx context.Context, _ string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn := tls.Client(raw, t.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		t.failed.Store(&err)
		return nil, nil, err
	}
	t.failed.Store(nil)
	return conn, credentials.TLSInfo{
		State:          conn.ConnectionState(),
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

func (t *transport) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("not a server")
}

func (t *transport) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone shares the record of failures: gRPC clones credentials per channel.
func (t *transport) Clone() credentials.TransportCredentials { return t }

func (t *transport) OverrideServerName(string) error { return errors.New("not supported") }

// failure explains the last handshake, when that is what failed.
func (t *transport) failure() error {
	if t == nil {
		return nil
	}
	last := t.failed.Load()
	if last == nil {
		return nil
	}
	return explainHandshake(t.config.ServerName, *last)
}

// explainHandshake returns nil for a failure that is not about TLS, such as a
// connection cut in the middle.
func explainHandshake(host string, err error) error {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: the certificate of %s is signed by an unknown authority; Argo CD's default certificate is self-signed: "+
			"put its certificate or CA into the Secret as ca.crt (tls.crt of the Secret argocd-server-tls or argocd-secret)", ErrCertificate, host)
	case errors.As(err, &hostname):
		return fmt.Errorf("%w: the certificate is not valid for %s; use a name that it is valid for (%s)", ErrCertificate, host, names(hostname.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("%w: the certificate of %s is expired or not valid yet (valid from %s to %s): renew it, or put the one that the server uses now into the Secret as ca.crt",
			ErrCertificate, host, invalid.Cert.NotBefore.UTC().Format("2006-01-02"), invalid.Cert.NotAfter.UTC().Format("2006-01-02"))
	case errors.As(err, &verify):
		return fmt.Errorf("%w: the certificate of %s: %s", ErrCertificate, host, clip(verify.Err.Error(), maxMessage))
	case errors.As(err, &record):
		return fmt.Errorf("%w: %s does not speak TLS on this port; if that is meant, set plaintext", ErrServer, host)
	}
	return nil
}

// names lists at most three names of the certificate.
func names(c *x509.Certificate) string {
	all := c.DNSNames
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return list(all, 3)
}
