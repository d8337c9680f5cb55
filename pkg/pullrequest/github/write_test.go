package github

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	createRoute   = "POST /repos/octo/app/pulls"
	editRoute     = "PATCH /repos/octo/app/pulls/7"
	labelRoute    = "POST /repos/octo/app/issues/7/labels"
	reviewRoute   = "POST /repos/octo/app/pulls/7/requested_reviewers"
	assignRoute   = "POST /repos/octo/app/issues/7/assignees"
	commentsRoute = "GET /repos/octo/app/issues/7/comments"
	commentRoute  = "POST /repos/octo/app/issues/7/comments"
)

func TestCreate(t *testing.T) {
	g := serve(t, routes{createRoute: {{status: 201, body: prJSON(7, `, "draft": true`)}}})
	pr, err := g.client().Create(t.Context(), pullrequest.New{Title: "Deploy <1>", Body: "why", Branch: "deploy", Base: "main", Draft: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{7, "PR_7", true}, []any{pr.Number, pr.ID, pr.Draft}); diff != "" {
		t.Error(diff)
	}
	want := []string{`{"title":"Deploy <1>","head":"deploy","base":"main","body":"why","draft":true}`}
	if diff := cmp.Diff(want, g.bodies()); diff != "" {
		t.Error(diff)
	}
}

func TestCreateTwice(t *testing.T) {
	g := serve(t, routes{
		createRoute: {{status: 201, body: prJSON(7, "")},
			refusal(422, "Validation Failed", `{"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for octo:deploy."}`)},
		listRoute: {{body: prList(7, 7)}},
	})
	c := g.client()
	n := pullrequest.New{Title: "Deploy", Branch: "deploy", Base: "main"}
	if _, err := c.Create(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	_, err := c.Create(t.Context(), n)
	wantError(t, pullrequest.ErrExists, err)
	if diff := cmp.Diff("create a pull request of deploy to main: pull request exists already: A pull request already exists for octo:deploy.", text(err)); diff != "" {
		t.Error(diff)
	}
	found, err := c.ByHead(t.Context(), "deploy", "main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{7}, numbersOf(found)); diff != "" {
		t.Error(diff)
	}
}

func TestEdit(t *testing.T) {
	g := serve(t, routes{editRoute: {{body: prJSON(7, "")}}})
	if err := g.client().Edit(t.Context(), 7, "New", ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"title":"New","body":""}`}, g.bodies()); diff != "" {
		t.Error(diff)
	}
}

func TestLabel(t *testing.T) {
	for name, tt := range map[string]struct {
		labels []string
		want   []string
	}{
		"some": {[]string{"deploy", "eu"}, []string{`["deploy","eu"]`}},
		"none": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{labelRoute: {{body: `[{"name": "deploy"}, {"name": "eu"}]`}}})
			if err := g.client().Label(t.Context(), 7, tt.labels); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, g.bodies()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRequestReview(t *testing.T) {
	for name, tt := range map[string]struct {
		users, teams []string
		answer       answer
		want         []string
		err          string
	}{
		"users":                     {[]string{"ada"}, nil, answer{status: 201, body: prJSON(7, "")}, []string{`{"reviewers":["ada"]}`}, ""},
		"a team with organisation":  {nil, []string{"octo/platform"}, answer{status: 201, body: prJSON(7, "")}, []string{`{"team_reviewers":["platform"]}`}, ""},
		"a team by what people say": {nil, []string{"Platform  Team"}, answer{status: 201, body: prJSON(7, "")}, []string{`{"team_reviewers":["platform-team"]}`}, ""},
		"nobody":                    {nil, nil, answer{}, nil, ""},
		"the author": {[]string{"bot"}, nil, refusal(422, "Review cannot be requested from pull request author.", ""), []string{`{"reviewers":["bot"]}`},
			"request reviews of pull request 7: the git host refused it: Review cannot be requested from pull request author."},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{reviewRoute: {tt.answer}})
			err := g.client().RequestReview(t.Context(), 7, tt.users, tt.teams)
			if diff := cmp.Diff(tt.err, text(err)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, g.bodies()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAssign(t *testing.T) {
	for name, tt := range map[string]struct {
		users  []string
		answer answer
		want   error
		text   string
	}{
		"all":  {[]string{"ada", "Grace"}, answer{status: 201, body: `{"number": 7, "assignees": [{"login": "grace"}, {"login": "ada"}]}`}, nil, ""},
		"none": {nil, answer{}, nil, ""},
		"one who cannot be": {[]string{"ada", "eve"}, answer{status: 201, body: `{"number": 7, "assignees": [{"login": "ada"}]}`}, pullrequest.ErrRejected,
			"assign pull request 7: the git host refused it: eve cannot be assigned in this repository"},
		"no permission": {[]string{"ada"}, refusal(403, "Must have push access", ""), pullrequest.ErrForbidden,
			"assign pull request 7: the credentials do not permit this on the git host: Must have push access"},
	} {
		t.Run(name, func(t *testing.T) {
			err := serve(t, routes{assignRoute: {tt.answer}}).client().Assign(t.Context(), 7, tt.users)
			if diff := cmp.Diff(tt.text, text(err)); diff != "" {
				t.Error(diff)
			}
			if tt.text != "" {
				wantError(t, tt.want, err)
			}
		})
	}
}

func TestCommentOncePerKey(t *testing.T) {
	const body = `{"body":"Superseded by #8.\n\n<!-- superseded 8 -->"}`
	ours := `{"id": 1, "body": "Superseded by #8.\n\n<!-- superseded 8 -->"}`
	other := `{"id": 2, "body": "Superseded by #9.\n\n<!-- superseded 88 -->"}`
	for name, tt := range map[string]struct {
		pages  []answer
		posted []string
		asked  int
	}{
		"none yet":                 {[]answer{{body: `[]`}}, []string{body}, 2},
		"one with another key":     {[]answer{{body: "[" + other + "]"}}, []string{body}, 2},
		"one with this key":        {[]answer{{body: "[" + other + "," + ours + "]"}}, nil, 1},
		"it is on the second page": {[]answer{{header: next(2), body: "[" + other + "]"}, {body: "[" + ours + "]"}}, nil, 2},
		"too many comments":        {[]answer{{header: next(2), body: "[" + other + "]"}}, []string{body}, 11},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{commentsRoute: tt.pages, commentRoute: {{status: 201, body: ours}}})
			if err := g.client().Comment(t.Context(), 7, "superseded 8", "Superseded by #8."); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.posted, g.bodies()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.asked, len(g.asked())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClose(t *testing.T) {
	for name, tt := range map[string]struct {
		pr   string
		want []string
	}{
		"open":   {prJSON(7, ""), []string{`{"state":"closed"}`}},
		"closed": {prJSON(7, `, "state": "closed"`), nil},
		"merged": {prJSON(7, `, "state": "closed", "merged": true`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{prRoute: {{body: tt.pr}}, editRoute: {{body: prJSON(7, `, "state": "closed"`)}}})
			if err := g.client().Close(t.Context(), 7); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, g.bodies()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every call says what it was about, and keeps the sentinel.
func TestEveryCallReportsItsFailure(t *testing.T) {
	refused := []answer{refusal(403, "Resource not accessible by integration", "")}
	g := serve(t, routes{
		prRoute: refused, listRoute: refused, createRoute: refused, editRoute: refused, labelRoute: refused, reviewRoute: refused,
		assignRoute: refused, commentsRoute: refused, repoRoute: refused,
	})
	c := g.client()
	_, byHead := c.ByHead(t.Context(), "deploy", "main")
	_, list := c.ListOpen(t.Context(), "main")
	_, create := c.Create(t.Context(), pullrequest.New{Branch: "deploy", Base: "main"})
	_, poll := c.Poll(t.Context(), pullrequest.Cursor{})
	for doing, err := range map[string]error{
		"look at the repository octo/app":             c.Check(t.Context(), "main"),
		"look for pull requests of the branch deploy": byHead,
		"list the open pull requests to main":         list,
		"create a pull request of deploy to main":     create,
		"edit pull request 7":                         c.Edit(t.Context(), 7, "a", "b"),
		"label pull request 7":                        c.Label(t.Context(), 7, []string{"a"}),
		"request reviews of pull request 7":           c.RequestReview(t.Context(), 7, []string{"a"}, nil),
		"assign pull request 7":                       c.Assign(t.Context(), 7, []string{"a"}),
		"comment on pull request 7":                   c.Comment(t.Context(), 7, "a", "b"),
		"read pull request 7":                         c.Close(t.Context(), 7),
		"poll for changed pull requests":              poll,
	} {
		wantError(t, pullrequest.ErrForbidden, err)
		if !strings.HasPrefix(text(err), doing+": ") {
			t.Errorf("%q does not begin with %q", text(err), doing)
		}
	}
}
