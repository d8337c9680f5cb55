package customrun

import (
	"errors"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestHostClients(t *testing.T) {
	now := clocktesting.NewFakeClock(testStart)
	c := newHostClients(now)
	opened := 0
	open := func() (pullrequest.Client, error) {
		opened++
		return nil, nil
	}
	get := func(key pollKey, want int, what string) {
		t.Helper()
		if _, err := c.get(key, open); err != nil || opened != want {
			t.Errorf("%s: opened %d times, want %d; %v", what, opened, want, err)
		}
	}
	get(shop, 1, "the first")
	get(shop, 1, "again")
	other := shop
	other.credential = "b"
	get(other, 2, "another credential")
	now.Step(hostClientLifetime)
	get(shop, 2, "in time")
	now.Step(time.Second)
	get(shop, 2, "still in use")
	if _, kept := c.by[other]; kept {
		t.Error("a client that nobody uses is kept")
	}
	c.drop()
	get(shop, 3, "after a limit")
	if _, err := c.get(other, func() (pullrequest.Client, error) { return nil, pullrequest.ErrURL }); !errors.Is(err, pullrequest.ErrURL) {
		t.Errorf("error %v", err)
	}
}
