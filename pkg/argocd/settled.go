package argocd

import (
	"fmt"
	"slices"
	"time"
)

// Settled is the last check of a run that writes nothing and has no commit to
// wait for. As in Proven, only a comparison begun after rolledOut counts; in it
// the Application must be Synced and Healthy with nothing running. It never asks
// for a sync, and never ends an operation: what is OutOfSync is somebody's
// intention.
func Settled(o Observation, g Goal, rolledOut, now time.Time) Decision {
	if err := standing(o); err != nil {
		return fail(err)
	}
	g.TerminateForeign = false
	v := view{o: o, g: g, now: now}
	for _, rule := range []func() (Decision, bool){v.operationRuns, v.comparisonFails} {
		if d, decided := rule(); decided {
			return d
		}
	}
	switch {
	case g.Refreshed.Before(rolledOut):
		return refresh(o, RefreshNormal, markProof, fmt.Sprintf("application %s: comparing it with the repository", o.App))
	case o.Sync != synced:
		return wait(poll, fmt.Sprintf("application %s is %s: waiting until it is Synced (this run does not sync)", o.App, o.Sync))
	case o.Health != healthy && g.Health != HealthWorkloads:
		return wait(poll, healthMessage(o, g))
	}
	return Decision{Action: Proceed, Revision: at(o.Revisions, firstGit(o.Sources)), Message: fmt.Sprintf("application %s is Synced and %s", o.App, o.Health)}
}

// firstGit is the first source whose revisions are commits, 0 when there is none.
func firstGit(sources []Source) int {
	return max(0, slices.IndexFunc(sources, func(s Source) bool { return s.Chart == "" }))
}
