package githubdouble

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// add puts what is missing at the end of a list.
func add(list []string, more ...string) []string {
	for _, name := range more {
		if !slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, name) }) {
			list = append(list, name)
		}
	}
	return list
}

// addLabels adds labels. Those that the repository does not have are made.
func (r *Repository) addLabels(p *pull, body []byte) answer {
	var names []string
	if err := decode(body, &names); err != nil {
		var in struct{ Labels []string }
		if err := decode(body, &in); err != nil {
			return refuse(http.StatusBadRequest, "Problems parsing JSON")
		}
		names = in.Labels
	}
	r.labels = add(r.labels, names...)
	p.Labels, p.Updated = add(p.Labels, names...), r.time()
	return ok(r.showLabels(p.Labels))
}

func (r *Repository) createLabel(body []byte) answer {
	var in struct{ Name string }
	if err := decode(body, &in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if len(add(r.labels, in.Name)) == len(r.labels) {
		return invalid(object{"resource": "Label", "code": "already_exists", "field": "name"})
	}
	r.labels = append(r.labels, in.Name)
	return created(r.showLabels([]string{in.Name})[0])
}

// AddLabel gives the repository a label.
func (r *Repository) AddLabel(name string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.labels = add(r.labels, name)
}

// addAssignees adds those who have access, and overlooks others.
func (r *Repository) addAssignees(p *pull, body []byte) answer {
	var in struct{ Assignees []string }
	if err := decode(body, &in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	known := slices.DeleteFunc(in.Assignees, func(login string) bool { return !slices.Contains(people(), login) })
	p.Assignees, p.Updated = add(p.Assignees, known...), r.time()
	return created(r.showIssue(p))
}

func people() []string { return []string{Bot, Person, Reviewer, Assignee} }

func (r *Repository) requestReviewers(p *pull, who account, body []byte) answer {
	var in struct {
		Reviewers []string
		Teams     []string `json:"team_reviewers"`
	}
	if err := decode(body, &in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	stranger := func(login string) bool { return !slices.Contains(people(), login) }
	switch {
	case slices.Contains(in.Reviewers, p.Author):
		return refuse(http.StatusUnprocessableEntity, "Review cannot be requested from pull request author.")
	case slices.ContainsFunc(in.Reviewers, stranger), slices.ContainsFunc(in.Teams, func(team string) bool { return team != Team }):
		return refuse(http.StatusUnprocessableEntity, fmt.Sprintf("Reviews may only be requested from collaborators. One or more of "+
			"the users or teams you specified is not a collaborator of the %s/%s repository.", owner, r.name))
	}
	p.Reviewers, p.Teams = add(p.Reviewers, in.Reviewers...), add(p.Teams, in.Teams...)
	p.Updated = r.time()
	return created(r.showPull(p, who, false))
}

func (r *Repository) comment(p *pull, author, text string) comment {
	r.comments++
	c := comment{id: r.comments, author: author, text: text, at: r.time()}
	p.posted, p.Updated = append(p.posted, c), r.time()
	return c
}

func (r *Repository) createComment(p *pull, who account, body []byte) answer {
	var in struct{ Body string }
	if err := decode(body, &in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	return created(r.showComment(p, r.comment(p, who.login, in.Body)))
}

func (r *Repository) listComments(p *pull, u *url.URL) answer {
	part, header := r.page(u, len(p.posted))
	shown := []any{}
	for _, c := range p.posted[part.from:part.to] {
		shown = append(shown, r.showComment(p, c))
	}
	return answer{status: http.StatusOK, header: header, body: shown}
}
