package argocd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"
)

// poolIdle keeps an unused connection for the next run. It is longer than
// refusedFor, so that a wrong password is remembered.
const poolIdle = 10 * time.Minute

// Pool shares connections between callers of the same server and credential. It
// keeps a hash of the credential, and the session token where a password was
// given, but not the credential. It is safe for concurrent use.
type Pool struct {
	opts     Options
	mu       sync.Mutex
	channels map[[sha256.Size]byte]*pooled
	closed   bool
}

type pooled struct {
	ch   *channel
	refs int
	idle time.Time // since when, with refs 0
}

// NewPool returns an empty pool.
func NewPool(opts Options) *Pool {
	return &Pool{opts: opts.withDefaults(), channels: map[[sha256.Size]byte]*pooled{}}
}

// Conn returns a connection; release gives it back, once or more. Connections
// that nobody has used for a while are closed on the way.
func (p *Pool) Conn(s Server, cred Credential) (c *Conn, release func(), err error) {
	if err := cred.validate(); err != nil {
		return nil, nil, err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q %t %t %t %q %q %q %q", s.Address, s.Plaintext, s.Insecure, s.Web, s.CA, cred.Token, cred.Username, cred.Password))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errors.New("the pool is closed")
	}
	p.sweep()
	entry := p.channels[key]
	if entry == nil {
		ch, err := open(s, p.opts)
		if err != nil {
			return nil, nil, err
		}
		entry = &pooled{ch: ch}
		p.channels[key] = entry
	}
	entry.refs++
	release = sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		entry.refs--
		entry.idle = p.opts.Clock.Now()
	})
	return &Conn{ch: entry.ch, cred: cred, opts: p.opts}, release, nil
}

func (p *Pool) sweep() {
	now := p.opts.Clock.Now()
	for key, entry := range p.channels {
		if entry.refs == 0 && now.Sub(entry.idle) > poolIdle {
			_ = entry.ch.close()
			delete(p.channels, key)
		}
	}
}

// Close closes every connection, used or not.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for key, entry := range p.channels {
		errs = append(errs, entry.ch.close())
		delete(p.channels, key)
	}
	return errors.Join(errs...)
}
