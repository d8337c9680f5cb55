package githubdouble

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

const graphqlPath = "/api/graphql"

// graphql answers a GraphQL request.
func (s *Server) graphql(r *http.Request, body []byte) answer {
	who, refusal := s.login(r)
	switch {
	case refusal != nil:
		return *refusal
	case who.login == "":
		return refuse(http.StatusUnauthorized, "This endpoint requires you to be authenticated.")
	}
	var in struct {
		Query     string
		Variables map[string]any
	}
	m, err := mutation{}, decode(body, &in)
	if err == nil {
		m, err = s.schema.parse(in.Query, in.Variables)
	}
	if err != nil || r.Method != http.MethodPost {
		err = errors.Join(fmt.Errorf("%s /graphql", r.Method), err)
		s.violated("%v", err)
		return refuse(http.StatusInternalServerError, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(kind, message string) answer {
		return ok(object{"data": object{m.name: nil}, "errors": []any{object{
			"type": kind, "path": []any{m.name}, "message": message, "locations": []any{object{"line": 1, "column": 1}},
		}}})
	}
	node, _ := m.input["pullRequestId"].(string)
	repository, p := s.byNode(node)
	switch {
	case p == nil:
		return fail("NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%s'", node))
	case !who.writes:
		return fail("FORBIDDEN", "Resource not accessible by personal access token")
	}
	if refused := repository.mutate(p, who, m); refused != "" {
		return fail("UNPROCESSABLE", refused)
	}
	shown := repository.graphPull(p)
	return ok(object{"data": object{m.name: object{
		"clientMutationId": nil, "pullRequest": shown, "mergeQueueEntry": shown["mergeQueueEntry"],
	}}})
}

// graphPull are the fields that a client may look at. One that is selected and not here is missing in the answer.
func (r *Repository) graphPull(p *pull) object {
	o := object{
		"id": r.pullID(p), "number": p.Number, "headRefOid": p.Head, "merged": p.Merged, "closed": p.State == "closed",
		"isDraft": p.Draft, "isInMergeQueue": p.Queued, "autoMergeRequest": nil, "mergeQueueEntry": nil,
		"state": strings.ToUpper(p.State),
	}
	if p.Merged {
		o["state"] = "MERGED"
	}
	if p.AutoMerge != "" {
		o["autoMergeRequest"] = object{"mergeMethod": strings.ToUpper(p.AutoMerge), "enabledAt": date(p.Updated)}
	}
	if p.Queued {
		o["mergeQueueEntry"] = object{"id": nodeID("MQE", p.Number), "position": 1, "state": "QUEUED"}
	}
	return o
}

func (s *Server) byNode(node string) (*Repository, *pull) {
	for _, r := range s.repositories {
		for _, p := range r.pulls {
			if r.pullID(p) == node {
				return r, p
			}
		}
	}
	return nil, nil
}

// mutate switches auto-merge on or off, or puts into the merge queue, or is GitHub's refusal.
func (r *Repository) mutate(p *pull, who account, m mutation) string {
	head, pinned := m.input["expectedHeadOid"].(string)
	refusal := r.mergeable(p)
	switch {
	case m.name == "disablePullRequestAutoMerge" && p.AutoMerge == "":
		return "Can't disable auto-merge for this pull request"
	case m.name == "disablePullRequestAutoMerge":
		p.AutoMerge, p.Updated = "", r.time()
		return ""
	case p.State != "open":
		return "Pull request is closed"
	case pinned && head != p.Head:
		return "Expected head oid does not match the current head oid"
	case p.Queued:
		return "Pull request is already in the merge queue"
	case m.name == "enqueuePullRequest" && !r.settings.MergeQueue:
		return "Merge queue is not enabled for this branch"
	case r.settings.MergeQueue && refusal == "":
		p.Queued, p.Updated = true, r.time()
		return ""
	case m.name == "enqueuePullRequest":
		return refusal
	case !r.settings.AutoMerge && !r.settings.MergeQueue:
		return "Pull request Auto merge is not allowed for this repository"
	case refusal == "", r.mergeState(p) == "dirty", r.mergeState(p) == "draft":
		return fmt.Sprintf("Pull request Pull request is in %s status", r.mergeState(p))
	}
	p.AutoMerge, p.autoMergeBy, p.Updated = "merge", who.login, r.time()
	if method, given := m.input["mergeMethod"].(string); given {
		p.AutoMerge = strings.ToLower(method)
	}
	return ""
}
