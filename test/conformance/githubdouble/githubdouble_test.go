package githubdouble

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// start gives a double with one repository and the branch update in it.
func start(t *testing.T) (*Server, *Repository) {
	t.Helper()
	s, err := Start(Options{})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	r, err := s.AddRepository("app")
	must(t, err)
	_, err = r.Push("update", map[string]string{"a.txt": "a"})
	must(t, err)
	return s, r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// request is one to the API, with the token of Bot.
type request struct{ method, path, body string }

func (s *Server) do(t *testing.T, q request, etag string) (int, map[string]any, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), q.method, s.URL()+q.path, strings.NewReader(q.body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+Token)
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	must(t, err)
	out := map[string]any{}
	if bytes.HasPrefix(body.Bytes(), []byte("{")) {
		must(t, json.Unmarshal(body.Bytes(), &out))
	}
	return response.StatusCode, out, response.Header
}

const pulls = "/api/v3/repos/acme/app/pulls"

func open(t *testing.T, s *Server) {
	t.Helper()
	status, got, _ := s.do(t, request{"POST", pulls, `{"title":"t","head":"update","base":"main"}`}, "")
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, got)
	}
}

// TestNotAsDescribed: who breaks the description hears of it, and it is kept.
func TestNotAsDescribed(t *testing.T) {
	const enable = `mutation($id: ID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id%s}) { clientMutationId } }`
	for name, q := range map[string]request{
		"unknown operation":               {"GET", "/api/v3/repos/acme/app/hooks", ""},
		"unknown query parameter":         {"GET", pulls + "?sorted=updated", ""},
		"value that is none of the known": {"GET", pulls + "?sort=age", ""},
		"unknown field":                   {"POST", pulls, `{"title":"t","head":"update","base":"main","reviewers":["a"]}`},
		"field of another type":           {"POST", pulls, `{"title":1,"head":"update","base":"main"}`},
		"required field missing":          {"POST", pulls, `{"title":"t","head":"update"}`},
		"GraphQL: unknown input field": {
			"POST", "/api/graphql", `{"query":"` + strings.ReplaceAll(enable, "%s", ", head: $id") + `","variables":{"id":"x"}}`,
		},
		"GraphQL: variable missing": {"POST", "/api/graphql", `{"query":"` + strings.ReplaceAll(enable, "%s", "") + `"}`},
		"GraphQL: unknown mutation": {"POST", "/api/graphql", `{"query":"mutation($id: ID!) { merge(input: {id: $id}) { x } }"}`},
		"GraphQL: unknown answer field": {
			"POST", "/api/graphql",
			`{"query":"mutation($i: ID!) { enqueuePullRequest(input: {pullRequestId: $i}) { pr } }","variables":{"i":"x"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t)
			if status, got, _ := s.do(t, q, ""); status != http.StatusInternalServerError && status != http.StatusNotFound {
				t.Errorf("status %d: %v", status, got)
			}
			if got := s.Violations(); len(got) != 1 {
				t.Errorf("kept: %q", got)
			}
			if got := r.PullRequests(); len(got) != 0 {
				t.Errorf("it was carried out: %+v", got)
			}
		})
	}
}

// TestAnswersAreHeldToTheDescription: the check of answers is switched on, and finds what is missing.
func TestAnswersAreHeldToTheDescription(t *testing.T) {
	s, _ := start(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+pulls+"/1", http.NoBody)
	must(t, err)
	c, err := s.description.route(r)
	must(t, err)
	header := http.Header{"Content-Type": {"application/json"}}
	for name, a := range map[string]answer{
		"fields missing":    {status: 200, header: header, body: object{"number": 1}},
		"unknown status":    {status: 418, header: header, body: object{}},
		"another type":      {status: 404, header: header, body: object{"message": 1}},
		"another body type": {status: 404, header: http.Header{"Content-Type": {"text/html"}}, body: object{}},
	} {
		body, err := encode(a.body)
		must(t, err)
		if s.description.checkResponse(t.Context(), c, a, body) == nil {
			t.Errorf("%s: nothing was found", name)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		request
		status int
		field  string // of the first error
		words  string
	}{
		"no commits between": {
			request{"POST", pulls, `{"title":"t","head":"same","base":"main"}`}, 422, "", "No commits between main and same",
		},
		"exists": {
			request{"POST", pulls, `{"title":"t","head":"acme:update","base":"main"}`}, 422, "",
			"A pull request already exists for acme:update.",
		},
		"no base": {request{"POST", pulls, `{"title":"t","head":"update","base":"x"}`}, 422, "base", "Validation Failed"},
		"no head": {request{"POST", pulls, `{"title":"t","head":"x","base":"main"}`}, 422, "head", "Validation Failed"},
		"merge another head": {
			request{"PUT", pulls + "/1/merge", `{"sha":"0123456789012345678901234567890123456789"}`}, 409, "",
			"Head branch was modified. Review and try the merge again.",
		},
		"reviewer is author": {
			request{"POST", pulls + "/1/requested_reviewers", `{"reviewers":["deploy-bot"]}`}, 422, "",
			"Review cannot be requested from pull request author.",
		},
		"unknown number": {request{"GET", pulls + "/2", ""}, 404, "", "Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			s, r := start(t)
			open(t, s)
			tip, err := r.Git("rev-parse", "main")
			must(t, err)
			_, err = r.Git("update-ref", "refs/heads/same", tip)
			must(t, err)
			status, got, _ := s.do(t, c.request, "")
			first := object{}
			if list, _ := got["errors"].([]any); len(list) > 0 {
				first = list[0].(object)
			}
			words := got["message"]
			if first["message"] != nil {
				words = first["message"]
			}
			field, _ := first["field"].(string)
			if diff := cmp.Diff([]any{c.status, c.field, c.words}, []any{status, field, words}); diff != "" {
				t.Errorf("status, field, words (-want +got):\n%s", diff)
			}
			if v := s.Violations(); len(v) > 0 {
				t.Errorf("violations: %q", v)
			}
		})
	}
}

// TestConditional: the same answer again is 304 and costs nothing of the budget; a change is seen.
func TestConditional(t *testing.T) {
	s, r := start(t)
	open(t, s)
	_, _, header := s.do(t, request{"GET", pulls, ""}, "")
	etag := header.Get("ETag")
	type seen struct {
		status int
		left   string
	}
	var got []seen
	for range 2 {
		status, _, header := s.do(t, request{"GET", pulls, ""}, etag)
		got = append(got, seen{status, header.Get("X-Ratelimit-Remaining")})
	}
	must(t, r.Close(1))
	status, _, header := s.do(t, request{"GET", pulls, ""}, etag)
	got = append(got, seen{status, header.Get("X-Ratelimit-Remaining")})
	if diff := cmp.Diff([]seen{{304, "4998"}, {304, "4998"}, {200, "4998"}}, got, cmp.AllowUnexported(seen{})); diff != "" {
		t.Errorf("not modified twice, then changed (-want +got):\n%s", diff)
	}
	want := map[string]Count{
		"POST /repos/{owner}/{repo}/pulls": {All: 1},
		"GET /repos/{owner}/{repo}/pulls":  {All: 4, Conditional: 3, NotModified: 2},
	}
	if diff := cmp.Diff(want, s.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestPagesLeadOn(t *testing.T) {
	s, r := start(t)
	for _, branch := range []string{"a", "b", "c"} {
		_, err := r.Push(branch, map[string]string{branch: branch})
		must(t, err)
		status, got, _ := s.do(t, request{"POST", pulls, `{"title":"t","head":"` + branch + `","base":"main"}`}, "")
		if status != http.StatusCreated {
			t.Fatalf("%d %v", status, got)
		}
	}
	_, _, header := s.do(t, request{"GET", pulls + "?per_page=1&page=2", ""}, "")
	want := `<` + s.URL() + pulls + `?page=1&per_page=1>; rel="prev", ` +
		`<` + s.URL() + pulls + `?page=3&per_page=1>; rel="next", ` + `<` + s.URL() + pulls + `?page=3&per_page=1>; rel="last"`
	if diff := cmp.Diff(want, header.Get("Link")); diff != "" {
		t.Errorf("Link (-want +got):\n%s", diff)
	}
}

func TestBranchDeletedCloses(t *testing.T) {
	s, r := start(t)
	open(t, s)
	must(t, r.DeleteBranch("update"))
	status, got, _ := s.do(t, request{"PATCH", pulls + "/1", `{"state":"open"}`}, "")
	if now := r.PullRequests()[0]; now.State != "closed" || now.Merged || status != http.StatusUnprocessableEntity {
		t.Errorf("%+v; reopening it: %d %v", now, status, got)
	}
}

// TestPushedToBase: who pushes a pull request's commits to the base has merged it.
func TestPushedToBase(t *testing.T) {
	s, r := start(t)
	open(t, s)
	head := r.PullRequests()[0].Head
	_, err := r.Git("update-ref", "refs/heads/main", head)
	must(t, err)
	_, err = r.Push("main", map[string]string{"later.txt": "l"})
	must(t, err)
	if now := r.PullRequests()[0]; !now.Merged || now.MergeCommit != head {
		t.Errorf("%+v", now)
	}
}

// TestMergeableState: GitHub does not know it the first time.
func TestMergeableState(t *testing.T) {
	s, r := start(t)
	open(t, s)
	var got []any
	look := func() {
		_, pr, _ := s.do(t, request{"GET", pulls + "/1", ""}, "")
		got = append(got, pr["mergeable_state"])
	}
	look()
	look()
	r.RequireChecks("main", "ci")
	look()
	_, err := r.Push("main", map[string]string{"a.txt": "conflict"})
	must(t, err)
	_, err = r.Push("update", map[string]string{"b.txt": "b"})
	must(t, err)
	look()
	look()
	if diff := cmp.Diff([]any{"unknown", "clean", "blocked", "unknown", "dirty"}, got); diff != "" {
		t.Errorf("mergeable_state (-want +got):\n%s", diff)
	}
}
