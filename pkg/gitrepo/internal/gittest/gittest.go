// Package gittest serves bare repositories with the real git over smart HTTP, for tests.
//
// It needs git with its http-backend on the PATH. Repositories live in the test's temporary
// directory, and no configuration of the machine or the user is read.
package gittest

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// User and Password are the credentials that every Server wants. ReadOnly is a password with which
// a push is forbidden.
const (
	User     = "pipeline"
	Password = "s3cret-T0ken-4711"
	ReadOnly = "r3ad-0nly-4711"
)

// Server is git http-backend behind basic authentication.
type Server struct {
	URL string
	// CA is the server's certificate in PEM; nil without TLS.
	CA []byte

	dir      string
	handler  http.Handler
	requests atomic.Int64
	received atomic.Int64 // bytes of bodies that the server received
	sent     atomic.Int64

	mu        sync.Mutex
	intercept Interceptor
}

// Interceptor may answer a request itself and return true. It may also wrap what next does.
type Interceptor func(w http.ResponseWriter, r *http.Request, next http.Handler) bool

// Start serves plain HTTP until the test ends.
func Start(t testing.TB) *Server {
	s := newServer(t)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

// StartTLS serves HTTPS with a certificate that only Server.CA vouches for.
func StartTLS(t testing.TB) *Server {
	s := newServer(t)
	h := httptest.NewUnstartedServer(s)
	h.EnableHTTP2 = true
	h.StartTLS()
	t.Cleanup(h.Close)
	s.URL = h.URL
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	return s
}

func newServer(t testing.TB) *Server {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git is needed for this test: %v", err)
	}
	s := &Server{dir: t.TempDir()}
	s.handler = &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  append(environment(), "GIT_PROJECT_ROOT="+s.dir, "GIT_HTTP_EXPORT_ALL=1"),
		// Clients that hang up on purpose are part of the tests.
		Stderr: io.Discard,
		Logger: log.New(io.Discard, "", 0),
	}
	return s
}

// environment keeps the machine's and the user's git configuration out.
func environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Somebody", "GIT_AUTHOR_EMAIL=somebody@example.com",
		"GIT_COMMITTER_NAME=Somebody", "GIT_COMMITTER_EMAIL=somebody@example.com",
	}
}

// Intercept replaces the interceptor; nil takes it away.
func (s *Server) Intercept(i Interceptor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = i
}

// Traffic is what went over the wire since the last call: requests, and bytes of bodies that the
// server received and sent.
func (s *Server) Traffic() (requests, received, sent int64) {
	return s.requests.Swap(0), s.received.Swap(0), s.sent.Swap(0)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	s.received.Add(max(r.ContentLength, 0))
	w = &counting{ResponseWriter: w, n: &s.sent}
	s.mu.Lock()
	intercept := s.intercept
	s.mu.Unlock()
	authorised := http.HandlerFunc(s.authorised)
	if intercept == nil || !intercept(w, r, authorised) {
		authorised(w, r)
	}
}

func (s *Server) authorised(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	switch {
	case user != User || password != Password && password != ReadOnly:
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		// Some servers do repeat what they were given.
		http.Error(w, "Invalid username or password: "+password, http.StatusUnauthorized)
	case password == ReadOnly && strings.Contains(r.URL.String(), "git-receive-pack"):
		http.Error(w, "Write access to repository not granted.", http.StatusForbidden)
	default:
		s.handler.ServeHTTP(w, r)
	}
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Repo is a bare repository of a Server.
type Repo struct {
	Dir string
	URL string
	t   testing.TB
}

// File is an entry of a commit. Mode is git's: 100644 when empty. For a submodule (160000) Data is
// the commit id.
type File struct {
	Mode string
	Data string
}

// New makes an empty repository that allows partial fetches and objects by id, with main as its
// branch.
func (s *Server) New(t testing.TB, name string) *Repo {
	t.Helper()
	r := &Repo{Dir: filepath.Join(s.dir, name), URL: s.URL + "/" + name, t: t}
	// Made by hand: git init and git config are seven processes.
	for _, dir := range []string{"objects", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(r.Dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string]string{"HEAD": "ref: refs/heads/main\n", "config": config} {
		if err := os.WriteFile(filepath.Join(r.Dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

const config = `[core]
	repositoryformatversion = 0
	bare = true
[http]
	receivepack = true
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[gc]
	auto = 0
[receive]
	autogc = false
`

// Git runs git in the repository and returns what it prints, without the last line break.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	return r.Feed("", args...)
}

// Feed is Git with something to read.
func (r *Repo) Feed(stdin string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, environment(), strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Commit puts a commit with these changes on top of main and returns its id.
func (r *Repo) Commit(files map[string]File) string {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "commit refs/heads/main\ncommitter Somebody <somebody@example.com> 1700000000 +0100\ndata 5\nwork\n")
	if out, err := exec.Command("git", "-C", r.Dir, "rev-parse", "--verify", "--quiet", "refs/heads/main").Output(); err == nil {
		fmt.Fprintf(&b, "from %s", out)
	}
	for name, f := range files {
		switch f.Mode {
		case "160000":
			fmt.Fprintf(&b, "M 160000 %s %q\n", f.Data, name)
		case "":
			f.Mode = "100644"
			fallthrough
		default:
			fmt.Fprintf(&b, "M %s inline %q\ndata %d\n%s\n", f.Mode, name, len(f.Data), f.Data)
		}
	}
	r.Feed(b.String(), "fast-import", "--quiet", "--force")
	return r.Git("rev-parse", "main")
}

// Hook installs a shell script as a hook.
func (r *Repo) Hook(name, script string) {
	r.t.Helper()
	dir := filepath.Join(r.Dir, "hooks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// Fsck fails the test unless the repository is sound by git's strictest rules.
func (r *Repo) Fsck() {
	r.t.Helper()
	r.Git("fsck", "--strict", "--full", "--no-dangling", "--no-progress")
}
