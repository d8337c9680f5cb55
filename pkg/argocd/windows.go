package argocd

import (
	"context"
	"errors"
	"maps"
	"time"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	projectpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/project"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
)

// Windows says whether the project's sync windows let a sync of ours through.
type Windows struct {
	// Open is Argo CD's own word.
	Open bool
	// Opens is when a closed one opens, Until when an open one closes; the zero time
	// when that cannot be told, or never comes.
	Opens time.Time
	Until time.Time
	// Text names the windows that forbid syncing.
	Text string
}

// windowKey is what Argo CD tells an application's readers of a window.
type windowKey struct {
	kind, schedule, duration string
	manual                   bool
}

// Windows asks for the sync windows of the Application. Needs the right to get it.
// Argo CD leaves the time zone out of that answer: it is read from the project,
// which takes the right to get projects (roles of a project have it). Without, UTC
// is assumed, and where that contradicts what Argo CD says, no times are given.
func (c *Conn) Windows(ctx context.Context, app App) (Windows, error) {
	q := &applicationpkg.ApplicationSyncWindowsQuery{Name: &app.Name, AppNamespace: optional(app.Namespace), Project: optional(app.Project)}
	var answer *applicationpkg.ApplicationSyncWindowsResponse
	err := c.call(ctx, "read the sync windows of application "+app.String(), func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = c.applications().GetApplicationSyncWindows(ctx, q, token)
		return err
	})
	if err != nil {
		return Windows{}, err
	}
	zones := map[windowKey]string{}
	if len(answer.AssignedWindows) > 0 && app.Project != "" {
		if zones, err = c.zones(ctx, app.Project); err != nil {
			return Windows{}, err
		}
	}
	return readWindows(answer, zones, c.opts.Clock.Now()), nil
}

// zones are the time zones of a project's windows, empty when it may not be read.
// Two windows that differ by nothing else are left out: which is which cannot be
// told.
func (c *Conn) zones(ctx context.Context, project string) (map[windowKey]string, error) {
	var answer *v1alpha1.AppProject
	err := c.call(ctx, "read the sync windows of project "+project, func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = projectpkg.NewProjectServiceClient(c.ch.grpc).Get(ctx, &projectpkg.ProjectQuery{Name: project}, token)
		return err
	})
	zones := map[windowKey]string{}
	switch {
	case errors.Is(err, ErrPermission), errors.Is(err, ErrResourceNotFound):
		return zones, nil
	case err != nil:
		return nil, err
	}
	ambiguous := map[windowKey]bool{}
	for _, w := range answer.Spec.SyncWindows {
		key := windowKey{w.Kind, w.Schedule, w.Duration, w.ManualSync}
		if zone, ok := zones[key]; ok && zone != w.TimeZone {
			ambiguous[key] = true
		}
		zones[key] = w.TimeZone
	}
	maps.DeleteFunc(zones, func(key windowKey, _ string) bool { return ambiguous[key] })
	return zones, nil
}

// readWindows completes Argo CD's answer with times, if it can make sense of it.
func readWindows(answer *applicationpkg.ApplicationSyncWindowsResponse, zones map[windowKey]string, now time.Time) Windows {
	out := Windows{Open: answer.GetCanSync()}
	active := map[windowKey]int{}
	for _, w := range answer.ActiveWindows {
		active[keyOf(w)]++
	}
	var windows []window
	for _, a := range first(answer.AssignedWindows, maxWindows) {
		w, err := newWindow(a.GetKind(), a.GetSchedule(), a.GetDuration(), zones[keyOf(a)], a.GetManualSync())
		if err != nil {
			return out
		}
		windows = append(windows, w)
	}
	state := activeAt(windows, now)
	computed := map[windowKey]int{}
	for i, is := range state {
		if is {
			computed[keyOf(answer.AssignedWindows[i])]++
		}
	}
	var names []string
	for _, w := range holding(windows, state) {
		names = append(names, w.text)
	}
	if len(answer.AssignedWindows) > maxWindows || !maps.Equal(active, computed) || (len(names) == 0) != out.Open {
		return out
	}
	out.Text = list(names, maxNamed)
	if out.Open {
		out.Until = change(windows, now, false)
	} else {
		out.Opens = change(windows, now, true)
	}
	return out
}

func keyOf(w *applicationpkg.ApplicationSyncWindow) windowKey {
	return windowKey{w.GetKind(), w.GetSchedule(), w.GetDuration(), w.GetManualSync()}
}
