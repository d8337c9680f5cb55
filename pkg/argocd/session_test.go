package argocd

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestPasswordBecomesSession(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakePassiveClock(now)
	f := &fakeArgoCD{
		allowed: map[string]bool{"applications sync a/b": true},
		tokens:  map[string]bool{"first": true, "second": true, "third": true},
		logins:  []string{"first", "second", "third"},
	}
	c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Username: "pipeline", Password: "right"}, Options{Clock: clock})
	const login, call = "Login pipeline", "CanI applications sync a/b"
	steps := []struct {
		name    string
		advance time.Duration
		revoke  string
		want    []string
	}{
		{"logs in", 0, "", []string{login, call}},
		{"keeps the token", 30 * time.Minute, "", []string{call}},
		{"logs in again when it is old", sessionLife, "", []string{login, call}},
		{"logs in again when it is refused", 0, "second", []string{call, login, call}},
	}
	for _, step := range steps {
		clock.SetTime(clock.Now().Add(step.advance))
		f.mu.Lock()
		delete(f.tokens, step.revoke)
		f.calls = nil
		f.mu.Unlock()
		if _, err := c.CanSync(context.Background(), Observation{RBACName: "a/b", ControllerNamespace: "argocd"}); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, f.seen()); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

func TestWrongPasswordRests(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	f := &fakeArgoCD{}
	c := dial(t, Server{Address: f.start(t, nil), Plaintext: true}, Credential{Username: "pipeline", Password: "wrong"}, Options{Clock: clock})
	for range 3 {
		_, err := c.Get(context.Background(), App{Name: "shop"}, RefreshNone)
		sameErr(t, err, ErrUnauthenticated, "Invalid username or password")
	}
	if diff := cmp.Diff([]string{"Login pipeline"}, f.seen()); diff != "" {
		t.Errorf("the account would be locked: %s", diff)
	}
	clock.SetTime(clock.Now().Add(refusedFor))
	if err := c.Watch(context.Background(), App{Name: "shop"}, func() {}); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
	if got := len(f.seen()); got != 2 {
		t.Errorf("%d logins, want 2: it may have been repaired", got)
	}
}

func TestSessionExpiry(t *testing.T) {
	now := time.Unix(1000, 0)
	for token, want := range map[string]time.Time{
		"opaque":                       now.Add(sessionLife),
		"a.!!!.c":                      now.Add(sessionLife),
		"a.eyJleHAiOjQwMDAwMDAwMDB9.c": time.Unix(4000000000, 0).Add(-renewBefore), // {"exp":4000000000}
	} {
		if got := expiry(token, now); !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", token, got, want)
		}
	}
}
