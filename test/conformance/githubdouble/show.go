package githubdouble

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// id is a number that a name has everywhere.
func id(kind, name string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(kind + "/" + name))
	return int(h.Sum32())
}

func nodeID(kind string, of ...any) string {
	return kind + "_" + base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprint(of...)))
}

// date is a time as JSON shows it; null for none.
func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// urls adds fields with addresses below base: "events" becomes events_url, "<base>/events".
func urls(o object, base string, names ...string) object {
	for _, name := range names {
		o[name+"_url"] = base + "/" + name
	}
	return o
}

func (s *Server) showUser(login string) any {
	if login == "" {
		return nil
	}
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	} else if login == owner {
		kind = "Organization"
	}
	api := s.API() + "/users/" + login
	return urls(object{
		"login": login, "id": id("user", login), "node_id": nodeID("U", login), "avatar_url": s.URL() + "/avatars/" + login,
		"gravatar_id": "", "url": api, "html_url": s.URL() + "/" + login, "type": kind, "site_admin": false,
	}, api, "followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events")
}

func (s *Server) showUsers(logins []string) []any {
	shown := []any{}
	for _, login := range logins {
		shown = append(shown, s.showUser(login))
	}
	return shown
}

// show is the repository: with the settings where all is true.
func (r *Repository) show(who account, all bool) object {
	s := r.server
	api, html := s.API()+"/repos/"+owner+"/"+r.name, s.URL()+"/"+owner+"/"+r.name
	o := urls(object{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": owner + "/" + r.name, "owner": s.showUser(owner),
		"private": true, "html_url": html, "description": nil, "fork": false, "url": api,
		"git_commits_url": api + "/git/commits{/sha}", "git_refs_url": api + "/git/refs{/sha}", "git_tags_url": api + "/git/tags{/sha}",
		"issue_comment_url": api + "/issues/comments{/number}", "issue_events_url": api + "/issues/events{/number}",
		"clone_url": html + ".git", "git_url": "git:" + strings.TrimPrefix(html, "http:") + ".git", "ssh_url": "git@host:" + r.name + ".git",
		"svn_url": html, "homepage": nil, "language": nil, "mirror_url": nil, "license": nil,
		"default_branch": "main", "archived": false, "disabled": false, "size": 1,
		"forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
		"open_issues": 0, "open_issues_count": 0,
		"has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"pushed_at": date(r.created), "created_at": date(r.created), "updated_at": date(r.created),
	}, api, "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents", "contributors",
		"deployments", "downloads", "events", "forks", "hooks", "issues", "keys", "labels", "languages", "merges", "milestones",
		"notifications", "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees")
	if all {
		o["network_count"], o["subscribers_count"] = 0, 0
		o["allow_auto_merge"], o["delete_branch_on_merge"] = r.settings.AutoMerge, r.settings.DeleteBranchOnMerge
		o["allow_merge_commit"], o["allow_squash_merge"], o["allow_rebase_merge"] = true, true, true
		o["permissions"] = object{"admin": false, "maintain": false, "push": who.writes, "triage": who.writes, "pull": true}
	}
	return o
}

// showPull is a pull request: in all its fields, or as lists have it.
func (r *Repository) showPull(p *pull, who account, all bool) object {
	s := r.server
	base := s.API() + "/repos/" + owner + "/" + r.name
	api, issue := fmt.Sprintf("%s/pulls/%d", base, p.Number), fmt.Sprintf("%s/issues/%d", base, p.Number)
	html := fmt.Sprintf("%s/%s/%s/pull/%d", s.URL(), owner, r.name, p.Number)
	end := func(branch, commit string) object {
		return object{
			"label": owner + ":" + branch, "ref": branch, "sha": commit, "user": s.showUser(owner), "repo": r.show(who, false),
		}
	}
	commit, closed, merged := p.tried.commit, p.closed, time.Time{}
	switch {
	case p.Merged:
		commit, merged = p.MergeCommit, p.closed
	case p.State == "open":
		closed = time.Time{}
	}
	o := object{
		"id": r.id*100000 + p.Number, "node_id": r.pullID(p), "number": p.Number, "url": api, "html_url": html,
		"diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue, "commits_url": api + "/commits",
		"review_comments_url": api + "/comments", "review_comment_url": base + "/pulls/comments{/number}",
		"comments_url": issue + "/comments", "statuses_url": base + "/statuses/" + p.Head,
		"state": p.State, "locked": false, "title": p.Title, "user": s.showUser(p.Author), "body": null(p.Body), "draft": p.Draft,
		"labels": r.showLabels(p.Labels), "milestone": nil,
		"assignee": first(s.showUsers(p.Assignees)), "assignees": s.showUsers(p.Assignees),
		"requested_reviewers": s.showUsers(p.Reviewers), "requested_teams": r.showTeams(p.Teams),
		"created_at": date(p.made), "updated_at": date(p.Updated), "closed_at": date(closed), "merged_at": date(merged),
		"merge_commit_sha": null(commit), "head": end(p.Branch, p.Head), "base": end(p.Base, p.baseCommit),
		"author_association": "COLLABORATOR", "auto_merge": r.showAutoMerge(p),
		"_links": object{
			"self": link(api), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"),
			"review_comments": link(api + "/comments"), "review_comment": link(base + "/pulls/comments{/number}"),
			"commits": link(api + "/commits"), "statuses": link(base + "/statuses/" + p.Head),
		},
	}
	if all {
		o["merged"], o["merged_by"], o["maintainer_can_modify"] = p.Merged, s.showUser(p.mergedBy), false
		o["comments"], o["review_comments"] = len(p.posted), 0
		o["additions"], o["deletions"], o["changed_files"], o["commits"] = 1, 0, 1, 1
		o["mergeable"], o["mergeable_state"] = nil, "unknown"
		if state := r.mergeState(p); p.State == "open" && state != "unknown" {
			o["mergeable"], o["mergeable_state"] = state != "dirty", state
		}
	}
	return o
}

func link(to string) object { return object{"href": to} }

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (r *Repository) pullID(p *pull) string { return nodeID("PR", r.name, "/", p.Number) }

func (r *Repository) showAutoMerge(p *pull) any {
	if p.AutoMerge == "" {
		return nil
	}
	return object{
		"enabled_by": r.server.showUser(p.autoMergeBy), "merge_method": p.AutoMerge, "commit_title": "", "commit_message": "",
	}
}

func (r *Repository) showTeams(slugs []string) []any {
	shown := []any{}
	for _, slug := range slugs {
		api, html := r.server.API()+"/organizations/1/team/"+slug, r.server.URL()+"/orgs/"+owner+"/teams/"+slug
		shown = append(shown, object{
			"id": id("team", slug), "node_id": nodeID("T", slug), "url": api, "html_url": html, "name": slug, "slug": slug,
			"description": nil, "privacy": "closed", "permission": "push", "parent": nil, "type": "organization",
			"members_url": api + "/members{/member}", "repositories_url": api + "/repos",
		})
	}
	return shown
}

func (r *Repository) showLabels(names []string) []any {
	shown := []any{}
	for _, name := range names {
		shown = append(shown, object{
			"id": id("label", name), "node_id": nodeID("LA", name), "name": name, "color": "ededed", "default": false,
			"description": "", "url": r.server.API() + "/repos/" + owner + "/" + r.name + "/labels/" + url.PathEscape(name),
		})
	}
	return shown
}

// showIssue is the pull request as an issue.
func (r *Repository) showIssue(p *pull) object {
	shown := r.showPull(p, account{}, false)
	issue := shown["issue_url"].(string)
	o := urls(object{"events_url": issue + "/events"}, issue, "comments", "events")
	for _, field := range []string{
		"id", "node_id", "number", "state", "locked", "title", "user", "body", "labels", "milestone", "assignee", "assignees",
		"created_at", "updated_at", "closed_at", "html_url",
	} {
		o[field] = shown[field]
	}
	o["url"], o["labels_url"], o["comments"] = issue, issue+"/labels{/name}", len(p.posted)
	o["repository_url"] = r.server.API() + "/repos/" + owner + "/" + r.name
	return o
}

func (r *Repository) showComment(p *pull, c comment) object {
	api := r.server.API() + "/repos/" + owner + "/" + r.name + "/issues"
	return object{
		"id": c.id, "node_id": nodeID("IC", r.name, c.id), "url": fmt.Sprintf("%s/comments/%d", api, c.id),
		"issue_url": fmt.Sprintf("%s/%d", api, p.Number), "body": c.text, "user": r.server.showUser(c.author),
		"html_url":   fmt.Sprintf("%s/%s/%s/pull/%d#issuecomment-%d", r.server.URL(), owner, r.name, p.Number, c.id),
		"created_at": date(c.at), "updated_at": date(c.at), "author_association": "COLLABORATOR",
	}
}

// branch is a branch with its commit and its protection.
func (r *Repository) branch(name string) answer {
	heads, err := r.git.heads()
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	commit := heads[name]
	if commit == "" {
		return refuse(http.StatusNotFound, "Branch not found")
	}
	api, html := r.server.API()+"/repos/"+owner+"/"+r.name, r.server.URL()+"/"+owner+"/"+r.name
	checks, protected := r.required[name]
	contexts := append([]string{}, checks...)
	person := object{"name": Person, "email": Person + "@users.noreply.github.com", "date": date(r.created)}
	return ok(object{
		"name": name, "protected": protected, "protection_url": api + "/branches/" + name + "/protection",
		"_links": object{"self": api + "/branches/" + name, "html": html + "/tree/" + name},
		"protection": object{
			"enabled":                protected,
			"required_status_checks": object{"enforcement_level": "non_admins", "contexts": contexts, "checks": []any{}},
		},
		"commit": object{
			"sha": commit, "node_id": nodeID("C", commit), "url": api + "/commits/" + commit, "html_url": html + "/commit/" + commit,
			"comments_url": api + "/commits/" + commit + "/comments", "author": nil, "committer": nil, "parents": []any{},
			"commit": object{
				"author": person, "committer": person, "message": "work", "comment_count": 0, "url": api + "/git/commits/" + commit,
				"tree": object{"sha": commit, "url": api + "/git/trees/" + commit},
			},
		},
	})
}

// deleteRef deletes a branch.
func (r *Repository) deleteRef(ref string) answer {
	heads, err := r.git.heads()
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	branch, isHead := strings.CutPrefix(ref, "heads/")
	if !isHead || heads[branch] == "" {
		return refuse(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	if err := r.git.move(branch, "", heads[branch]); err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	if err := r.follow(Person); err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	return answer{status: http.StatusNoContent}
}
