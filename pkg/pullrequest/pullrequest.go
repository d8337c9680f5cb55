package pullrequest

import "time"

// State is where a pull request is in its life.
type State string

// The states of a pull request. A draft is Open.
const (
	Open   State = "open"
	Merged State = "merged"
	Closed State = "closed"
)

// PullRequest is a pull request as its host shows it.
type PullRequest struct {
	// Number is what people call it by, and ID what the host does where that differs, else empty.
	Number int
	ID     string
	// URL is its page.
	URL   string
	State State
	Draft bool
	Title string
	Body  string
	// Branch is where the change is, Head the commit there, and Base the branch that it is for.
	Branch string
	Head   string
	Base   string
	// FromFork: the branch is one of another repository.
	FromFork bool
	// MergeCommit is the commit of Base that the merge ended with, whatever the method; empty unless Merged.
	MergeCommit string
	// AutoMerge: the host merges it when its rules are met.
	AutoMerge bool
	// Blocked says for people what keeps it from being merged (conflicts, checks, reviews); empty for nothing, or not known.
	Blocked string
	// Updated is the host's time of the last change.
	Updated time.Time
}

// New is a pull request to be created.
type New struct {
	Title, Body string
	// Branch and Base are branches of the same repository.
	Branch, Base string
	Draft        bool
}

// Method is how a pull request is merged.
type Method string

// The methods that GitHub and Gitea have in common.
const (
	Merge  Method = "merge"
	Squash Method = "squash"
	Rebase Method = "rebase"
)

// Cursor is where a poll stopped. The zero value begins anew. Its content belongs to the Client.
type Cursor struct {
	// Tag is the host's validator of the first page, such as an ETag.
	Tag string
	// Seen is when the newest change was that the poll has seen, and At the numbers that had changed just then.
	Seen time.Time
	At   []int
}

// Changes is the answer to a poll.
type Changes struct {
	// Numbers of the pull requests that have changed since the cursor, in any way. One that has not changed may be among
	// them; one that has is never left out, unless More is set.
	Numbers []int
	// More: too many have changed to list them. Look at all of them.
	More bool
	// Next is the cursor for the next poll.
	Next Cursor
	// After is how long the host wants to be left alone; zero when it does not say.
	After time.Duration
}
