package argocd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Which decision a step of a scenario asks for.
const (
	syncing   = "Decide"
	verifying = "Proven" // the workloads were seen rolled out by then
	mismatch  = "OtherImage"
	refusal   = "WindowClosed"
)

// scene is what is observed at a moment, and what must be decided then.
type scene struct {
	at   int
	o    Observation
	asks string // syncing, when empty
	want Action
	says string
	err  error
	// rolledOut is when the workloads were seen so, for verifying.
	rolledOut int
	windows   Windows
	// killed: the action was carried out, and nobody noted it.
	killed bool
}

// play is a caller that carries out what is decided, and remembers what it has to.
func play(t *testing.T, g Goal, known map[string]Answer, scenes []scene) {
	t.Helper()
	for i, s := range scenes {
		now := at0(s.at)
		var d Decision
		switch s.asks {
		case verifying:
			d = Proven(s.o, g, at0(s.rolledOut), now)
		case mismatch:
			d = OtherImage(s.o, g, now, "Deployment/dev/server", "a:0")
		case refusal:
			d = WindowClosed(s.o, g, s.windows, now)
		default:
			d = Decide(s.o, g, now)
		}
		if d.Action != s.want || !errors.Is(d.Err, s.err) || !strings.Contains(d.Message, s.says) {
			t.Fatalf("scene %d: got %s %q, want %s saying %q", i, d.Action, d.Message, s.want, s.says)
		}
		g.Foreign = d.Foreign
		switch {
		case d.Action == DoSync:
			g.Attempt, g.Sent = d.Attempt, !s.killed
		case d.Action == DoRefresh && !s.killed:
			g.Refreshed, g.Mark = now, d.Mark
		case d.Action == Ask:
			g.Contains[d.Question()] = known[d.Question()]
		}
	}
}

// Each is a case that has broken other tools, from the first look to the verdict.
func TestScenario(t *testing.T) {
	waits := func(g *Goal) { g.WaitForWindow = true }
	commitZ := "99999999" + commitN[8:]
	accepted := func(n int) func(*Observation) { return op(PhasePending, commitX, ours(n)) }
	running := func(n int, edit ...func(*Operation)) func(*Observation) {
		return op(PhaseRunning, commitX, append([]func(*Operation){ours(n)}, edit...)...)
	}
	done := func(n int) func(*Observation) { return op(PhaseSucceeded, commitX, ours(n)) }
	held := says2("Sync operation blocked by sync window")
	pvc := ResourceState{Resource: database, Sync: synced, Health: "Progressing", Message: "waiting for a volume"}
	overlays := func(o *Observation) {
		o.MultiSource = true
		o.Sources = []Source{{RepoURL: "https://charts.example.com", Chart: "redis", TargetRevision: "7.*"}, {RepoURL: "https://git.example.com/other"}, {RepoURL: shop, TargetRevision: "main", Ref: "values"}}
		o.Revisions = append([]string{"7.1.0", commitX}, o.Revisions...)
	}

	for _, tt := range []struct {
		name   string
		g      Goal
		known  map[string]Answer
		scenes []scene
	}{
		{name: "synced and healthy from before the push: keeps waiting", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitO), want: DoRefresh},
			{at: 1, o: seen(synced, commitO), want: Wait, says: "it compares with 00000000"},
			{at: 5, o: seen(synced, commitO), want: DoRefresh},
			{at: 6, o: seen(outOfSync, commitX), want: DoSync},
		}},
		{name: "auto-sync or a webhook takes the operation first: waits, then verifies", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitO, auto), want: DoRefresh},
			{at: 1, o: seen(outOfSync, commitX, auto), want: Wait, says: "waiting for auto-sync"},
			{at: 2, o: seen(outOfSync, commitX, auto, op(PhaseRunning, commitX)), want: Wait, says: "started by admin"},
			{at: 3, o: seen(outOfSync, commitX, auto, op(PhaseSucceeded, commitX)), want: Proceed},
			{at: 4, o: seen(outOfSync, commitX, auto, op(PhaseSucceeded, commitX)), asks: verifying, rolledOut: 4, want: DoRefresh},
			{at: 5, o: seen(synced, commitX, auto, op(PhaseSucceeded, commitX)), asks: verifying, rolledOut: 4, want: Proceed},
		}},
		{name: "ours ends and another operation replaces it at once: verdict from the revision", g: goal(), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync},
			{at: 1, o: seen(outOfSync, commitX, running(1)), want: Wait},
			{at: 2, o: seen(synced, commitN, op(PhaseSucceeded, commitN)), want: Proceed},
		}},
		{name: "healthy of the old state right after apply: keeps waiting", g: goal(), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync},
			{at: 1, o: seen(outOfSync, commitX, done(1)), want: Proceed},
			{at: 1, o: seen(outOfSync, commitX, done(1)), asks: verifying, rolledOut: 1, want: DoRefresh},
			{at: 2, o: seen(synced, commitX, done(1), health("Progressing", "")), asks: verifying, rolledOut: 1, want: Wait},
			{at: 3, o: seen(synced, commitX, done(1)), asks: verifying, rolledOut: 1, want: Proceed},
		}},
		{name: "running with finishedAt, a retry's back-off: not done", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitX, op(PhaseRunning, commitX, waitsForRetry)), want: Wait, says: "waits for its retry"},
			{at: 9, o: seen(synced, commitX, op(PhaseRunning, commitX, waitsForRetry)), asks: verifying, want: Wait},
		}},
		{name: "a newer commit that contains ours is synced: success", g: goal(), known: map[string]Answer{commitZ: Yes}, scenes: []scene{
			{at: 0, o: seen(synced, commitZ), want: Ask},
			{at: 1, o: seen(synced, commitZ), want: Proceed},
			{at: 2, o: seen(synced, commitZ), asks: verifying, rolledOut: 2, want: DoRefresh},
			{at: 3, o: seen(synced, commitZ), asks: verifying, rolledOut: 2, want: Proceed},
		}},
		{name: "a newer commit changed our image: superseded", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitN), want: Proceed},
			{at: 1, o: seen(synced, commitN), asks: mismatch, want: Fail, err: ErrSuperseded},
		}},
		{name: "rolled back by a person while waiting", g: goal(), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX, history(commitO)), want: DoSync},
			{at: 1, o: seen(synced, commitX, done(1), history(commitO, commitX)), want: Proceed},
			{at: 9, o: seen(outOfSync, commitX, op(PhaseSucceeded, commitO), history(commitO, commitX, commitO)), asks: verifying, rolledOut: 2, want: Fail, err: ErrRolledBack},
		}},
		{name: "a commit without a manifest difference: success, no hang", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitO, op(PhaseSucceeded, commitO)), want: DoRefresh},
			{at: 1, o: seen(synced, commitX, op(PhaseSucceeded, commitO)), want: Proceed},
		}},
		{name: "manifest-generate-paths, the revision advances without an operation: success", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitO, auto), want: DoRefresh},
			{at: 1, o: seen(synced, commitX, auto), want: Proceed},
		}},
		{name: "several sources, ours the third as $values beside a chart: its index is compared", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitO, overlays), want: DoRefresh},
			{at: 1, o: seen(outOfSync, commitX, overlays), want: DoSync},
			{at: 2, o: seen(synced, commitX, overlays), asks: verifying, rolledOut: 2, want: DoRefresh},
			{at: 4, o: seen(synced, commitX, overlays), asks: verifying, rolledOut: 2, want: Proceed},
		}},
		{name: "a sync window refuses the sync, policy Fail", g: goal(), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync, killed: true},
			{at: 0, o: seen(outOfSync, commitX), asks: refusal, windows: Windows{Opens: at0(60)}, want: Fail, err: ErrSyncWindow, says: "until 2026-11-22T10:01:00Z"},
		}},
		{name: "a sync window refuses the sync, policy Wait: one sync when it opens", g: goal(waits), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync, killed: true, says: "syncing it"},
			{at: 0, o: seen(outOfSync, commitX), asks: refusal, windows: Windows{Opens: at0(60)}, want: Wait, says: "closed until 2026-11-22T10:01:00Z"},
			{at: 62, o: seen(outOfSync, commitX), want: DoSync},
			{at: 63, o: seen(outOfSync, commitX, accepted(1)), want: Wait},
			{at: 64, o: seen(synced, commitX, done(1)), want: Proceed},
		}},
		{name: "a sync window closes after acceptance, policy Fail", g: goal(), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync},
			{at: 1, o: seen(outOfSync, commitX, running(1, held)), want: AskWindows},
			{at: 1, o: seen(outOfSync, commitX, running(1, held)), asks: refusal, windows: Windows{Opens: at0(60)}, want: Fail, err: ErrSyncWindow},
		}},
		{name: "a sync window closes after acceptance, policy Wait: nothing is terminated", g: goal(waits, terminates), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync},
			{at: 1, o: seen(outOfSync, commitX, running(1, held)), want: AskWindows},
			{at: 1, o: seen(outOfSync, commitX, running(1, held)), asks: refusal, windows: Windows{Opens: at0(600)}, want: Wait},
			{at: 300, o: seen(outOfSync, commitX, running(1, held)), want: AskWindows},
			{at: 601, o: seen(outOfSync, commitX, running(1)), want: Wait, says: "the sync of this run runs"},
			{at: 602, o: seen(synced, commitX, done(1)), want: Proceed},
		}},
		{name: "killed between Sync accepted and the note of it: no second sync", g: goal(), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync, killed: true},
			{at: 5, o: seen(outOfSync, commitX, accepted(1)), want: Wait, says: "the sync of this run"},
			{at: 6, o: seen(outOfSync, commitX, done(1)), want: Proceed},
		}},
		{name: "killed before Sync: one sync, of the same number", g: goal(attempt(1, false)), scenes: []scene{
			{at: 5, o: seen(outOfSync, commitX), want: DoSync},
			{at: 6, o: seen(outOfSync, commitX, running(1)), want: Wait},
		}},
		{name: "killed after a refresh: one more refresh, the same verdict", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitX), asks: verifying, want: DoRefresh, killed: true},
			{at: 1, o: seen(synced, commitX), asks: verifying, want: DoRefresh},
			{at: 2, o: seen(synced, commitX), asks: verifying, want: Proceed},
		}},
		{name: "ignoreDifferences on the image: image mismatch", g: goal(), scenes: []scene{
			{at: 0, o: seen(synced, commitX), want: Proceed},
			{at: 1, o: seen(synced, commitX), asks: mismatch, want: DoRefresh},
			{at: 2, o: seen(synced, commitX), asks: mismatch, want: DoSync},
			{at: 3, o: seen(synced, commitX, running(1)), asks: mismatch, want: Wait},
			{at: 4, o: seen(synced, commitX, done(1)), asks: mismatch, want: Fail, err: ErrImageMismatch, says: "ignoreDifferences"},
		}},
		{name: "an unrelated resource is never healthy: named, and that it was so before", g: goal(func(g *Goal) { g.Unhealthy = []string{database.String()} }), scenes: []scene{
			{at: 0, o: seen(synced, commitX, health("Progressing", ""), resources(pvc)), want: Proceed},
			{at: 1, o: seen(synced, commitX, health("Progressing", ""), resources(pvc)), asks: verifying, rolledOut: 1, want: DoRefresh},
			{at: 2, o: seen(synced, commitX, health("Progressing", ""), resources(pvc)), asks: verifying, rolledOut: 1, want: Wait, says: "not healthy before this run either: PersistentVolumeClaim/dev/data"},
		}},
		{name: "health Workloads: an unrelated resource does not matter", g: goal(func(g *Goal) { g.Health = HealthWorkloads }), scenes: []scene{
			{at: 1, o: seen(synced, commitX, health("Progressing", ""), resources(pvc)), asks: verifying, rolledOut: 1, want: DoRefresh},
			{at: 2, o: seen(synced, commitX, health("Progressing", ""), resources(pvc)), asks: verifying, rolledOut: 1, want: Proceed},
		}},
		{name: "an operation of somebody else is stuck, policy Wait", g: goal(), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX, op(PhaseRunning, commitO)), want: Wait, says: "started by admin runs (began at 2026-11-22T10:00:01Z)"},
			{at: 599, o: seen(outOfSync, commitX, op(PhaseRunning, commitO)), want: Wait},
		}},
		{name: "an operation of somebody else is stuck, policy Terminate: ended, then ours", g: goal(terminates), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX, op(PhaseRunning, commitO)), want: Wait},
			{at: 60, o: seen(outOfSync, commitX, op(PhaseRunning, commitO)), want: DoTerminate},
			{at: 61, o: seen(outOfSync, commitX, op(PhaseTerminating, commitO, step("b"))), want: Wait},
			{at: 62, o: seen(outOfSync, commitX, op(PhaseFailed, commitO)), want: DoSync},
			{at: 63, o: seen(outOfSync, commitX, running(1)), want: Wait},
			{at: 999, o: seen(outOfSync, commitX, running(1)), want: Wait, says: "the sync of this run"},
		}},
		{name: "an operation of somebody else does not end: blocked", g: goal(terminates), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX, op(PhaseRunning, commitO)), want: Wait},
			{at: 60, o: seen(outOfSync, commitX, op(PhaseRunning, commitO)), want: DoTerminate},
			{at: 61, o: seen(outOfSync, commitX, op(PhaseTerminating, commitO, step("b"))), want: Wait},
			{at: 121, o: seen(outOfSync, commitX, op(PhaseTerminating, commitO, step("b"))), want: Fail, err: ErrBlocked},
		}},
		{name: "a source hydrator: the dry commit becomes another one, which is synced", g: goal(), known: map[string]Answer{commitG + " after " + commitH: Yes}, scenes: []scene{
			{at: 0, o: hydratedApp(synced, commitO, last(commitO, commitO)), want: DoRefresh},
			{at: 1, o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Hydrating", "", "")), want: Wait},
			{at: 2, o: hydratedApp(synced, commitG), want: Ask},
			{at: 2, o: hydratedApp(outOfSync, commitG), want: DoSync},
			{at: 3, o: hydratedApp(synced, commitG), asks: verifying, rolledOut: 3, want: DoRefresh},
			{at: 4, o: hydratedApp(synced, commitG), asks: verifying, rolledOut: 3, want: Proceed},
		}},
		{name: "a source hydrator fails twice: sync failed, in its words", g: goal(), scenes: []scene{
			{at: 3, o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Failed", commitX, "push rejected")), want: DoRefresh},
			{at: 5, o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Hydrating", "", "")), want: Wait},
			{at: 7, o: hydratedApp(synced, commitO, last(commitO, commitO), newest("Failed", commitX, "push rejected"), func(h *Hydration) { h.Finished = at0(6) }), want: Fail, err: ErrSyncFailed, says: "push rejected"},
		}},
		{name: "a pinned commit, and the branch moves on", g: goal(pin), scenes: []scene{
			{at: 0, o: seen(outOfSync, commitX), want: DoSync},
			{at: 1, o: seen(outOfSync, commitN, done(1)), want: Proceed},
			{at: 2, o: seen(outOfSync, commitN, done(1)), asks: verifying, rolledOut: 2, want: DoRefresh},
			{at: 3, o: seen(outOfSync, commitN, done(1)), asks: verifying, rolledOut: 2, want: Proceed, says: "pinned commit aaaaaaaa"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.g, tt.known, tt.scenes) })
	}
}

// What somebody reads who has named the application wrongly, or lacks a right: four
// messages, none of which could be one of the others.
func TestFourDistinctMessages(t *testing.T) {
	absent := status.Error(codes.NotFound, `applications.argoproj.io "shop" not found`)
	app := App{Name: "shop", Project: "apps"}
	seen := map[string]string{}
	for _, tt := range []struct {
		name   string
		listed []v1alpha1.Application
		want   error
		says   string
	}{
		{"in another namespace", []v1alpha1.Application{*testApp("team", "apps")}, ErrNotFound, "one of that name is in namespace team"},
		{"in another project", []v1alpha1.Application{*testApp("argocd", "web")}, ErrNotFound, "it is in project web"},
		{"a typo", nil, ErrNotFound, "check its name"},
	} {
		_, err := plain(t, &fakeArgoCD{getErr: map[string]error{"apps": absent}, listed: tt.listed}).Get(context.Background(), app, RefreshNone)
		sameErr(t, err, tt.want, tt.says)
		seen[err.Error()] = tt.name
	}
	denied := status.Error(codes.PermissionDenied, "permission denied: applications, sync, apps/shop, sub: pipeline, iat: 2026-11-22T00:00:00Z")
	err := plain(t, &fakeArgoCD{syncErr: denied}).Sync(context.Background(), app, SyncRequest{})
	sameErr(t, err, ErrPermission, "may not sync applications apps/shop")
	seen[err.Error()] = "no right to sync"
	if len(seen) != 4 {
		t.Errorf("not four: %v", seen)
	}
}

// Times of Argo CD are never compared with the caller's: a clock that is an hour
// off changes nothing.
func TestClocksDiffer(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		o := seen(outOfSync, commitX, op(PhaseRunning, commitO, func(p *Operation) { p.Started = p.Started.Add(off) }))
		g := goal(terminates)
		play(t, g, nil, []scene{
			{at: 0, o: o, want: Wait},
			{at: 59, o: o, want: Wait},
			{at: 60, o: o, want: DoTerminate},
		})
	}
}
