package gitea

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	sdk "code.gitea.io/sdk/gitea"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const token = "0123456789abcdef0123456789abcdef01234567"

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// answer is what the server says to a request. The zero value of kind is JSON.
type answer struct {
	status  int
	body    string
	kind    string
	headers map[string]string
}

// script is a server that has one answer per request and repeats the last one. What it does not know is not found.
// The real server is in test/conformance: this is for what that one does not do on demand.
type script struct {
	mu      sync.Mutex
	answers map[string][]answer
	asked   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.Method + " " + r.URL.EscapedPath()
	s.asked = append(s.asked, name)
	a := answer{status: http.StatusNotFound, body: `{"message":"not found"}`}
	if left := s.answers[name]; len(left) > 0 {
		a = left[0]
		if len(left) > 1 {
			s.answers[name] = left[1:]
		}
	}
	kind := a.kind
	if kind == "" {
		kind = "application/json;charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	for name, value := range a.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body))
}

func (s *script) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// serve gives a client of the repository acme/shop on a handler.
func serve(t *testing.T, h http.Handler) pullrequest.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return openAt(t, serverOf(server))
}

func serverOf(s *httptest.Server) pullrequest.Server {
	return pullrequest.Server{
		API: s.URL + apiPath, Owner: "acme", Name: "shop", Auth: pullrequest.Auth{Token: token},
		AllowHTTP: true, Clock: clocktesting.NewFakePassiveClock(noon),
	}
}

func openAt(t *testing.T, s pullrequest.Server) pullrequest.Client {
	t.Helper()
	c, err := Provider().Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pull is an open pull request from update to main, last changed so many seconds after noon.
func pull(number, seconds int) *sdk.PullRequest {
	updated := noon.Add(time.Duration(seconds) * time.Second)
	return &sdk.PullRequest{
		Index: int64(number), HTMLURL: "https://git.example.com/acme/shop/pulls/1", State: sdk.StateOpen,
		Title: "Deploy", Body: "text", Mergeable: true, Updated: &updated,
		Base: &sdk.PRBranchInfo{Name: "main", Ref: "main", RepoID: 1},
		Head: &sdk.PRBranchInfo{Name: "update", Ref: "update", Sha: "aaaa", RepoID: 1},
	}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
