package argocd

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
		{name: "an operation runs", o: seen(synced, commitX, op(PhaseRunning, commitX)), g: goal(final), want: Decision{Action: Wait, Wake: poll}, says: "started by admin runs (began at 2026-11-22T10:00:01Z)"},
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
			want: Decision{Action: Fail}, sentinel: ErrImageMismatch, says: "the Application itself sets a=a:0 (kustomize.images)"},
		{name: "the source beside ours overrides it", g: goal(attempt(1, true), refreshed(markImage, 1)), want: Decision{Action: Fail}, sentinel: ErrImageMismatch, says: "the Application itself sets image.tag (helm.parameters)",
			o: seen(synced, commitX, oursDone, shopAndChart, func(o *Observation) { o.Sources[0].Parameters = []string{"image.tag"} })},
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
