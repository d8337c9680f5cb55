package github

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	repoRoute   = "GET /repos/octo/app"
	branchRoute = "GET /repos/octo/app/branches/release%2F1"
	listRoute   = "GET /repos/octo/app/pulls"
)

func repoJSON(more string) []answer {
	return []answer{{body: `{"id": 5, "name": "app", "full_name": "Octo/app", "owner": {"login": "Octo"}` + more + `}`}}
}

func TestCheck(t *testing.T) {
	branch := []answer{{body: `{"name": "release/1", "commit": {"sha": "` + head1 + `"}, "protected": true}`}}
	for name, tt := range map[string]struct {
		token  string
		routes routes
		want   error
		text   string
	}{
		"all is well":                            {testToken, routes{repoRoute: repoJSON(`, "permissions": {"push": true}, "has_pull_requests": true`), branchRoute: branch}, nil, ""},
		"an old server, which does not say much": {testToken, routes{repoRoute: repoJSON(""), branchRoute: branch}, nil, ""},
		"an installation's token has no rights of a user": {"ghs_abc",
			routes{repoRoute: repoJSON(`, "permissions": {"push": false}`), branchRoute: branch}, nil, ""},
		"no such repository": {testToken, routes{repoRoute: {refusal(404, "Not Found", "")}}, pullrequest.ErrNotFound,
			"look at the repository octo/app: not found on the git host: check the name, and that the token has access to it"},
		"wrong token": {testToken, routes{repoRoute: {refusal(401, "Bad credentials", "")}}, pullrequest.ErrUnauthorized,
			"look at the repository octo/app: the git host did not accept the credentials: Bad credentials"},
		"archived": {testToken, routes{repoRoute: repoJSON(`, "archived": true`)}, pullrequest.ErrUnsupported,
			"look at the repository octo/app: not supported by this repository or git host: it is archived"},
		"pull requests are switched off": {testToken, routes{repoRoute: repoJSON(`, "has_pull_requests": false`)}, pullrequest.ErrUnsupported,
			"look at the repository octo/app: not supported by this repository or git host: pull requests are disabled in its settings"},
		"read only": {testToken, routes{repoRoute: repoJSON(`, "permissions": {"pull": true, "push": false}`)}, pullrequest.ErrForbidden,
			"look at the repository octo/app: the credentials do not permit this on the git host: it may not push there; pull requests from forks are not supported"},
		"given to another owner": {testToken, routes{repoRoute: {{body: `{"name": "new", "owner": {"login": "acme"}}`}}}, pullrequest.ErrURL,
			"look at the repository octo/app: invalid address of the git host's API: it is acme/new now: use that address"},
		"no such branch": {testToken, routes{repoRoute: repoJSON(""), branchRoute: {refusal(404, "Branch not found", "")}}, pullrequest.ErrBaseNotFound,
			"look at the branch release/1: base branch not found: create it, or name another"},
		"branch was renamed": {testToken, routes{repoRoute: repoJSON(""),
			branchRoute:                           {{status: 301, header: map[string]string{"Location": "{URL}/repos/octo/app/branches/stable"}, body: `{"message": "Moved Permanently"}`}},
			"GET /repos/octo/app/branches/stable": {{body: `{"name": "stable"}`}}}, pullrequest.ErrBaseNotFound,
			"look at the branch release/1: base branch not found: it is named stable now"},
		"branch cannot be read": {testToken, routes{repoRoute: repoJSON(""), branchRoute: {refusal(500, "oops", "")}}, transient,
			"look at the branch release/1: HTTP 500: oops"},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, tt.routes)
			s := g.server()
			s.Auth.Token = tt.token
			err := mustOpen(t, s).Check(t.Context(), "release/1")
			if diff := cmp.Diff(tt.text, text(err)); diff != "" {
				t.Error(diff)
			}
			if tt.text != "" {
				wantError(t, tt.want, err)
			}
			if diff := cmp.Diff("Bearer "+tt.token, g.header.Get("Authorization")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGet(t *testing.T) {
	open := pullrequest.PullRequest{
		Number: 7, ID: "PR_7", URL: "https://git.example/octo/app/pull/7", State: pullrequest.Open, Title: "Deploy", Body: "why",
		Branch: "deploy", Head: head1, Base: "main", Updated: time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC),
	}
	with := func(change func(*pullrequest.PullRequest)) pullrequest.PullRequest {
		pr := open
		change(&pr)
		return pr
	}
	blockedBy := func(why string) pullrequest.PullRequest {
		return with(func(pr *pullrequest.PullRequest) { pr.Blocked = why })
	}
	for name, tt := range map[string]struct {
		more string // wins over what is before it
		want pullrequest.PullRequest
	}{
		"mergeable":                   {`, "merged": false, "mergeable_state": "clean"`, open},
		"GitHub does not know yet":    {`, "mergeable_state": "unknown"`, open},
		"optional checks are failing": {`, "mergeable_state": "unstable"`, open},
		"conflicts":                   {`, "mergeable_state": "dirty"`, blockedBy("it has conflicts with main")},
		"rules not met":               {`, "mergeable_state": "blocked"`, blockedBy("required reviews or checks are missing")},
		"behind":                      {`, "mergeable_state": "behind"`, blockedBy("it is behind main, and has to be updated")},
		"draft": {`, "draft": true, "mergeable_state": "draft"`, with(func(pr *pullrequest.PullRequest) {
			pr.Draft, pr.Blocked = true, "it is a draft"
		})},
		"auto-merge": {`, "auto_merge": {"merge_method": "squash", "enabled_by": {"login": "bot"}}`, with(func(pr *pullrequest.PullRequest) {
			pr.AutoMerge = true
		})},
		"merged": {`, "state": "closed", "merged": true, "merged_at": "2026-03-04T11:00:00Z", "mergeable_state": "unknown"`,
			with(func(pr *pullrequest.PullRequest) { pr.State, pr.MergeCommit = pullrequest.Merged, merge1 })},
		"merged, as in a list": {`, "state": "closed", "merged_at": "2026-03-04T11:00:00Z"`,
			with(func(pr *pullrequest.PullRequest) { pr.State, pr.MergeCommit = pullrequest.Merged, merge1 })},
		"closed, with the test merge's commit": {`, "state": "closed", "merged": false, "mergeable_state": "dirty"`,
			with(func(pr *pullrequest.PullRequest) { pr.State = pullrequest.Closed })},
		"from a fork": {`, "head": {"ref": "deploy", "sha": "` + head1 + `", "repo": {"id": 6}}`,
			with(func(pr *pullrequest.PullRequest) { pr.FromFork = true })},
		"from a fork that is gone": {`, "head": {"ref": "deploy", "sha": "` + head1 + `", "repo": null}`,
			with(func(pr *pullrequest.PullRequest) { pr.FromFork = true })},
		"without a text": {`, "body": null`, with(func(pr *pullrequest.PullRequest) { pr.Body = "" })},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serve(t, routes{prRoute: {{body: prJSON(7, tt.more)}}}).client().Get(t.Context(), 7)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func prList(from, to int) string {
	var all []string
	for n := from; n >= to; n-- {
		all = append(all, prJSON(n, ""))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func numbersOf(all []pullrequest.PullRequest) []int {
	var list []int
	for _, pr := range all {
		list = append(list, pr.Number)
	}
	return list
}

func TestByHeadGivesOurBranchOnly(t *testing.T) {
	g := serve(t, routes{listRoute: {{body: "[" + strings.Join([]string{
		prJSON(9, ""),
		prJSON(8, `, "state": "closed", "merged_at": "2026-03-04T11:00:00Z"`),
		prJSON(6, `, "head": {"ref": "deploy", "repo": {"id": 6}}`),
		prJSON(5, `, "head": {"ref": "other", "repo": {"id": 5}}`),
		prJSON(4, `, "base": {"ref": "next", "repo": {"id": 5}}`),
	}, ",") + "]"}}})
	found, err := g.client().ByHead(t.Context(), "deploy", "main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{9, 8}, numbersOf(found)); diff != "" {
		t.Error(diff)
	}
	want := []string{listRoute + "?base=main&direction=desc&head=octo%3Adeploy&page=1&per_page=100&sort=created&state=all"}
	if diff := cmp.Diff(want, g.asked()); diff != "" {
		t.Error(diff)
	}
}

func next(page int) map[string]string {
	return map[string]string{"Link": fmt.Sprintf(`<{URL}/repositories/5/pulls?page=%d>; rel="next", <{URL}/repositories/5/pulls?page=99>; rel="last"`, page)}
}

func TestListOpenReadsAllPages(t *testing.T) {
	// The last of a page comes again on the next one when another is made meanwhile.
	g := serve(t, routes{listRoute: {{header: next(2), body: prList(9, 6)}, {body: prList(6, 3)}}})
	found, err := g.client().ListOpen(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{9, 8, 7, 6, 5, 4, 3}, numbersOf(found)); diff != "" {
		t.Error(diff)
	}
	query := listRoute + "?base=main&direction=desc&page=%d&per_page=100&sort=created&state=open"
	if diff := cmp.Diff([]string{fmt.Sprintf(query, 1), fmt.Sprintf(query, 2)}, g.asked()); diff != "" {
		t.Error(diff)
	}
}

func TestListOpenIsBounded(t *testing.T) {
	g := serve(t, routes{listRoute: {{header: next(2), body: prList(9, 9)}}})
	if _, err := g.client().ListOpen(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(10, len(g.asked())); diff != "" {
		t.Error(diff)
	}
}

func TestListFailsAsAWhole(t *testing.T) {
	g := serve(t, routes{listRoute: {{header: next(2), body: prList(9, 6)}, refusal(502, "Server Error", "")}})
	found, err := g.client().ListOpen(t.Context(), "main")
	wantError(t, transient, err)
	if diff := cmp.Diff([]int(nil), numbersOf(found)); diff != "" {
		t.Error(diff)
	}
}
