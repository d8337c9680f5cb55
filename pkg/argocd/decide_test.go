package argocd

import (
	"strings"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	proceed := func(revision string) Decision { return Decision{Action: Proceed, Revision: revision} }
	syncs := func(n int) Decision { return Decision{Action: DoSync, Attempt: n} }
	refreshes := func(mark string) Decision { return Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: mark} }
	waits := func(d time.Duration) Decision { return Decision{Action: Wait, Wake: d} }
	begins := func(id string) Decision {
		return Decision{Action: Wait, Wake: beginPatience, Foreign: Foreign{Operation: id, Since: at0(0)}}
	}
	asks := func(revision string) Decision { return Decision{Action: Ask, Revision: revision} }
	fails := Decision{Action: Fail}

	const doneForeign = " after /0/2026-11-22T10:00:01Z/0001-01-01T00:00:00Z/Succeeded"
	const errorOurs = "operation after uid-1/1/2026-11-22T10:00:01Z/0001-01-01T00:00:00Z/Error"
	const streak = "comparison:2026-11-22T10:00:00Z"

	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		now      int
		want     Decision
		sentinel error
		says     string
	}{
		// Before Argo CD knows of the commit.
		{name: "Synced and Healthy from before the push: refresh", o: seen(synced, commitO), g: goal(), want: refreshes("poll"),
			says: "waiting for Argo CD to see commit aaaaaaaa on branch main; it compares with 00000000"},
		{name: "… and again, but not faster than every 5 s", o: seen(synced, commitO), g: goal(refreshed("poll", 0)), now: 2, want: waits(3 * time.Second)},
		{name: "… and again", o: seen(synced, commitO), g: goal(refreshed("poll", 0)), now: 5, want: refreshes("poll")},
		{name: "never compared", o: seen("", ""), g: goal(), want: refreshes("poll"), says: "has not compared it"},
		{name: "unknown revision: ask", o: seen(synced, "1234"), g: goal(), want: asks("1234")},
		{name: "undecidable: stay", o: seen(synced, "1234"), g: goal(func(g *Goal) { g.Contains["1234"] = Unknown }), want: waits(poll), says: "cannot tell whether revision 1234"},
		{name: "Unknown sync status of our revision: refresh", o: seen("Unknown", commitX), g: goal(), want: refreshes("poll"), says: "sync status is not known"},

		// The commit is there.
		{name: "manual sync: OutOfSync with the commit: sync", o: seen(outOfSync, commitX), g: goal(refreshed("poll", 0)), now: 1, want: syncs(1), says: "OutOfSync with aaaaaaaa: syncing it"},
		{name: "Synced: proceed", o: seen(synced, commitX), g: goal(), want: proceed(commitX), says: "Synced with aaaaaaaa"},
		{name: "newer commit that contains ours is Synced: proceed", o: seen(synced, commitN), g: goal(), want: proceed(commitN)},
		{name: "no manifest difference: Synced without any operation: proceed", o: seen(synced, commitX, op(PhaseSucceeded, commitO)), g: goal(), want: proceed(commitX)},
		{name: "health does not matter yet", o: seen(synced, commitX, health("Progressing", "")), g: goal(), want: proceed(commitX)},

		// Operations of others.
		{name: "a webhook took the operation first: wait", o: seen(outOfSync, commitX, op(PhaseRunning, commitX)), g: goal(), want: waits(poll), says: "the operation started by admin runs (began at 2026-11-22T10:00:01Z)"},
		{name: "accepted, not begun", o: seen(outOfSync, commitX, op(PhasePending, "")), g: goal(), want: begins("admin//0/2026-11-22T10:00:01Z"), says: "has not begun yet"},
		{name: "of nobody we know", o: seen(outOfSync, commitX, op(PhaseTerminating, "", func(p *Operation) { p.By = "" })), g: goal(), want: waits(poll), says: "the operation of another user is terminating (began at 2026-11-22T10:00:01Z)"},
		{name: "Running with finishedAt: not done", o: seen(synced, commitX, op(PhaseRunning, commitX, waitsForRetry)), g: goal(), want: waits(poll), says: "failed and waits for its retry 2"},
		{name: "foreign sync succeeded, comparison older: proceed", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX)), g: goal(refreshed("poll", 0)), now: 1, want: proceed(commitX)},
		{name: "foreign sync left it OutOfSync: sync ourselves", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX)), g: goal(refreshed("poll"+doneForeign, 1)), now: 2, want: syncs(1)},
		{name: "old foreign sync of another revision costs no refresh", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitO)), g: goal(refreshed("poll", 0)), now: 1, want: syncs(1)},
		{name: "foreign sync failed on the commit, Synced (a hook): sync for a verdict", o: seen(synced, commitX, op(PhaseFailed, commitX, says2("hook failed"))), g: goal(), want: syncs(1), says: "(hook failed)"},
		{name: "foreign sync failed on an older revision: no matter", o: seen(synced, commitX, op(PhaseFailed, commitO)), g: goal(), want: proceed(commitX)},

		// Our own operation.
		{name: "ours is accepted", o: seen(outOfSync, commitX, op(PhasePending, commitX, ours(1))), g: goal(attempt(1, true)), want: begins("pipeline/uid-1/1/2026-11-22T10:00:01Z"), says: "the sync of this run has not begun yet"},
		{name: "ours runs", o: seen(outOfSync, commitX, op(PhaseRunning, commitX, ours(1), says2("waiting for hooks"))), g: goal(attempt(1, true)), want: waits(poll), says: "the sync of this run runs: waiting for hooks"},
		{name: "killed between Sync accepted and checkpoint: ours is recognised", o: seen(outOfSync, commitX, op(PhaseRunning, commitX, ours(1))), g: goal(attempt(1, false)), want: waits(poll), says: "the sync of this run"},
		{name: "killed before Sync was sent: same attempt", o: seen(outOfSync, commitX), g: goal(attempt(1, false)), want: syncs(1)},
		{name: "ours succeeded and was replaced at once: verdict from the state", o: seen(synced, commitX, op(PhaseSucceeded, commitN)), g: goal(attempt(1, true)), want: proceed(commitX)},
		{name: "ours succeeded, comparison older: look at the workloads", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true)), want: proceed(commitX), says: "was synced to aaaaaaaa"},
		{name: "ours succeeded with another revision than compared: refresh", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitN, ours(1))), g: goal(attempt(1, true)),
			want: refreshes(strings.Replace(doneOurs, "proof", "operation", 1)), says: "synced to ffffffff, comparing again"},
		{name: "… and OutOfSync again: Argo CD's cache of the cluster may be behind", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true), refreshed(doneOurs, 1)), now: 2,
			want: waits(time.Second), says: "does not see all of it in the cluster yet"},
		{name: "… compare again, since when is kept", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true), refreshed(doneOurs, 1)), now: 3, want: refreshes(settling)},
		{name: "… and again", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true), refreshed(settling, 15)), now: 17, want: refreshes(settling)},
		{name: "… only what must be pruned is left: fail at once", g: goal(attempt(1, true), refreshed(doneOurs, 1)), now: 2, want: fails, sentinel: ErrSyncFailed,
			o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1)), resources(
				ResourceState{Resource: server, Sync: synced}, ResourceState{Resource: database, Sync: outOfSync, NeedPrune: true})),
			says: "OutOfSync again right after a successful sync: PersistentVolumeClaim/dev/data must be pruned (allow it with sync.prune, or delete it)"},
		{name: "… another resource besides: that may pass", g: goal(attempt(1, true), refreshed(doneOurs, 1)), now: 2, want: waits(time.Second),
			o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1)), resources(
				ResourceState{Resource: database, Sync: outOfSync, NeedPrune: true}, ResourceState{Resource: server, Sync: outOfSync}))},
		{name: "… and it stays so: fail with the resources", g: goal(attempt(1, true), refreshed(settling, 17)), now: 18, want: fails, sentinel: ErrSyncFailed,
			o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1)), resources(
				ResourceState{Resource: server, Sync: outOfSync}, ResourceState{Resource: database, Sync: outOfSync, NeedPrune: true}, ResourceState{Resource: server, Sync: synced, Health: "Degraded"})),
			says: "OutOfSync again right after a successful sync: PersistentVolumeClaim/dev/data must be pruned (allow it with sync.prune, or delete it); Deployment/dev/server differs from the repository"},
		{name: "… without a resource that Argo CD names", g: goal(attempt(1, true), refreshed(settling, 17)), now: 18, want: fails, sentinel: ErrSyncFailed,
			o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), says: "Argo CD names no resource"},
		{name: "ours synced an older revision: again", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitO, ours(1))), g: goal(attempt(1, true), refreshed(doneOurs, 1)), now: 2, want: syncs(2)},
		{name: "a newer commit came after ours: sync that", o: seen(outOfSync, commitN, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true), refreshed(doneOurs, 1)), now: 2, want: syncs(2)},
		{name: "ours is done and a second is planned but not sent", o: seen(outOfSync, commitN, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(2, false), refreshed(doneOurs, 1)), now: 2, want: syncs(2)},
		{name: "ours is done at this revision and a second is planned but not sent", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(2, false), refreshed(doneOurs, 1)), now: 2, want: syncs(2)},
		{name: "ours failed: fail with message and resources", g: goal(attempt(1, true)), want: fails, sentinel: ErrSyncFailed,
			o: seen(outOfSync, commitX, op(PhaseFailed, commitX, ours(1), says2("one or more objects failed to apply."), func(p *Operation) {
				p.Failed = []ResourceState{{Resource: server, Message: "field is immutable"}, {Resource: database}}
			})),
			says: "sync failed: one or more objects failed to apply: Deployment/dev/server (field is immutable), PersistentVolumeClaim/dev/data"},
		{name: "ours ended in an error (git, comparison): look again", o: seen(outOfSync, commitX, op(PhaseError, commitX, ours(1), says2("dial tcp: timeout"))), g: goal(attempt(1, true)), want: refreshes(errorOurs), says: "dial tcp: timeout"},
		{name: "… pause", o: seen(outOfSync, commitX, op(PhaseError, commitX, ours(1))), g: goal(attempt(1, true), refreshed(errorOurs, 0)), now: 2, want: waits(3 * time.Second)},
		{name: "… again", o: seen(outOfSync, commitX, op(PhaseError, commitX, ours(1))), g: goal(attempt(1, true), refreshed(errorOurs, 0)), now: 5, want: syncs(2)},
		{name: "… the retry's intent is stored: send it", o: seen(outOfSync, commitX, op(PhaseError, commitX, ours(1))), g: goal(attempt(2, false), refreshed(errorOurs, 0)), now: 5, want: syncs(2)},
		{name: "an earlier attempt's sync failed, the next intent is stored: send it", o: seen(outOfSync, commitX, op(PhaseFailed, commitX, ours(1), says2("hook failed"))), g: goal(attempt(2, false)), now: 1, want: syncs(2), says: "by this run failed (hook failed)"},
		{name: "… also when all but the hook is Synced", o: seen(synced, commitX, op(PhaseFailed, commitX, ours(1))), g: goal(attempt(2, false)), now: 1, want: syncs(2)},
		{name: "… and is not sent twice while the old operation is still shown", o: seen(synced, commitX, op(PhaseFailed, commitX, ours(1))), g: goal(attempt(2, true)), now: 1, want: proceed(commitX)},
		{name: "… the retry's intent is stored: no further look or pause", o: seen(outOfSync, commitX, op(PhaseError, commitX, ours(1))), g: goal(attempt(2, false), refreshed("poll", 0)), now: 1, want: syncs(2)},
		{name: "… three times is enough", o: seen(outOfSync, commitX, op(PhaseError, commitX, ours(3), says2("dial tcp: timeout"))), g: goal(attempt(3, true)), want: fails, sentinel: ErrSyncFailed, says: "dial tcp: timeout"},
		{name: "ours failed in a hook although Synced: fail", o: seen(synced, commitX, op(PhaseFailed, commitX, ours(1), says2("hook failed"))), g: goal(attempt(1, true)), want: fails, sentinel: ErrSyncFailed, says: "hook failed"},
		{name: "ten syncs are enough", o: seen(outOfSync, commitX), g: goal(attempt(10, true)), want: fails, sentinel: ErrSyncFailed, says: "still OutOfSync after 10 syncs"},

		// Sync windows.
		{name: "window closes after acceptance: ask about it", o: seen(outOfSync, commitX, op(PhaseRunning, commitX, ours(1), says2("Sync operation blocked by sync window"))), g: goal(attempt(1, true)), want: Decision{Action: AskWindows},
			says: "the sync of this run runs: Sync operation blocked by sync window"},

		// Auto-sync.
		{name: "auto-sync: wait 10 s", o: seen(outOfSync, commitX, auto), g: goal(refreshed("poll", 0)), now: 3, want: waits(7 * time.Second), says: "waiting for auto-sync"},
		{name: "auto-sync: then refresh", o: seen(outOfSync, commitX, auto), g: goal(refreshed("poll", 0)), now: 10, want: refreshes("auto-sync")},
		{name: "auto-sync: then sync", o: seen(outOfSync, commitX, auto), g: goal(refreshed("auto-sync", 10)), now: 11, want: syncs(1)},
		{name: "auto-sync failed: sync at once", o: seen(outOfSync, commitX, auto, condition(ConditionSyncError, "failed")), g: goal(), want: syncs(1)},
		{name: "auto-sync failed on the commit: sync at once", o: seen(outOfSync, commitX, auto, op(PhaseFailed, commitX, says2("boom"))), g: goal(), want: syncs(1), says: "(boom)"},
		{name: "auto-sync: our sync is planned: send it", o: seen(outOfSync, commitX, auto), g: goal(attempt(1, false)), now: 3, want: syncs(1)},

		// Roll-backs.
		{name: "rolled back by a person", o: seen(outOfSync, commitX, history(commitO, commitX, commitO)), g: goal(), want: fails, sentinel: ErrRolledBack,
			says: "rolled back: after commit aaaaaaaa, revision 00000000 without it was deployed by admin (history ID 2)"},
		{name: "rolled back, the server does not say who and when it began", want: fails, sentinel: ErrRolledBack, g: goal(),
			o: seen(synced, commitN, history(commitN, commitO), func(o *Observation) { o.History[1].Started, o.History[1].By = time.Time{}, "" }), says: "was deployed (history"},
		{name: "rolled back to a revision not known: ask", o: seen(outOfSync, commitX, history(commitX, "1234")), g: goal(), want: asks("1234")},
		{name: "rolled back to an undecidable revision: go on", o: seen(synced, commitX, history(commitX, "1234")), g: goal(func(g *Goal) { g.Contains["1234"] = Unknown }), want: proceed(commitX)},
		{name: "rolled back before an unchanged run: deploy again", o: seen(outOfSync, commitX, history(commitX, commitO)), g: goal(func(g *Goal) { g.Changed, g.Since = false, at0(60) }), now: 60, want: syncs(1)},
		{name: "rolled back during an unchanged run", o: seen(outOfSync, commitX, history(commitX, commitO)), g: goal(func(g *Goal) { g.Changed = false }), want: fails, sentinel: ErrRolledBack},
		{name: "older revision deployed, ours not yet: no roll-back", o: seen(outOfSync, commitX, history(commitO, commitO)), g: goal(), want: syncs(1)},
		{name: "our own sync deployed an older revision: no roll-back, sync again", o: seen(outOfSync, commitX, history(commitX, commitO), op(PhaseSucceeded, commitO, ours(1))), g: goal(attempt(1, true), refreshed(doneOurs, 1)), now: 2, want: syncs(2)},
		{name: "newest deployment has the commit", o: seen(synced, commitN, history(commitX, commitN)), g: goal(), want: proceed(commitN)},
		{name: "deployment without revision", o: seen(synced, commitX, history(commitX, "")), g: goal(), want: proceed(commitX)},

		// Comparison errors.
		{name: "comparison fails: refresh", o: seen("Unknown", "", condition(ConditionComparisonError, "kustomize build failed")), g: goal(refreshed("poll", -60)), want: refreshes(streak), says: "cannot compare it: kustomize build failed"},
		{name: "… and again", o: seen("Unknown", "", condition(ConditionInvalidSpecError, "no such cluster")), g: goal(refreshed(streak, 60)), now: 65, want: refreshes(streak)},
		{name: "… not too fast", o: seen("Unknown", "", condition(ConditionComparisonError, "x")), g: goal(refreshed(streak, 60)), now: 61, want: waits(4 * time.Second)},
		{name: "… lasting: fail", o: seen("Unknown", "", condition(ConditionComparisonError, "kustomize build failed"), condition(ConditionInvalidSpecError, "b")), g: goal(refreshed(streak, 116)), now: 121, want: fails, sentinel: ErrSyncFailed,
			says: "Argo CD cannot compare it with the repository: kustomize build failed; b"},
		{name: "… cached by Argo CD: fail", o: seen("Unknown", "", condition(ConditionComparisonError, "code = Unknown desc = Manifest generation error (cached): build failed")), g: goal(refreshed(streak, 15)), now: 16, want: fails, sentinel: ErrSyncFailed,
			says: "code = Unknown desc = build failed"},
		{name: "… cached, but nothing was refreshed yet", o: seen("Unknown", "", condition(ConditionComparisonError, "Manifest generation error (cached): x")), g: goal(), want: refreshes(streak), says: "cannot compare it: x"},
		{name: "… a new streak begins anew", o: seen("Unknown", "", condition(ConditionComparisonError, "x")), g: goal(refreshed(streak, 10)), now: 300, want: refreshes("comparison:2026-11-22T10:05:00Z")},
		{name: "Synced with a comparison error is no proof", o: seen(synced, commitX, condition(ConditionComparisonError, "x")), g: goal(), want: refreshes(streak)},

		// Several sources.
		{name: "multi-source: ours is the third, as $values", g: goal(), want: proceed(commitX), o: seen(synced, "", func(o *Observation) {
			o.Sources = []Source{{RepoURL: "https://charts.example.com", Chart: "redis"}, {RepoURL: "https://git.example.com/other"}, {RepoURL: shop, TargetRevision: "main", Ref: "values"}}
			o.Revisions = []string{"7.1.0", commitO, commitX}
		})},
		{name: "multi-source: the others' revisions do not count", g: goal(), want: refreshes("poll"), o: seen(synced, "", func(o *Observation) {
			o.Sources = []Source{{RepoURL: "https://git.example.com/other"}, {RepoURL: shop, TargetRevision: "main"}}
			o.Revisions = []string{commitX, commitO}
		})},
		{name: "multi-source: the comparison is from before the source was added", g: goal(), want: refreshes("poll"), o: seen(synced, commitX, func(o *Observation) {
			o.Sources = []Source{{RepoURL: "https://git.example.com/other"}, {RepoURL: shop, TargetRevision: "main"}}
		})},

		// What Preflight finds is found at any time.
		{name: "deleted under way", o: seen(synced, commitX, func(o *Observation) { o.Deleting = true }), g: goal(), want: fails, sentinel: ErrDeleting, says: "application argocd/shop"},
		{name: "retargeted under way", o: seen(synced, commitX, func(o *Observation) { o.Sources[0].TargetRevision = "v1" }), g: goal(), want: fails, sentinel: ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Decide(tt.o, tt.g, at0(tt.now)), tt.want, tt.sentinel, tt.says)
			if twice := Decide(tt.o, tt.g, at0(tt.now)); twice.Message != Decide(tt.o, tt.g, at0(tt.now)).Message {
				t.Error("messages are not stable")
			}
		})
	}
}
