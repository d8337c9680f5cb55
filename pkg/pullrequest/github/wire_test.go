package github

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func TestOpenRefuses(t *testing.T) {
	token := pullrequest.Auth{Token: testToken}
	for name, tt := range map[string]struct {
		server pullrequest.Server
		want   error
		text   string
	}{
		"no URL": {pullrequest.Server{Owner: "octo", Name: "app"}, pullrequest.ErrURL,
			"invalid address of the git host's API: it must be like https://api.github.com or https://HOST/api/v3"},
		"a login in the URL": {pullrequest.Server{API: "https://bot:" + testToken + "@git.example/api/v3", Owner: "octo", Name: "app"}, pullrequest.ErrURL,
			"invalid address of the git host's API: it must be like https://api.github.com or https://HOST/api/v3"},
		"not encrypted": {pullrequest.Server{API: "http://git.example/api/v3", Owner: "octo", Name: "app", Auth: token}, pullrequest.ErrURL,
			"invalid address of the git host's API: http://git.example/api/v3 is not encrypted: use https"},
		"another scheme": {pullrequest.Server{API: "ssh://git.example/api/v3", Owner: "octo", Name: "app"}, pullrequest.ErrURL,
			"invalid address of the git host's API: ssh://git.example/api/v3: the scheme must be https"},
		"a name that climbs": {pullrequest.Server{API: "https://git.example/api/v3", Owner: "octo", Name: ".."}, pullrequest.ErrURL,
			`invalid address of the git host's API: "octo/.." is not OWNER/NAME of a repository`},
		"a name with a path": {pullrequest.Server{API: "https://git.example/api/v3", Owner: "group/octo", Name: "app"}, pullrequest.ErrURL,
			`invalid address of the git host's API: "group/octo/app" is not OWNER/NAME of a repository`},
		"a name with a query": {pullrequest.Server{API: "https://git.example/api/v3", Owner: "octo", Name: "app?a=b"}, pullrequest.ErrURL,
			`invalid address of the git host's API: "octo/app?a=b" is not OWNER/NAME of a repository`},
		"no certificate in the bundle": {pullrequest.Server{API: "https://git.example/api/v3", Owner: "octo", Name: "app", CA: []byte("none")}, pullrequest.ErrCertificate,
			"certificate not accepted: the CA bundle has no PEM certificate"},
		"no key of an App": {pullrequest.Server{API: "https://git.example/api/v3", Owner: "octo", Name: "app",
			Auth: pullrequest.Auth{App: &pullrequest.App{ID: 1, Installation: 2, PrivateKey: []byte("secret words")}}}, pullrequest.ErrKey,
			"private key not usable: give the RSA key in PEM that GitHub made for the App"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Provider().Open(tt.server)
			wantError(t, tt.want, err)
			if diff := cmp.Diff(tt.text, text(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRenamedRepositoryIsFollowed(t *testing.T) {
	g := serve(t, routes{
		prRoute:                       {{status: 301, header: map[string]string{"Location": "{URL}/repositories/5/pulls/7"}, body: `{"message": "Moved Permanently"}`}},
		"GET /repositories/5/pulls/7": {{body: prJSON(7, "")}},
		createRoute:                   {{status: 307, header: map[string]string{"Location": "{URL}/repositories/5/pulls"}, body: `{"message": "Temporary Redirect"}`}},
		"POST /repositories/5/pulls":  {{status: 201, body: prJSON(8, "")}},
	})
	c := g.client()
	if _, err := c.Get(t.Context(), 7); err != nil {
		t.Error(err)
	}
	pr, err := c.Create(t.Context(), pullrequest.New{Title: "Deploy", Branch: "deploy", Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(8, pr.Number); diff != "" {
		t.Error(diff)
	}
	const body = `{"title":"Deploy","head":"deploy","base":"main","body":"","draft":false}`
	if diff := cmp.Diff([]string{body, body}, g.bodies()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("Bearer "+testToken, g.header.Get("Authorization")); diff != "" {
		t.Error(diff)
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen = append(stolen, r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	const moved = `{"message": "Moved Permanently"}`
	for name, tt := range map[string]struct {
		status   int
		location string
		create   bool
		text     string
	}{
		"to another host": {301, thief.URL + "/repos/octo/app/pulls/7", false,
			"read pull request 7: invalid address of the git host's API: it redirects to " + thief.URL + ": use that one if you trust it"},
		"a change to another host": {307, thief.URL + "/repos/octo/app/pulls", true,
			"create a pull request of deploy to main: invalid address of the git host's API: it redirects to " + thief.URL + ": use that one if you trust it"},
		"a change that would be lost": {301, "{URL}/repositories/5/pulls", true,
			"create a pull request of deploy to main: invalid address of the git host's API: the repository has moved: use its new address"},
		"in a circle": {301, "{URL}/repos/octo/app/pulls/7", false,
			"read pull request 7: invalid address of the git host's API: more than 5 redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			a := []answer{{status: tt.status, header: map[string]string{"Location": tt.location}, body: moved}}
			c := serve(t, routes{prRoute: a, createRoute: a}).client()
			var err error
			if tt.create {
				_, err = c.Create(t.Context(), pullrequest.New{Branch: "deploy", Base: "main"})
			} else {
				_, err = c.Get(t.Context(), 7)
			}
			wantError(t, pullrequest.ErrURL, err)
			if diff := cmp.Diff(tt.text, text(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if diff := cmp.Diff([]string(nil), stolen); diff != "" {
		t.Error(diff)
	}
}

// The wire is the last to look at the host, whoever asks.
func TestWireAsksOneHost(t *testing.T) {
	w, err := newWire(pullrequest.Server{API: "https://git.example/api/v3", Owner: "octo", Name: "app"})
	if err != nil {
		t.Fatal(err)
	}
	token := func(context.Context) (string, error) { return testToken, nil }
	for _, url := range []string{"https://other.example/", "http://git.example/", "https://git.example:8443/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&signed{next: w, token: token}).RoundTrip(req)
		if err == nil {
			res.Body.Close()
		}
		wantError(t, pullrequest.ErrURL, err)
		if diff := cmp.Diff("", req.Header.Get("Authorization")); diff != "" {
			t.Error(diff)
		}
	}
	if w.next.Proxy != nil {
		t.Error("a proxy of the environment is used")
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, prJSON(7, "")) }))
	defer s.Close()
	plain := httptest.NewServer(s.Config.Handler)
	defer plain.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for name, tt := range map[string]struct {
		api  string
		ca   []byte
		want error
		text string
	}{
		"trusted by its own CA": {s.URL, ca, nil, ""},
		"trusted by nobody":     {s.URL, nil, pullrequest.ErrCertificate, "put the certificate of that authority into the Secret as ca.crt"},
		"of another name":       {strings.Replace(s.URL, "127.0.0.1", "localhost", 1), ca, pullrequest.ErrCertificate, "certificate is valid for"},
		"no TLS there":          {strings.Replace(plain.URL, "http:", "https:", 1), ca, pullrequest.ErrURL, "the server does not speak TLS there"},
	} {
		t.Run(name, func(t *testing.T) {
			c := mustOpen(t, pullrequest.Server{API: tt.api, Owner: "octo", Name: "app", CA: tt.ca, Auth: pullrequest.Auth{Token: testToken}})
			_, err := c.Get(t.Context(), 7)
			if tt.want != nil {
				wantError(t, tt.want, err)
			}
			if (err != nil) != (tt.want != nil) || !strings.Contains(text(err), tt.text) {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
}

func TestDialIsAsked(t *testing.T) {
	denied := errors.New("address is forbidden")
	s := pullrequest.Server{API: "https://git.example/api/v3", Owner: "octo", Name: "app", Auth: pullrequest.Auth{Token: testToken}}
	var asked []string
	s.Dial = func(_ context.Context, network, addr string) (net.Conn, error) {
		asked = append(asked, network+" "+addr)
		return nil, denied
	}
	_, err := mustOpen(t, s).Get(t.Context(), 7)
	if !errors.Is(err, denied) {
		t.Errorf("got %v", err)
	}
	_, err = Provider().Probe(t.Context(), s)
	if !errors.Is(err, denied) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"tcp git.example:443", "tcp git.example:443"}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestDeadlines(t *testing.T) {
	// One server never answers, the other never ends its answer.
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"number":`)
		_ = http.NewResponseController(w).Flush()
		<-release
	}))
	defer func() { close(release); silent.Close(); slow.Close() }()
	for name, api := range map[string]string{"no answer": silent.URL, "no end of the answer": slow.URL} {
		t.Run(name, func(t *testing.T) {
			s := pullrequest.Server{API: api, Owner: "octo", Name: "app", AllowHTTP: true, Timeout: 50 * time.Millisecond}
			_, err := mustOpen(t, s).Get(t.Context(), 7)
			wantError(t, transient, err)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := mustOpen(t, pullrequest.Server{API: silent.URL, Owner: "octo", Name: "app", AllowHTTP: true}).Get(ctx, 7)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnswersAreBounded(t *testing.T) {
	for name, status := range map[string]int{"success": 200, "refusal": 403} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"message":"`)
				for range maxAnswerBytes >> 20 {
					_, _ = io.WriteString(w, strings.Repeat("a", 1<<20))
				}
				_, _ = io.WriteString(w, `"}`)
			}))
			defer s.Close()
			_, err := mustOpen(t, pullrequest.Server{API: s.URL, Owner: "octo", Name: "app", AllowHTTP: true}).Get(t.Context(), 7)
			if err == nil || len(err.Error()) > 200 {
				t.Errorf("got %.300v", err)
			}
		})
	}
}

func TestBoundedEndsWithAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		size int
		want string
	}{
		"shorter":   {3, ""},
		"just so":   {4, ""},
		"too large": {5, fmt.Sprint(errTooLarge)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := io.ReadAll(&bounded{body: io.NopCloser(strings.NewReader(strings.Repeat("a", tt.size))), left: 4})
			if diff := cmp.Diff(tt.want, text(err)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(min(tt.size, 4), len(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
