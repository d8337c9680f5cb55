package argocd

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	commitX = "aaaaaaaa11111111111111111111111111111111" // ours
	commitO = "00000000cccccccccccccccccccccccccccccccc" // from before it
	commitN = "ffffffff22222222222222222222222222222222" // newer, contains it
	commitH = "bbbbbbbb33333333333333333333333333333333" // what a source hydrator made of it
	shop    = "https://git.example.com/shop.git"
)

// doneOurs is the mark of a refresh after our first sync.
const doneOurs = "proof after uid-1/1/2026-11-22T10:00:01Z/0001-01-01T00:00:00Z/Succeeded"

// settling is the mark of a refresh that waits for what that sync has left OutOfSync, since three seconds after start.
const settling = "settle:2026-11-22T10:00:03Z after uid-1/1/2026-11-22T10:00:01Z/0001-01-01T00:00:00Z/Succeeded"

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func at0(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// goal is that of a run that pushed commitX and began to wait at start.
func goal(edit ...func(*Goal)) Goal {
	g := Goal{
		RepoURL: shop, Branch: "main", Paths: []string{"overlays/dev"}, Commit: commitX, Changed: true, Run: "uid-1",
		Contains: map[string]Answer{commitN: Yes, commitO: No}, Since: start,
	}
	for _, e := range edit {
		e(&g)
	}
	return g
}

func refreshed(mark string, seconds int) func(*Goal) {
	return func(g *Goal) { g.Mark, g.Refreshed = mark, at0(seconds) }
}

func attempt(n int, sent bool) func(*Goal) {
	return func(g *Goal) { g.Attempt, g.Sent = n, sent }
}

// seen is an Application with one source of our repository, Healthy.
func seen(sync, revision string, edit ...func(*Observation)) Observation {
	o := Observation{
		App: App{Name: "shop", Namespace: "argocd", Project: "default"}, Sync: sync, Health: "Healthy",
		Sources: []Source{{RepoURL: shop, TargetRevision: "main", Path: "overlays/dev"}},
	}
	if revision != "" {
		o.Revisions = []string{revision}
	}
	for _, e := range edit {
		e(&o)
	}
	return o
}

func op(phase, revision string, edit ...func(*Operation)) func(*Observation) {
	return func(o *Observation) {
		o.Operation = &Operation{Phase: phase, By: "admin", Started: at0(1), Revisions: []string{revision}}
		for _, e := range edit {
			e(o.Operation)
		}
		o.Running = !o.Operation.Done()
	}
}

func ours(n int) func(*Operation) {
	return func(p *Operation) { p.Run, p.Attempt, p.By = "uid-1", n, "pipeline" }
}

func says2(message string) func(*Operation) { return func(p *Operation) { p.Message = message } }

func waitsForRetry(p *Operation) { p.Finished, p.Retries = at0(2), 2 }

func auto(o *Observation) { o.AutoSync.Enabled = true }

func condition(kind, message string) func(*Observation) {
	return func(o *Observation) { o.Conditions = append(o.Conditions, Condition{Type: kind, Message: message}) }
}

func history(revisions ...string) func(*Observation) {
	return func(o *Observation) {
		for i, r := range revisions {
			o.History = append(o.History, Deployment{ID: int64(i), Revisions: []string{r}, Started: at0(i + 1), Deployed: at0(i + 1), By: "admin"})
		}
	}
}

func resources(r ...ResourceState) func(*Observation) {
	return func(o *Observation) { o.Resources = r }
}

func health(h, message string) func(*Observation) {
	return func(o *Observation) { o.Health, o.HealthMsg = h, message }
}

var (
	server   = Resource{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "dev", Name: "server"}
	database = Resource{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: "dev", Name: "data"}
)

// check compares all but the message, which must contain says; of Err only the
// sentinel counts.
func check(t *testing.T, got, want Decision, sentinel error, says string) {
	t.Helper()
	if !errors.Is(got.Err, sentinel) || (sentinel == nil && got.Err != nil) {
		t.Errorf("got error %v, want %v", got.Err, sentinel)
	}
	if !strings.Contains(got.Message, says) {
		t.Errorf("message %q does not say %q", got.Message, says)
	}
	if got.Message == "" {
		t.Error("no message")
	}
	got.Message, got.Err = "", nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}
