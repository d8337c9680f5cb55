package conformance

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func access() []check {
	return []check{
		{name: "Check accepts the repository and its base", holds: checkAccepts},
		{name: "Check: base missing is ErrBaseNotFound", holds: checkBaseMissing},
		{name: "Check: token that may only read is ErrForbidden", holds: checkReadOnly, needs: []Capability{ReadOnly}},
		{name: "unknown repository is ErrNotFound", holds: unknownRepository},
		{name: "wrong token is ErrUnauthorized", holds: wrongToken},
		{name: "Probe knows its own API without a token", holds: probe},
	}
}

func checkAccepts(ctx context.Context, t *testing.T, w *world) {
	must(t, w.Check(ctx, base))
}

func checkBaseMissing(ctx context.Context, t *testing.T, w *world) {
	// The slash has to survive the way into a URL's path.
	for _, branch := range []string{"nowhere", "release/nowhere"} {
		if err := w.Check(ctx, branch); !errors.Is(err, pullrequest.ErrBaseNotFound) {
			t.Errorf("base %s: %v", branch, err)
		}
	}
	w.git.push(t, "release/1.x", map[string]string{"a.txt": "a"})
	must(t, w.Check(ctx, "release/1.x"))
}

func checkReadOnly(ctx context.Context, t *testing.T, w *world) {
	s := w.Server()
	s.Auth = w.ReadOnly(t)
	if err := w.open(t, s).Check(ctx, base); !errors.Is(err, pullrequest.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

// calls are one call of each kind, by name.
func calls(ctx context.Context, c pullrequest.Client) map[string]error {
	result := map[string]error{"Check": c.Check(ctx, base)}
	_, result["Get"] = c.Get(ctx, 1)
	_, result["ByHead"] = c.ByHead(ctx, "update", base)
	_, result["ListOpen"] = c.ListOpen(ctx, base)
	_, result["Create"] = c.Create(ctx, pullrequest.New{Title: "t", Branch: "update", Base: base})
	_, result["Poll"] = c.Poll(ctx, pullrequest.Cursor{})
	result["Comment"] = c.Comment(ctx, 1, "key", "text")
	result["Close"] = c.Close(ctx, 1)
	return result
}

func unknownRepository(ctx context.Context, t *testing.T, w *world) {
	s := w.Server()
	s.Name += "-nowhere"
	for name, err := range calls(ctx, w.open(t, s)) {
		if !errors.Is(err, pullrequest.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Get(ctx, 4711); !errors.Is(err, pullrequest.ErrNotFound) {
		t.Errorf("unknown pull request: %v", err)
	}
}

func wrongToken(ctx context.Context, t *testing.T, w *world) {
	w.propose(ctx, t, "update")
	s := w.Server()
	s.Auth = pullrequest.Auth{Token: "0123456789abcdef0123456789abcdef01234567"}
	for name, err := range calls(ctx, w.open(t, s)) {
		switch {
		case !errors.Is(err, pullrequest.ErrUnauthorized):
			t.Errorf("%s: %v", name, err)
		case strings.Contains(err.Error(), s.Auth.Token):
			t.Errorf("%s tells the token: %v", name, err)
		}
	}
}

func probe(ctx context.Context, t *testing.T, w *world) {
	s := w.Server()
	s.Auth = pullrequest.Auth{}
	known, err := w.Provider.Probe(ctx, s)
	must(t, err)
	noDiff(t, "its own API", true, known)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("It works!")) }))
	defer other.Close()
	known, err = w.Provider.Probe(ctx, pullrequest.Server{API: other.URL + "/api/v3", Owner: "a", Name: "b", AllowHTTP: true})
	must(t, err)
	noDiff(t, "another server", false, known)
}
