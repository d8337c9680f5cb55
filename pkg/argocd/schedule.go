package argocd

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	// maxWindows and maxSteps bound the search for the time when windows open or
	// close, and windowHorizon how far it looks.
	maxWindows    = 50
	maxSteps      = 1000
	windowHorizon = 366 * 24 * time.Hour
)

// window is a sync window that is assigned to the Application. Who triggers a sync
// through the API counts as a person to Argo CD, so manual ones are not held up.
type window struct {
	deny   bool
	manual bool
	start  cron.Schedule
	length time.Duration
	zone   *time.Location
	text   string
}

// newWindow reads a window as Argo CD does: five fields, and UTC where the zone is
// not known (pkg/apis/application/v1alpha1/types.go, SyncWindow).
func newWindow(kind, schedule, length, zone string, manual bool) (window, error) {
	start, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(schedule)
	if err != nil {
		return window{}, fmt.Errorf("schedule %q: %w", clip(schedule, 100), err)
	}
	d, err := time.ParseDuration(length)
	if err != nil {
		return window{}, fmt.Errorf("duration %q: %w", clip(length, 100), err)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		location = time.UTC
	}
	return window{
		deny: kind == "deny", manual: manual, start: start, length: d, zone: location,
		text: fmt.Sprintf("%s window %q for %s, %s", kind, schedule, length, location),
	}, nil
}

// offset is that of the zone. Argo CD adds it to a time in UTC and reads the
// schedule against the sum.
func (w window) offset(t time.Time) time.Duration {
	_, seconds := t.In(w.zone).Zone()
	return time.Duration(seconds) * time.Second
}

// began is the first start after t-length, on the zone's clock; the window is
// active if it lies before t.
func (w window) began(t time.Time) (start, local time.Time) {
	local = t.UTC().Add(w.offset(t))
	return w.start.Next(local.Add(-w.length)), local
}

func (w window) active(t time.Time) bool {
	start, local := w.began(t)
	return start.Before(local)
}

// next is when the window begins or ends next, the zero time for never.
func (w window) next(t time.Time) time.Time {
	start, local := w.began(t)
	event := w.start.Next(local)
	if end := start.Add(w.length); !start.IsZero() && !start.After(local) && (event.IsZero() || end.Before(event)) {
		event = end
	}
	if event.IsZero() {
		return event
	}
	// The offset that counts is the one at the event.
	guess := event.Add(-w.offset(t))
	if at := event.Add(-w.offset(guess)); at.After(t) {
		return at
	}
	// The zone's clock is put back in between: time goes on here.
	return t.Add(time.Minute)
}

// activeAt tells which windows are active.
func activeAt(windows []window, t time.Time) []bool {
	active := make([]bool, len(windows))
	for i, w := range windows {
		active[i] = w.active(t)
	}
	return active
}

// holding returns the windows that forbid a manual sync. None: Argo CD's
// SyncWindows.CanSync says yes.
func holding(windows []window, active []bool) []window {
	var denied, inactive []window
	deny, allow, manual := false, false, true
	for i, w := range windows {
		switch {
		case w.deny && active[i]:
			deny = true
			if !w.manual {
				denied = append(denied, w)
			}
		case !w.deny && active[i]:
			allow = true
		case !w.deny:
			inactive = append(inactive, w)
			manual = manual && w.manual
		}
	}
	switch {
	case deny:
		return denied
	case allow || manual:
		return nil
	}
	return inactive
}

// change is when windows next allow, or forbid, a manual sync; the zero time when
// that is not within reach.
func change(windows []window, now time.Time, allowed bool) time.Time {
	active, next := activeAt(windows, now), make([]time.Time, len(windows))
	for i, w := range windows {
		next[i] = w.next(now)
	}
	for range maxSteps {
		var event time.Time
		for _, e := range next {
			if !e.IsZero() && (event.IsZero() || e.Before(event)) {
				event = e
			}
		}
		if event.IsZero() || event.Sub(now) > windowHorizon {
			break
		}
		// A window is active after its start, not at it.
		after := event.Add(time.Second)
		for i, w := range windows {
			if !next[i].IsZero() && !next[i].After(after) {
				active[i], next[i] = w.active(after), w.next(after)
			}
		}
		if (len(holding(windows, active)) == 0) == allowed {
			return event
		}
	}
	return time.Time{}
}
