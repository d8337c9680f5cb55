// Package gitserver serves bare repositories over git's smart HTTP protocol,
// plain and with TLS, with basic authentication, and over ssh, with keys.
//
// It runs git's own http-backend and services. What a repository's config file says holds
// (hooks too), over these defaults: pushes are allowed, partial fetches
// (filter) and fetches of any object by its id too. Repositories are made by
// writing bare ones below the root directory.
//
// The writer may fetch and push, the reader may fetch, and nobody else may do
// anything, except fetch over HTTP from a repository that has a file named
// anonymous-read in its directory. A repository with a file named refuse-ssh
// refuses ssh, with the text of the file.
package gitserver

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// User is an account.
type User struct{ Username, Password string }

// Options of a server.
type Options struct {
	Root              string // directory of the repositories
	Home              string // for git's settings; not the user's own
	CertFile, KeyFile string
	Log               io.Writer // one line per request
	Now               func() time.Time
}

// Server is a running server.
type Server struct {
	HTTPURL, HTTPSURL string
	Writer, Reader    User

	SSHURL               string
	KnownHosts           string // a line for the ssh server, one of whose keys it has
	WriterKey, ReaderKey string // private keys, as OpenSSH writes them

	options Options
	backend *cgi.Handler
	servers []*http.Server
	ssh     *sshServer
}

// Hosts returns the names under which a client may reach the server.
func Hosts() []string { return []string{"127.0.0.1", "localhost"} }

const settings = `[http]
	receivepack = true
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
	allowReachableSHA1InWant = true
[receive]
	autogc = false
[gc]
	auto = 0
[safe]
	directory = *
[init]
	defaultBranch = main
`

// Start serves on free loopback ports until Close.
func Start(o Options) (*Server, error) {
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("git is needed on the PATH: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return nil, fmt.Errorf("git has no http-backend: %w", err)
	}
	config := filepath.Join(o.Home, "gitconfig-server")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	env := []string{"GIT_CONFIG_GLOBAL=" + config, "GIT_CONFIG_NOSYSTEM=1", "HOME=" + o.Home}
	s := &Server{
		options: o,
		Writer:  User{"writer", password()},
		Reader:  User{"reader", password()},
		backend: &cgi.Handler{
			Path:       backend,
			Env:        append([]string{"GIT_PROJECT_ROOT=" + o.Root, "GIT_HTTP_EXPORT_ALL=1"}, env...),
			InheritEnv: []string{"PATH"},
			Stderr:     o.Log,
		},
	}
	if s.ssh, s.WriterKey, s.ReaderKey, err = startSSH(o, env); err != nil {
		return nil, err
	}
	s.SSHURL, s.KnownHosts = s.ssh.url(), s.ssh.knownHosts
	if err := s.listen(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) listen() error {
	for _, secure := range []bool{false, true} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
		s.servers = append(s.servers, server)
		if secure {
			s.HTTPSURL = "https://" + listener.Addr().String()
			go func() { _ = server.ServeTLS(listener, s.options.CertFile, s.options.KeyFile) }()
		} else {
			s.HTTPURL = "http://" + listener.Addr().String()
			go func() { _ = server.Serve(listener) }()
		}
	}
	return nil
}

// Close ends the server and the requests that are under way.
func (s *Server) Close() error {
	errs := []error{s.ssh.close()}
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(errs...)
}

// ServeHTTP answers one request of git.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := s.options.Now()
	logged := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	user := s.authenticate(r)
	s.serve(logged, r, user)
	// A single write: lines of concurrent requests do not mix.
	_, _ = fmt.Fprintf(s.options.Log, "%s %s %s user=%q status=%d duration=%s\n", started.UTC().Format(time.RFC3339Nano),
		r.Method, r.URL.RequestURI(), user, logged.status, s.options.Now().Sub(started).Round(time.Millisecond))
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, user string) {
	push := strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"
	switch {
	case user == "" && (push || !s.anonymous(r.URL.Path)):
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "authentication required", http.StatusUnauthorized)
		return
	case push && user != s.Writer.Username:
		http.Error(w, "this account may only read", http.StatusForbidden)
		return
	}
	handler := *s.backend
	if user != "" {
		// http-backend passes it to hooks.
		handler.Env = append(handler.Env[:len(handler.Env):len(handler.Env)], "REMOTE_USER="+user)
	}
	if protocol := r.Header.Get("Git-Protocol"); protocol != "" {
		handler.Env = append(handler.Env[:len(handler.Env):len(handler.Env)], "GIT_PROTOCOL="+protocol)
	}
	handler.ServeHTTP(w, r)
}

// authenticate returns the user name of valid credentials, or "".
func (s *Server) authenticate(r *http.Request) string {
	name, password, _ := r.BasicAuth()
	for _, u := range []User{s.Writer, s.Reader} {
		if name == u.Username && subtle.ConstantTimeCompare([]byte(password), []byte(u.Password)) == 1 {
			return u.Username
		}
	}
	return ""
}

// anonymous tells whether a request's repository is open to all readers.
func (s *Server) anonymous(path string) bool {
	repository, _, found := strings.Cut(path, ".git/")
	if !found || strings.Contains(repository, "..") {
		return false
	}
	_, err := os.Stat(filepath.Join(s.options.Root, repository+".git", "anonymous-read"))
	return err == nil
}

func password() string {
	buf := make([]byte, 16)
	_, _ = rand.Read(buf) // never fails
	return hex.EncodeToString(buf)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the backend flush its answer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
