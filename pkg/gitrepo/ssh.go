package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// keepSSH is how long a connection is kept without use, as net/http does it.
const keepSSH = 30 * time.Second

// overSSH is the transport of ssh. Each exchange is a session of its own on one connection, which is made
// when it is needed. The session that gave the references is kept for the fetch that mostly follows.
type overSSH struct {
	address string // host:port
	path    string // as the server's git gets it
	user    string
	signer  ssh.Signer // nil without a key
	hosts   knownHosts
	opts    Options
	keep    time.Duration

	mu   sync.Mutex // guards what close and the timer touch
	conn *sshConn
	// ready has announced its references and waits for a request. It belongs to conn.
	ready *session
	// busy: an exchange is under way. The one at a time that there may be owns conn and ready.
	busy   bool
	closed bool // while busy: drop the connection afterwards
	timer  *time.Timer
}

// sshConn is an authenticated connection. The client's methods return when the connection under it is
// closed, which is how an exchange is aborted.
type sshConn struct {
	*ssh.Client
	under net.Conn
}

func newSSH(u *url.URL, auth Auth, o Options) (*overSSH, error) {
	t := &overSSH{
		address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), portSSH)),
		path:    u.Path,
		user:    cmp.Or(auth.Username, "git"),
		opts:    o,
		keep:    keepSSH,
	}
	if strings.HasPrefix(t.path, "/~") {
		t.path = t.path[1:] // a home directory, as for git
	}
	var err error
	if t.hosts, err = parseKnownHosts(auth.KnownHosts); err != nil {
		return nil, err
	}
	if len(auth.SSHKey) > 0 {
		if t.signer, err = parseSSHKey(auth.SSHKey, auth.SSHPassphrase); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// discover keeps the session of a fetch, whose references have been read to their end.
func (t *overSSH) discover(ctx context.Context, service string, read func(io.Reader) error) error {
	x := t.begin(ctx)
	defer x.end()
	s, err := x.open(service, read)
	switch {
	case err != nil:
		return x.explain(err)
	case service != uploadPack:
		s.quit()
		return nil
	}
	if t.ready != nil {
		t.ready.quit()
	}
	t.ready = s
	return nil
}

func (t *overSSH) call(ctx context.Context, service string, request []byte) (io.ReadCloser, error) {
	x := t.begin(ctx)
	if t.ready != nil && service == receivePack {
		// What it has announced is about to change, and some servers give out nothing else.
		t.ready.quit()
		t.ready = nil
	}
	s, err := x.ask(service, request)
	if err != nil {
		err = x.explain(err)
		x.end()
		return nil, err
	}
	return &sshBody{limited: limited{s, t.opts.MaxTotalBytes}, exchange: x, session: s}, nil
}

func (t *overSSH) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy {
		t.closed = true
		return
	}
	t.drop()
}

func (t *overSSH) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.busy {
		t.drop()
	}
}

// drop closes the connection with all of its sessions.
func (t *overSSH) drop() {
	if t.timer != nil {
		t.timer.Stop()
	}
	if t.conn != nil {
		_ = t.conn.Close()
	}
	t.conn, t.ready = nil, nil
}

// exchange is one use of the transport, with its deadline.
type exchange struct {
	*overSSH
	ctx    context.Context
	cancel context.CancelFunc
	// unwatch ends watching the deadline; false says that the connection was closed by it.
	unwatch func() bool
}

func (t *overSSH) begin(ctx context.Context) *exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy = true
	if t.timer != nil {
		t.timer.Stop()
	}
	x := &exchange{overSSH: t, unwatch: func() bool { return true }}
	x.ctx, x.cancel = context.WithTimeout(ctx, t.opts.Timeout)
	if t.conn != nil {
		x.watch(t.conn.under)
	}
	return x
}

// watch closes the connection when the exchange's time is over.
func (x *exchange) watch(under net.Conn) {
	x.unwatch()
	x.unwatch = context.AfterFunc(x.ctx, func() { _ = under.Close() })
}

func (x *exchange) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.unwatch() || x.closed {
		x.drop()
	}
	x.cancel()
	x.busy, x.closed = false, false
	if x.conn != nil {
		x.timer = time.AfterFunc(x.keep, x.expire)
	}
}

// explain gives the reason for which a connection was closed instead of what that looked like.
func (x *exchange) explain(err error) error { return cmp.Or(x.ctx.Err(), err) }

// errNoAnswer: the connection or the session ended before the server said anything.
var errNoAnswer = errors.New("connection closed without an answer")

// ask sends a request, in the session that waits for one or in a new one. A session that waited may have
// been closed long ago, and a fetch may be asked for twice; a push never waits, and is never sent twice.
func (x *exchange) ask(service string, request []byte) (*session, error) {
	if s := x.ready; s != nil && s.service == service {
		x.ready = nil
		err := s.send(request)
		if err == nil {
			return s, nil
		}
		s.abort()
		if x.ctx.Err() != nil || !errors.Is(err, errNoAnswer) {
			return nil, err
		}
		x.disconnect()
	}
	s, err := x.open(service, func(body io.Reader) error {
		_, err := readAdvertisement(body, service, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.send(request); err != nil {
		s.abort()
		return nil, err
	}
	return s, nil
}

// open starts a service and reads what it announces. A connection that was kept may be dead, or its
// server may give one session to each, so a new one is tried when it gives no answer.
func (x *exchange) open(service string, read func(io.Reader) error) (*session, error) {
	kept := x.conn != nil
	s, err := x.openOnce(service, read)
	if kept && errors.Is(err, errNoAnswer) && x.ctx.Err() == nil {
		x.disconnect()
		s, err = x.openOnce(service, read)
	}
	return s, err
}

func (x *exchange) openOnce(service string, read func(io.Reader) error) (*session, error) {
	if x.conn == nil {
		conn, err := x.connect()
		if err != nil {
			return nil, err
		}
		x.mu.Lock()
		x.conn = conn
		x.mu.Unlock()
	}
	s, err := startSession(x.conn.Client, service, x.path)
	if err != nil {
		return nil, err
	}
	if err := read(&limited{s, x.opts.MaxTotalBytes}); err != nil {
		s.abort()
		return nil, err
	}
	return s, nil
}

func (x *exchange) disconnect() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop()
}

// sshBody is the answer to a request.
type sshBody struct {
	limited
	exchange *exchange
	session  *session
}

func (b *sshBody) Read(p []byte) (int, error) {
	n, err := b.limited.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.exchange.explain(err)
	}
	return n, err
}

// Close ends the exchange, and the session with whatever it still had to say.
func (b *sshBody) Close() error {
	b.session.abort()
	b.exchange.end()
	return nil
}
