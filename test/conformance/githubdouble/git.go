package githubdouble

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bare is a bare repository on disk, worked on with git itself.
type bare struct{ dir string }

const gitSettings = `[core]
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

// environment keeps the machine's and the user's git configuration out. Author and committer are who it is.
func environment(name string) []string {
	email := name + "@users.noreply.github.com"
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=" + email, "GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com",
	}
}

// newBare makes an empty repository with main as its branch.
func newBare(dir string) (bare, error) {
	for _, sub := range []string{"objects", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return bare{}, err
		}
	}
	for name, data := range map[string]string{"HEAD": "ref: refs/heads/main\n", "config": gitSettings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			return bare{}, err
		}
	}
	return bare{dir}, nil
}

// gitError is a git command that ended with a status other than 0.
type gitError struct {
	args   []string
	status int
	text   string
}

func (e *gitError) Error() string {
	return fmt.Sprintf("git %s: status %d: %s", strings.Join(e.args, " "), e.status, e.text)
}

// run runs git and returns what it prints, without the last line break.
func (b bare) run(as, stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = b.dir, environment(as), strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", &gitError{args: args, status: cmd.ProcessState.ExitCode(), text: stderr.String() + err.Error()}
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// heads are the branches with their commits. Each is in a file of its own: nothing here packs them.
func (b bare) heads() (map[string]string, error) {
	root, heads := filepath.Join(b.dir, "refs", "heads"), map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		commit, err := os.ReadFile(path)
		heads[filepath.ToSlash(path[len(root)+1:])] = strings.TrimSpace(string(commit))
		return err
	})
	return heads, err
}

// ahead are the commits of head that base has not, oldest first.
func (b bare) ahead(base, head string) ([]string, error) {
	out, err := b.run(owner, "", "rev-list", "--reverse", base+".."+head)
	return strings.Fields(out), err
}

// tree merges two commits and returns the tree, or "" when they conflict.
func (b bare) tree(base, head string) (string, error) {
	out, err := b.run(owner, "", "merge-tree", "--write-tree", "--no-messages", base, head)
	if failed := (*gitError)(nil); errors.As(err, &failed) && failed.status == 1 {
		return "", nil
	}
	return out, err
}

func (b bare) commit(as, tree, message string, parents ...string) (string, error) {
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return b.run(as, message, args...)
}

// rebased puts commits on top of base and returns the last one. They get a new committer, so they are new ones even where
// nothing else changes.
func (b bare) rebased(base string, commits []string) (string, error) {
	tree, err := os.MkdirTemp("", "rebase")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tree)
	if _, err := b.run(owner, "", "worktree", "add", "--detach", "--quiet", tree, base); err != nil {
		return "", err
	}
	pick := append([]string{"-C", tree, "cherry-pick", "--keep-redundant-commits"}, commits...)
	_, err = b.run(owner, "", pick...)
	tip := ""
	if err == nil {
		tip, err = b.run(owner, "", "-C", tree, "rev-parse", "HEAD")
	}
	if _, removed := b.run(owner, "", "worktree", "remove", "--force", tree); err == nil {
		err = removed
	}
	return tip, err
}

// move sets a branch, if it still is at old. Empty old makes it, empty commit deletes it.
func (b bare) move(branch, commit, old string) error {
	none := strings.Repeat("0", 40)
	if old == "" {
		old = none
	}
	if commit == "" {
		_, err := b.run(owner, "", "update-ref", "-d", "refs/heads/"+branch, old)
		return err
	}
	_, err := b.run(owner, "", "update-ref", "refs/heads/"+branch, commit, old)
	return err
}

// write puts a commit with these files on a branch, which begins at from where it is not there yet.
func (b bare) write(as, branch, from string, files map[string]string, seconds int64) (string, error) {
	var script strings.Builder
	fmt.Fprintf(&script, "commit refs/heads/%s\ncommitter %s <%[2]s@users.noreply.github.com> %d +0000\ndata 4\nwork\n", branch, as,
		seconds)
	if from != "" {
		fmt.Fprintf(&script, "from %s\n", from)
	}
	for name, data := range files {
		fmt.Fprintf(&script, "M 100644 inline %q\ndata %d\n%s\n", name, len(data), data)
	}
	if _, err := b.run(as, script.String(), "fast-import", "--quiet"); err != nil {
		return "", err
	}
	commit, err := os.ReadFile(filepath.Join(b.dir, "refs", "heads", filepath.FromSlash(branch)))
	return strings.TrimSpace(string(commit)), err
}

// backend serves the repositories below root with git's own http-backend.
func backend(root string) (*cgi.Handler, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("git is needed: %w", err)
	}
	return &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:    append(environment(owner), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: io.Discard,
		Logger: log.New(io.Discard, "", 0),
	}, nil
}

// serveGit answers git. Any user name will do, the token is the password.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	_, password, _ := r.BasicAuth()
	account, known := s.account(password)
	push := strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"
	switch {
	case !known:
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Invalid username or token. Password authentication is not supported for Git operations.", http.StatusUnauthorized)
		return
	case push && !account.writes:
		http.Error(w, "Write access to repository not granted.", http.StatusForbidden)
		return
	}
	handler := *s.git
	handler.Env = append(handler.Env[:len(handler.Env):len(handler.Env)], "REMOTE_USER="+account.login)
	if protocol := r.Header.Get("Git-Protocol"); protocol != "" {
		handler.Env = append(handler.Env, "GIT_PROTOCOL="+protocol)
	}
	if !push || r.Method != http.MethodPost {
		handler.ServeHTTP(w, r)
		return
	}
	// Who has pushed sees it in the API at once: the answer waits for that.
	kept := httptest.NewRecorder()
	handler.ServeHTTP(kept, r)
	s.pushed(strings.TrimSuffix(r.URL.Path, "/git-receive-pack"), account.login)
	maps.Copy(w.Header(), kept.Header())
	w.WriteHeader(kept.Code)
	_, _ = w.Write(kept.Body.Bytes())
}
