package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clone is a person's clone of a repository, without files: git itself, so that no code of the project vouches for itself.
type clone struct {
	dir, remote string
	env         []string
}

func newClone(t *testing.T, r Repository) *clone {
	t.Helper()
	remote := r.Git()
	c := &clone{dir: t.TempDir(), remote: withLogin(t, remote.URL, remote.Username, remote.Password), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
	}}
	if ca := r.Server().CA; len(ca) > 0 {
		file := filepath.Join(t.TempDir(), "ca.pem")
		must(t, os.WriteFile(file, ca, 0o600))
		c.env = append(c.env, "GIT_SSL_CAINFO="+file)
	}
	// What git init makes of a bare repository, without one more process.
	for _, sub := range []string{"objects", "refs/heads"} {
		must(t, os.MkdirAll(filepath.Join(c.dir, sub), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(c.dir, "HEAD"), []byte("ref: refs/heads/"+base+"\n"), 0o600))
	return c
}

func withLogin(t *testing.T, address, username, password string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	u.User = url.UserPassword(username, password)
	return u.String()
}

func (c *clone) git(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := c.run(t.Context(), stdin, args...)
	must(t, err)
	return out
}

func (c *clone) run(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.dir, c.env, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// tip is the commit of a branch on the host, or "".
func (c *clone) tip(t *testing.T, branch string) string {
	t.Helper()
	commit, _, _ := strings.Cut(c.git(t, "", "ls-remote", c.remote, "refs/heads/"+branch), "\t")
	return commit
}

// fetch brings the branches of the host.
func (c *clone) fetch(t *testing.T) {
	t.Helper()
	c.git(t, "", "fetch", "--quiet", "--prune", "--no-auto-maintenance", c.remote, "+refs/heads/*:refs/heads/*")
}

// push puts a commit with these files on a branch, which begins at base where it is not there, and returns its id.
func (c *clone) push(t *testing.T, branch string, files map[string]string) string {
	t.Helper()
	if c.known(t, base) == "" {
		c.fetch(t)
	}
	c.commit(t, branch, files)
	if _, err := c.run(t.Context(), "", "push", "--quiet", c.remote, "refs/heads/"+branch); err != nil {
		// The branch has moved on.
		c.fetch(t)
		c.commit(t, branch, files)
		c.git(t, "", "push", "--quiet", c.remote, "refs/heads/"+branch)
	}
	return c.known(t, branch)
}

func (c *clone) commit(t *testing.T, branch string, files map[string]string) {
	t.Helper()
	from := c.known(t, branch)
	if from == "" {
		from = c.known(t, base)
	}
	var script strings.Builder
	fmt.Fprintf(&script, "commit refs/heads/%s\ncommitter Somebody <somebody@example.com> 1700000000 +0100\ndata 4\nwork\nfrom %s\n",
		branch, from)
	for name, data := range files {
		fmt.Fprintf(&script, "M 100644 inline %q\ndata %d\n%s\n", name, len(data), data)
	}
	c.git(t, script.String(), "fast-import", "--quiet")
}

// known is the commit of a branch in the clone, or "". A clone without git gc has each branch in a file.
func (c *clone) known(t *testing.T, branch string) string {
	t.Helper()
	commit, err := os.ReadFile(filepath.Join(c.dir, "refs", "heads", filepath.FromSlash(branch)))
	if !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	return strings.TrimSpace(string(commit))
}

// point makes a branch at a commit that is there.
func (c *clone) point(t *testing.T, branch, commit string) {
	t.Helper()
	c.git(t, "", "push", "--quiet", c.remote, commit+":refs/heads/"+branch)
}

func (c *clone) remove(t *testing.T, branch string) {
	t.Helper()
	c.git(t, "", "push", "--quiet", c.remote, ":refs/heads/"+branch)
}

// files are the names in a commit's tree.
func (c *clone) files(t *testing.T, commit string) []string {
	t.Helper()
	return strings.Fields(c.git(t, "", "ls-tree", "--name-only", "-r", commit))
}

// parents is how many parents a commit has.
func (c *clone) parents(t *testing.T, commit string) int {
	t.Helper()
	return len(strings.Fields(c.git(t, "", "rev-list", "--parents", "-1", commit))) - 1
}
