package gitserver

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/pki"
)

type server struct {
	*Server
	root, ca string
	log      *lockedBuffer
}

func start(t *testing.T) server {
	t.Helper()
	dir := t.TempDir()
	ca, err := pki.NewCA("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server(Hosts(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := server{root: filepath.Join(dir, "git"), ca: filepath.Join(dir, "ca.crt"), log: &lockedBuffer{}}
	for path, data := range map[string][]byte{"ca.crt": ca.Cert, "tls.crt": pair.Cert, "tls.key": pair.Key} {
		if err := os.WriteFile(filepath.Join(dir, path), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Server, err = Start(Options{
		Root: s.root, Home: dir, Log: s.log, Now: time.Now,
		CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.git(t, ".", true, "init", "--quiet", "--bare", filepath.Join(s.root, "team", "app.git"))
	return s
}

// git runs git, which must succeed or fail as told, and returns all output.
func (s server) git(t *testing.T, dir string, succeed bool, arguments ...string) string {
	t.Helper()
	cmd := exec.Command("git", arguments...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_SSL_CAINFO="+s.ca, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if (err == nil) != succeed {
		t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

func as(u User, url string) string {
	return strings.Replace(url, "://", "://"+u.Username+":"+u.Password+"@", 1) + "/team/app.git"
}

// pushed makes a clone with one commit that has been pushed.
func (s server) pushed(t *testing.T) string {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "clone")
	s.git(t, ".", true, "clone", "--quiet", as(s.Writer, s.HTTPURL), clone)
	s.git(t, clone, true, "commit", "--quiet", "--allow-empty", "--message", "first")
	s.git(t, clone, true, "push", "--quiet", "origin", "HEAD:main")
	return clone
}

func TestAccounts(t *testing.T) {
	s := start(t)
	clone := s.pushed(t)
	wrong := User{s.Writer.Username, "wrong"}
	for _, url := range []string{s.HTTPURL, s.HTTPSURL} {
		s.git(t, clone, true, "ls-remote", as(s.Reader, url))
		s.git(t, clone, true, "push", "--quiet", as(s.Writer, url), "HEAD:main")
		for _, refused := range []struct {
			who  User
			verb []string
			want string
		}{
			{s.Reader, []string{"push"}, "403"},
			{wrong, []string{"ls-remote"}, "Authentication failed"},
			{wrong, []string{"push"}, "Authentication failed"},
		} {
			out := s.git(t, clone, false, append(refused.verb, as(refused.who, url))...)
			if !strings.Contains(out, refused.want) {
				t.Errorf("%s as %s: %s, want %q", refused.verb, refused.who.Username, out, refused.want)
			}
		}
		s.git(t, clone, false, "ls-remote", url+"/team/app.git")
	}
	log := s.log.String()
	if !strings.Contains(log, `user="reader" status=403`) {
		t.Errorf("the refusal is not in the log:\n%s", log)
	}
	if strings.Contains(log, s.Writer.Password) || strings.Contains(log, s.Reader.Password) {
		t.Error("a password is in the log")
	}
}

func TestAnonymousRead(t *testing.T) {
	s := start(t)
	clone := s.pushed(t)
	if err := os.WriteFile(filepath.Join(s.root, "team", "app.git", "anonymous-read"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.git(t, clone, true, "ls-remote", s.HTTPURL+"/team/app.git")
	s.git(t, clone, false, "push", s.HTTPURL+"/team/app.git", "HEAD:main")
}

func TestPartialFetchCanBeRefusedPerRepository(t *testing.T) {
	s := start(t)
	s.pushed(t)
	partial := func() string {
		return s.git(t, ".", true, "clone", "--bare", "--filter=blob:none", as(s.Reader, s.HTTPURL), filepath.Join(t.TempDir(), "partial"))
	}
	const ignored = "filtering not recognized by server"
	if out := partial(); strings.Contains(out, ignored) {
		t.Errorf("filters are not served: %s", out)
	}
	s.git(t, filepath.Join(s.root, "team", "app.git"), true, "config", "uploadpack.allowFilter", "false")
	if out := partial(); !strings.Contains(out, ignored) {
		t.Errorf("filters are still served: %s", out)
	}
}

func TestHookRefusesPush(t *testing.T) {
	s := start(t)
	clone := s.pushed(t)
	hook := filepath.Join(s.root, "team", "app.git", "hooks", "pre-receive")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho \"not today, $REMOTE_USER\"\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.git(t, clone, true, "commit", "--quiet", "--allow-empty", "--message", "second")
	if out := s.git(t, clone, false, "push", as(s.Writer, s.HTTPURL), "HEAD:main"); !strings.Contains(out, "not today, writer") {
		t.Errorf("the hook's words are missing: %s", out)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
