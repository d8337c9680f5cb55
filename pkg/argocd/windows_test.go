package argocd

import (
	"context"
	"testing"
	"time"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	clocktesting "k8s.io/utils/clock/testing"
)

func assigned(kind, schedule, duration string, manual bool) *applicationpkg.ApplicationSyncWindow {
	return &applicationpkg.ApplicationSyncWindow{Kind: &kind, Schedule: &schedule, Duration: &duration, ManualSync: &manual}
}

func windowsAnswer(canSync bool, active, all []*applicationpkg.ApplicationSyncWindow) *applicationpkg.ApplicationSyncWindowsResponse {
	return &applicationpkg.ApplicationSyncWindowsResponse{CanSync: &canSync, ActiveWindows: active, AssignedWindows: all}
}

func TestWindows(t *testing.T) {
	type list = []*applicationpkg.ApplicationSyncWindow
	night := assigned("deny", "0 9 * * *", "3h", false) // active at 10:00
	zurich := assigned("deny", "30 10 * * *", "1h", false)
	broken := assigned("deny", "@daily", "3h", false)
	project := func(windows ...*v1alpha1.SyncWindow) *v1alpha1.AppProject {
		return &v1alpha1.AppProject{Spec: v1alpha1.AppProjectSpec{SyncWindows: windows}}
	}
	inZone := func(w *applicationpkg.ApplicationSyncWindow, zone string) *v1alpha1.SyncWindow {
		return &v1alpha1.SyncWindow{Kind: w.GetKind(), Schedule: w.GetSchedule(), Duration: w.GetDuration(), ManualSync: w.GetManualSync(), TimeZone: zone}
	}
	denied := status.Error(codes.PermissionDenied, "permission denied: projects, get, apps, sub: pipeline")
	app := App{Name: "shop", Project: "apps"}
	for _, tt := range []struct {
		name       string
		app        App
		answer     *applicationpkg.ApplicationSyncWindowsResponse
		err        error
		project    *v1alpha1.AppProject
		projectErr error
		want       Windows
		wantErr    error
		wantCalls  []string
	}{
		{name: "no windows", app: app, answer: windowsAnswer(true, nil, nil), want: Windows{Open: true}, wantCalls: []string{"GetApplicationSyncWindows"}},
		{name: "closed: until when", app: app, answer: windowsAnswer(false, list{night}, list{night}), project: project(inZone(night, "")),
			want: Windows{Opens: at0(2 * 3600), Text: `deny window "0 9 * * *" for 3h, UTC`}, wantCalls: []string{"GetApplicationSyncWindows", "Project apps"}},
		{name: "open: until when", app: app, answer: windowsAnswer(true, nil, list{zurich}), project: project(inZone(zurich, "")), want: Windows{Open: true, Until: at0(1800)}},
		{name: "in the zone that only the project tells", app: app, answer: windowsAnswer(false, list{zurich}, list{zurich}), project: project(inZone(zurich, "Europe/Zurich")),
			want: Windows{Opens: at0(1800), Text: `deny window "30 10 * * *" for 1h, Europe/Zurich`}},
		{name: "the project may not be read: UTC", app: app, answer: windowsAnswer(false, list{night}, list{night}), projectErr: denied, want: Windows{Opens: at0(2 * 3600), Text: `deny window "0 9 * * *" for 3h, UTC`}},
		{name: "the project may not be read, and UTC contradicts Argo CD: no times", app: app, answer: windowsAnswer(false, list{zurich}, list{zurich}), projectErr: denied},
		{name: "the project is not known: UTC", app: App{Name: "shop"}, answer: windowsAnswer(false, list{night}, list{night}),
			want: Windows{Opens: at0(2 * 3600), Text: `deny window "0 9 * * *" for 3h, UTC`}, wantCalls: []string{"GetApplicationSyncWindows"}},
		{name: "two windows that differ by their zone only: no times", app: app, answer: windowsAnswer(false, list{zurich}, list{zurich, zurich}), project: project(inZone(zurich, "Europe/Zurich"), inZone(zurich, "Asia/Tokyo"))},
		{name: "Argo CD decides otherwise: no times", app: app, answer: windowsAnswer(true, list{night}, list{night}), project: project(inZone(night, "")), want: Windows{Open: true}},
		{name: "a schedule that is not understood: no times", app: app, answer: windowsAnswer(false, nil, list{broken}), project: project()},
		{name: "Argo CD cannot read them either", app: app, err: status.Error(codes.Unknown, "invalid sync windows: cannot parse schedule"), wantErr: ErrSyncWindow},
		{name: "the project cannot be read just now", app: app, answer: windowsAnswer(false, list{night}, list{night}), projectErr: status.Error(codes.Unavailable, "x"), wantErr: ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeArgoCD{windows: tt.answer, windowsErr: tt.err, project: tt.project, projectErr: tt.projectErr, tokens: map[string]bool{testToken: true}}
			c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Token: testToken}, Options{Clock: clocktesting.NewFakePassiveClock(start)})
			got, err := c.Windows(context.Background(), tt.app)
			sameErr(t, err, tt.wantErr)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.wantCalls, f.seen()); diff != "" && tt.wantCalls != nil {
				t.Error(diff)
			}
		})
	}
}

func TestWindowClosed(t *testing.T) {
	refused := seen(outOfSync, commitX)
	held := seen(outOfSync, commitX, op(PhaseRunning, commitX, ours(1), says2("Sync operation blocked by sync window")))
	heldAuto := seen(outOfSync, commitX, op(PhaseRunning, commitX, says2("Sync operation blocked by sync window"), func(p *Operation) { p.By, p.Automated = "automated sync policy", true }))
	closed := Windows{Opens: at0(3600), Text: `deny window "0 9 * * *" for 2h, UTC`}
	waits := func(g *Goal) { g.WaitForWindow = true }
	fails := Decision{Action: Fail}
	for _, tt := range []struct {
		name     string
		o        Observation
		g        Goal
		w        Windows
		now      int
		want     Decision
		sentinel error
		says     string
	}{
		{name: "policy Fail: says when it opens", o: refused, g: goal(), w: closed, want: fails, sentinel: ErrSyncWindow,
			says: `application argocd/shop: sync window is closed until 2026-11-22T11:00:00Z (deny window "0 9 * * *" for 2h, UTC): run again then, or set sync.window to Wait`},
		{name: "policy Fail: cannot say when", o: refused, g: goal(), w: Windows{}, want: fails, sentinel: ErrSyncWindow, says: "sync window is closed, and it cannot be told until when: run again"},
		{name: "policy Fail: what was accepted goes on later", o: held, g: goal(), w: closed, want: fails, sentinel: ErrSyncWindow,
			says: "Argo CD has accepted the sync of this run, which goes on when the window opens, unless it is terminated"},
		{name: "policy Wait: until it opens", o: refused, g: goal(waits), w: closed, now: 3570, want: Decision{Action: Wait, Wake: 32 * time.Second}, says: "waiting for its sync window, which is closed until 2026-11-22T11:00:00Z (deny"},
		{name: "policy Wait: looks now and then, it may be edited", o: refused, g: goal(waits), w: closed, want: Decision{Action: Wait, Wake: time.Minute}},
		{name: "policy Wait: cannot say when", o: refused, g: goal(waits), w: Windows{}, want: Decision{Action: Wait, Wake: time.Minute}},
		{name: "policy Wait: should be open by now", o: refused, g: goal(waits), w: closed, now: 3700, want: Decision{Action: Wait, Wake: windowSlack}},
		{name: "policy Wait: what was accepted", o: held, g: goal(waits), w: closed, want: Decision{Action: Wait, Wake: time.Minute}, says: "Argo CD has accepted the sync of this run"},
		{name: "opened meanwhile: sync again", o: refused, g: goal(), w: Windows{Open: true}, want: Decision{Action: Wait, Wake: windowSlack}, says: "has opened, syncing it again"},
		{name: "opened meanwhile: Argo CD goes on", o: held, g: goal(), w: Windows{Open: true}, want: Decision{Action: Wait, Wake: poll}, says: "waiting for Argo CD to go on with the sync of this run"},
		{name: "holds auto-sync only, which holds us: fail", o: heldAuto, g: goal(), w: Windows{Open: true}, want: fails, sentinel: ErrBlocked, says: "holds the operation started by automated sync policy (began at 2026-11-22T10:00:01Z), and would let this run through"},
		{name: "holds auto-sync only, policy Wait", o: heldAuto, g: goal(waits), w: Windows{Open: true}, want: Decision{Action: Wait, Wake: poll}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, WindowClosed(tt.o, tt.g, tt.w, at0(tt.now)), tt.want, tt.sentinel, tt.says)
		})
	}
}
