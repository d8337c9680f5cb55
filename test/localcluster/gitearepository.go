package localcluster

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// GiteaRepository is a repository on Gitea. Its methods act as the administrator,
// unless they are given somebody.
type GiteaRepository struct {
	Owner, Name string
	URL         string // for git, and for Argo CD

	gitea Gitea
}

// Repository describes a repository, whether it exists or not.
func (g Gitea) Repository(owner, name string) *GiteaRepository {
	return &GiteaRepository{Owner: owner, Name: name, URL: g.URL + "/" + owner + "/" + name + ".git", gitea: g}
}

// CreateRepository makes a private repository of a user or an organisation, whose branch main
// has one commit with the files (path to content).
func (g Gitea) CreateRepository(ctx context.Context, owner, name string, files map[string]string) (*GiteaRepository, error) {
	request := map[string]any{"name": name, "private": true, "default_branch": Branch}
	err := g.Call(ctx, g.AdminToken, http.MethodPost, "/orgs/"+url.PathEscape(owner)+"/repos", request, nil)
	var refused *GiteaError
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		err = g.Call(ctx, g.AdminToken, http.MethodPost, "/admin/users/"+url.PathEscape(owner)+"/repos", request, nil)
	}
	if err != nil {
		return nil, err
	}
	r := g.Repository(owner, name)
	_, err = r.Commit(ctx, Branch, "Initial commit", files)
	return r, err
}

// Call sends a request to the API below the repository, such as GET /pulls/1.
func (r *GiteaRepository) Call(ctx context.Context, token, method, path string, in, out any) error {
	return r.gitea.Call(ctx, token, method, "/repos/"+url.PathEscape(r.Owner)+"/"+url.PathEscape(r.Name)+path, in, out)
}

func (r *GiteaRepository) asAdmin(ctx context.Context, method, path string, in, out any) error {
	return r.Call(ctx, r.gitea.AdminToken, method, path, in, out)
}

// Allow lets a user work in the repository: permission is read, write or admin.
func (r *GiteaRepository) Allow(ctx context.Context, user, permission string) error {
	return r.asAdmin(ctx, http.MethodPut, "/collaborators/"+url.PathEscape(user), map[string]any{"permission": permission}, nil)
}

// Configure changes settings of the repository, such as allow_squash_merge,
// default_delete_branch_after_merge or archived.
func (r *GiteaRepository) Configure(ctx context.Context, settings map[string]any) error {
	return r.asAdmin(ctx, http.MethodPatch, "", settings, nil)
}

// Commit puts a commit with the files onto a branch and returns its id. Other
// files stay as they are. A branch that is not there begins at main.
func (r *GiteaRepository) Commit(ctx context.Context, branch, message string, files map[string]string) (string, error) {
	changes := []map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		changes = append(changes, map[string]any{
			"operation": "upload", "path": path, "content": base64.StdEncoding.EncodeToString([]byte(files[path])),
		})
	}
	who := map[string]any{"name": "Somebody", "email": "somebody@example.com"}
	request := map[string]any{"branch": branch, "message": message, "author": who, "committer": who, "files": changes}
	if _, err := r.Tip(ctx, branch); err != nil && branch != Branch {
		request["branch"], request["new_branch"] = Branch, branch
	}
	var made struct {
		Commit struct {
			SHA string `json:"sha"`
		} `json:"commit"`
	}
	err := r.asAdmin(ctx, http.MethodPost, "/contents", request, &made)
	return made.Commit.SHA, err
}

// Tip returns the id of a branch's newest commit.
func (r *GiteaRepository) Tip(ctx context.Context, branch string) (string, error) {
	var found struct {
		Commit struct {
			ID string `json:"id"`
		} `json:"commit"`
	}
	err := r.asAdmin(ctx, http.MethodGet, "/branches/"+branch, nil, &found)
	return found.Commit.ID, err
}

// ReadFile returns a file's content at a branch, tag or commit.
func (r *GiteaRepository) ReadFile(ctx context.Context, revision, path string) (string, error) {
	var found struct {
		Content string `json:"content"`
	}
	if err := r.asAdmin(ctx, http.MethodGet, "/contents/"+path+"?ref="+url.QueryEscape(revision), nil, &found); err != nil {
		return "", err
	}
	content, err := base64.StdEncoding.DecodeString(found.Content)
	return string(content), err
}

// Log returns the commits that a branch, tag or commit leads to, the newest first, at most 50.
func (r *GiteaRepository) Log(ctx context.Context, revision string) ([]Commit, error) {
	var found []struct {
		SHA    string `json:"sha"`
		Commit struct {
			Message string `json:"message"`
			Author  struct {
				Name, Email string
			} `json:"author"`
		} `json:"commit"`
	}
	err := r.asAdmin(ctx, http.MethodGet, "/commits?stat=false&files=false&verification=false&sha="+url.QueryEscape(revision), nil, &found)
	var commits []Commit
	for _, c := range found {
		author := fmt.Sprintf("%s <%s>", c.Commit.Author.Name, c.Commit.Author.Email)
		commits = append(commits, Commit{ID: c.SHA, Author: author, Message: c.Commit.Message})
	}
	return commits, err
}

// DeleteBranch deletes a branch.
func (r *GiteaRepository) DeleteBranch(ctx context.Context, branch string) error {
	return r.asAdmin(ctx, http.MethodDelete, "/branches/"+branch, nil, nil)
}

// GiteaProtection is what a protected branch asks for. Nobody may push to it,
// and the administrator is no exception.
type GiteaProtection struct {
	Approvals int
	Checks    []string // contexts of commit statuses that must be there and be good
	// Merge are the users who may merge; empty is everybody who may write.
	Merge []string
	// Push are users who may push.
	Push []string
}

// Protect protects a branch, or all that match a pattern.
func (r *GiteaRepository) Protect(ctx context.Context, branch string, p GiteaProtection) error {
	return r.asAdmin(ctx, http.MethodPost, "/branch_protections", map[string]any{
		"rule_name": branch, "required_approvals": p.Approvals, "block_admin_merge_override": true,
		"enable_status_check": len(p.Checks) > 0, "status_check_contexts": p.Checks,
		"enable_merge_whitelist": len(p.Merge) > 0, "merge_whitelist_usernames": p.Merge,
		"enable_push": len(p.Push) > 0, "enable_push_whitelist": len(p.Push) > 0, "push_whitelist_usernames": p.Push,
	}, nil)
}

// SetStatus reports a check of a commit: pending, success, failure or error.
func (r *GiteaRepository) SetStatus(ctx context.Context, commit, check, state string) error {
	return r.asAdmin(ctx, http.MethodPost, "/statuses/"+commit, map[string]any{"context": check, "state": state}, nil)
}

// GiteaPull is a pull request, as Gitea shows it.
type GiteaPull struct {
	Number      int    `json:"number"`
	URL         string `json:"html_url"`
	State       string `json:"state"` // open or closed
	Merged      bool   `json:"merged"`
	MergeCommit string `json:"merge_commit_sha"`
	Title       string `json:"title"`
	Body        string `json:"body"`
	Draft       bool   `json:"draft"`
	Mergeable   bool   `json:"mergeable"`
	Head        struct {
		Branch string `json:"label"`
		SHA    string `json:"sha"`
	} `json:"head"`
	Base struct {
		Branch string `json:"ref"`
	} `json:"base"`
	Author    giteaName   `json:"user"`
	Labels    []giteaName `json:"labels"`
	Assignees []giteaName `json:"assignees"`
	Reviewers []giteaName `json:"requested_reviewers"`
	Teams     []giteaName `json:"requested_reviewers_teams"`
}

// giteaName is a user by login, or something else by name.
type giteaName struct {
	Login string `json:"login"`
	Name  string `json:"name"`
}

// Pull is one pull request.
func (r *GiteaRepository) Pull(ctx context.Context, number int) (GiteaPull, error) {
	var p GiteaPull
	err := r.asAdmin(ctx, http.MethodGet, fmt.Sprintf("/pulls/%d", number), nil, &p)
	return p, err
}

// Pulls are the pull requests in a state: open, closed or all; the newest first, at most 50.
func (r *GiteaRepository) Pulls(ctx context.Context, state string) ([]GiteaPull, error) {
	var all []GiteaPull
	err := r.asAdmin(ctx, http.MethodGet, "/pulls?limit=50&state="+state, nil, &all)
	return all, err
}

// Comments are the texts of all comments on a pull request, the oldest first.
func (r *GiteaRepository) Comments(ctx context.Context, number int) ([]string, error) {
	var found []struct {
		Body string `json:"body"`
	}
	err := r.asAdmin(ctx, http.MethodGet, fmt.Sprintf("/issues/%d/comments", number), nil, &found)
	var texts []string
	for _, c := range found {
		texts = append(texts, c.Body)
	}
	return texts, err
}

// Open opens a pull request as somebody, and returns its number.
func (r *GiteaRepository) Open(ctx context.Context, as GiteaUser, branch, base, title string) (int, error) {
	var p GiteaPull
	err := r.Call(ctx, as.Token, http.MethodPost, "/pulls", map[string]any{"head": branch, "base": base, "title": title}, &p)
	return p.Number, err
}

// Approve gives the approval of somebody, who must not be the author.
func (r *GiteaRepository) Approve(ctx context.Context, as GiteaUser, number int) error {
	return r.Call(ctx, as.Token, http.MethodPost, fmt.Sprintf("/pulls/%d/reviews", number),
		map[string]any{"event": "APPROVED", "body": "Good."}, nil)
}

// Merge merges as somebody and returns the commit of the base that it ended
// with. method is merge, squash, rebase, rebase-merge or fast-forward-only.
// Gitea looks for conflicts in the background after every change, and refuses
// meanwhile: for at most ten seconds that is waited for.
func (r *GiteaRepository) Merge(ctx context.Context, as GiteaUser, number int, method string) (string, error) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := r.Call(ctx, as.Token, http.MethodPost, fmt.Sprintf("/pulls/%d/merge", number), map[string]any{"Do": method}, nil)
		if err == nil {
			p, err := r.Pull(ctx, number)
			return p.MergeCommit, err
		}
		if !stillChecking(err) || time.Now().After(deadline) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stillChecking tells by what Gitea says to a merge before it knows of conflicts
// (routers/api/v1/repo/pull.go, MergePullRequest).
func stillChecking(err error) bool {
	var refused *GiteaError
	return errors.As(err, &refused) && (refused.Status == http.StatusInternalServerError || strings.Contains(refused.Body, "try again later"))
}

// Close closes a pull request.
func (r *GiteaRepository) Close(ctx context.Context, number int) error {
	return r.setState(ctx, number, "closed")
}

// Reopen opens it again.
func (r *GiteaRepository) Reopen(ctx context.Context, number int) error {
	return r.setState(ctx, number, "open")
}

func (r *GiteaRepository) setState(ctx context.Context, number int, state string) error {
	return r.asAdmin(ctx, http.MethodPatch, fmt.Sprintf("/pulls/%d", number), map[string]any{"state": state}, nil)
}

// AddLabel gives the repository a label.
func (r *GiteaRepository) AddLabel(ctx context.Context, name string) error {
	return r.asAdmin(ctx, http.MethodPost, "/labels", map[string]any{"name": name, "color": "#00aabb"}, nil)
}
