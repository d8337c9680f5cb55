package customrun

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// gitServer serves one bare repository with the real git over smart HTTP.
type gitServer struct {
	t   *testing.T
	dir string
	url string
	mu  sync.Mutex
	// down answers every request with 503; readOnly refuses pushes; beforePush runs once before a push arrives.
	down, readOnly bool
	beforePush     func()
	pushes         int
}

func newGitServer(t *testing.T) *gitServer {
	t.Helper()
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	s := &gitServer{t: t, dir: filepath.Join(root, "catalog.git")}
	for _, dir := range []string{"objects", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"HEAD":   "ref: refs/heads/main\n",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[http]\n\treceivepack = true\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n[gc]\n\tauto = 0\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	handler := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(backend)), "git-http-backend"), Env: append(gitEnvironment(),
			"GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=pipeline"),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, handler) }))
	t.Cleanup(server.Close)
	s.url = server.URL + "/catalog.git"
	s.commit(map[string]string{overlay: kustomization100})
	return s
}

const kustomization100 = "resources:\n- ../../base\nimages:\n- name: quay.io/team/server\n  newTag: 1.0.0 # moved by the pipeline\n"

func gitEnvironment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}
}

func (s *gitServer) serve(w http.ResponseWriter, r *http.Request, backend http.Handler) {
	if _, password, _ := r.BasicAuth(); password != gitPassword {
		w.Header().Set("WWW-Authenticate", "Basic realm=git")
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	down, readOnly := s.down, s.readOnly
	var before func()
	pushing := strings.HasSuffix(r.URL.Path, "/git-receive-pack") && r.Method == http.MethodPost && r.ContentLength != 4
	if pushing {
		before, s.beforePush = s.beforePush, nil
		s.pushes++
	}
	s.mu.Unlock()
	switch {
	case down:
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	case readOnly && strings.Contains(r.URL.String(), "git-receive-pack"):
		http.Error(w, "read only", http.StatusForbidden)
		return
	}
	if before != nil {
		before()
	}
	backend.ServeHTTP(w, r)
}

func (s *gitServer) set(change func(*gitServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *gitServer) git(stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, gitEnvironment(), strings.NewReader(stdin)
	out, err := cmd.Output()
	return strings.TrimSuffix(string(out), "\n"), err
}

// commit puts a commit with these files on top of main.
func (s *gitServer) commit(files map[string]string) string {
	var b strings.Builder
	b.WriteString("commit refs/heads/main\ncommitter Somebody <somebody@example.com> 1700000000 +0000\ndata 4\nwork\n")
	if tip, err := s.git("", "rev-parse", "--verify", "--quiet", "refs/heads/main"); err == nil {
		b.WriteString("from " + tip + "\n")
	}
	for name, content := range files {
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
	}
	if _, err := s.git(b.String(), "fast-import", "--quiet", "--force"); err != nil {
		s.t.Errorf("git fast-import: %v", err)
	}
	return s.tip()
}

func (s *gitServer) tip() string {
	tip, err := s.git("", "rev-parse", "main")
	if err != nil {
		s.t.Errorf("git rev-parse: %v", err)
	}
	return tip
}

// commits counts the commits on main.
func (s *gitServer) commits() int {
	log, _ := s.git("", "rev-list", "main")
	return len(strings.Fields(log))
}

// tagAt is the image's tag in the overlay of a commit.
func (s *gitServer) tagAt(commit string) string { return s.tagIn(commit, "overlays/dev") }

// tagIn is that of any overlay.
func (s *gitServer) tagIn(commit, path string) string {
	text, _ := s.git("", "show", commit+":"+path+"/kustomization.yaml")
	_, after, _ := strings.Cut(text, "newTag: ")
	return strings.Trim(strings.Fields(after + " ?")[0], `"`)
}
