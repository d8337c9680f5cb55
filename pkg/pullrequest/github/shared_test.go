package github

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	testToken = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
	head1     = "1111111111111111111111111111111111111111"
	head2     = "2222222222222222222222222222222222222222"
	merge1    = "3333333333333333333333333333333333333333"
)

// testNow is later than all times in the answers.
var testNow = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// answer is one of GitHub's. {URL} in it becomes the address of the API.
type answer struct {
	status int // 200 when 0
	header map[string]string
	body   string
}

// routes are the answers to "METHOD path", one after the other; the last one stays. Paths of the REST API are without /api/v3.
type routes map[string][]answer

// request is what was asked.
type request struct {
	Line string // method, path and query
	Body string
}

// gitHub answers as it is told, and refuses a request without what every request must carry.
type gitHub struct {
	t      *testing.T
	routes routes
	url    string

	mu       sync.Mutex
	requests []request
	header   http.Header // of the last request
}

func serve(t *testing.T, r routes) *gitHub {
	t.Helper()
	g := &gitHub{t: t, routes: r}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

func (g *gitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3")
	line := r.Method + " " + path
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := request{Line: line, Body: strings.TrimSpace(string(body))}
	if r.URL.RawQuery != "" {
		asked.Line += "?" + r.URL.RawQuery
	}
	g.requests, g.header = append(g.requests, asked), r.Header.Clone()
	if r.Header.Get("User-Agent") != "tekton-gitops" || r.Header.Get("X-Github-Api-Version") != "2022-11-28" {
		g.t.Errorf("%s came with the headers %v", asked.Line, r.Header)
	}
	answers := g.routes[line]
	if len(answers) == 0 {
		g.t.Errorf("unexpected request: %s %s", asked.Line, asked.Body)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if len(answers) > 1 {
		g.routes[line] = answers[1:]
	}
	a := answers[0]
	if a.status == 0 {
		a.status = http.StatusOK
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range a.header {
		w.Header().Set(name, strings.ReplaceAll(value, "{URL}", g.url+"/api/v3"))
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, strings.ReplaceAll(a.body, "{URL}", g.url+"/api/v3"))
}

// asked are the lines of the requests so far.
func (g *gitHub) asked() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var lines []string
	for _, r := range g.requests {
		lines = append(lines, r.Line)
	}
	return lines
}

// bodies are those of the requests that had one.
func (g *gitHub) bodies() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for _, r := range g.requests {
		if r.Body != "" {
			all = append(all, r.Body)
		}
	}
	return all
}

func (g *gitHub) server() pullrequest.Server {
	return pullrequest.Server{
		API: g.url + "/api/v3", Owner: "octo", Name: "app", AllowHTTP: true, Timeout: 10 * time.Second,
		Auth: pullrequest.Auth{Token: testToken}, Clock: testclock.NewFakePassiveClock(testNow),
	}
}

func (g *gitHub) client() pullrequest.Client {
	g.t.Helper()
	return mustOpen(g.t, g.server())
}

func mustOpen(t *testing.T, s pullrequest.Server) pullrequest.Client {
	t.Helper()
	c, err := Provider().Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const prRoute = "GET /repos/octo/app/pulls/7"

// prJSON is a pull request as GitHub gives it, as far as it matters; more is appended to it.
func prJSON(number int, more string) string {
	return fmt.Sprintf(`{
  "url": "{URL}/repos/octo/app/pulls/%[1]d", "id": 1, "node_id": "PR_%[1]d", "html_url": "https://git.example/octo/app/pull/%[1]d",
  "number": %[1]d, "state": "open", "title": "Deploy", "body": "why", "draft": false, "auto_merge": null,
  "created_at": "2026-03-04T10:00:00Z", "updated_at": "2026-03-04T11:00:00Z", "merged_at": null, "merge_commit_sha": "%[2]s",
  "head": {"label": "octo:deploy", "ref": "deploy", "sha": "%[3]s", "repo": {"id": 5, "full_name": "octo/app"}},
  "base": {"label": "octo:main", "ref": "main", "sha": "%[2]s", "repo": {"id": 5, "full_name": "octo/app"}}%[4]s}`,
		number, merge1, head1, more)
}

// refusal is GitHub's answer to what it does not do.
func refusal(status int, message, errs string) answer {
	quoted, _ := json.Marshal(message)
	return answer{status: status, body: fmt.Sprintf(
		`{"message": %s, "errors": [%s], "documentation_url": "https://docs.github.com/rest", "status": "%d"}`, quoted, errs, status)}
}

// graphqlRefusal has status 200.
func graphqlRefusal(kind, message string) answer {
	return answer{body: fmt.Sprintf(`{"data": {"enablePullRequestAutoMerge": null},
  "errors": [{"type": %q, "path": ["enablePullRequestAutoMerge"], "locations": [{"line": 2, "column": 3}], "message": %q}]}`,
		kind, message)}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
