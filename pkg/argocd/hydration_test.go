package argocd

import (
	"testing"
	"time"
)

const commitG = "cccccccc44444444444444444444444444444444" // on the hydrated branch, after commitH

// hydratedApp is an Application that is synced from what a hydrator writes.
func hydratedApp(sync, revision string, edit ...func(*Hydration)) Observation {
	o := seen(sync, revision)
	o.Sources = []Source{{RepoURL: shop, TargetRevision: "env/dev", Path: "shop"}}
	o.Hydration = &Hydration{Dry: Source{RepoURL: shop, TargetRevision: "main", Path: "overlays/dev"}, Branch: "env/dev", Phase: "Hydrated", Current: commitX, DryRevision: commitX, Revision: commitH}
	for _, e := range edit {
		e(o.Hydration)
	}
	return o
}

func last(dry, hydrated string) func(*Hydration) {
	return func(h *Hydration) { h.DryRevision, h.Revision = dry, hydrated }
}

func newest(phase, dry, message string) func(*Hydration) {
	return func(h *Hydration) { h.Phase, h.Current, h.Message, h.Finished = phase, dry, message, at0(3) }
}

func knows(revision, ancestor string, answer Answer) func(*Goal) {
	return func(g *Goal) { g.Contains[Decision{Revision: revision, Ancestor: ancestor}.Question()] = answer }
}

func with(o Observation, edit ...func(*Observation)) Observation {
	for _, e := range edit {
		e(&o)
	}
	return o
}

func TestHydrated(t *testing.T) {
	const tried = "hydration:2026-11-22T10:00:03Z"
	refreshes := func(mark string) Decision { return Decision{Action: DoRefresh, Refresh: RefreshNormal, Mark: mark} }
	fails := Decision{Action: Fail}
	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		now      int
		want     Decision
		sentinel error
		says     string
	}{
		{name: "never hydrated: refresh, which hydrates", o: hydratedApp("", "", last("", ""), newest("", "", "")), g: goal(), want: refreshes(markPoll), says: "waiting for Argo CD to hydrate commit aaaaaaaa"},
		{name: "hydrated from before the commit: refresh", o: hydratedApp(synced, commitO, last(commitO, commitO)), g: goal(), want: refreshes(markPoll), says: "hydrate commit aaaaaaaa; it has hydrated 00000000"},
		{name: "… paced", o: hydratedApp(synced, commitO, last(commitO, commitO)), g: goal(refreshed(markPoll, 0)), now: 1, want: Decision{Action: Wait, Wake: 4 * time.Second}},
		{name: "… a comparison error from before does not matter", o: with(hydratedApp("Unknown", "", last("", "")), condition(ConditionComparisonError, "unable to resolve env/dev")), g: goal(), want: refreshes(markPoll), says: "waiting for Argo CD to hydrate"},
		{name: "hydrates: wait", o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Hydrating", "", "")), g: goal(), want: Decision{Action: Wait, Wake: poll}, says: "Argo CD is hydrating it"},
		{name: "hydrated from an unknown commit: ask", o: hydratedApp(synced, commitO, last("1234", commitO)), g: goal(), want: Decision{Action: Ask, Revision: "1234"}},
		{name: "… that nobody can place: wait", o: hydratedApp(synced, commitO, last("1234", commitO)), g: goal(knows("1234", "", Unknown)), want: Decision{Action: Wait, Wake: poll}, says: "cannot tell whether revision 1234, which Argo CD has hydrated"},

		{name: "hydration failed: once more", o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Failed", commitX, "push rejected")), g: goal(refreshed(markPoll, 0)), now: 5, want: refreshes(tried), says: "could not hydrate it: push rejected"},
		{name: "… before the commit was known: once more", o: hydratedApp("", "", last("", ""), newest("Failed", "", "no such branch")), g: goal(), want: refreshes(tried)},
		{name: "… the repetition has not begun: paced", o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Failed", commitX, "push rejected")), g: goal(refreshed(tried, 5)), now: 6, want: Decision{Action: Wait, Wake: 4 * time.Second}},
		{name: "… failed again: fail", o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Failed", commitX, "push rejected")), g: goal(refreshed("hydration:2026-11-22T10:00:01Z", 2)), now: 6, want: fails, sentinel: ErrSyncFailed,
			says: "sync failed: Argo CD could not hydrate it: push rejected"},
		{name: "… of an older commit: refresh", o: hydratedApp(synced, commitO, last("", ""), newest("Failed", commitO, "old")), g: goal(), want: refreshes(markPoll), says: "it could not hydrate 00000000"},
		{name: "… of an unknown commit: ask", o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Failed", "1234", "x")), g: goal(), want: Decision{Action: Ask, Revision: "1234"}},
		{name: "… of a newer one, and ours is hydrated: go on", o: hydratedApp(synced, commitH, newest("Failed", commitN, "x")), g: goal(), want: Decision{Action: Proceed, Revision: commitH}},

		{name: "hydrated, not compared yet: refresh", o: hydratedApp(synced, commitO), g: goal(knows(commitO, commitH, No)), want: refreshes(markPoll),
			says: "waiting for Argo CD to see commit bbbbbbbb (hydrated from aaaaaaaa) on branch env/dev; it compares with 00000000"},
		{name: "… never compared", o: hydratedApp("", ""), g: goal(), want: refreshes(markPoll), says: "has not compared it"},
		{name: "… another branch has to be merged first", o: hydratedApp(synced, commitO, func(h *Hydration) { h.To = "env/dev-next" }), g: goal(knows(commitO, commitH, No)), want: refreshes(markPoll), says: "on branch env/dev, to which it has to be brought from branch env/dev-next"},
		{name: "compared with a newer commit of the hydrated branch: ask for what ours became", o: hydratedApp(synced, commitG), g: goal(), want: Decision{Action: Ask, Revision: commitG, Ancestor: commitH}},
		{name: "… it has it: proceed", o: hydratedApp(synced, commitG), g: goal(knows(commitG, commitH, Yes)), want: Decision{Action: Proceed, Revision: commitG}},
		{name: "… nobody can tell: wait", o: hydratedApp(synced, commitG), g: goal(knows(commitG, commitH, Unknown)), want: Decision{Action: Wait, Wake: poll}, says: "contains commit bbbbbbbb (hydrated from aaaaaaaa)"},
		{name: "OutOfSync with the hydrated commit: sync", o: hydratedApp(outOfSync, commitH), g: goal(), want: Decision{Action: DoSync, Attempt: 1}},
		{name: "… pinned: to what ours became", o: hydratedApp(outOfSync, commitH), g: goal(pin), want: Decision{Action: DoSync, Attempt: 1, Revision: commitH}},
		{name: "a later dry commit is hydrated: proceed", o: hydratedApp(synced, commitH, last(commitN, commitH)), g: goal(), want: Decision{Action: Proceed, Revision: commitH}},
		{name: "rolled back on the hydrated branch", o: with(hydratedApp(outOfSync, commitH), history(commitH, commitO)), g: goal(knows(commitO, commitH, No)), want: fails, sentinel: ErrRolledBack, says: "revision 00000000 without it was deployed by admin"},
		{name: "the hydrator says no hydrated commit: refresh", o: hydratedApp(synced, commitO, last(commitX, "")), g: goal(), want: refreshes(markPoll)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Decide(tt.o, tt.g, at0(tt.now)), tt.want, tt.sentinel, tt.says)
		})
	}
}

func TestOtherImageOfHydrated(t *testing.T) {
	fails := Decision{Action: Fail}
	check(t, OtherImage(hydratedApp(synced, commitH, last(commitN, commitH)), goal(), at0(25), "Deployment/dev/server", "a:0"), fails, ErrSuperseded, "superseded")
	check(t, OtherImage(hydratedApp(synced, commitH), goal(), at0(25), "Deployment/dev/server", "a:0"), Decision{Action: DoRefresh, Refresh: RefreshHard, Mark: markImage}, nil, "")
}
