package argocd

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func TestPoolSharesAndCloses(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	pool := NewPool(Options{Clock: clock})
	get := func(server, token string) (*Conn, func()) {
		t.Helper()
		c, release, err := pool.Conn(Server{Address: server}, Credential{Token: token})
		if err != nil {
			t.Fatal(err)
		}
		return c, release
	}
	a, releaseA := get("one", "t")
	b, releaseB := get("one", "t")
	c, _ := get("one", "other token")
	d, _ := get("two", "t")
	if a.ch != b.ch || a.ch == c.ch || a.ch == d.ch || c.ch == d.ch {
		t.Error("connections are shared by server and credential")
	}
	releaseA()
	releaseA() // counts once
	clock.SetTime(clock.Now().Add(2 * poolIdle))
	if e, release := get("one", "t"); e.ch != a.ch {
		t.Error("closed while in use")
	} else {
		release()
	}
	releaseB()
	clock.SetTime(clock.Now().Add(2 * poolIdle))
	if e, release := get("one", "t"); e.ch == a.ch {
		t.Error("kept for ever")
	} else {
		release()
	}
	if err := a.Close(); err != nil {
		t.Errorf("a pooled connection is not closed by its user: %v", err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := pool.Conn(Server{Address: "one"}, Credential{Token: "t"}); err == nil {
		t.Error("a closed pool hands out connections")
	}
}
