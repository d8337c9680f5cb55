package github

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	tokenRoute = "POST /app/installations/42/access_tokens"
	appToken   = "ghs_abcdefghijklmnopqrstuvwxyz0123456789"
)

func appKey(t *testing.T) (*rsa.PrivateKey, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// tokenAnswer is an installation's token that lasts from the real time on: that is whose clock decides about it.
func tokenAnswer(lasts time.Duration, permissions string) answer {
	return answer{status: 201, body: fmt.Sprintf(`{"token": %q, "expires_at": %q, "permissions": {%s}, "repository_selection": "selected"}`,
		appToken, time.Now().Add(lasts).UTC().Format(time.RFC3339), permissions)}
}

const allPermissions = `"contents": "write", "pull_requests": "write", "metadata": "read"`

func appServer(g *gitHub, key []byte) pullrequest.Server {
	s := g.server()
	s.Auth = pullrequest.Auth{App: &pullrequest.App{ID: 77, Installation: 42, PrivateKey: key}}
	return s
}

func TestGitLogin(t *testing.T) {
	key, encoded := appKey(t)
	g := serve(t, routes{tokenRoute: {tokenAnswer(time.Hour, allPermissions)}})
	username, password, err := Provider().GitLogin(t.Context(), appServer(g, encoded))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"x-access-token", appToken}, []string{username, password}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{`{"repositories":["app"]}`}, g.bodies()); diff != "" {
		t.Error(diff)
	}
	claim, _ := strings.CutPrefix(g.header.Get("Authorization"), "Bearer ")
	var claims jwt.RegisteredClaims
	if _, err := jwt.ParseWithClaims(claim, &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("77", claims.Issuer); diff != "" {
		t.Error(diff)
	}
}

func TestGitLoginNeedsAnApp(t *testing.T) {
	_, _, err := Provider().GitLogin(t.Context(), pullrequest.Server{API: "https://git.example/api/v3", Owner: "octo", Name: "app"})
	wantError(t, pullrequest.ErrKey, err)
}

func TestAppTokenIsKeptWhileItLasts(t *testing.T) {
	_, encoded := appKey(t)
	for name, tt := range map[string]struct {
		lasts time.Duration
		want  []string
	}{
		"an hour":  {time.Hour, []string{tokenRoute, prRoute, prRoute}},
		"a second": {time.Second, []string{tokenRoute, prRoute, tokenRoute, prRoute}},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{tokenRoute: {tokenAnswer(tt.lasts, allPermissions)}, prRoute: {{body: prJSON(7, "")}}})
			c := mustOpen(t, appServer(g, encoded))
			for range 2 {
				if _, err := c.Get(t.Context(), 7); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, g.asked()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff("Bearer "+appToken, g.header.Get("Authorization")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAppWithoutToken(t *testing.T) {
	_, encoded := appKey(t)
	const doing = "read pull request 7: "
	for name, tt := range map[string]struct {
		answer answer
		want   error
		text   string
	}{
		"key of another App": {refusal(401, "A JSON web token could not be decoded", ""), pullrequest.ErrUnauthorized,
			doing + "the git host did not accept the credentials: the ID and the private key are not of the same GitHub App: A JSON web token could not be decoded"},
		"not installed": {refusal(404, "Not Found", ""), pullrequest.ErrUnauthorized,
			doing + "the git host did not accept the credentials: the GitHub App has no such installation: Not Found"},
		"suspended": {refusal(403, "This installation has been suspended", ""), pullrequest.ErrForbidden,
			doing + "the credentials do not permit this on the git host: This installation has been suspended"},
		"not installed for this repository": {refusal(422, "There is at least one repository that does not exist or is not accessible to the parent installation.", ""), pullrequest.ErrNotFound,
			doing + "not found on the git host: the installation of the GitHub App does not include the repository: There is at least one repository that does not exist or is not accessible to the parent installation."},
		"GitHub is down": {refusal(503, "Service Unavailable", ""), transient, doing + "HTTP 503: Service Unavailable"},
		"a page":         {answer{status: 201, body: "<html>"}, pullrequest.ErrNotAPI, doing + "not the API of a git host of this kind: the answer is not GitHub's JSON"},
		"a redirect": {answer{status: 301, header: map[string]string{"Location": "https://evil.example/"}, body: `{"message": "Moved Permanently"}`}, pullrequest.ErrURL,
			doing + "invalid address of the git host's API: Moved Permanently"},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{tokenRoute: {tt.answer}})
			_, err := mustOpen(t, appServer(g, encoded)).Get(t.Context(), 7)
			wantError(t, tt.want, err)
			if diff := cmp.Diff(tt.text, text(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAppIsLimited(t *testing.T) {
	_, encoded := appKey(t)
	g := serve(t, routes{tokenRoute: {{status: 429, header: map[string]string{"Retry-After": "90"}, body: `{"message": "slow down"}`}}})
	_, _, err := Provider().GitLogin(t.Context(), appServer(g, encoded))
	var limit *pullrequest.LimitError
	if !errors.As(err, &limit) {
		t.Fatalf("not a limit: %v", err)
	}
	if diff := cmp.Diff(testNow.Add(90*time.Second), limit.Until); diff != "" {
		t.Error(diff)
	}
}

func TestCheckLooksAtTheAppsPermissions(t *testing.T) {
	_, encoded := appKey(t)
	const refused = "look at the repository octo/app: the credentials do not permit this on the git host: the GitHub App needs the permission "
	for name, tt := range map[string]struct {
		permissions string
		want        string
	}{
		"all":              {allPermissions, ""},
		"no pull requests": {`"contents": "write", "metadata": "read"`, refused + `"Pull requests: Read and write"`},
		"no pushes":        {`"contents": "read", "pull_requests": "write"`, refused + `"Contents: Read and write"`},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{
				tokenRoute: {tokenAnswer(time.Hour, tt.permissions)},
				// GitHub shows an App no rights of a user.
				repoRoute:                           repoJSON(`, "permissions": {"push": false}`),
				"GET /repos/octo/app/branches/main": {{body: `{"name": "main"}`}},
			})
			if diff := cmp.Diff(tt.want, text(mustOpen(t, appServer(g, encoded)).Check(t.Context(), "main"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
