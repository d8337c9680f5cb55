package argocd

import (
	"testing"
	"time"
)

func terminates(g *Goal) { g.TerminateForeign = true }

// stuck is what Decide has remembered of the operation that op makes.
func stuck(since, ended int, edit ...func(*Foreign)) func(*Goal) {
	return func(g *Goal) {
		g.Foreign = Foreign{Operation: "admin//0/2026-11-22T10:00:01Z", Since: at0(since), Ended: ended}
		for _, e := range edit {
			e(&g.Foreign)
		}
	}
}

func step(progress string) func(*Operation) { return func(p *Operation) { p.Progress = progress } }

func TestForeignOperation(t *testing.T) {
	const id = "admin//0/2026-11-22T10:00:01Z"
	runs := func(edit ...func(*Operation)) Observation {
		return seen(outOfSync, commitX, op(PhaseRunning, commitO, edit...))
	}
	waits := func(wake time.Duration, f Foreign) Decision { return Decision{Action: Wait, Wake: wake, Foreign: f} }
	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		now      int
		want     Decision
		sentinel error
		says     string
	}{
		{name: "policy Wait: waits for ever, says whose and since when, and remembers nothing", o: runs(says2("waiting for completion of hook batch/Job/migrate")), g: goal(stuck(0, 0)), now: 3600, want: waits(poll, Foreign{}),
			says: "application argocd/shop: the operation started by admin runs (began at 2026-11-22T10:00:01Z): waiting for completion of hook batch/Job/migrate"},
		{name: "policy Wait: of another run", o: runs(func(p *Operation) { p.Run = "uid-2" }), g: goal(), want: waits(poll, Foreign{}), says: "the sync of another run (CustomRun UID uid-2) runs (began at 2026-11-22T10:00:01Z)"},
		{name: "of nobody we know, and not begun", o: seen(outOfSync, commitX, op(PhasePending, commitO, func(p *Operation) { p.By, p.Started = "", time.Time{} })), g: goal(), want: waits(10*time.Second, Foreign{Operation: "//0/0001-01-01T00:00:00Z", Since: at0(0)}), says: "the operation of another user has not begun yet"},
		{name: "policy Terminate: first seen", o: runs(step("a")), g: goal(terminates), now: 5, want: waits(poll, Foreign{Operation: id, Progress: "a", Since: at0(5)})},
		{name: "… nothing new for a while", o: runs(step("a")), g: goal(terminates, stuck(5, 0, func(f *Foreign) { f.Progress = "a" })), now: 55, want: waits(10*time.Second, Foreign{Operation: id, Progress: "a", Since: at0(5)})},
		{name: "… progress starts the patience again", o: runs(step("b")), g: goal(terminates, stuck(5, 0, func(f *Foreign) { f.Progress = "a" })), now: 100, want: waits(poll, Foreign{Operation: id, Progress: "b", Since: at0(100)})},
		{name: "… another operation starts it too", o: runs(func(p *Operation) { p.Started = at0(70) }), g: goal(terminates, stuck(5, 2)), now: 100, want: waits(poll, Foreign{Operation: "admin//0/2026-11-22T10:01:10Z", Since: at0(100)})},
		{name: "… stuck: terminate exactly it", o: runs(), g: goal(terminates, stuck(5, 0)), now: 65, want: Decision{Action: DoTerminate, Operation: id, Foreign: Foreign{Operation: id, Since: at0(65), Ended: 1}},
			says: "terminating the operation started by admin (began at 2026-11-22T10:00:01Z), which got nowhere for 1m0s"},
		{name: "… auto-sync's is foreign too", o: runs(func(p *Operation) { p.Automated = true }), g: goal(terminates, stuck(5, 0)), now: 65, want: Decision{Action: DoTerminate, Operation: id, Foreign: Foreign{Operation: id, Since: at0(65), Ended: 1}}},
		{name: "… it ends", o: seen(outOfSync, commitX, op(PhaseTerminating, commitO, step("c"))), g: goal(terminates, stuck(65, 1)), now: 66, want: waits(poll, Foreign{Operation: id, Progress: "c", Since: at0(66), Ended: 1}), says: "is terminating"},
		{name: "… ended: sync", o: seen(outOfSync, commitX, op(PhaseFailed, commitO, says2("Operation terminated"))), g: goal(terminates, stuck(65, 1)), now: 67, want: Decision{Action: DoSync, Attempt: 1}},
		{name: "… it does not end: blocked", o: seen(outOfSync, commitX, op(PhaseTerminating, commitO)), g: goal(terminates, stuck(66, 1)), now: 126, want: Decision{Action: Fail}, sentinel: ErrBlocked,
			says: "another operation does not end: the operation started by admin (began at 2026-11-22T10:00:01Z) is terminating for more than 1m0s"},
		{name: "… the termination was undone: again", o: runs(), g: goal(terminates, stuck(65, 1)), now: 125, want: Decision{Action: DoTerminate, Operation: id, Foreign: Foreign{Operation: id, Since: at0(125), Ended: 2}}},
		{name: "… but not for ever: blocked", o: runs(), g: goal(terminates, stuck(65, 3)), now: 125, want: Decision{Action: Fail}, sentinel: ErrBlocked, says: "goes on after 3 terminations"},
		{name: "… what has not begun cannot be terminated", o: seen(outOfSync, commitX, op(PhasePending, commitO)), g: goal(terminates, stuck(5, 0)), now: 600, want: Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: markPending, Foreign: Foreign{Operation: id, Since: at0(600)}}, says: "has not begun yet"},
		{name: "… our own is never terminated", o: runs(ours(1)), g: goal(terminates, stuck(5, 0), attempt(1, true)), now: 600, want: waits(poll, Foreign{}), says: "the sync of this run runs"},
		{name: "… nor any, when ours cannot be told", o: runs(), g: goal(terminates, stuck(5, 0), func(g *Goal) { g.Run = "" }), now: 600, want: waits(poll, Foreign{})},
		{name: "… nor one that a sync window holds", o: runs(says2("Sync operation blocked by sync window")), g: goal(terminates, stuck(5, 0)), now: 600, want: Decision{Action: AskWindows}},
		{name: "nobody runs it any more: forgotten", o: seen(synced, commitX), g: goal(terminates, stuck(5, 0)), want: Decision{Action: Proceed, Revision: commitX}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Decide(tt.o, tt.g, at0(tt.now)), tt.want, tt.sentinel, tt.says)
		})
	}
}

// Argo CD's application controller can miss an operation that it has accepted. A refresh tells it again.
func TestOperationDoesNotBegin(t *testing.T) {
	const id = "/uid-1/1/0001-01-01T00:00:00Z"
	pending := seen(outOfSync, commitX, op(PhasePending, commitX, ours(1), func(p *Operation) { p.By, p.Started = "", time.Time{} }))
	since := func(seconds int) func(*Goal) {
		return func(g *Goal) { g.Foreign = Foreign{Operation: id, Since: at0(seconds)} }
	}
	reminds := func(now int) Decision {
		return Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: markPending, Foreign: Foreign{Operation: id, Since: at0(now)}}
	}
	for _, tt := range []struct {
		name string
		g    Goal
		now  int
		want Decision
	}{
		{name: "first seen: wait", g: goal(attempt(1, true)), now: 5, want: Decision{Action: Wait, Wake: 10 * time.Second, Foreign: Foreign{Operation: id, Since: at0(5)}}},
		{name: "still: wait for the rest", g: goal(attempt(1, true), since(5)), now: 11, want: Decision{Action: Wait, Wake: 4 * time.Second, Foreign: Foreign{Operation: id, Since: at0(5)}}},
		{name: "too long: remind", g: goal(attempt(1, true), since(5)), now: 15, want: reminds(15)},
		{name: "reminded: wait again", g: goal(attempt(1, true), since(15), refreshed(markPending, 15)), now: 16, want: Decision{Action: Wait, Wake: 9 * time.Second, Foreign: Foreign{Operation: id, Since: at0(15)}}},
		{name: "and again", g: goal(attempt(1, true), since(15), refreshed(markPending, 15)), now: 25, want: reminds(25)},
		{name: "another operation: its own patience", g: goal(attempt(1, true), func(g *Goal) { g.Foreign = Foreign{Operation: "admin//0/x", Since: at0(0)} }), now: 30, want: Decision{Action: Wait, Wake: 10 * time.Second, Foreign: Foreign{Operation: id, Since: at0(30)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Decide(pending, tt.g, at0(tt.now)), tt.want, nil, "the sync of this run has not begun yet")
		})
	}
}

// A run that writes nothing ends nobody's operation.
func TestSettledTerminatesNothing(t *testing.T) {
	o := seen(outOfSync, commitX, op(PhaseRunning, commitO))
	check(t, Settled(o, goal(terminates, stuck(5, 0)), at0(0), at0(600)), Decision{Action: Wait, Wake: poll}, nil, "started by admin")
}
