package argocd

import (
	"fmt"
	"strings"
	"time"
)

// view is one observation in the light of the goal.
type view struct {
	o        Observation
	g        Goal
	now      time.Time
	index    int    // of the source that follows our branch
	revision string // what that source was compared to, "" when it was not
}

func newView(o Observation, g Goal, now time.Time) view {
	v := view{o: o, g: g, now: now}
	v.index, _ = trackedSource(o, g)
	v.revision = at(o.Revisions, v.index)
	return v
}

// Decide says what to do next so that the goal's commit is synced. It is pure:
// all that it remembers between calls is in the Goal. Proceed means that the
// workloads can be looked at; that the commit is synced is for Proven to say.
//
// The rules are tried in order; the first that has something to say decides:
//
//  1. The Application cannot make the commit live (Preflight): fail.
//  2. An operation runs, ours or not: wait for it; ask about sync windows when one
//     holds it; end a foreign one that gets nowhere, where the goal allows that.
//  3. Somebody deployed a revision without the commit after ours: ErrRolledBack.
//  4. Our own operation failed: again, a few times, after an Error; fail after a Failed.
//  5. A source hydrator has not written the commit yet: wait, or fail when it fails.
//  6. The comparison fails, or is about a revision without the commit: refresh.
//  7. A foreign or earlier operation failed on this revision: sync, so that there is a verdict.
//  8. Synced, or a sync to this revision has just succeeded: proceed.
//  9. OutOfSync: let auto-sync act; sync; fail when our own sync left it so.
func Decide(o Observation, g Goal, now time.Time) Decision {
	if err := Preflight(o, g); err != nil {
		return fail(err)
	}
	v := newView(o, g, now)
	for _, rule := range []func(view) (Decision, bool){
		view.operationRuns,
		view.rolledBack,
		view.ourFailure,
		view.notHydrated,
		view.comparisonFails,
		view.lacksCommit,
		view.earlierFailure,
		view.isSynced,
		view.justSynced,
		view.leaveToAutoSync,
	} {
		if d, decided := rule(v); decided {
			return d
		}
	}
	return v.nextSync(fmt.Sprintf("application %s is %s with %s: syncing it", o.App, o.Sync, short(v.revision)))
}

// rolledBack looks for a newest deployment that lacks the commit, with one
// before it that has it. Argo CD compares with the branch whatever was deployed,
// so only the history shows it.
func (v view) rolledBack() (Decision, bool) {
	last := len(v.o.History) - 1
	if last < 1 || v.g.ours(v.o.Operation) {
		return Decision{}, false
	}
	newest := v.o.History[last]
	revision := at(newest.Revisions, v.index)
	if revision == "" || v.has(revision) == Yes {
		return Decision{}, false
	}
	had := false
	for _, d := range v.o.History[:last] {
		had = had || v.has(at(d.Revisions, v.index)) == Yes
	}
	began := newest.Started
	if began.IsZero() {
		began = newest.Deployed
	}
	// The commit of this run is younger than any older roll-back. An older commit
	// may have been deployed and rolled back before: then the time has to tell,
	// which Argo CD gives in whole seconds.
	after := v.g.Changed || began.After(v.g.Since)
	switch {
	case !had || !after:
		return Decision{}, false
	case v.has(revision) == No:
		who := ""
		if newest.By != "" {
			who = " by " + newest.By
		}
		return fail(fmt.Errorf("application %s: %w: after commit %s, revision %s without it was deployed%s (history ID %d)",
			v.o.App, ErrRolledBack, short(v.g.Commit), short(revision), who, newest.ID)), true
	case v.has(revision) == "":
		return v.ask(revision), true
	}
	return Decision{}, false
}

func (v view) ourFailure() (Decision, bool) {
	op := v.o.Operation
	// A stored intent after the failed attempt is the retry: it goes on to be sent.
	if !v.g.ours(op) || !op.Done() || op.Phase == PhaseSucceeded || op.Attempt < v.g.Attempt {
		return Decision{}, false
	}
	if op.Phase == PhaseFailed || op.Attempt >= maxFailures {
		return fail(failedOperation(v.o)), true
	}
	// Argo CD could not compare or reach the cluster; nothing was applied, or only
	// a part. The pause counts from a refresh, which is on our clock.
	message := fmt.Sprintf("application %s: sync %d ended in an error, trying again: %s", v.o.App, op.Attempt, op.Message)
	if !v.g.refreshedAfter(op) {
		return refresh(v.o, RefreshNormal, markOperation, message), true
	}
	if pause := v.g.Refreshed.Add(time.Duration(op.Attempt) * retryPause).Sub(v.now); pause > 0 {
		return wait(pause, message), true
	}
	return v.nextSync(message), true
}

// comparisonFails: Argo CD cannot build the manifests or look at the cluster. It
// may pass, so it has to last before the run fails.
func (v view) comparisonFails() (Decision, bool) {
	reason := comparisonError(v.o)
	if reason == "" {
		return Decision{}, false
	}
	message := fmt.Sprintf("application %s: Argo CD cannot compare it: %s", v.o.App, reason)
	began := v.streak(markComparison)
	// After a few failures in a row Argo CD stops trying this revision itself.
	lasts := v.now.Sub(began) >= comparisonPatience || (began.Before(v.now) && gaveUp(v.o))
	if lasts {
		return fail(fmt.Errorf("application %s: %w: Argo CD cannot compare it with the repository: %s", v.o.App, ErrSyncFailed, reason)), true
	}
	return v.refreshPaced(markComparison+began.UTC().Format(time.RFC3339), message), true
}

// streak is since when refreshes were asked for with this mark, without a break.
func (v view) streak(mark string) time.Time {
	began, err := time.Parse(time.RFC3339, strings.TrimPrefix(v.g.purpose(), mark))
	if err != nil || v.now.Sub(v.g.Refreshed) > streakBreak {
		return v.now
	}
	return began
}

func (v view) lacksCommit() (Decision, bool) {
	if v.revision == "" {
		return v.refreshPaced(markPoll, fmt.Sprintf("application %s: Argo CD has not compared it with the repository yet", v.o.App)), true
	}
	switch v.has(v.revision) {
	case Yes:
		return Decision{}, false
	case No:
		return v.refreshPaced(markPoll, fmt.Sprintf("application %s: waiting for Argo CD to see commit %s on branch %s; it compares with %s",
			v.o.App, v.what(), v.branch(), short(v.revision))), true
	case Unknown:
		return wait(poll, fmt.Sprintf("application %s: cannot tell whether revision %s, which Argo CD compares with, contains commit %s",
			v.o.App, short(v.revision), v.what())), true
	}
	return v.ask(v.revision), true
}

// earlierFailure: a failed hook leaves the Application Synced, and auto-sync
// does not try a failed revision again. Whoever's sync it was, another user's or
// one of this run before its retry: the next one of ours tells.
func (v view) earlierFailure() (Decision, bool) {
	op := v.o.Operation
	if op == nil || !op.Done() || op.Phase == PhaseSucceeded || at(op.Revisions, v.index) != v.revision {
		return Decision{}, false
	}
	whose := "by another user"
	if v.g.ours(op) {
		if v.g.Sent {
			return Decision{}, false // The next one is on its way, and the observation from before it.
		}
		whose = "by this run"
	}
	return v.nextSync(fmt.Sprintf("application %s: a sync to %s %s failed (%s): syncing it again", v.o.App, short(v.revision), whose, op.Message)), true
}

func (v view) isSynced() (Decision, bool) {
	switch v.o.Sync {
	case synced:
		return Decision{Action: Proceed, Revision: v.revision, Message: fmt.Sprintf("application %s is Synced with %s", v.o.App, short(v.revision))}, true
	case outOfSync:
		return Decision{}, false
	}
	return v.refreshPaced(markPoll, fmt.Sprintf("application %s: its sync status is not known yet", v.o.App)), true
}

// justSynced: a sync to this revision succeeded, and yet it is OutOfSync. Most
// likely the comparison is from before the sync. The workloads need not wait for
// the next one: Proven refreshes anyway. Only what is OutOfSync after that counts.
func (v view) justSynced() (Decision, bool) {
	op := v.o.Operation
	if op == nil || op.Phase != PhaseSucceeded {
		return Decision{}, false
	}
	same := at(op.Revisions, v.index) == v.revision
	switch {
	case v.pinnedAway():
		return Decision{Action: Proceed, Revision: v.commit(), Message: fmt.Sprintf("application %s was synced to the pinned commit %s; branch %s has %s by now",
			v.o.App, short(v.commit()), v.branch(), short(v.revision))}, true
	case !same && !v.g.ours(op):
		return Decision{}, false
	case same && !v.g.refreshedAfter(op):
		return Decision{Action: Proceed, Revision: v.revision, Message: fmt.Sprintf("application %s was synced to %s", v.o.App, short(v.revision))}, true
	case !v.g.refreshedAfter(op):
		return refresh(v.o, RefreshNormal, markOperation, fmt.Sprintf("application %s: synced to %s, comparing again", v.o.App, short(at(op.Revisions, v.index)))), true
	case same && v.g.ours(op) && op.Attempt >= v.g.Attempt:
		return v.settle(), true
	}
	return Decision{}, false
}

// settle: our own sync has succeeded, and a comparison begun after it says
// OutOfSync. Argo CD compares with its cache of the cluster, which may not have
// heard yet of what was just applied. Only what stays OutOfSync is a failure; what
// waits for pruning stays so for sure.
func (v view) settle() Decision {
	began := v.streak(markSettle)
	if v.now.Sub(began) >= settlePatience || onlyPruneIsLeft(v.o) {
		return fail(failedSync(v.o, "it is OutOfSync again right after a successful sync"))
	}
	message := fmt.Sprintf("application %s was synced to %s, and Argo CD does not see all of it in the cluster yet", v.o.App, short(v.revision))
	if pause := v.g.Refreshed.Add(settleEvery).Sub(v.now); pause > 0 {
		return wait(pause, message)
	}
	return refresh(v.o, RefreshNormal, markSettle+began.UTC().Format(time.RFC3339), message)
}

// leaveToAutoSync gives auto-sync the time to act, and then one refresh, before
// we sync ourselves. It never acts on a revision that failed (SyncError).
func (v view) leaveToAutoSync() (Decision, bool) {
	if !v.o.AutoSync.Enabled || hasCondition(v.o, ConditionSyncError) || v.g.Attempt > 0 {
		return Decision{}, false
	}
	until := v.g.Since.Add(autoSyncPatience)
	message := fmt.Sprintf("application %s is OutOfSync with %s: waiting for auto-sync", v.o.App, short(v.revision))
	switch {
	case v.now.Before(until):
		return wait(until.Sub(v.now), message), true
	case v.g.Refreshed.Before(until):
		return refresh(v.o, RefreshNormal, markAutoSync, message), true
	}
	return Decision{}, false
}

// refreshPaced refreshes now, or waits until it is time for the next one.
func (v view) refreshPaced(why, message string) Decision {
	if pause := v.g.Refreshed.Add(refreshEvery).Sub(v.now); pause > 0 {
		return wait(pause, message)
	}
	return refresh(v.o, RefreshNormal, why, message)
}

func ask(revision, ancestor string) Decision {
	return Decision{Action: Ask, Revision: revision, Ancestor: ancestor, Message: "looking whether revision " + short(revision) + " contains the commit"}
}

// ask whether a revision of the tracked source has the commit.
func (v view) ask(revision string) Decision { return ask(revision, v.hydrated()) }
