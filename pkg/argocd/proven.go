package argocd

import (
	"fmt"
	"slices"
	"time"
)

// Proven is the last check, after every workload was seen rolled out at
// rolledOut (caller's clock). Only a comparison begun after that counts, so it
// asks for a refresh first. Then, in that one observation, the commit must be
// synced, nothing running, and the Application Healthy.
//
// Any decision of Decide may come back: a sync that is due again means going
// back to syncing.
func Proven(o Observation, g Goal, rolledOut, now time.Time) Decision {
	d := Decide(o, g, now)
	if d.Action != Proceed {
		return d
	}
	v := newView(o, g, now)
	pinned := v.pinnedAway() && g.refreshedAfter(o.Operation)
	// OutOfSync: a sync has just succeeded, and nothing was compared since.
	if g.Refreshed.Before(rolledOut) || (o.Sync != synced && !pinned) {
		return refresh(o, RefreshNormal, markProof, fmt.Sprintf("application %s: the workloads are rolled out, comparing once more", o.App))
	}
	if o.Health == healthy || g.Health == HealthWorkloads {
		if pinned {
			return d
		}
		d.Message = fmt.Sprintf("application %s is Synced with %s and %s", o.App, short(d.Revision), o.Health)
		return d
	}
	return wait(poll, healthMessage(o, g))
}

// healthMessage names what is not healthy, and sets apart what was not before
// the run: that is usually not the run's business.
func healthMessage(o Observation, g Goal) string {
	var before, since []string
	for _, r := range o.Resources {
		switch {
		case r.Health == "" || r.Health == healthy:
		case slices.Contains(g.Unhealthy, r.String()):
			before = append(before, withMessage(r.String()+" "+r.Health, r.Message))
		default:
			since = append(since, withMessage(r.String()+" "+r.Health, r.Message))
		}
	}
	message := withMessage(fmt.Sprintf("application %s is Synced but %s", o.App, o.Health), o.HealthMsg)
	if len(since) > 0 {
		message += ": " + list(since, maxNamed)
	}
	if len(before) > 0 {
		message += "; not healthy before this run either: " + list(before, maxNamed) + " (repair it, or set verify.health to Workloads)"
	}
	return message
}

// OtherImage decides what it means that Decide proceeded, and yet a live
// workload runs another image than the wanted one: a newer commit set it
// (ErrSuperseded), Argo CD's manifest cache or ignored differences hide it (one
// hard refresh, one sync), or something else overrides it (ErrImageMismatch).
func OtherImage(o Observation, g Goal, now time.Time, workload, live string) Decision {
	d := Decide(o, g, now)
	if d.Action != Proceed {
		return d
	}
	v := newView(o, g, now)
	runs := fmt.Sprintf("application %s: %s runs %s", o.App, workload, live)
	op := o.Operation
	switch {
	case v.newer(d.Revision):
		return fail(fmt.Errorf("%s: %w: revision %s, which contains commit %s, is synced", runs, ErrSuperseded, short(d.Revision), short(g.Commit)))
	case g.purpose() != markImage:
		return refresh(o, RefreshHard, markImage, runs+": comparing again without Argo CD's cache")
	case !g.ours(op) || op.Phase != PhaseSucceeded || at(op.Revisions, v.index) != d.Revision:
		return v.nextSync(runs + ": syncing it once more")
	}
	hint := "is the image in ignoreDifferences, or does another controller set it?"
	if set := overrides(o.Sources); len(set) > 0 {
		hint = "the Application itself sets " + list(set, 3)
	}
	return fail(fmt.Errorf("%s although commit %s is synced: %w: %s", runs, short(g.Commit), ErrImageMismatch, hint))
}

// overrides are what an Application sets besides its sources, and may be an image.
// With several sources, those of any may win over what one of them says.
func overrides(sources []Source) []string {
	var set []string
	for _, s := range sources {
		for _, image := range s.Images {
			set = append(set, image+" (kustomize.images)")
		}
		for _, name := range s.Parameters {
			set = append(set, name+" (helm.parameters)")
		}
	}
	return set
}

// NoWorkload decides what it means that Decide proceeded, and yet the tree has no
// workload with the image. Right after a sync the tree is from before it, as a
// whole or in part, so that only one of a comparison begun after the operation
// counts. Then missing, the caller's own error, is the verdict.
func NoWorkload(o Observation, g Goal, now time.Time, missing error) Decision {
	d := Decide(o, g, now)
	if d.Action != Proceed {
		return d
	}
	if g.purpose() != markTree || o.Sync != synced || (o.Operation != nil && !g.refreshedAfter(o.Operation)) {
		return refresh(o, RefreshNormal, markTree, fmt.Sprintf("application %s: looking again for the workloads that run the image", o.App))
	}
	return fail(missing)
}
