package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// SSH is an ssh server that runs commands with the shell in the directory of the repositories, as a
// user's account on a git server would. Once it has been started, fields are set within Change.
type SSH struct {
	// Address is host:port.
	Address string
	// HostKeys are the server's. One of ed25519 is there from the start.
	HostKeys []ssh.Signer
	// Writer may fetch and push, and Reader may fetch; both are OpenSSH private keys.
	Writer, Reader []byte
	// Authorised are more keys that may fetch and push.
	Authorised []ssh.PublicKey
	// Banner is shown to everyone.
	Banner string
	// OneSession allows one session on each connection.
	OneSession bool
	// Intercept may answer a command itself and return true. It closes nothing; the exit status is 0.
	Intercept func(command string, ch ssh.Channel) bool

	dir     string
	writer  ssh.PublicKey
	reader  ssh.PublicKey
	mu      sync.Mutex
	conns   map[net.Conn]bool
	logins  int
	history []string
	open    sync.WaitGroup // of the listener, its connections included
}

// StartSSH serves the repositories of s over ssh until the test ends.
func (s *Server) StartSSH(t testing.TB) *SSH {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := NewSSH(t, s.dir)
	h.Address = listener.Addr().String()
	h.open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			h.open.Go(func() { h.Serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		h.Hangup()
		h.open.Wait()
	})
	return h
}

// NewSSH is a server that serves only what Serve is given.
func NewSSH(t testing.TB, dir string) *SSH {
	t.Helper()
	h := &SSH{dir: dir, Address: "git.example.com:22", conns: map[net.Conn]bool{}}
	host, _ := NewKey(t)
	h.HostKeys = []ssh.Signer{host}
	var writer, reader ssh.Signer
	writer, h.Writer = NewKey(t)
	reader, h.Reader = NewKey(t)
	h.writer, h.reader = writer.PublicKey(), reader.PublicKey()
	return h
}

// NewKey makes an ed25519 key, as a value and as OpenSSH writes it.
func NewKey(t testing.TB) (ssh.Signer, []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

// Change sets fields, for what connects from then on.
func (h *SSH) Change(set func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set()
}

// URL is that of a repository.
func (h *SSH) URL(r *Repo) string { return "ssh://git@" + h.Address + r.Dir }

// KnownHosts has a line for each of the host keys.
func (h *SSH) KnownHosts() []byte {
	var b strings.Builder
	for _, key := range h.HostKeys {
		fmt.Fprintf(&b, "%s %s", h.Name(), ssh.MarshalAuthorizedKey(key.PublicKey()))
	}
	return []byte(b.String())
}

// Name is how known_hosts writes the server's address.
func (h *SSH) Name() string {
	host, port, _ := net.SplitHostPort(h.Address)
	if port == "22" {
		return host
	}
	return "[" + host + "]:" + port
}

// Commands are those that were run since the last call.
func (h *SSH) Commands() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	history := h.history
	h.history = nil
	return history
}

// Logins is the number of logins since the last call.
func (h *SSH) Logins() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.logins
	h.logins = 0
	return n
}

// Hangup closes all connections.
func (h *SSH) Hangup() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for conn := range h.conns {
		_ = conn.Close()
	}
}

// Connections is the number of open ones.
func (h *SSH) Connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

// Serve serves one connection until it ends.
func (h *SSH) Serve(under net.Conn) {
	h.mu.Lock()
	h.conns[under] = true
	config, oneSession := h.config(), h.OneSession
	h.mu.Unlock()
	var sessions sync.WaitGroup
	defer func() {
		_ = under.Close()
		sessions.Wait()
		h.mu.Lock()
		delete(h.conns, under)
		h.mu.Unlock()
	}()
	conn, channels, requests, err := ssh.NewServerConn(under, config)
	if err != nil {
		return
	}
	h.mu.Lock()
	h.logins++
	h.mu.Unlock()
	sessions.Go(func() { ssh.DiscardRequests(requests) })
	accepted := 0
	for offered := range channels {
		if accepted++; oneSession && accepted > 1 {
			_ = offered.Reject(ssh.Prohibited, "one session is enough")
			continue
		}
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		sessions.Go(func() { h.session(conn.Permissions.Extensions["role"], channel, requests) })
	}
}

func (h *SSH) config() *ssh.ServerConfig {
	authorised := slices.Clone(h.Authorised)
	c := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			offered := string(key.Marshal())
			role := ""
			switch offered {
			case string(h.writer.Marshal()):
				role = "writer"
			case string(h.reader.Marshal()):
				role = "reader"
			}
			for _, known := range authorised {
				if string(known.Marshal()) == offered {
					role = "writer"
				}
			}
			if role == "" {
				return nil, fmt.Errorf("key is not authorised")
			}
			return &ssh.Permissions{Extensions: map[string]string{"role": role}}, nil
		},
	}
	if h.Banner != "" {
		banner := h.Banner
		c.BannerCallback = func(ssh.ConnMetadata) string { return banner }
	}
	for _, key := range h.HostKeys {
		c.AddHostKey(key)
	}
	return c
}

// session runs the first command of a channel.
func (h *SSH) session(role string, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for request := range requests {
		var command struct{ Line string }
		if request.Type != "exec" || ssh.Unmarshal(request.Payload, &command) != nil {
			_ = request.Reply(false, nil)
			continue
		}
		h.mu.Lock()
		h.history = append(h.history, command.Line)
		h.mu.Unlock()
		_ = request.Reply(true, nil)
		go ssh.DiscardRequests(requests)
		status := h.run(role, command.Line, channel)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

func (h *SSH) run(role, command string, channel ssh.Channel) uint32 {
	h.mu.Lock()
	intercept := h.Intercept
	h.mu.Unlock()
	if intercept != nil && intercept(command, channel) {
		return 0
	}
	if role == "reader" && strings.HasPrefix(command, "git-receive-pack") {
		_, _ = io.WriteString(channel.Stderr(), "ERROR: The key you are authenticating with has been marked as read only.\n")
		return 1
	}
	return h.Shell(command, channel, channel)
}

// Shell runs a command for a channel, with its output elsewhere if that is wanted.
func (h *SSH) Shell(command string, channel ssh.Channel, stdout io.Writer) uint32 {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = h.dir, environment(), stdout, channel.Stderr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 255
	}
	if err := cmd.Start(); err != nil {
		return 255
	}
	// Not waited for: it ends with the channel.
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	if err := cmd.Wait(); err != nil {
		return 128
	}
	return 0
}
