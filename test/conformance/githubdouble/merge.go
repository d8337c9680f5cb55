package githubdouble

import (
	"fmt"
	"slices"
	"strings"
)

// missing are the required checks that have not passed for the head.
func (r *Repository) missing(p *pull) []string {
	return slices.DeleteFunc(slices.Clone(r.required[p.Base]), func(check string) bool {
		return slices.Contains(r.passed[p.Head], check)
	})
}

// try makes the test merge, unless the branches are where they were. GitHub does that in the background.
func (r *Repository) try(p *pull) error {
	heads, err := r.git.heads()
	if err != nil {
		return err
	}
	base := heads[p.Base]
	if p.tried.base == base && p.tried.head == p.Head {
		return nil
	}
	t := trial{base: base, head: p.Head}
	if t.tree, err = r.git.tree(base, p.Head); err != nil {
		return err
	}
	if t.tree != "" {
		message := fmt.Sprintf("Merge %s into %s", p.Head, base)
		if t.commit, err = r.git.commit(owner, t.tree, message, base, p.Head); err != nil {
			return err
		}
	}
	p.tried = t
	return nil
}

// mergeState is GitHub's mergeable_state of a pull request that was tried.
func (r *Repository) mergeState(p *pull) string {
	switch {
	case p.tried.head != p.Head:
		return "unknown"
	case p.tried.tree == "":
		return "dirty"
	case p.Draft:
		return "draft"
	case len(r.missing(p)) > 0:
		return "blocked"
	default:
		return "clean"
	}
}

// mergeable is GitHub's refusal to merge, or "".
func (r *Repository) mergeable(p *pull) string {
	if err := r.try(p); err != nil {
		return err.Error()
	}
	switch {
	case p.State != "open" || p.tried.tree == "":
		return "Pull Request is not mergeable"
	case p.Draft:
		return "Pull Request is still a draft"
	case len(r.missing(p)) == 1:
		return fmt.Sprintf("Required status check %q is expected.", r.missing(p)[0])
	case len(r.missing(p)) > 1:
		return fmt.Sprintf("%d of %d required status checks are expected.", len(r.missing(p)), len(r.required[p.Base]))
	default:
		return ""
	}
}

// mergeWaiting merges what auto-merge is on for and nothing stands in the way of.
func (r *Repository) mergeWaiting() error {
	for _, p := range r.pulls {
		if p.AutoMerge == "" || r.mergeable(p) != "" {
			continue
		}
		if r.settings.MergeQueue {
			p.Queued, p.AutoMerge, p.Updated = true, "", r.time()
			continue
		}
		if err := r.merge(p, p.AutoMerge, p.autoMergeBy, "", ""); err != nil {
			return err
		}
	}
	return nil
}

// merge merges into the base branch. What follow does for the others, as the base has moved, is left to the next push.
func (r *Repository) merge(p *pull, method, by, title, message string) error {
	if err := r.try(p); err != nil {
		return err
	}
	base := p.tried.base
	commits, err := r.git.ahead(base, p.Head)
	if err != nil {
		return err
	}
	var tip string
	switch method {
	case "squash":
		tip, err = r.git.commit(p.Author, p.tried.tree, words(title, message, fmt.Sprintf("%s (#%d)", p.Title, p.Number), ""), base)
	case "rebase":
		tip, err = r.git.rebased(base, commits)
	default:
		usual := fmt.Sprintf("Merge pull request #%d from %s/%s", p.Number, owner, p.Branch)
		tip, err = r.git.commit(by, p.tried.tree, words(title, message, usual, p.Title), base, p.Head)
	}
	if err != nil {
		return err
	}
	if err := r.git.move(p.Base, tip, base); err != nil {
		return err
	}
	r.merged(p, tip, by)
	if r.settings.DeleteBranchOnMerge {
		return r.git.move(p.Branch, "", p.Head)
	}
	return nil
}

// words are a commit's message, with what is usual where it is not given.
func words(title, message, usualTitle, usualMessage string) string {
	if title == "" {
		title = usualTitle
	}
	if message == "" {
		message = usualMessage
	}
	return strings.TrimSpace(title + "\n\n" + message)
}

func (r *Repository) merged(p *pull, commit, by string) {
	p.State, p.Merged, p.MergeCommit, p.mergedBy = "closed", true, commit, by
	p.AutoMerge, p.Queued = "", false
	p.closed, p.Updated = r.time(), r.time()
}

// close closes an open pull request. Auto-merge does not survive that.
func (r *Repository) close(p *pull) {
	if p.State == "open" {
		p.State, p.AutoMerge, p.Queued = "closed", "", false
		p.closed, p.Updated = r.time(), r.time()
	}
}

// reopen opens a closed one, or says why not in GitHub's terms.
func (r *Repository) reopen(p *pull, heads map[string]string) object {
	custom := func(message string) object {
		return object{"resource": "PullRequest", "code": "custom", "field": "state", "message": message}
	}
	switch {
	case p.State == "open":
		return nil
	case p.Merged:
		return custom("state cannot be changed. The pull request cannot be reopened.")
	case heads[p.Branch] == "":
		return custom(fmt.Sprintf("state cannot be changed. The %s branch has been deleted.", p.Branch))
	case r.openOne(p.Branch, p.Base) != nil:
		return custom(fmt.Sprintf("state cannot be changed. There is already an open pull request from %s:%s to %s:%s.", owner, p.Branch,
			owner, p.Base))
	}
	p.State, p.Head, p.Updated = "open", heads[p.Branch], r.time()
	return nil
}

// openOne is the open pull request of a branch to a base.
func (r *Repository) openOne(branch, base string) *pull {
	for _, p := range r.pulls {
		if p.State == "open" && p.Branch == branch && p.Base == base {
			return p
		}
	}
	return nil
}
