package argocd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	settingspkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/settings"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// overWeb connects to f through an HTTP/1.1 proxy without TLS.
func overWeb(t *testing.T, f *fakeArgoCD) *Conn {
	t.Helper()
	f.tokens = map[string]bool{testToken: true}
	return dial(t, Server{Address: f.startWeb(t, front{proxied: true}), Plaintext: true, Web: true}, Credential{Token: testToken}, Options{UserAgent: "tests"})
}

func TestWebCarriesCalls(t *testing.T) {
	ca := newAuthority(t)
	certificate := ca.issue(t, time.Now().Add(time.Hour), []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	for _, tt := range []struct {
		name   string
		front  front
		server Server
	}{
		{"HTTP/1.1", front{}, Server{Plaintext: true}},
		{"HTTP/1.1 with TLS", front{certificate: certificate}, Server{CA: ca.pem}},
		{"HTTP/2", front{certificate: certificate, http2: true}, Server{CA: ca.pem}},
		{"behind a proxy that speaks HTTP/1.1", front{certificate: certificate, proxied: true}, Server{CA: ca.pem}},
		{"behind a proxy that speaks HTTP/2", front{certificate: certificate, http2: true, proxied: true}, Server{Insecure: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{
				tokens: map[string]bool{testToken: true}, events: 3, url: "https://argocd.example.com",
				apps:   map[string]*v1alpha1.Application{"team": testApp("argocd", "team")},
				getErr: map[string]error{"other": status.Error(codes.NotFound, `applications.argoproj.io "shop" not found`)},
			}
			tt.server.Address, tt.server.Web = f.startWeb(t, tt.front), true
			c := dial(t, tt.server, Credential{Token: testToken}, Options{})
			for range 2 { // the second one finds a connection
				o, err := c.Get(t.Context(), App{Name: "shop", Project: "team"}, RefreshNormal)
				if err != nil || o.ResourceVersion != "7" {
					t.Fatalf("got %+v, %v", o, err)
				}
			}
			_, err := c.Get(t.Context(), App{Name: "shop", Project: "other"}, RefreshNone)
			sameErr(t, err, ErrNotFound)
			events := 0
			if err := c.Watch(t.Context(), App{Name: "shop"}, func() { events++ }); err != nil || events != 3 {
				t.Errorf("got %d events, %v, want 3 and the end", events, err)
			}
		})
	}
}

// The errors of a call are the same on both ways, to the word.
func TestWebErrorsAreThoseOfGRPC(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		name    string
		until   time.Time // the zero value: no TLS
		ips     []net.IP
		server  Server
		token   string
		syncErr error
		want    error
	}{
		{name: "accepted", server: Server{Plaintext: true}, token: testToken},
		{name: "wrong token", server: Server{Plaintext: true}, token: "wrong", want: ErrUnauthenticated},
		{name: "in progress", server: Server{Plaintext: true}, token: testToken, want: ErrOperationInProgress,
			syncErr: status.Error(codes.FailedPrecondition, "another operation is already in progress")},
		{name: "a right is missing", server: Server{Plaintext: true}, token: testToken, want: ErrPermission,
			syncErr: status.Error(codes.PermissionDenied, "permission denied: applications, sync, team/shop, sub: bot, iat: 2026-01-01T00:00:00Z")},
		{name: "text that needs encoding", server: Server{Plaintext: true}, token: testToken, want: ErrUnavailable,
			syncErr: status.Error(codes.Internal, "100% of »shop«\nfailed, or 5%2")},
		{name: "right CA", until: soon, ips: loopback, server: Server{CA: ca.pem}, token: testToken},
		{name: "insecure", until: past, server: Server{Insecure: true}, token: testToken},
		{name: "no CA", until: soon, ips: loopback, token: testToken, want: ErrCertificate},
		{name: "wrong CA", until: soon, ips: loopback, server: Server{CA: other.pem}, token: testToken, want: ErrCertificate},
		{name: "another host", until: soon, server: Server{CA: ca.pem}, token: testToken, want: ErrCertificate},
		{name: "expired", until: past, ips: loopback, server: Server{CA: ca.pem}, token: testToken, want: ErrCertificate},
		{name: "no TLS there", server: Server{}, token: testToken, want: ErrServer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{tokens: map[string]bool{testToken: true}, syncErr: tt.syncErr}
			var at front
			if !tt.until.IsZero() {
				at.certificate = ca.issue(t, tt.until, tt.ips, []string{"argocd-server"})
			}
			sync := func(s Server) string {
				err := dial(t, s, Credential{Token: tt.token}, Options{}).Sync(t.Context(), App{Name: "shop"}, SyncRequest{})
				sameErr(t, err, tt.want)
				return strings.ReplaceAll(fmt.Sprint(err), s.Address, "ADDRESS")
			}
			tt.server.Address = f.start(t, at.certificate)
			want := sync(tt.server)
			tt.server.Address, tt.server.Web = f.startWeb(t, at), true
			if diff := cmp.Diff(want, sync(tt.server)); diff != "" {
				t.Errorf("over gRPC (-) and gRPC-web (+):\n%s", diff)
			}
		})
	}
}

// What is unavailable in front of Argo CD says nothing about the password: it is
// asked for again.
func TestWebLoginBehindProxy(t *testing.T) {
	f := &fakeArgoCD{tokens: map[string]bool{"session": true}, logins: []string{"session"}, allowed: map[string]bool{"applications sync team/shop": true}}
	cred := Credential{Username: "bot", Password: "right"}
	c := dial(t, Server{Address: f.startWeb(t, front{proxied: true}), Plaintext: true, Web: true}, cred, Options{})
	if allowed, err := c.CanSync(t.Context(), Observation{App: App{Name: "shop"}, RBACName: "team/shop"}); !allowed || err != nil {
		t.Errorf("got %t, %v", allowed, err)
	}
	proxy := dial(t, Server{Address: serve(t, front{}, answer{status: 401, header: map[string]string{}}), Plaintext: true, Web: true}, cred, Options{})
	_, err := proxy.Get(t.Context(), App{Name: "shop"}, RefreshNone)
	sameErr(t, err, ErrUnauthenticated, "wants a login of its own")
	if proxy.ch.session.refused != nil {
		t.Errorf("the password counts as refused: %v", proxy.ch.session.refused)
	}
}

func TestWebBigMessages(t *testing.T) {
	app := testApp("argocd", "team")
	app.Annotations = map[string]string{"big": strings.Repeat("x", 20<<20)}
	f := &fakeArgoCD{apps: map[string]*v1alpha1.Application{"team": app}}
	c := overWeb(t, f)
	if _, err := c.Get(t.Context(), App{Name: "shop", Project: "team"}, RefreshNone); err != nil {
		t.Error(err)
	}
	c.ch.web.maxMessage = 1 << 20
	_, err := c.Get(t.Context(), App{Name: "shop", Project: "team"}, RefreshNone)
	sameErr(t, err, ErrTooLarge)
}

// The server is told the deadline, and a refresh that never ends falls back to
// a plain read, as over gRPC.
func TestWebDeadline(t *testing.T) {
	f := &fakeArgoCD{stuck: true, tokens: map[string]bool{testToken: true}, apps: map[string]*v1alpha1.Application{"team": testApp("argocd", "team")}}
	c := dial(t, Server{Address: f.startWeb(t, front{proxied: true}), Plaintext: true, Web: true}, Credential{Token: testToken},
		Options{RefreshTimeout: 50 * time.Millisecond})
	o, err := c.Get(t.Context(), App{Name: "shop", Project: "team"}, RefreshNormal)
	if err != nil || o.Refreshed != RefreshNone {
		t.Errorf("got %+v, %v", o, err)
	}

	r, err := c.ch.web.request(deadline(t, 90*time.Second), "/a/b", &settingspkg.SettingsQuery{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var millis int
	if _, err := fmt.Sscanf(r.Header.Get("Grpc-Timeout"), "%dm", &millis); err != nil || millis < 80_000 || millis > 90_001 {
		t.Errorf("grpc-timeout is %q, want about 90000m", r.Header.Get("Grpc-Timeout"))
	}
	r, err = c.ch.web.request(deadline(t, 1000*time.Hour), "/a/b", &settingspkg.SettingsQuery{}, nil)
	if err != nil || r.Header.Get("Grpc-Timeout") != "99999999m" {
		t.Errorf("got %v, %v, want the longest that the protocol has", r.Header, err)
	}
}

func deadline(t *testing.T, after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), after)
	t.Cleanup(cancel)
	return ctx
}

func TestWebConnectionFailures(t *testing.T) {
	forbidden := errors.New("address 169.254.169.254 is not allowed")
	asked := ""
	c := dial(t, Server{Address: "argocd.example.com", Web: true}, Credential{Token: testToken}, Options{
		Dial: func(_ context.Context, addr string) (net.Conn, error) { asked = addr; return nil, forbidden },
	})
	_, err := c.BaseURL(t.Context())
	sameErr(t, err, ErrUnavailable, forbidden.Error())
	if asked != "argocd.example.com:443" {
		t.Errorf("dialled %q: the name must reach the hook unresolved", asked)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.BaseURL(cancelled)
	sameErr(t, err, context.Canceled)

	err = dial(t, Server{Address: "a", Plaintext: true, Web: true}, Credential{Token: testToken}, Options{}).ch.web.
		invoke(t.Context(), "/a/b", &settingspkg.SettingsQuery{}, nil, []grpc.CallOption{grpc.PerRPCCredentials(bearer{token: testToken, secure: true})})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v, want the token kept back", err)
	}
}

func TestPoolKeepsWebApart(t *testing.T) {
	p := NewPool(Options{})
	defer func() { _ = p.Close() }()
	seen := map[*channel]bool{}
	for _, web := range []bool{false, true, true, false} {
		c, release, err := p.Conn(Server{Address: "argocd.example.com", Web: web}, Credential{Token: testToken})
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if (c.ch.web != nil) != web {
			t.Errorf("web %t: got %+v", web, c.ch)
		}
		seen[c.ch] = true
	}
	if len(seen) != 2 {
		t.Errorf("got %d connections, want one for each way", len(seen))
	}
}
