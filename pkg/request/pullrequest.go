package request

// PullRequest is what a GitOpsPR proposes, and how long the run stays with it.
type PullRequest struct {
	// Provider is the kind of git host, as it was written; empty: known by the host's name, or asked for.
	Provider string `json:"provider,omitempty"`
	// APIURL is https or http without user, query, fragment and slash at the end; empty: what the provider makes of
	// Git.URL. On another host than Git.URL's, and api. in front of that, there is a Secret.
	APIURL string `json:"apiURL,omitempty"`
	// Secret in the run's namespace; empty: Git's.
	Secret string `json:"secret,omitempty"`
	// Branch is the short name of a branch that can stand next to Git.Branch, and is another.
	Branch string `json:"branch"`
	// Title is never blank. It is not bounded as it is rendered, and may then have several lines.
	Title Message `json:"title"`
	// Body is empty for none.
	Body Message `json:"body,omitempty"`
	// Changes is nil when no source commits are to be listed.
	Changes *Changes `json:"changes,omitempty"`
	// These lists have no blank and no double entries, and at most maxPeople each.
	Labels        []string `json:"labels,omitempty"`
	Reviewers     []string `json:"reviewers,omitempty"`
	TeamReviewers []string `json:"teamReviewers,omitempty"`
	Assignees     []string `json:"assignees,omitempty"`
	Draft         bool     `json:"draft,omitempty"`
	// AutoMerge is merge, squash or rebase; empty: people merge. It excludes Draft.
	AutoMerge string `json:"autoMerge,omitempty"`
	// KeepOlder leaves older pull requests for the same target open.
	KeepOlder bool `json:"keepOlder,omitempty"`
	// KeepOnCancel leaves the pull request of a cancelled run open.
	KeepOnCancel bool `json:"keepOnCancel,omitempty"`
	// Wait is never empty.
	Wait Wait `json:"wait"`
}

// Changes are the source commits to list.
type Changes struct {
	// URL has the grammar of Git.URL.
	URL string `json:"url"`
	// From and To are a branch, a tag, a full reference or a commit each. Empty: the commit that the previous tag, or the
	// new one, begins with; there is exactly one image then, and it has a tag.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Wait is how far a GitOpsPR follows its pull request.
type Wait string

const (
	// WaitNone ends the run when the pull request is there.
	WaitNone Wait = "None"
	// WaitMerged ends it when the pull request is merged.
	WaitMerged Wait = "Merged"
	// WaitDeployed ends it when the merge commit is synced and verified.
	WaitDeployed Wait = "Deployed"
)
