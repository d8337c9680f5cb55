package gitea

import (
	"strings"
	"testing"

	sdk "code.gitea.io/sdk/gitea"
	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func TestConvert(t *testing.T) {
	commit := "cccc"
	want := pullrequest.PullRequest{
		Number: 7, URL: "https://git.example.com/acme/shop/pulls/1", State: pullrequest.Open, Title: "Deploy", Body: "text",
		Branch: "update", Head: "aaaa", Base: "main", Updated: noon,
	}
	for name, c := range map[string]struct {
		change func(*sdk.PullRequest)
		want   func(*pullrequest.PullRequest)
	}{
		"open": {func(*sdk.PullRequest) {}, func(*pullrequest.PullRequest) {}},
		"draft": {
			func(p *sdk.PullRequest) { p.Title, p.Draft, p.Mergeable = "WIP: Deploy", true, false },
			func(p *pullrequest.PullRequest) { p.Draft = true },
		},
		"draft, as people write it": {
			func(p *sdk.PullRequest) { p.Title, p.Draft, p.Mergeable = "[wip]Deploy", true, false },
			func(p *pullrequest.PullRequest) { p.Draft = true },
		},
		"draft by a prefix of the administrator's": {
			func(p *sdk.PullRequest) { p.Title, p.Draft = "Entwurf: Deploy", true },
			func(p *pullrequest.PullRequest) { p.Title, p.Draft = "Entwurf: Deploy", true },
		},
		"a title like that which is no draft": {
			func(p *sdk.PullRequest) { p.Title = "WIP: Deploy" },
			func(p *pullrequest.PullRequest) { p.Title = "WIP: Deploy" },
		},
		"conflicts": {
			func(p *sdk.PullRequest) { p.Mergeable = false },
			func(p *pullrequest.PullRequest) {
				p.Blocked = "it has conflicts with main, or is still being checked for them"
			},
		},
		"closed": {
			func(p *sdk.PullRequest) { p.State, p.Mergeable = sdk.StateClosed, false },
			func(p *pullrequest.PullRequest) { p.State = pullrequest.Closed },
		},
		"merged, and its branch deleted": {
			func(p *sdk.PullRequest) {
				p.State, p.HasMerged, p.MergedCommitID, p.Mergeable = sdk.StateClosed, true, &commit, false
				p.Head.Ref = "refs/pull/7/head"
			},
			func(p *pullrequest.PullRequest) { p.State, p.MergeCommit = pullrequest.Merged, commit },
		},
		"of a fork": {
			func(p *sdk.PullRequest) { p.Head.RepoID = 2 },
			func(p *pullrequest.PullRequest) { p.FromFork = true },
		},
		"of a fork that is deleted": {
			func(p *sdk.PullRequest) { p.Head.RepoID = -1 },
			func(p *pullrequest.PullRequest) { p.FromFork = true },
		},
		"without a branch, pushed for review": {
			func(p *sdk.PullRequest) { p.Head.Name, p.Head.Ref = "", "refs/pull/7/head" },
			func(p *pullrequest.PullRequest) { p.Branch = "refs/pull/7/head" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, want := pull(7, 0), want
			c.change(p)
			c.want(&want)
			if diff := cmp.Diff(want, convert(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

const (
	repository = "GET /api/v1/repos/acme/shop"
	pull7      = "GET /api/v1/repos/acme/shop/pulls/7"
	mainBranch = "GET /api/v1/repos/acme/shop/branches/main"
	merge7     = "POST /api/v1/repos/acme/shop/pulls/7/merge"
	unmerge7   = "DELETE /api/v1/repos/acme/shop/pulls/7/merge"
	allMethods = `{"allow_merge_commits":true,"allow_squash_merge":true,"allow_rebase":true}`
)

// The history has events of all kinds, each with its own fields: a label is an object there.
func TestGetSaysWhetherAMergeIsAskedFor(t *testing.T) {
	const history = "GET /api/v1/repos/acme/shop/issues/7/timeline"
	for name, c := range map[string]struct {
		answer answer
		want   bool
	}{
		"never":             {answer{status: 200, body: `[{"type":"pull_push"},{"type":"label","label":{"id":1,"name":"deploy"}}]`}, false},
		"asked for":         {answer{status: 200, body: `[{"type":"label","label":{"id":1}},{"type":"pull_scheduled_merge"}]`}, true},
		"taken back":        {answer{status: 200, body: `[{"type":"pull_scheduled_merge"},null,{"type":"pull_cancel_scheduled_merge"}]`}, false},
		"asked for anew":    {answer{status: 200, body: `[{"type":"pull_cancel_scheduled_merge"},{"type":"pull_scheduled_merge"}]`}, true},
		"token may not see": {answer{status: 403, body: `{"message":"token does not have the scope"}`}, false},
		"nothing there":     {answer{status: 404, body: `{"message":"not found"}`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, &script{answers: map[string][]answer{pull7: {{status: 200, body: encoded(t, pull(7, 0))}}, history: {c.answer}}})
			got, err := client.Get(t.Context(), 7)
			if err != nil || got.AutoMerge != c.want {
				t.Errorf("AutoMerge is %v, %v, want %v", got.AutoMerge, err, c.want)
			}
		})
	}
}

// What the real Gitea does not do on demand: that something happens between two requests.
func TestEnableAutoMerge(t *testing.T) {
	other, merged, closed := pull(7, 0), pull(7, 0), pull(7, 0)
	other.Head.Sha = "bbbb"
	merged.HasMerged = true
	closed.State = sdk.StateClosed
	ok := func(p *sdk.PullRequest) answer { return answer{status: 200, body: encoded(t, p)} }
	refused := func(status int) answer { return answer{status: status, body: `{"message":"no"}`} }
	all := answer{status: 200, body: allMethods}
	may, mayNot := answer{status: 200, body: `{"user_can_merge":true}`}, answer{status: 200, body: `{"user_can_merge":false}`}
	for name, c := range map[string]struct {
		answers map[string][]answer
		want    string
		merges  []string // requests that change something
	}{
		"merged at once": {
			map[string][]answer{pull7: {ok(pull(7, 0))}, repository: {all}, merge7: {{status: 200}}}, "", []string{merge7},
		},
		"merged already": {map[string][]answer{pull7: {ok(merged)}}, "", nil},
		"closed":         {map[string][]answer{pull7: {ok(closed)}}, "rejected", nil},
		"moved before":   {map[string][]answer{pull7: {ok(other)}}, "head moved", nil},
		"moved while it was merged": {
			map[string][]answer{pull7: {ok(pull(7, 0)), ok(other)}, repository: {all}, merge7: {refused(409)}}, "head moved", []string{merge7},
		},
		"the base moved while it was merged": {
			map[string][]answer{pull7: {ok(pull(7, 0))}, repository: {all}, merge7: {refused(409)}}, "rejected", []string{merge7},
		},
		"merged by somebody else meanwhile": {
			map[string][]answer{pull7: {ok(pull(7, 0)), ok(merged)}, repository: {all}, merge7: {refused(409)}}, "", []string{merge7},
		},
		"asked for later": {
			map[string][]answer{pull7: {ok(pull(7, 0))}, repository: {all}, merge7: {refused(405), {status: 201}}}, "", []string{merge7, merge7},
		},
		"asked for already": {
			map[string][]answer{pull7: {ok(pull(7, 0))}, repository: {all}, merge7: {refused(405), refused(409)}}, "", []string{merge7, merge7},
		},
		"moved while it was asked for": {
			map[string][]answer{pull7: {ok(pull(7, 0)), ok(other)}, repository: {all}, merge7: {refused(405), {status: 201}}, unmerge7: {{status: 204}}},
			"head moved", []string{merge7, merge7, unmerge7},
		},
		"no right to merge": {
			map[string][]answer{pull7: {ok(pull(7, 0))}, repository: {all}, merge7: {refused(405)}, mainBranch: {mayNot}}, "forbidden", []string{merge7, merge7},
		},
		"not allowed for another reason": {
			map[string][]answer{pull7: {ok(pull(7, 0))}, repository: {all}, merge7: {refused(405)}, mainBranch: {may}}, "transient", []string{merge7, merge7},
		},
		"a method that is switched off": {
			map[string][]answer{pull7: {ok(pull(7, 0))}, repository: {{status: 200, body: `{"allow_merge_commits":true}`}}}, "unsupported", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: c.answers}
			err := serve(t, s).EnableAutoMerge(t.Context(), convert(pull(7, 0)), pullrequest.Squash)
			if diff := cmp.Diff(c.want, kind(err)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, err)
			}
			var merges []string
			for _, r := range s.requests() {
				if !strings.HasPrefix(r, "GET ") {
					merges = append(merges, r)
				}
			}
			if diff := cmp.Diff(c.merges, merges); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	const ask = "POST /api/v1/repos/acme/shop/pulls"
	settings := func(s string) []answer { return []answer{{status: 200, body: `{` + s + `}`}} }
	fine := settings(`"has_pull_requests":true,"permissions":{"push":true}`)
	branch := []answer{{status: 200, body: `{"name":"main"}`}}
	for name, c := range map[string]struct {
		answers map[string][]answer
		want    string
	}{
		"all is well": {map[string][]answer{repository: fine, mainBranch: branch, ask: {{status: 422}}}, ""},
		"a token that may only read": {
			map[string][]answer{repository: fine, mainBranch: branch, ask: {{status: 403}}}, "forbidden",
		},
		"an account that may only read": {
			map[string][]answer{repository: settings(`"has_pull_requests":true,"permissions":{"pull":true}`), mainBranch: branch}, "forbidden",
		},
		"archived": {
			map[string][]answer{repository: settings(`"archived":true,"has_pull_requests":true,"permissions":{"push":true}`)}, "forbidden",
		},
		"no pull requests":    {map[string][]answer{repository: settings(`"permissions":{"push":true}`)}, "unsupported"},
		"no such branch":      {map[string][]answer{repository: fine}, "base not found"},
		"no such repository":  {nil, "not found"},
		"the server is upset": {map[string][]answer{repository: {{status: 500}}}, "transient"},
	} {
		t.Run(name, func(t *testing.T) {
			err := serve(t, &script{answers: c.answers}).Check(t.Context(), "main")
			if diff := cmp.Diff(c.want, kind(err)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

// Where the owner is a person, Gitea passes over teams in silence.
func TestRequestReviewOfATeam(t *testing.T) {
	const ask = "POST /api/v1/repos/acme/shop/pulls/7/requested_reviewers"
	with := pull(7, 0)
	with.RequestedReviewersTeams = []*sdk.Team{{Name: "deployers"}}
	for name, c := range map[string]struct {
		team  string
		after *sdk.PullRequest
		want  string
	}{
		"asked":                   {"deployers", with, ""},
		"asked by its full name":  {"Acme/deployers", with, ""},
		"passed over":             {"deployers", pull(7, 0), "rejected"},
		"of another organisation": {"other/deployers", with, "rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, &script{answers: map[string][]answer{
				ask: {{status: 201, body: "[]"}}, pull7: {{status: 200, body: encoded(t, c.after)}},
			}})
			err := client.RequestReview(t.Context(), 7, nil, []string{c.team})
			if diff := cmp.Diff(c.want, kind(err)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}
