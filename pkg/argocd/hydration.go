package argocd

import (
	"fmt"
	"strings"
	"time"
)

// hydrated is the commit that ours was hydrated to, or a later one was; "" without
// a source hydrator.
func (v view) hydrated() string {
	if v.o.Hydration == nil {
		return ""
	}
	return v.o.Hydration.Revision
}

// commit is ours, or what it was hydrated to: what a sync to it would be pinned to.
func (v view) commit() string {
	if v.o.Hydration == nil {
		return v.g.Commit
	}
	return v.o.Hydration.Revision
}

// has answers whether a revision of the tracked source has the commit; "" means
// that it has to be asked. Where the source is hydrated, notHydrated has found
// that the last hydration has it, or the rules before it are asking: then what
// was hydrated last is as good a mark of it as any.
func (v view) has(revision string) Answer {
	switch {
	case v.o.Hydration == nil:
		return v.g.contains(revision)
	case v.g.contains(v.o.Hydration.DryRevision) != Yes || v.hydrated() == "":
		return No
	case revision == v.hydrated():
		return Yes
	}
	return v.g.Contains[question(revision, v.hydrated())]
}

// newer tells whether a synced revision has more than our commit.
func (v view) newer(revision string) bool {
	if v.o.Hydration == nil {
		return revision != v.g.Commit
	}
	return v.o.Hydration.DryRevision != v.g.Commit
}

// what names the commit that the tracked source is to have.
func (v view) what() string {
	if v.o.Hydration == nil {
		return short(v.g.Commit)
	}
	return fmt.Sprintf("%s (hydrated from %s)", short(v.hydrated()), short(v.g.Commit))
}

// branch is what the tracked source follows.
func (v view) branch() string {
	if v.o.Hydration == nil {
		return v.g.Branch
	}
	branch := v.o.Hydration.Branch
	if to := v.o.Hydration.To; to != "" {
		branch += ", to which it has to be brought from branch " + to
	}
	return branch
}

// notHydrated waits until the source hydrator has written the commit or a
// descendant of it. A refresh asks for a hydration too (server.go, Get; 2.14 and
// later), so a failed one is repeated once before it counts.
func (v view) notHydrated() (Decision, bool) {
	h := v.o.Hydration
	if h == nil {
		return Decision{}, false
	}
	last := No
	if h.DryRevision != "" {
		last = v.g.contains(h.DryRevision)
	}
	switch {
	case last == Yes:
		return Decision{}, false
	case last == "":
		return ask(h.DryRevision, ""), true
	case h.Phase == hydrating:
		return wait(poll, fmt.Sprintf("application %s: Argo CD is hydrating it", v.o.App)), true
	case h.Phase == hydrationFailed:
		return v.hydrationFails(), true
	case last == Unknown:
		return wait(poll, fmt.Sprintf("application %s: cannot tell whether revision %s, which Argo CD has hydrated, contains commit %s",
			v.o.App, short(h.DryRevision), short(v.g.Commit))), true
	}
	message := fmt.Sprintf("application %s: waiting for Argo CD to hydrate commit %s", v.o.App, short(v.g.Commit))
	if h.DryRevision != "" {
		message += "; it has hydrated " + short(h.DryRevision)
	}
	return v.refreshPaced(markPoll, message), true
}

// hydrationFails: the newest hydration failed. That of an older commit says
// nothing; one of an unknown commit may be about ours.
func (v view) hydrationFails() Decision {
	h := v.o.Hydration
	about := Unknown
	if h.Current != "" {
		about = v.g.contains(h.Current)
	}
	message := fmt.Sprintf("application %s: Argo CD could not hydrate it: %s", v.o.App, h.Message)
	finished := h.Finished.UTC().Format(time.RFC3339)
	repeated, again := strings.CutPrefix(v.g.purpose(), markHydration)
	switch {
	case about == "":
		return ask(h.Current, "")
	case about == No:
		return v.refreshPaced(markPoll, fmt.Sprintf("application %s: waiting for Argo CD to hydrate commit %s; it could not hydrate %s",
			v.o.App, short(v.g.Commit), short(h.Current)))
	case again && repeated != finished:
		return fail(fmt.Errorf("application %s: %w: Argo CD could not hydrate it: %s", v.o.App, ErrSyncFailed, h.Message))
	}
	return v.refreshPaced(markHydration+finished, message)
}
