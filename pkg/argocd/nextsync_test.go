package argocd

import "testing"

func pin(g *Goal) { g.Pin = true }

// shopAndChart has our repository as its second source.
func shopAndChart(o *Observation) {
	o.MultiSource = true
	o.Sources = []Source{{RepoURL: "https://charts.example.com", Chart: "redis"}, {RepoURL: shop, TargetRevision: "main", Ref: "values"}}
	o.Revisions = append([]string{"7.1.0"}, o.Revisions...)
	if o.Operation != nil {
		o.Operation.Revisions = append([]string{"7.1.0"}, o.Operation.Revisions...)
	}
}

func TestPinned(t *testing.T) {
	done := op(PhaseSucceeded, commitX, ours(1))
	proceed := Decision{Action: Proceed, Revision: commitX}
	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		want     Decision
		sentinel error
		says     string
	}{
		{name: "syncs to the commit", o: seen(outOfSync, commitX), g: goal(pin), want: Decision{Action: DoSync, Attempt: 1, Revision: commitX}},
		{name: "syncs to the commit though the branch has a newer one", o: seen(outOfSync, commitN), g: goal(pin), want: Decision{Action: DoSync, Attempt: 1, Revision: commitX}},
		{name: "names the source of several", o: seen(outOfSync, commitX, shopAndChart), g: goal(pin), want: Decision{Action: DoSync, Attempt: 1, Revision: commitX, Position: 2}},
		{name: "one source in a list is one of several", o: seen(outOfSync, commitX, func(o *Observation) { o.MultiSource = true }), g: goal(pin), want: Decision{Action: DoSync, Attempt: 1, Revision: commitX, Position: 1}},
		{name: "somebody synced the newer one: that has it too", o: seen(synced, commitN), g: goal(pin), want: Decision{Action: Proceed, Revision: commitN}},
		{name: "done, and the branch has moved on: proceed with the commit", o: seen(outOfSync, commitN, done), g: goal(pin, attempt(1, true)), want: proceed, says: "was synced to the pinned commit aaaaaaaa; branch main has ffffffff by now"},
		{name: "… of several sources", o: seen(outOfSync, commitN, done, shopAndChart), g: goal(pin, attempt(1, true)), want: proceed},
		{name: "not pinned: the newer one is due", o: seen(outOfSync, commitN, done), g: goal(attempt(1, true), refreshed(doneOurs, 1)), want: Decision{Action: DoSync, Attempt: 2}},
		{name: "auto-sync would not allow it", o: seen(outOfSync, commitX, auto), g: goal(pin), want: Decision{Action: Fail}, sentinel: ErrAutoSyncRevision, says: "syncs to what branch main has: remove pinRevision, or automated"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Decide(tt.o, tt.g, at0(2)), tt.want, tt.sentinel, tt.says)
		})
	}
}

func TestPinnedIsProven(t *testing.T) {
	o := seen(outOfSync, commitN, op(PhaseSucceeded, commitX, ours(1)))
	before, after := goal(pin, attempt(1, true), refreshed(markPoll, 20)), goal(pin, attempt(1, true), refreshed(doneOurs, 20))
	check(t, Proven(o, before, at0(10), at0(25)), Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: doneOurs}, nil, "comparing once more")
	check(t, Proven(o, after, at0(10), at0(25)), Decision{Action: Proceed, Revision: commitX}, nil, "pinned commit aaaaaaaa")
	o.Health = "Degraded"
	check(t, Proven(o, after, at0(10), at0(25)), Decision{Action: Wait, Wake: poll}, nil, "Degraded")
}
