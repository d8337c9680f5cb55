package argocd

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const testToken = "header.secret-token.signature"

func dial(t *testing.T, s Server, cred Credential, o Options) *Conn {
	t.Helper()
	c, err := Dial(s, cred, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// plain starts f without TLS and connects to it with the right token.
func plain(t *testing.T, f *fakeArgoCD) *Conn {
	t.Helper()
	f.tokens = map[string]bool{testToken: true}
	return dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: testToken}, Options{})
}

func testApp(namespace, project string) *v1alpha1.Application {
	return &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: namespace, ResourceVersion: "7"},
		Spec:       v1alpha1.ApplicationSpec{Project: project},
		Status:     v1alpha1.ApplicationStatus{ControllerNamespace: "argocd"},
	}
}

func sameErr(t *testing.T, err, want error, texts ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
	if err == nil {
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
	if strings.Contains(err.Error(), testToken) {
		t.Errorf("error %q carries the token", err)
	}
}

func TestServerUnavailable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, err = dial(t, Server{Address: address}, Credential{Token: testToken}, Options{}).Get(context.Background(), App{Name: "shop"}, RefreshNone)
	sameErr(t, err, ErrUnavailable, "get application shop")
}

func TestDialHookAndDeadline(t *testing.T) {
	forbidden := errors.New("address 169.254.169.254 is not allowed")
	var asked string
	c := dial(t, Server{Address: "argocd.example.com"}, Credential{Token: testToken}, Options{
		Dial: func(_ context.Context, addr string) (net.Conn, error) { asked = addr; return nil, forbidden },
	})
	_, err := c.BaseURL(context.Background())
	sameErr(t, err, ErrUnavailable, forbidden.Error())
	if asked != "argocd.example.com:443" {
		t.Errorf("dialled %q: the name must reach the hook unresolved", asked)
	}

	slow := dial(t, Server{Address: "argocd.example.com"}, Credential{Token: testToken}, Options{
		Timeout: 50 * time.Millisecond,
		Dial:    func(ctx context.Context, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
	})
	_, err = slow.BaseURL(context.Background())
	sameErr(t, err, ErrUnavailable)

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = slow.BaseURL(cancelled)
	sameErr(t, err, context.Canceled)
}

func TestDialRefuses(t *testing.T) {
	good := Credential{Token: "t"}
	for _, tt := range []struct {
		name   string
		server Server
		cred   Credential
		want   error
	}{
		{"scheme", Server{Address: "https://argocd.example.com"}, good, ErrServer},
		{"empty", Server{}, good, ErrServer},
		{"no host", Server{Address: ":443"}, good, ErrServer},
		{"no port after the colon", Server{Address: "a:"}, good, ErrServer},
		{"garbage", Server{Address: "a:b:c"}, good, ErrServer},
		{"CA is not PEM", Server{Address: "a", CA: []byte("x")}, good, ErrCertificate},
		{"no credential", Server{Address: "a"}, Credential{}, ErrUnauthenticated},
		{"no password", Server{Address: "a"}, Credential{Username: "u"}, ErrUnauthenticated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Dial(tt.server, tt.cred, Options{})
			sameErr(t, err, tt.want)
			_, _, err = NewPool(Options{}).Conn(tt.server, tt.cred)
			sameErr(t, err, tt.want)
		})
	}
}

func TestHostPort(t *testing.T) {
	for address, want := range map[string]string{
		"argocd": "argocd:443", "argocd:8080": "argocd:8080", "::1": "[::1]:443", "[::1]": "[::1]:443", "[::1]:8443": "[::1]:8443",
	} {
		if _, got, err := (Server{Address: address}).hostPort(); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", address, got, err, want)
		}
	}
	if _, got, _ := (Server{Address: "argocd", Plaintext: true}).hostPort(); got != "argocd:80" {
		t.Errorf("plaintext: got %q", got)
	}
}

func TestWrongToken(t *testing.T) {
	f := &fakeArgoCD{}
	c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: testToken}, Options{})
	_, err := c.Get(context.Background(), App{Name: "shop"}, RefreshNone)
	sameErr(t, err, ErrUnauthenticated, "invalid session")
	if err := c.Watch(context.Background(), App{Name: "shop"}, func() {}); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("watch: %v", err)
	}
}

func TestWatch(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  error
		want error
	}{
		{"stream ends", nil, nil},
		{"proxy cuts it", status.Error(codes.Unavailable, "EOF"), ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changes := 0
			err := plain(t, &fakeArgoCD{events: 3, endWatch: tt.end}).Watch(context.Background(), App{Name: "shop"}, func() { changes++ })
			sameErr(t, err, tt.want)
			if changes != 3 {
				t.Errorf("got %d changes", changes)
			}
		})
	}
}
