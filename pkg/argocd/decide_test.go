package argocd

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	commitX = "aaaaaaaa11111111111111111111111111111111" // ours
	commitO = "00000000cccccccccccccccccccccccccccccccc" // from before it
	commitN = "ffffffff22222222222222222222222222222222" // newer, contains it
	shop    = "https://git.example.com/shop.git"
)

// doneOurs is the mark of a refresh after our first sync.
const doneOurs = "proof after uid-1/1/2026-11-22T10:00:01Z/0001-01-01T00:00:00Z/Succeeded"

// settling is the mark of a refresh that waits for what that sync has left OutOfSync, since three seconds after start.
const settling = "settle:2026-11-22T10:00:03Z after uid-1/1/2026-11-22T10:00:01Z/0001-01-01T00:00:00Z/Succeeded"

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func at0(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// goal is that of a run that pushed commitX and began to wait at start.
func goal(edit ...func(*Goal)) Goal {
	g := Goal{
		RepoURL: shop, Branch: "main", Path: "overlays/dev", Commit: commitX, Changed: true, Run: "uid-1",
		Contains: map[string]Answer{commitN: Yes, commitO: No}, Since: start,
	}
	for _, e := range edit {
		e(&g)
	}
	return g
}

func refreshed(mark string, seconds int) func(*Goal) {
	return func(g *Goal) { g.Mark, g.Refreshed = mark, at0(seconds) }
}

func attempt(n int, sent bool) func(*Goal) {
	return func(g *Goal) { g.Attempt, g.Sent = n, sent }
}

// seen is an Application with one source of our repository, Healthy.
func seen(sync, revision string, edit ...func(*Observation)) Observation {
	o := Observation{
		App: App{Name: "shop", Namespace: "argocd", Project: "default"}, Sync: sync, Health: "Healthy",
		Sources: []Source{{RepoURL: shop, TargetRevision: "main", Path: "overlays/dev"}},
	}
	if revision != "" {
		o.Revisions = []string{revision}
	}
	for _, e := range edit {
		e(&o)
	}
	return o
}

func op(phase, revision string, edit ...func(*Operation)) func(*Observation) {
	return func(o *Observation) {
		o.Operation = &Operation{Phase: phase, By: "admin", Started: at0(1), Revisions: []string{revision}}
		for _, e := range edit {
			e(o.Operation)
		}
		o.Running = !o.Operation.Done()
	}
}

func ours(n int) func(*Operation) {
	return func(p *Operation) { p.Run, p.Attempt, p.By = "uid-1", n, "pipeline" }
}

func says2(message string) func(*Operation) { return func(p *Operation) { p.Message = message } }

func waitsForRetry(p *Operation) { p.Finished, p.Retries = at0(2), 2 }

func auto(o *Observation) { o.AutoSync.Enabled = true }

func condition(kind, message string) func(*Observation) {
	return func(o *Observation) { o.Conditions = append(o.Conditions, Condition{Type: kind, Message: message}) }
}

func history(revisions ...string) func(*Observation) {
	return func(o *Observation) {
		for i, r := range revisions {
			o.History = append(o.History, Deployment{ID: int64(i), Revisions: []string{r}, Started: at0(i + 1), Deployed: at0(i + 1), By: "admin"})
		}
	}
}

func resources(r ...ResourceState) func(*Observation) {
	return func(o *Observation) { o.Resources = r }
}

func health(h, message string) func(*Observation) {
	return func(o *Observation) { o.Health, o.HealthMsg = h, message }
}

var (
	server   = Resource{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "dev", Name: "server"}
	database = Resource{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: "dev", Name: "data"}
)

// check compares all but the message, which must contain says; of Err only the
// sentinel counts.
func check(t *testing.T, got, want Decision, sentinel error, says string) {
	t.Helper()
	if !errors.Is(got.Err, sentinel) || (sentinel == nil && got.Err != nil) {
		t.Errorf("got error %v, want %v", got.Err, sentinel)
	}
	if !strings.Contains(got.Message, says) {
		t.Errorf("message %q does not say %q", got.Message, says)
	}
	if got.Message == "" {
		t.Error("no message")
	}
	got.Message, got.Err = "", nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

func TestDecide(t *testing.T) {
	proceed := func(revision string) Decision { return Decision{Action: Proceed, Revision: revision} }
	syncs := func(n int) Decision { return Decision{Action: DoSync, Attempt: n} }
	refreshes := func(mark string) Decision { return Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: mark} }
	waits := func(d time.Duration) Decision { return Decision{Action: Wait, Wake: d} }
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
		{name: "a webhook took the operation first: wait", o: seen(outOfSync, commitX, op(PhaseRunning, commitX)), g: goal(), want: waits(poll), says: "the operation started by admin runs"},
		{name: "accepted, not begun", o: seen(outOfSync, commitX, op(PhasePending, "")), g: goal(), want: waits(poll), says: "has not begun yet"},
		{name: "of nobody we know", o: seen(outOfSync, commitX, op(PhaseTerminating, "", func(p *Operation) { p.By = "" })), g: goal(), want: waits(poll), says: "the operation of another user is terminating"},
		{name: "Running with finishedAt: not done", o: seen(synced, commitX, op(PhaseRunning, commitX, waitsForRetry)), g: goal(), want: waits(poll), says: "failed and waits for its retry 2"},
		{name: "foreign sync succeeded, comparison older: proceed", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX)), g: goal(refreshed("poll", 0)), now: 1, want: proceed(commitX)},
		{name: "foreign sync left it OutOfSync: sync ourselves", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX)), g: goal(refreshed("poll"+doneForeign, 1)), now: 2, want: syncs(1)},
		{name: "old foreign sync of another revision costs no refresh", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitO)), g: goal(refreshed("poll", 0)), now: 1, want: syncs(1)},
		{name: "foreign sync failed on the commit, Synced (a hook): sync for a verdict", o: seen(synced, commitX, op(PhaseFailed, commitX, says2("hook failed"))), g: goal(), want: syncs(1), says: "(hook failed)"},
		{name: "foreign sync failed on an older revision: no matter", o: seen(synced, commitX, op(PhaseFailed, commitO)), g: goal(), want: proceed(commitX)},

		// Our own operation.
		{name: "ours is accepted", o: seen(outOfSync, commitX, op(PhasePending, commitX, ours(1))), g: goal(attempt(1, true)), want: waits(poll), says: "the sync of this run has not begun yet"},
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
		{name: "window closes after acceptance: fail", o: seen(outOfSync, commitX, op(PhaseRunning, commitX, ours(1), says2("Sync operation blocked by sync window"))), g: goal(attempt(1, true)), want: fails, sentinel: ErrSyncWindow,
			says: "accepted the sync of this run but a sync window blocks it"},

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

func TestPreflight(t *testing.T) {
	target := func(v string) func(*Observation) {
		return func(o *Observation) { o.Sources[0].TargetRevision = v }
	}
	for _, tt := range []struct {
		name string
		o    Observation
		want error
		says string
	}{
		{name: "fine", o: seen(synced, commitO)},
		{name: "follows HEAD, which may be our branch", o: seen(synced, commitO, target("HEAD"))},
		{name: "follows nothing said, which is HEAD", o: seen(synced, commitO, target(""))},
		{name: "follows the full ref", o: seen(synced, commitO, target("refs/heads/main"))},
		{name: "a comparison error from before is no failure", o: seen("Unknown", "", condition(ConditionComparisonError, "x"), health("Degraded", ""))},
		{name: "being deleted", o: seen(synced, commitO, func(o *Observation) { o.Deleting = true }), want: ErrDeleting, says: "application argocd/shop: application is being deleted"},
		{name: "skip-reconcile", o: seen(synced, commitO, func(o *Observation) { o.SkipReconcile = true }), want: ErrSkipReconcile, says: "remove its annotation argocd.argoproj.io/skip-reconcile"},
		{name: "another repository", o: seen(synced, commitO, func(o *Observation) {
			o.Sources = []Source{{RepoURL: "https://git.example.com/other"}, {RepoURL: "https://charts.example.com", Chart: "redis"}}
		}), want: ErrMismatch, says: "no source of it is https://git.example.com/shop.git; it has https://git.example.com/other, https://charts.example.com (chart redis)"},
		{name: "no source", o: seen(synced, commitO, func(o *Observation) { o.Sources = nil }), want: ErrMismatch, says: "it has none"},
		{name: "our repository as a chart repository", o: seen(synced, commitO, func(o *Observation) { o.Sources[0].Chart = "c" }), want: ErrMismatch},
		{name: "a tag", o: seen(synced, commitO, target("refs/tags/v1")), want: ErrMismatch, says: "follows the tag v1, not branch main: set targetRevision to main"},
		{name: "a fixed commit", o: seen(synced, commitO, target(commitO)), want: ErrMismatch, says: "the fixed commit " + commitO},
		{name: "another branch", o: seen(synced, commitO, target("prod")), want: ErrMismatch, says: "the branch or tag prod"},
		{name: "a range of tags", o: seen(synced, commitO, target("1.*")), want: ErrMismatch, says: "the branch or tag 1.*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sameErr(t, Preflight(tt.o, goal()), tt.want, tt.says)
		})
	}
}

func TestTrackedSource(t *testing.T) {
	fold := func(a, b string) bool {
		return strings.EqualFold(strings.TrimSuffix(a, ".git"), strings.TrimSuffix(b, ".git"))
	}
	for _, tt := range []struct {
		name    string
		sources []Source
		want    int
	}{
		{"the same path wins", []Source{{RepoURL: shop, Path: "overlays"}, {RepoURL: shop, Path: "/overlays/dev/"}, {RepoURL: shop}}, 1},
		{"then one around it", []Source{{RepoURL: shop, Path: "charts"}, {RepoURL: shop, Path: "overlays"}}, 1},
		{"then any", []Source{{RepoURL: shop, Path: "charts"}, {RepoURL: shop, Path: "other"}}, 0},
		{"a path is no prefix by letters", []Source{{RepoURL: shop, Path: "other"}, {RepoURL: shop, Path: "overlays/development"}}, 0},
		{"one that follows the branch wins", []Source{{RepoURL: shop, Path: "overlays/dev", TargetRevision: "v1"}, {RepoURL: shop, Ref: "values", TargetRevision: "main"}}, 1},
		{"URLs are compared by the given function", []Source{{RepoURL: "x"}, {RepoURL: "HTTPS://git.example.com/shop"}}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := trackedSource(Observation{Sources: tt.sources}, goal(func(g *Goal) { g.SameRepository = fold }))
			if got != tt.want || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestProven(t *testing.T) {
	pvc := ResourceState{Resource: database, Sync: synced, Health: "Progressing", Message: "waiting for a volume"}
	dep := ResourceState{Resource: server, Sync: synced, Health: "Degraded"}
	final := refreshed(markProof, 20)
	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		want     Decision
		sentinel error
		says     string
	}{
		{name: "Healthy of the old state right after apply: one more refresh", o: seen(synced, commitX), g: goal(refreshed("poll", 5)),
			want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: markProof}, says: "the workloads are rolled out, comparing once more"},
		{name: "Synced and Healthy after it: proven", o: seen(synced, commitX), g: goal(final), want: Decision{Action: Proceed, Revision: commitX}, says: "Synced with aaaaaaaa and Healthy"},
		{name: "a newer commit that contains ours: proven", o: seen(synced, commitN), g: goal(final), want: Decision{Action: Proceed, Revision: commitN}},
		{name: "an operation runs", o: seen(synced, commitX, op(PhaseRunning, commitX)), g: goal(final), want: Decision{Action: Wait, Wake: poll}, says: "admin runs"},
		{name: "synced just now, nothing compared since: refresh, though it began after the rollout", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true), final),
			want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: doneOurs}},
		{name: "OutOfSync in the last comparison", o: seen(outOfSync, commitX, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true), refreshed(settling, 24)), want: Decision{Action: Fail}, sentinel: ErrSyncFailed},
		{name: "rolled back after the rollout", o: seen(outOfSync, commitX, history(commitX, commitO)), g: goal(final), want: Decision{Action: Fail}, sentinel: ErrRolledBack},
		{name: "a newer commit is not synced yet: sync", o: seen(outOfSync, commitN, op(PhaseSucceeded, commitX, ours(1))), g: goal(attempt(1, true), refreshed(doneOurs, 20)),
			want: Decision{Action: DoSync, Attempt: 2}},
		{name: "not healthy since the run", o: seen(synced, commitX, health("Degraded", "hm"), resources(dep)), g: goal(final), want: Decision{Action: Wait, Wake: poll},
			says: "is Synced but Degraded (hm): Deployment/dev/server Degraded"},
		{name: "a resource that was not healthy before the push either", g: goal(final, func(g *Goal) { g.Unhealthy = []string{"PersistentVolumeClaim/dev/data"} }),
			o: seen(synced, commitX, health("Progressing", ""), resources(pvc, ResourceState{Resource: server, Sync: synced})), want: Decision{Action: Wait, Wake: poll},
			says: "Synced but Progressing; not healthy before this run either: PersistentVolumeClaim/dev/data Progressing (waiting for a volume) (repair it, or set verify.health to Workloads)"},
		{name: "health: Workloads looks away", o: seen(synced, commitX, health("Progressing", ""), resources(pvc)), g: goal(final, func(g *Goal) { g.Health = HealthWorkloads }),
			want: Decision{Action: Proceed, Revision: commitX}, says: "Synced with aaaaaaaa and Progressing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Proven(tt.o, tt.g, at0(10), at0(25)), tt.want, tt.sentinel, tt.says)
		})
	}
}

func TestOtherImage(t *testing.T) {
	oursDone := op(PhaseSucceeded, commitX, ours(1))
	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		want     Decision
		sentinel error
		says     string
	}{
		{name: "a newer commit changed our image", o: seen(synced, commitN), g: goal(), want: Decision{Action: Fail}, sentinel: ErrSuperseded,
			says: "Deployment/dev/server runs a:0: superseded by a newer commit: revision ffffffff, which contains commit aaaaaaaa, is synced"},
		{name: "stale cache: one hard refresh", o: seen(synced, commitX), g: goal(), want: Decision{Action: DoRefresh, Refresh: RefreshHard, Mark: markImage}},
		{name: "ignoreDifferences: one sync applies it", o: seen(synced, commitX), g: goal(refreshed(markImage, 1)), want: Decision{Action: DoSync, Attempt: 1}, says: "syncing it once more"},
		{name: "still another image", o: seen(synced, commitX, oursDone), g: goal(attempt(1, true), refreshed(markImage, 1)), want: Decision{Action: Fail}, sentinel: ErrImageMismatch, says: "is the image in ignoreDifferences"},
		{name: "the Application overrides it", o: seen(synced, commitX, oursDone, func(o *Observation) { o.Sources[0].Images = []string{"a=a:0"} }), g: goal(attempt(1, true), refreshed(markImage, 1)),
			want: Decision{Action: Fail}, sentinel: ErrImageMismatch, says: "the Application itself sets a=a:0"},
		{name: "the hard refresh shows that the sync left it OutOfSync", o: seen(outOfSync, commitX, oursDone), g: goal(attempt(1, true), refreshed(settling, 20)),
			want: Decision{Action: Fail}, sentinel: ErrSyncFailed},
		{name: "not synced any more", o: seen(synced, commitO), g: goal(), want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: markPoll}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, OtherImage(tt.o, tt.g, at0(25), "Deployment/dev/server", "a:0"), tt.want, tt.sentinel, tt.says)
		})
	}
}

func TestNoWorkload(t *testing.T) {
	missing := errors.New("nothing runs it")
	done := op(PhaseSucceeded, commitX, ours(1))
	afterDone := strings.Replace(doneOurs, "proof", "tree", 1)
	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		want     Decision
		sentinel error
	}{
		{name: "the tree is from before the sync", o: seen(outOfSync, commitX, done), g: goal(attempt(1, true), refreshed("poll", 0)), want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: afterDone}},
		{name: "it may be, whatever the refresh was for", o: seen(synced, commitX, done), g: goal(attempt(1, true), refreshed(doneOurs, 2)), want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: afterDone}},
		{name: "another operation ended since", o: seen(synced, commitX, op(PhaseSucceeded, commitX, ours(2))), g: goal(attempt(2, true), refreshed(afterDone, 2)), want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: strings.Replace(afterDone, "uid-1/1/", "uid-1/2/", 1)}},
		{name: "still none after a comparison that began later", o: seen(synced, commitX, done), g: goal(attempt(1, true), refreshed(afterDone, 2)), want: Decision{Action: Fail}, sentinel: missing},
		{name: "still none, and there never was an operation", o: seen(synced, commitX), g: goal(refreshed("tree", 2)), want: Decision{Action: Fail}, sentinel: missing},
		{name: "not synced any more", o: seen(synced, commitO), g: goal(), want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: markPoll}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, NoWorkload(tt.o, tt.g, at0(25), missing), tt.want, tt.sentinel, "")
		})
	}
}

func TestUnhealthy(t *testing.T) {
	o := seen(synced, commitX, resources(ResourceState{Resource: server, Health: "Healthy", Sync: outOfSync}, ResourceState{Resource: database, Health: "Missing"}, ResourceState{Resource: Resource{Kind: "Namespace", Name: "dev"}, Health: "Degraded"}))
	if diff := cmp.Diff([]string{"PersistentVolumeClaim/dev/data", "Namespace/dev"}, o.Unhealthy()); diff != "" {
		t.Error(diff)
	}
}
