package argocd

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"
)

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	for _, tt := range []struct {
		name   string
		issuer authority
		until  time.Duration
		ips    []net.IP
		server Server
		want   error
		says   string
	}{
		{name: "right CA", issuer: ca, until: time.Hour, ips: loopback, server: Server{CA: ca.pem}},
		{name: "without CA, as with Argo CD's default certificate", issuer: ca, until: time.Hour, ips: loopback,
			want: ErrCertificate, says: "Argo CD's default certificate is self-signed: put its certificate or CA into the Secret as ca.crt"},
		{name: "wrong CA", issuer: ca, until: time.Hour, ips: loopback, server: Server{CA: other.pem}, want: ErrCertificate, says: "unknown authority"},
		{name: "expired", issuer: ca, until: -time.Hour, ips: loopback, server: Server{CA: ca.pem}, want: ErrCertificate, says: "expired or not valid yet"},
		{name: "for another host", issuer: ca, until: time.Hour, server: Server{CA: ca.pem}, want: ErrCertificate, says: "not valid for 127.0.0.1; use a name that it is valid for (argocd-server)"},
		{name: "insecure accepts any", issuer: ca, until: -time.Hour, server: Server{Insecure: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{url: "https://argocd.example.com/", tokens: map[string]bool{testToken: true}}
			tt.server.Address = f.start(t, tt.issuer.issue(t, time.Now().Add(tt.until), tt.ips, []string{"argocd-server"}))
			got, err := dial(t, tt.server, Credential{Token: testToken}, Options{}).BaseURL(context.Background())
			sameErr(t, err, tt.want, tt.says)
			if tt.want == nil && got != "https://argocd.example.com" {
				t.Errorf("got URL %q", got)
			}
		})
	}
}

func TestTLSToPlaintextServer(t *testing.T) {
	f := &fakeArgoCD{}
	_, err := dial(t, Server{Address: f.start(t, nil)}, Credential{Token: testToken}, Options{}).BaseURL(context.Background())
	sameErr(t, err, ErrServer, "does not speak TLS on this port; if that is meant, set plaintext")
}

// A cut connection is no verdict on the certificate, and one that cannot even
// be dialled any more ends an earlier verdict.
func TestCertificateFailureEnds(t *testing.T) {
	ca := newAuthority(t)
	f := &fakeArgoCD{}
	address := f.start(t, ca.issue(t, time.Now().Add(time.Hour), []net.IP{net.IPv4(127, 0, 0, 1)}, nil))
	gone := errors.New("connection refused")
	down := false
	c := dial(t, Server{Address: address}, Credential{Token: testToken}, Options{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		if down {
			return nil, gone
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}})
	_, err := c.BaseURL(context.Background())
	sameErr(t, err, ErrCertificate)
	down = true
	c.ch.grpc.ResetConnectBackoff()
	for range 100 {
		if _, err = c.BaseURL(context.Background()); errors.Is(err, ErrUnavailable) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	sameErr(t, err, ErrUnavailable, gone.Error())

	if err := explainHandshake("argocd", errors.New("connection reset")); err != nil {
		t.Errorf("a cut connection is reported as %v", err)
	}
	if err := explainHandshake("argocd", &tls.CertificateVerificationError{Err: errors.New("odd")}); !errors.Is(err, ErrCertificate) {
		t.Errorf("got %v", err)
	}
}
