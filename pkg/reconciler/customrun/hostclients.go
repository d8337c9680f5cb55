package customrun

import (
	"sync"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"k8s.io/utils/clock"
)

// hostClients keeps the client of each (git host, repository, credential) while runs use it, so that they share its
// connections, and with a GitHub App its token. A credential is kept no longer than that: a Secret that has changed gives
// another key.
type hostClients struct {
	clock clock.PassiveClock
	mu    sync.Mutex
	by    map[pollKey]*hostClient
	// logins are the tokens that Apps use for git.
	logins map[pollKey]hostLogin
}

type hostLogin struct {
	username, password string
	until              time.Time
}

type hostClient struct {
	pullrequest.Client
	used time.Time
}

// hostClientLifetime is how long an unused client is kept.
const hostClientLifetime = 2 * time.Minute

func newHostClients(c clock.PassiveClock) *hostClients {
	return &hostClients{clock: c, by: map[pollKey]*hostClient{}, logins: map[pollKey]hostLogin{}}
}

// get gives the client of a key, which open makes where there is none.
func (c *hostClients) get(key pollKey, open func() (pullrequest.Client, error)) (pullrequest.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	for old, o := range c.by {
		if now.Sub(o.used) > hostClientLifetime {
			delete(c.by, old)
		}
	}
	if one := c.by[key]; one != nil {
		one.used = now
		return one.Client, nil
	}
	client, err := open()
	if err != nil {
		return nil, err
	}
	c.by[key] = &hostClient{Client: client, used: now}
	return client, nil
}

// login gives what git logs in with, which ask gets where there is none. Calls for one key may ask twice.
func (c *hostClients) login(key pollKey, ask func() (username, password string, err error)) (username, password string, err error) {
	c.mu.Lock()
	for old, l := range c.logins {
		if c.clock.Now().After(l.until) {
			delete(c.logins, old)
		}
	}
	known, ok := c.logins[key]
	c.mu.Unlock()
	if ok {
		return known.username, known.password, nil
	}
	until := c.clock.Now().Add(hostClientLifetime)
	if username, password, err = ask(); err != nil {
		return "", "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logins[key] = hostLogin{username: username, password: password, until: until}
	return username, password, nil
}

// drop forgets all clients: after a limit, some go on to refuse by themselves. The runs keep the pause.
func (c *hostClients) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.by)
}
