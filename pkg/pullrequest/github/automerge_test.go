package github

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	graphqlRoute = "POST /api/graphql"
	mergeRoute   = "PUT /repos/octo/app/pulls/7/merge"
)

func TestEnableAutoMerge(t *testing.T) {
	var (
		open    = answer{body: prJSON(7, "")}
		moved   = answer{body: prJSON(7, `, "head": {"ref": "deploy", "sha": "`+head2+`"}`)}
		done    = []answer{{body: `{"data": {"enablePullRequestAutoMerge": {"clientMutationId": null}}}`}}
		clean   = graphqlRefusal("UNPROCESSABLE", "Pull request Pull request is in clean status")
		merged  = []answer{{body: `{"sha": "` + merge1 + `", "merged": true, "message": "Pull Request successfully merged"}`}}
		enable  = []string{prRoute, graphqlRoute}
		atOnce  = []string{prRoute, graphqlRoute, mergeRoute}
		lookTwo = []string{prRoute, graphqlRoute, prRoute}
		queue   = []string{prRoute, graphqlRoute, mergeRoute, graphqlRoute}
		byQueue = refusal(405, "Repository rule violations found\n\nChanges must be made through the merge queue", "")
	)
	const doing = "enable auto-merge of pull request 7: "
	for name, tt := range map[string]struct {
		routes routes
		asked  []string
		want   error
		text   string
	}{
		"enabled":         {routes{prRoute: {open}, graphqlRoute: done}, enable, nil, ""},
		"enabled already": {routes{prRoute: {{body: prJSON(7, `, "auto_merge": {"merge_method": "squash"}`)}}}, []string{prRoute}, nil, ""},
		"merged already":  {routes{prRoute: {{body: prJSON(7, `, "state": "closed", "merged": true`)}}}, []string{prRoute}, nil, ""},
		"closed": {routes{prRoute: {{body: prJSON(7, `, "state": "closed"`)}}}, []string{prRoute}, pullrequest.ErrRejected,
			doing + "the git host refused it: it is closed"},
		"head has moved": {routes{prRoute: {moved}}, []string{prRoute}, pullrequest.ErrHeadMoved,
			doing + "the pull request has other commits: its branch is at " + head2},
		"head moves just then": {routes{prRoute: {open, moved}, graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "words that nobody knows")}}, lookTwo,
			pullrequest.ErrHeadMoved, doing + "the pull request has other commits: its branch is at " + head2},
		"not allowed here": {routes{prRoute: {open}, graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "Auto merge is not allowed for this repository")}}, lookTwo,
			pullrequest.ErrUnsupported, doing + "not supported by this repository or git host: Auto merge is not allowed for this repository"},
		"method not allowed here": {routes{prRoute: {open}, graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "Squash merges are not allowed on this repository")}}, lookTwo,
			pullrequest.ErrUnsupported, doing + "not supported by this repository or git host: Squash merges are not allowed on this repository"},
		"no permission": {routes{prRoute: {open}, graphqlRoute: {graphqlRefusal("FORBIDDEN", "Resource not accessible by integration")}}, lookTwo,
			pullrequest.ErrForbidden, doing + "the credentials do not permit this on the git host: Resource not accessible by integration"},
		"GitHub is finding out": {routes{prRoute: {open}, graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "Pull request Pull request is in unknown status")}}, lookTwo,
			transient, doing + "Pull request Pull request is in unknown status"},
		"GraphQL is broken":  {routes{prRoute: {open}, graphqlRoute: {{status: 502, body: "<html></html>"}}}, enable, transient, doing + "HTTP 502: no explanation"},
		"queued already":     {routes{prRoute: {open}, graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "Pull request is already queued to merge")}}, enable, nil, ""},
		"nothing is missing": {routes{prRoute: {open}, graphqlRoute: {clean}, mergeRoute: merged}, atOnce, nil, ""},
		"nothing that is required is missing": {routes{prRoute: {open},
			graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "Pull request Pull request is in unstable status")}, mergeRoute: merged}, atOnce, nil, ""},
		"head moves before the merge": {routes{prRoute: {open}, graphqlRoute: {clean},
			mergeRoute: {refusal(409, "Head branch was modified. Review and try the merge again.", "")}}, atOnce,
			pullrequest.ErrHeadMoved, doing + "the pull request has other commits: Head branch was modified. Review and try the merge again."},
		"base moves before the merge": {routes{prRoute: {open}, graphqlRoute: {clean},
			mergeRoute: {refusal(405, "Base branch was modified. Review and try the merge again.", "")}}, atOnce,
			transient, doing + "HTTP 405: Base branch was modified. Review and try the merge again."},
		"merge method not allowed": {routes{prRoute: {open}, graphqlRoute: {clean}, mergeRoute: {refusal(405, "Squash merges are not allowed on this repository.", "")}}, atOnce,
			pullrequest.ErrUnsupported, doing + "not supported by this repository or git host: Squash merges are not allowed on this repository."},
		"a review is missing after all": {routes{prRoute: {open}, graphqlRoute: {clean}, mergeRoute: {refusal(405, "At least 1 approving review is required.", "")}}, atOnce,
			pullrequest.ErrRejected, doing + "the git host refused it: At least 1 approving review is required."},
		"a queue merges":             {routes{prRoute: {open}, graphqlRoute: {clean, done[0]}, mergeRoute: {byQueue}}, queue, nil, ""},
		"a queue has it meanwhile":   {routes{prRoute: {open}, graphqlRoute: {clean}, mergeRoute: {refusal(405, "Pull Request is in the merge queue", "")}}, atOnce, nil, ""},
		"a queue takes it just then": {routes{prRoute: {open}, graphqlRoute: {clean, graphqlRefusal("UNPROCESSABLE", "Pull request is already in the merge queue")}, mergeRoute: {byQueue}}, queue, nil, ""},
		"a queue does not take it": {routes{prRoute: {open}, graphqlRoute: {clean, graphqlRefusal("UNPROCESSABLE", "Pull request has failing checks")}, mergeRoute: {byQueue}}, queue,
			pullrequest.ErrRejected, doing + "the git host refused it: Pull request has failing checks"},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, tt.routes)
			err := g.client().EnableAutoMerge(t.Context(), pullrequest.PullRequest{Number: 7, Head: head1}, pullrequest.Squash)
			if diff := cmp.Diff(tt.text, text(err)); diff != "" {
				t.Error(diff)
			}
			if tt.text != "" {
				wantError(t, tt.want, err)
			}
			if diff := cmp.Diff(tt.asked, g.asked()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAutoMergeNamesTheCommit(t *testing.T) {
	g := serve(t, routes{
		prRoute:      {{body: prJSON(7, "")}},
		graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "Pull request Pull request is in clean status")},
		mergeRoute:   {{body: `{"sha": "` + merge1 + `", "merged": true}`}},
	})
	if err := g.client().EnableAutoMerge(t.Context(), pullrequest.PullRequest{Number: 7, Head: head1}, pullrequest.Squash); err != nil {
		t.Fatal(err)
	}
	var enable struct{ Variables map[string]string }
	if err := json.Unmarshal([]byte(g.bodies()[0]), &enable); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"id": "PR_7", "method": "SQUASH", "head": head1}, enable.Variables); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{`{"merge_method":"squash","sha":"` + head1 + `"}`}, g.bodies()[1:]); diff != "" {
		t.Error(diff)
	}
}

func TestDisableAutoMerge(t *testing.T) {
	on := answer{body: prJSON(7, `, "auto_merge": {"merge_method": "squash"}`)}
	for name, tt := range map[string]struct {
		routes routes
		asked  []string
		want   string
	}{
		"disabled":    {routes{prRoute: {on}, graphqlRoute: {{body: `{"data": {"disablePullRequestAutoMerge": {"clientMutationId": null}}}`}}}, []string{prRoute, graphqlRoute}, ""},
		"not enabled": {routes{prRoute: {{body: prJSON(7, "")}}}, []string{prRoute}, ""},
		"merged":      {routes{prRoute: {{body: prJSON(7, `, "state": "closed", "merged": true, "auto_merge": {"merge_method": "squash"}`)}}}, []string{prRoute}, ""},
		"disabled by another just then": {routes{prRoute: {on}, graphqlRoute: {graphqlRefusal("UNPROCESSABLE", "Can't disable auto-merge for this pull request")}},
			[]string{prRoute, graphqlRoute}, ""},
		"no permission": {routes{prRoute: {on}, graphqlRoute: {graphqlRefusal("FORBIDDEN", "Resource not accessible by integration")}}, []string{prRoute, graphqlRoute},
			"disable auto-merge of pull request 7: the credentials do not permit this on the git host: Resource not accessible by integration"},
		"not there": {routes{prRoute: {refusal(404, "Not Found", "")}}, []string{prRoute}, "read pull request 7: not found on the git host: Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, tt.routes)
			err := g.client().DisableAutoMerge(t.Context(), pullrequest.PullRequest{Number: 7})
			if diff := cmp.Diff(tt.want, text(err)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.asked, g.asked()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGraphQLErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		want   error
		limit  bool
	}{
		"limit": {answer{header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
			body: `{"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}]}`}, transient, true},
		"no such node":         {graphqlRefusal("NOT_FOUND", "Could not resolve to a node with the global id of 'PR_7'"), pullrequest.ErrNotFound, false},
		"scope is missing":     {graphqlRefusal("INSUFFICIENT_SCOPES", "Your token has not been granted the required scopes"), pullrequest.ErrForbidden, false},
		"wrong token":          {refusal(401, "Bad credentials", ""), pullrequest.ErrUnauthorized, false},
		"GitHub gave up":       {graphqlRefusal("", "Something went wrong while executing your query."), transient, false},
		"an error of the page": {answer{body: "<html>"}, pullrequest.ErrNotAPI, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{prRoute: {{body: prJSON(7, `, "auto_merge": {"merge_method": "squash"}`)}}, graphqlRoute: {tt.answer}})
			err := g.client().DisableAutoMerge(t.Context(), pullrequest.PullRequest{Number: 7})
			wantError(t, tt.want, err)
			if diff := cmp.Diff(tt.limit, isLimit(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
