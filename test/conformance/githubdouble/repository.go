package githubdouble

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Repository is one repository of a Server. Its methods are what people and checks do to it; they fail where GitHub
// would refuse it to everybody.
type Repository struct {
	settings Settings
	server   *Server
	git      bare
	id       int
	name     string
	created  time.Time
	labels   []string
	required map[string][]string // checks by branch
	passed   map[string][]string // checks by commit
	pulls    []*pull
	comments int
}

// Settings of a repository.
type Settings struct {
	// AutoMerge permits it; true at first.
	AutoMerge bool
	// MergeQueue lets what is to be merged into any branch wait in a queue, which Queue works off.
	MergeQueue bool
	// DeleteBranchOnMerge deletes the branch of what is merged.
	DeleteBranchOnMerge bool
}

// PullRequest is a pull request as it is now.
type PullRequest struct {
	Number      int
	Title, Body string
	// State is open or closed, and Merged is closed.
	State                               string
	Merged, Draft                       bool
	Branch, Base, Head, Author          string
	MergeCommit                         string // empty unless Merged
	Labels, Reviewers, Teams, Assignees []string
	Comments                            []string
	// AutoMerge is the method, when it is on. Queued: it waits in the merge queue.
	AutoMerge string
	Queued    bool
	Updated   time.Time
}

type pull struct {
	PullRequest
	baseCommit            string // where the base was when it was made
	lookedAt              string // where the base was when follow looked for the commits there
	made, closed          time.Time
	mergedBy, autoMergeBy string
	posted                []comment
	tried                 trial
}

type comment struct {
	id     int
	author string
	text   string
	at     time.Time
}

// trial is the test merge of two commits; tree is empty when they conflict.
type trial struct{ base, head, tree, commit string }

// URL is where git fetches and pushes.
func (r *Repository) URL() string { return r.server.URL() + "/" + owner + "/" + r.name + ".git" }

// Name is the repository's without owner.
func (r *Repository) Name() string { return r.name }

// Configure replaces the settings.
func (r *Repository) Configure(s Settings) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.settings = s
}

// Git runs git in the bare repository and returns what it prints.
func (r *Repository) Git(args ...string) (string, error) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.git.run(Person, "", args...)
}

// PullRequests are all pull requests, by number.
func (r *Repository) PullRequests() []PullRequest {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	out := make([]PullRequest, len(r.pulls))
	for i, p := range r.pulls {
		out[i] = p.PullRequest
		out[i].Labels, out[i].Reviewers = slices.Clone(p.Labels), slices.Clone(p.Reviewers)
		out[i].Teams, out[i].Assignees = slices.Clone(p.Teams), slices.Clone(p.Assignees)
		if !p.Merged {
			out[i].MergeCommit = ""
		}
		for _, c := range p.posted {
			out[i].Comments = append(out[i].Comments, c.text)
		}
	}
	return out
}

// Push puts a commit with these files on a branch, as Person, and returns its id. A branch that is not there begins at
// main.
func (r *Repository) Push(branch string, files map[string]string) (string, error) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	heads, err := r.git.heads()
	if err != nil {
		return "", err
	}
	from := heads[branch]
	if from == "" {
		from = heads["main"]
	}
	commit, err := r.git.write(Person, branch, from, files, r.server.now().Unix())
	if err != nil {
		return "", err
	}
	return commit, r.follow(Person)
}

// DeleteBranch deletes a branch.
func (r *Repository) DeleteBranch(branch string) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	heads, err := r.git.heads()
	if err != nil {
		return err
	}
	if err := r.git.move(branch, "", heads[branch]); err != nil {
		return err
	}
	return r.follow(Person)
}

// Merge merges a pull request as Person, by the method merge, squash or rebase.
func (r *Repository) Merge(number int, method string) error {
	return r.as(number, func(p *pull) error {
		if refusal := r.mergeable(p); refusal != "" {
			return fmt.Errorf("merge #%d: %s", number, refusal)
		}
		return r.merge(p, method, Person, "", "")
	})
}

// Close closes a pull request.
func (r *Repository) Close(number int) error {
	return r.as(number, func(p *pull) error {
		r.close(p)
		return nil
	})
}

// Reopen opens a closed pull request.
func (r *Repository) Reopen(number int) error {
	return r.as(number, func(p *pull) error {
		heads, err := r.git.heads()
		if err != nil {
			return err
		}
		if refusal := r.reopen(p, heads); refusal != nil {
			return fmt.Errorf("reopen #%d: %v", number, refusal)
		}
		return nil
	})
}

// Comment adds a comment by Person.
func (r *Repository) Comment(number int, text string) error {
	return r.as(number, func(p *pull) error {
		r.comment(p, Person, text)
		return nil
	})
}

// RequireChecks lets nothing be merged into a branch before these checks have passed.
func (r *Repository) RequireChecks(branch string, checks ...string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.required[branch] = checks
}

// PassChecks lets all checks that any branch requires pass for a commit. What waits for nothing else is merged.
func (r *Repository) PassChecks(commit string) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	for _, checks := range r.required {
		r.passed[commit] = append(r.passed[commit], checks...)
	}
	return r.mergeWaiting()
}

// Queue lets the merge queue merge all that is in it.
func (r *Repository) Queue() error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	for _, p := range r.pulls {
		if p.Queued {
			p.Queued = false
			if err := r.merge(p, "merge", "github-merge-queue[bot]", "", ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// as does something with one pull request under the lock.
func (r *Repository) as(number int, do func(*pull) error) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	p := r.pull(number)
	if p == nil {
		return fmt.Errorf("%s has no pull request %d", r.name, number)
	}
	return do(p)
}

func (r *Repository) pull(number int) *pull {
	if number < 1 || number > len(r.pulls) {
		return nil
	}
	return r.pulls[number-1]
}

// time is now, in GitHub's whole seconds.
func (r *Repository) time() time.Time { return r.server.now().UTC().Truncate(time.Second) }

// pushed looks at the branches after git has pushed to a path.
func (s *Server) pushed(path, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _ := strings.CutPrefix(path, "/"+owner+"/")
	r := s.repositories[strings.TrimSuffix(name, ".git")]
	if r == nil {
		return
	}
	if err := r.follow(by); err != nil {
		s.violations = append(s.violations, "after a push: "+err.Error())
	}
}

// follow brings the open pull requests along with their branches: one whose branch is gone is closed, one whose commits
// have all come to the base by another way is merged.
func (r *Repository) follow(by string) error {
	heads, err := r.git.heads()
	if err != nil {
		return err
	}
	for _, p := range r.pulls {
		head, exists := heads[p.Branch]
		switch {
		case p.State != "open":
		case !exists:
			r.close(p)
		case head != p.Head:
			p.Head, p.Updated = head, r.time()
		}
		if p.State != "open" || heads[p.Base] == "" || heads[p.Base] == p.lookedAt {
			continue
		}
		p.lookedAt = heads[p.Base]
		missing, err := r.git.ahead(heads[p.Base], p.Head)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			r.merged(p, p.Head, by)
		}
	}
	return r.mergeWaiting()
}
