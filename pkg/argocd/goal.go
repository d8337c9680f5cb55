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
	// RepoURL, Branch and Path say where the commit is. Path only helps to choose
	// among several sources of one repository; it may be empty.
	RepoURL string
	Branch  string
	Path    string
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

	// Contains answers earlier Asks. The commit itself needs no entry. An Unknown
	// may be removed, to ask again.
	Contains map[string]Answer
	// Since is when waiting for the sync began, on the caller's clock.
	Since time.Time
	// Refreshed is when the last refresh that succeeded was begun, on the caller's
	// clock, and Mark is the Mark of the Decision that asked for it. Losing them
	// costs another refresh, no more.
	Refreshed time.Time
	Mark      string

	Health HealthPolicy
	// Unhealthy is Observation.Unhealthy from before anything was changed.
	Unhealthy []string
}

// Action is the one thing to do next.
type Action string

const (
	// Wait until the Application changes, at most for Decision.Wake.
	Wait Action = "Wait"
	// DoRefresh: call Get with Decision.Refresh. When the observation says that it
	// was Refreshed, set Goal.Refreshed, to the time before the call, and Goal.Mark.
	DoRefresh Action = "Refresh"
	// DoSync: store Decision.Attempt as Goal.Attempt with Sent false, call Sync,
	// then set Sent. A crash in between is recognised by the operation's infos.
	DoSync Action = "Sync"
	// Ask whether Decision.Revision contains the commit, and decide again.
	Ask Action = "Ask"
	// Proceed: from Decide, the commit is synced; from Proven, it is proven.
	Proceed Action = "Proceed"
	// Fail for good, with Decision.Err.
	Fail Action = "Fail"
)

// Decision is the answer of Decide, Proven, OtherImage and NoWorkload.
type Decision struct {
	Action Action
	// Message says for people why; it is stable while nothing changes.
	Message string
	// Wake bounds a Wait.
	Wake time.Duration
	// Refresh and Mark belong to DoRefresh.
	Refresh Refresh
	Mark    string
	// Attempt belongs to DoSync.
	Attempt int
	// Revision is what to Ask about; with Proceed, what Argo CD synced.
	Revision string
	// Err is set with Fail only, and wraps a sentinel or is NoWorkload's.
	Err error
}

const (
	// poll is the longest wait between two looks: Argo CD drops watch events.
	poll = 15 * time.Second
	// refreshEvery paces the refreshes while Argo CD does not see the commit yet.
	refreshEvery = 5 * time.Second
	// autoSyncPatience is how long auto-sync may take to act by itself.
	autoSyncPatience = 10 * time.Second
	// comparisonPatience is how long the comparison may fail without a break. A
	// repository that cannot be reached for a moment looks like a broken manifest.
	comparisonPatience = 2 * time.Minute
	// settlePatience is how long an Application may stay OutOfSync after our own sync
	// has succeeded, and settleEvery paces the refreshes meanwhile.
	settlePatience = 15 * time.Second
	settleEvery    = 2 * time.Second
	// streakBreak separates one streak of failing comparisons from the next.
	streakBreak = 30 * time.Second
	// maxFailures is how many of our syncs may end in Error (not Failed).
	maxFailures = 3
	// maxSyncs bounds the syncs of one run altogether.
	maxSyncs = 10
	// retryPause is multiplied with the number of the attempt that failed.
	retryPause = 5 * time.Second
)

// Goal.Mark says what the last refresh was for, and after markAfter which
// operation had ended when it began.
const (
	markPoll       = "poll"
	markAutoSync   = "auto-sync"
	markOperation  = "operation"
	markImage      = "image"
	markTree       = "tree"
	markProof      = "proof"
	markComparison = "comparison:" // + when the streak of failing comparisons began
	markSettle     = "settle:"     // + when our sync was first seen to have left it OutOfSync
	markAfter      = " after "
)

func wait(wake time.Duration, message string) Decision {
	return Decision{Action: Wait, Wake: wake, Message: message}
}

// refresh asks for a comparison that begins after the observed operation's end.
func refresh(o Observation, kind Refresh, why, message string) Decision {
	mark := why
	if o.Operation != nil && o.Operation.Done() {
		mark += markAfter + operationKey(o.Operation)
	}
	return Decision{Action: DoRefresh, Refresh: kind, Mark: mark, Message: message}
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

func fail(err error) Decision {
	return Decision{Action: Fail, Err: err, Message: err.Error()}
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

// nextSync is the sync after those that are known to have been sent. An intent
// that was stored but never reached the server keeps its number.
func (g Goal) nextSync(o Observation, message string) Decision {
	next := g.Attempt + 1
	sent := g.Sent || (g.ours(o.Operation) && o.Operation.Attempt >= g.Attempt)
	if g.Attempt > 0 && !sent {
		next = g.Attempt
	}
	if next > maxSyncs {
		return fail(failedSync(o, "it is still OutOfSync after "+count(maxSyncs, "sync")))
	}
	return Decision{Action: DoSync, Attempt: next, Message: message}
}
