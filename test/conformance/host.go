package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// Host is a git host on which the suite can play everybody: the administrator, a person, and the client under test.
type Host struct {
	// Provider is the kind of host, whose Open gives the client under test.
	Provider pullrequest.Provider
	// NewRepository makes a repository with the branch main and at least one commit in it. Everybody's account is in it
	// with the right to write. It is called by tests that run side by side.
	NewRepository func(t *testing.T) Repository
	// Reviewer and Assignee are accounts other than the client's and the person's. Team may be asked for a review; it is
	// written as the client wants it.
	Reviewer, Assignee, Team string
	// Lacks are the capabilities that this host does not have, each with the reason. The suite then checks nothing of
	// them, except that the client says ErrUnsupported or ErrRejected where that is promised.
	Lacks map[Capability]string
	// Patience is how long the host may take to show what was done to it. Zero: it shows it at once.
	Patience time.Duration
}

// Capability is something that not every host can do.
type Capability string

// The capabilities that a Host may lack.
const (
	// Drafts: a pull request can be made as a draft.
	Drafts Capability = "drafts"
	// Teams: a team can be asked for a review.
	Teams Capability = "team reviewers"
	// AutoMerge: the host merges by itself when a required check passes.
	AutoMerge Capability = "auto-merge"
	// AutoMergeAtOnce: EnableAutoMerge merges where nothing stands in the way.
	AutoMergeAtOnce Capability = "auto-merge at once"
	// AutoMergeKeptByPush: auto-merge stays on when a person pushes to the branch.
	AutoMergeKeptByPush Capability = "auto-merge kept by a push"
	// NewLabels: a label that the repository does not have is created.
	NewLabels Capability = "new labels"
	// ReadOnly: there is a token that may only read.
	ReadOnly Capability = "read-only tokens"
	// BranchProtection: a branch can be protected with a required check.
	BranchProtection Capability = "branch protection"
)

// Repository is one repository of a Host, and the people who work in it. A method that cannot do what it is for ends the
// test.
type Repository interface {
	// Server is the repository as the client under test gets it: with a token that may write, and AllowHTTP if needed.
	Server() pullrequest.Server
	// ReadOnly is a login that may only read. Not called where the host lacks ReadOnly.
	ReadOnly(t *testing.T) pullrequest.Auth
	// Git is where git fetches and pushes, with the account of a person who may write.
	Git() Remote
	People
	Rules
}

// Remote is a repository for git.
type Remote struct{ URL, Username, Password string }

// People do by hand what people do to pull requests, with an account other than the client's.
type People interface {
	// Merge merges it by this method, and deletes no branch.
	Merge(t *testing.T, number int, method pullrequest.Method)
	// Close closes it, and Reopen opens it again.
	Close(t *testing.T, number int)
	Reopen(t *testing.T, number int)
	// Look shows what the client does not read.
	Look(t *testing.T, number int) Details
}

// Rules are what an administrator sets up.
type Rules interface {
	// AddLabel gives the repository a label.
	AddLabel(t *testing.T, name string)
	// RequireCheck lets nothing be merged into the branch until a check has passed on the commit to be merged.
	RequireCheck(t *testing.T, branch string)
	// PassCheck reports that check as passed on a commit.
	PassCheck(t *testing.T, commit string)
}

// Details are the parts of a pull request that the client only writes.
type Details struct {
	Labels, Reviewers, Teams, Assignees []string
	// Comments are the texts of all comments, oldest first.
	Comments []string
}

// lacks tells whether a capability is missing, and logs why.
func (h Host) lacks(t *testing.T, c Capability) bool {
	t.Helper()
	reason, missing := h.Lacks[c]
	if missing {
		t.Logf("not checked, as %s has no %s: %s", h.Provider.Name, c, reason)
	}
	return missing
}

// eventually calls look until it is satisfied, as long as the host may take.
func (h Host) eventually(ctx context.Context, t *testing.T, what string, look func() (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, h.Patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := look()
		switch {
		case err != nil:
			t.Fatalf("%s: %v", what, err)
		case done:
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: did not happen within %s", what, h.Patience)
		case <-tick.C:
		}
	}
}
