package githubdouble

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// handle does what a request to the repository asks for. The server's lock is held.
func (r *Repository) handle(q *http.Request, c *call, who account, body []byte) answer {
	switch c.operation {
	case "repos/get":
		return ok(r.show(who, true))
	case "repos/get-branch":
		return r.branch(c.variables["branch"])
	case "git/delete-ref":
		return r.deleteRef(c.variables["ref"])
	case "pulls/list":
		return r.list(q.URL)
	case "pulls/create":
		return r.create(who, body)
	case "issues/create-label":
		return r.createLabel(body)
	}
	number, _ := strconv.Atoi(cmp.Or(c.variables["pull_number"], c.variables["issue_number"]))
	p := r.pull(number)
	if p == nil {
		return refuse(http.StatusNotFound, "Not Found")
	}
	switch c.operation {
	case "pulls/get":
		return r.get(p, who)
	case "pulls/update":
		return r.update(p, who, body)
	case "pulls/merge":
		return r.mergeByAPI(p, who, body)
	case "pulls/request-reviewers":
		return r.requestReviewers(p, who, body)
	case "issues/add-labels":
		return r.addLabels(p, body)
	case "issues/add-assignees":
		return r.addAssignees(p, body)
	case "issues/list-comments":
		return r.listComments(p, q.URL)
	case "issues/create-comment":
		return r.createComment(p, who, body)
	}
	return refuse(http.StatusNotImplemented, "The double has no "+c.operation)
}

// get is one pull request. Whether it can be merged GitHub finds out afterwards, and does not know the first time.
func (r *Repository) get(p *pull, who account) answer {
	shown := r.showPull(p, who, true)
	if p.State == "open" {
		if err := r.try(p); err != nil {
			return refuse(http.StatusInternalServerError, err.Error())
		}
	}
	return ok(shown)
}

func (r *Repository) list(u *url.URL) answer {
	query := u.Query()
	state := cmp.Or(query.Get("state"), "open")
	branch := ""
	// A head without owner is overlooked.
	if user, name, found := strings.Cut(query.Get("head"), ":"); found {
		if branch = name; user != owner {
			branch = "\x00" // one that nobody has
		}
	}
	var found []*pull
	for _, p := range r.pulls {
		if (state == "all" || p.State == state) && (branch == "" || p.Branch == branch) &&
			(query.Get("base") == "" || p.Base == query.Get("base")) {
			found = append(found, p)
		}
	}
	sort := cmp.Or(query.Get("sort"), "created")
	slices.SortStableFunc(found, func(a, b *pull) int {
		if sort == "updated" {
			return cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(a.Number, b.Number))
		}
		return cmp.Compare(a.Number, b.Number)
	})
	descending := query.Get("direction") == "desc" || query.Get("direction") == "" && sort == "created"
	if descending {
		slices.Reverse(found)
	}
	shown := []any{}
	part, header := r.page(u, len(found))
	for _, p := range found[part.from:part.to] {
		shown = append(shown, r.showPull(p, account{}, false))
	}
	return answer{status: http.StatusOK, header: header, body: shown}
}

type span struct{ from, to int }

// page is the part of a list that a request asks for, and the header that leads on.
func (r *Repository) page(u *url.URL, length int) (span, http.Header) {
	query := u.Query()
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(query.Get(name)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	size, page := min(number("per_page", 30), 100), number("page", 1)
	part := span{min((page-1)*size, length), min(page*size, length)}
	header := http.Header{}
	link := func(page int, relation string) {
		query.Set("page", strconv.Itoa(page))
		header.Set("Link", strings.TrimPrefix(fmt.Sprintf("%s, <%s%s?%s>; rel=%q", header.Get("Link"), r.server.URL(), u.EscapedPath(),
			query.Encode(), relation), ", "))
	}
	if page > 1 {
		link(page-1, "prev")
	}
	if part.to < length {
		link(page+1, "next")
		link((length+size-1)/size, "last")
	}
	return part, header
}

func (r *Repository) create(who account, body []byte) answer {
	var in struct {
		Title, Head, Base, Body string
		Draft                   bool
	}
	if err := decode(body, &in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	heads, err := r.git.heads()
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	branch := strings.TrimPrefix(in.Head, owner+":")
	custom := func(message string) answer {
		return invalid(object{"resource": "PullRequest", "code": "custom", "message": message})
	}
	var wrong []object
	for _, field := range []struct{ name, branch string }{{"head", branch}, {"base", in.Base}} {
		if heads[field.branch] == "" {
			wrong = append(wrong, object{"resource": "PullRequest", "field": field.name, "code": "invalid"})
		}
	}
	if in.Title == "" {
		wrong = append(wrong, object{"resource": "PullRequest", "field": "title", "code": "missing_field"})
	}
	if len(wrong) > 0 {
		return invalid(wrong...)
	}
	commits, err := r.git.ahead(heads[in.Base], heads[branch])
	switch {
	case err != nil:
		return refuse(http.StatusInternalServerError, err.Error())
	case r.openOne(branch, in.Base) != nil:
		return custom(fmt.Sprintf("A pull request already exists for %s:%s.", owner, branch))
	case len(commits) == 0:
		return custom(fmt.Sprintf("No commits between %s and %s", in.Base, branch))
	}
	now := r.time()
	p := &pull{made: now, baseCommit: heads[in.Base], lookedAt: heads[in.Base], PullRequest: PullRequest{
		Number: len(r.pulls) + 1, Title: in.Title, Body: in.Body, Draft: in.Draft, State: "open",
		Branch: branch, Base: in.Base, Head: heads[branch], Author: who.login, Updated: now,
	}}
	r.pulls = append(r.pulls, p)
	return created(r.showPull(p, who, true))
}

func (r *Repository) update(p *pull, who account, body []byte) answer {
	var in struct{ Title, Body, State, Base *string }
	if err := decode(body, &in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	heads, err := r.git.heads()
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	switch {
	case in.Base != nil && heads[*in.Base] == "":
		return invalid(object{"resource": "PullRequest", "field": "base", "code": "invalid"})
	case in.State != nil && *in.State == "closed":
		r.close(p)
	case in.State != nil:
		if refusal := r.reopen(p, heads); refusal != nil {
			return invalid(refusal)
		}
	}
	for _, field := range []struct{ from, to *string }{{in.Title, &p.Title}, {in.Body, &p.Body}, {in.Base, &p.Base}} {
		if field.from != nil {
			*field.to = *field.from
		}
	}
	p.Updated = r.time()
	return ok(r.showPull(p, who, true))
}

func (r *Repository) mergeByAPI(p *pull, who account, body []byte) answer {
	var in struct {
		SHA     string
		Method  string `json:"merge_method"`
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
	}
	if err := decode(body, &in); err != nil && len(body) > 0 {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	// These two answers have no status in them.
	refused := func(status int, message string) answer {
		return answer{status: status, body: object{"message": message, "documentation_url": documentation}}
	}
	if in.SHA != "" && in.SHA != p.Head {
		return refused(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	if refusal := r.mergeable(p); refusal != "" {
		return refused(http.StatusMethodNotAllowed, refusal)
	}
	if r.settings.MergeQueue {
		return refused(http.StatusMethodNotAllowed, "Changes must be made through the merge queue")
	}
	if err := r.merge(p, in.Method, who.login, in.Title, in.Message); err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	return ok(object{"merged": true, "message": "Pull Request successfully merged", "sha": p.MergeCommit})
}
