package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// connect dials, checks the host key and logs in.
func (x *exchange) connect() (*sshConn, error) {
	dial := x.opts.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	under, err := dial(x.ctx, "tcp", x.address)
	if err != nil {
		return nil, err
	}
	x.watch(under)
	m := &meeting{}
	config := &ssh.ClientConfig{
		User:              x.user,
		ClientVersion:     "SSH-2.0-tekton-gitops",
		HostKeyAlgorithms: x.hosts.algorithms(x.address),
		HostKeyCallback: func(address string, remote net.Addr, key ssh.PublicKey) error {
			return m.judged(x.hosts.check(address, remote, key, x.opts.Clock.Now))
		},
		BannerCallback: m.greeted,
	}
	if x.signer != nil {
		config.Auth = []ssh.AuthMethod{ssh.PublicKeys(x.signer)}
	}
	conn, channels, requests, err := ssh.NewClientConn(under, x.address, config)
	if err != nil {
		_ = under.Close()
		return nil, m.explain(err, x.login())
	}
	return &sshConn{ssh.NewClient(conn, channels, requests), under}, nil
}

// login says who logs in, and never with what.
func (x *exchange) login() string {
	if x.signer == nil {
		return "user " + x.user + " without a key; put ssh-privatekey into the Secret"
	}
	return "user " + x.user + " with the key " + describeKey(x.signer.PublicKey()) + "; add that key to the server, with the right to push"
}

// meeting is what happened while connecting. The library calls back from goroutines of its own, which may
// outlive a connection attempt that is aborted.
type meeting struct {
	mu      sync.Mutex
	trusted bool
	refused error  // why the host key was not accepted
	banner  string // what the server says before a login
}

func (m *meeting) judged(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trusted, m.refused = err == nil, err
	return err
}

func (m *meeting) greeted(text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.banner = clean(text, maxWords)
	return nil
}

// explain tells the failures of a connection apart by how far it came: the server is known, so what is
// neither the network nor the end of the connection is its refusal of the login.
func (m *meeting) explain(err error, login string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var network net.Error
	switch {
	case m.refused != nil:
		return m.refused
	case !m.trusted, errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return err
	}
	return fmt.Errorf("%w: %s%s", ErrUnauthorized, login, remark(m.banner))
}
