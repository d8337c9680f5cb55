package argocd

import (
	"strings"
	"time"
)

// Answer says whether a revision contains the goal's commit.
type Answer string

const (
	// Yes: the revision is the commit or a descendant of it.
	Yes Answer = "Yes"
	// No: it is neither.
	No Answer = "No"
	// Unknown: the history that was read does not decide it.
	Unknown Answer = "Unknown"
)

// HealthPolicy says whose health counts.
type HealthPolicy string

const (
	// HealthApplication asks for the whole Application to be Healthy. The default.
	HealthApplication HealthPolicy = "Application"
	// HealthWorkloads leaves health to the check of the verified workloads.
	HealthWorkloads HealthPolicy = "Workloads"
)

// Goal is what is to become true, and what has been done for it so far.
type Goal struct {
	// RepoURL, Branch and Paths say where the commit is. Paths are the directories
	// and files that it edits; they only help to choose among several sources of
	// one repository, and may be empty.
	RepoURL string
	Branch  string
	Paths   []string
	// SameRepository compares repository URLs; nil means equal strings.
	SameRepository func(a, b string) bool `json:"-"`

	// Commit must be live: it, or a descendant of it. Required by Decide and Proven.
	Commit string
	// Changed: this run made the commit, so nothing older can carry it.
	Changed bool
	// Run is the UID that marks our operations.
	Run string
	// Attempt is the number of the last sync whose intent was stored, 0 before the
	// first. Sent says that the server is known to have accepted it.
	Attempt int
	Sent    bool

	// Contains answers earlier Asks, by Decision.Question. The commit itself needs
	// no entry. An Unknown may be removed, to ask again.
	Contains map[string]Answer
	// Since is when waiting for the sync began, on the caller's clock.
	Since time.Time
	// Refreshed is when the last refresh that succeeded was begun, on the caller's
	// clock, and Mark is the Mark of the Decision that asked for it. Losing them
	// costs another refresh, no more.
	Refreshed time.Time
	Mark      string
	// Foreign is the Foreign of the last Decision about this Application. Losing it
	// costs more patience with the operation, no more.
	Foreign Foreign

	// WaitForWindow waits while a sync window is closed, instead of failing.
	WaitForWindow bool
	// TerminateForeign ends an operation of somebody else that gets nowhere.
	TerminateForeign bool
	// Pin syncs exactly the commit. It can take back a newer one.
	Pin bool

	Health HealthPolicy
	// Unhealthy is Observation.Unhealthy from before anything was changed.
	Unhealthy []string
}

// Foreign is what has to be remembered of an operation of somebody else, or of one
// that does not begin: how long it has got nowhere, on the caller's clock, which
// Argo CD's times are not.
type Foreign struct {
	// Operation and Progress are those of Operation.ID and Operation.Progress.
	Operation string
	Progress  string
	// Since is when this progress was first seen.
	Since time.Time
	// Ended counts how often the operation was to be terminated.
	Ended int
}

// purpose is what the last refresh was for.
func (g Goal) purpose() string {
	why, _, _ := strings.Cut(g.Mark, markAfter)
	return why
}

// refreshedAfter reports whether the last refresh began after the operation's end.
func (g Goal) refreshedAfter(op *Operation) bool {
	_, key, _ := strings.Cut(g.Mark, markAfter)
	return key == operationKey(op)
}

// contains answers for a revision; "" means that it has to be asked.
func (g Goal) contains(revision string) Answer {
	if revision == g.Commit {
		return Yes
	}
	return g.Contains[revision]
}

// ours reports whether the operation is one of this run's syncs.
func (g Goal) ours(op *Operation) bool {
	return op != nil && g.Run != "" && op.Run == g.Run
}

func (g Goal) sameRepository(url string) bool {
	if g.SameRepository == nil {
		return url == g.RepoURL
	}
	return g.SameRepository(url, g.RepoURL)
}
