package argocd

import "time"

// Action is the one thing to do next.
type Action string

const (
	// Wait until the Application changes, at most for Decision.Wake.
	Wait Action = "Wait"
	// DoRefresh: call Get with Decision.Refresh. When the observation says that it
	// was Refreshed, set Goal.Refreshed, to the time before the call, and Goal.Mark.
	DoRefresh Action = "Refresh"
	// DoSync: store Decision.Attempt as Goal.Attempt with Sent false, call Sync with
	// Decision.Revision and Position, then set Sent. A crash in between is
	// recognised by the operation's infos. When Sync ends with ErrSyncWindow, go on
	// as with AskWindows.
	DoSync Action = "Sync"
	// DoTerminate: call Terminate for Decision.Operation, and decide again. Nothing
	// has to be stored before: it ends that one operation, or nothing.
	DoTerminate Action = "Terminate"
	// Ask whether Decision.Revision is Decision.Ancestor (the goal's commit when that
	// is empty) or descends from it, keep the answer in Goal.Contains, and decide
	// again.
	Ask Action = "Ask"
	// AskWindows: call Windows, and carry out what WindowClosed says to the answer.
	AskWindows Action = "AskWindows"
	// Proceed: from Decide, the commit is synced; from Proven, it is proven.
	Proceed Action = "Proceed"
	// Fail for good, with Decision.Err.
	Fail Action = "Fail"
)

// Decision is the answer of Decide, Proven, OtherImage, NoWorkload, Settled and
// WindowClosed.
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
	// Revision is what to Ask about; with DoSync, the commit to pin, mostly empty;
	// with Proceed, what Argo CD synced: a commit of the hydrated branch where the
	// Application has a source hydrator.
	Revision string
	// Position belongs to DoSync: the source of Revision, counted from 1, and 0
	// unless the Application has several.
	Position int
	// Ancestor belongs to Ask: empty for the goal's commit, else what that was
	// hydrated to.
	Ancestor string
	// Operation belongs to DoTerminate.
	Operation string
	// Foreign replaces Goal.Foreign, with every Decision.
	Foreign Foreign
	// Err is set with Fail only, and wraps a sentinel or is NoWorkload's.
	Err error
}

// Question is the key under which the answer to an Ask belongs into Goal.Contains.
func (d Decision) Question() string { return question(d.Revision, d.Ancestor) }

func question(revision, ancestor string) string {
	if ancestor == "" {
		return revision
	}
	return revision + " after " + ancestor
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
	// beginPatience is how long an accepted operation may take to begin before the
	// application controller is reminded of it, and paces the reminders.
	beginPatience = 10 * time.Second
	// foreignPatience is how long a foreign operation may show no progress before it
	// is terminated, where the goal allows that.
	foreignPatience = time.Minute
	// terminatePatience is how long a termination may take.
	terminatePatience = time.Minute
	// maxTerminations is how often one operation is to be terminated. A write of the
	// application controller can undo a termination.
	maxTerminations = 3
	// windowPoll is the longest wait for a sync window: it may be edited meanwhile.
	windowPoll = time.Minute
	// windowSlack is added to the opening time, for clocks that differ a little.
	windowSlack = 2 * time.Second
)

// Goal.Mark says what the last refresh was for, and after markAfter which
// operation had ended when it began.
const (
	markPoll       = "poll"
	markAutoSync   = "auto-sync"
	markOperation  = "operation"
	markImage      = "image"
	markTree       = "tree"
	markPending    = "pending"
	markProof      = "proof"
	markComparison = "comparison:" // + when the streak of failing comparisons began
	markSettle     = "settle:"     // + when our sync was first seen to have left it OutOfSync
	markHydration  = "hydration:"  // + when the hydration had failed that the refresh is to repeat
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

func fail(err error) Decision {
	return Decision{Action: Fail, Err: err, Message: err.Error()}
}
