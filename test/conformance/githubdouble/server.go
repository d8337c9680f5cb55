// Package githubdouble is GitHub's API over real git repositories, for tests.
//
// It serves git over smart HTTP and the REST and GraphQL operations that deployments use, at the paths of a GitHub
// Enterprise server: what is merged is really merged, by git. Every REST request and every answer to one is held to
// GitHub's published OpenAPI description, every GraphQL request to GitHub's schema: what breaks it is answered with 500
// and kept in Violations. It promises the behaviour that its tests and the conformance suite name.
//
// It does not promise anything about what GitHub does besides: forks, reviews, rules other than required checks, webhooks.
package githubdouble

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// prefix is where the REST API is.
const prefix = "/api/v3"

// owner has all repositories.
const owner = "acme"

// Who works with the repositories. The tokens are passwords for git as well, with any user name.
const (
	// Owner of all repositories.
	Owner = owner
	// Bot is the account of Token, Person that of PersonToken. Both may write.
	Bot         = "deploy-bot"
	Token       = "ghp_0000deploybot"
	Person      = "octocat"
	PersonToken = "ghp_0000octocat"
	// ReadToken may read only.
	ReadToken = "ghp_0000reader"
	// Reviewer and Assignee are other people with access, and Team is a team of them.
	Reviewer = "alice"
	Assignee = "bob"
	Team     = "platform"
)

// Options of a server. The zero value serves HTTP.
type Options struct {
	// TLS serves HTTPS, with a certificate that only Server.CA vouches for.
	TLS bool
	// Now is the clock. Nil means the system's. What the API shows has whole seconds.
	Now func() time.Time
}

// Server is a running double.
type Server struct {
	now         func() time.Time
	description *description
	schema      *schema
	http        *httptest.Server
	git         *cgi.Handler
	dir         string
	app         app

	mu           sync.Mutex // guards what follows, the repositories' content included
	repositories map[string]*Repository
	accounts     map[string]account
	faults       []*Fault
	delay        time.Duration
	requests     []Request
	violations   []string
	spent        int
}

// account is who a token belongs to.
type account struct {
	login   string
	writes  bool
	expires time.Time // zero: never
}

// New starts a double for a test, which fails when a request or an answer was not as described.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, v := range s.Violations() {
			t.Errorf("not as GitHub describes it: %s", v)
		}
	})
	return s
}

// Start starts a double. Close ends it and removes its repositories.
func Start(o Options) (*Server, error) {
	s := &Server{now: o.Now, app: newApp(), repositories: map[string]*Repository{}, accounts: map[string]account{
		Token:       {login: Bot, writes: true},
		PersonToken: {login: Person, writes: true},
		ReadToken:   {login: Reviewer},
	}}
	if s.now == nil {
		s.now = time.Now
	}
	var err error
	if s.description, err = loadDescription(context.Background()); err != nil {
		return nil, fmt.Errorf("GitHub's description: %w", err)
	}
	if s.schema, err = loadSchema(); err != nil {
		return nil, fmt.Errorf("GitHub's schema: %w", err)
	}
	if s.dir, err = os.MkdirTemp("", "githubdouble"); err != nil {
		return nil, err
	}
	if s.git, err = backend(s.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	s.http = httptest.NewUnstartedServer(s)
	// Clients that do not trust the certificate, and connections that are cut, are part of tests.
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.TLS {
		s.http.EnableHTTP2 = true
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return s, nil
}

// Close ends the server and removes its repositories.
func (s *Server) Close() error {
	s.http.CloseClientConnections()
	s.http.Close()
	return os.RemoveAll(s.dir)
}

// URL is the address of the host, and API that of its REST API.
func (s *Server) URL() string { return s.http.URL }

// API is the address of the REST API, without slash at the end.
func (s *Server) API() string { return s.http.URL + prefix }

// CA is the certificate to trust, in PEM; nil without TLS.
func (s *Server) CA() []byte {
	if s.http.Certificate() == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// AddRepository makes OWNER/name with the branch main and a README.md in it.
func (s *Server) AddRepository(name string) (*Repository, error) {
	git, err := newBare(filepath.Join(s.dir, owner, name+".git"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.repositories[name] != nil {
		return nil, fmt.Errorf("there is a repository %s", name)
	}
	r := &Repository{
		server: s, git: git, id: len(s.repositories) + 1, name: name, created: s.now(), settings: Settings{AutoMerge: true},
		labels: []string{"bug"}, required: map[string][]string{}, passed: map[string][]string{},
	}
	if _, err := git.write(Person, "main", "", map[string]string{"README.md": "# " + name}, s.now().Unix()); err != nil {
		return nil, err
	}
	s.repositories[name] = r
	return r, nil
}

// Violations are the requests and answers that were not as GitHub describes them.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// account is who has a token.
func (s *Server) account(token string) (account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, known := s.accounts[token]
	return a, known && (a.expires.IsZero() || s.now().Before(a.expires))
}

func (s *Server) violated(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

// ServeHTTP answers one request, of git or of the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == prefix || strings.HasPrefix(r.URL.Path, "/api/") {
		s.serveAPI(w, r)
		return
	}
	s.serveGit(w, r)
}

func decode(body []byte, into any) error { return json.Unmarshal(body, into) }
