package localcluster

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Branch is the default branch of new repositories.
const Branch = "main"

// Repository is a bare repository of the git server.
type Repository struct {
	Name     string // below the server's root, without .git
	Dir      string
	HTTPURL  string
	HTTPSURL string
	SSHURL   string
}

// Repository describes the repository of that name, whether it exists or not.
func (c *Cluster) Repository(name string) *Repository {
	return &Repository{
		Name:     name,
		Dir:      filepath.Join(c.Git.Root, filepath.FromSlash(name)+".git"),
		HTTPURL:  c.Git.HTTPURL + "/" + name + ".git",
		HTTPSURL: c.Git.HTTPSURL + "/" + name + ".git",
		SSHURL:   c.Git.SSH.URL + "/" + name + ".git",
	}
}

// CreateRepository makes a repository whose branch main has one commit with
// the files (path to content). Names may have slashes; a name must be new.
func (c *Cluster) CreateRepository(ctx context.Context, name string, files map[string]string) (*Repository, error) {
	r := c.Repository(name)
	if _, err := os.Stat(r.Dir); err == nil {
		return nil, fmt.Errorf("repository %s exists", name)
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return nil, err
	}
	if _, err := r.Git(ctx, "init", "--quiet", "--bare", "--initial-branch="+Branch); err != nil {
		return nil, err
	}
	_, err := r.Commit(ctx, Branch, "Initial commit", files)
	return r, err
}

// Git runs a git command in the repository and returns its output without the
// last line end.
func (r *Repository) Git(ctx context.Context, arguments ...string) (string, error) {
	out, err := r.git(ctx, nil, arguments...)
	return strings.TrimSuffix(out, "\n"), err
}

func (r *Repository) git(ctx context.Context, stdin []byte, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", r.Dir}, arguments...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", arguments[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// Commit puts a commit with the files onto a branch, as a person who pushes
// would, and returns its id. Other files stay as they are; Remove removes.
// Author and committer are Somebody <somebody@example.com>.
func (r *Repository) Commit(ctx context.Context, branch, message string, files map[string]string) (string, error) {
	return r.commit(ctx, branch, message, files, nil)
}

// Remove puts a commit without the named files onto a branch and returns its id.
func (r *Repository) Remove(ctx context.Context, branch, message string, paths ...string) (string, error) {
	return r.commit(ctx, branch, message, nil, paths)
}

func (r *Repository) commit(ctx context.Context, branch, message string, files map[string]string, removed []string) (string, error) {
	ref := "refs/heads/" + branch
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s\ncommitter Somebody <somebody@example.com> %d +0000\ndata %d\n%s\n", ref, time.Now().Unix(), len(message), message)
	if _, err := r.Git(ctx, "rev-parse", "--quiet", "--verify", ref); err == nil {
		fmt.Fprintf(&in, "from %s^0\n", ref)
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(files[path]), files[path])
	}
	for _, path := range removed {
		fmt.Fprintf(&in, "D %s\n", path)
	}
	in.WriteString("done\n")
	if _, err := r.git(ctx, in.Bytes(), "fast-import", "--quiet", "--done"); err != nil {
		return "", err
	}
	return r.Tip(ctx, branch)
}

// Tip returns the id of a branch's newest commit.
func (r *Repository) Tip(ctx context.Context, branch string) (string, error) {
	return r.Git(ctx, "rev-parse", "--verify", "refs/heads/"+branch)
}

// ReadFile returns a file's exact content at a revision.
func (r *Repository) ReadFile(ctx context.Context, revision, path string) (string, error) {
	return r.git(ctx, nil, "cat-file", "blob", revision+":"+path)
}

// Commit is one commit of a log.
type Commit struct {
	ID      string
	Author  string // Name <email>
	Message string // the whole message, trailers included
}

// Log returns the commits of a branch, the newest first.
func (r *Repository) Log(ctx context.Context, branch string) ([]Commit, error) {
	out, err := r.Git(ctx, "log", "-z", "--format=%H%n%an <%ae>%n%B", "refs/heads/"+branch)
	if err != nil {
		return nil, err
	}
	var commits []Commit
	for entry := range strings.SplitSeq(strings.TrimRight(out, "\x00"), "\x00") {
		parts := append(strings.SplitN(entry, "\n", 3), "", "")
		commits = append(commits, Commit{ID: parts[0], Author: parts[1], Message: strings.TrimRight(parts[2], "\n")})
	}
	return commits, nil
}

// Configure sets a git option of the repository on the server, such as
// uploadpack.allowFilter to false.
func (r *Repository) Configure(ctx context.Context, key, value string) error {
	_, err := r.Git(ctx, "config", key, value)
	return err
}

// Hook installs a server-side hook, such as pre-receive; script is a shell script.
func (r *Repository) Hook(name, script string) error {
	return os.WriteFile(filepath.Join(r.Dir, "hooks", name), []byte("#!/bin/sh\n"+script+"\n"), 0o755)
}

// AllowAnonymousRead lets anyone fetch from the repository.
func (r *Repository) AllowAnonymousRead() error {
	return os.WriteFile(filepath.Join(r.Dir, "anonymous-read"), nil, 0o644)
}

// RefuseSSH makes the server refuse every ssh session for the repository with
// that text; "" makes it serve again.
func (r *Repository) RefuseSSH(text string) error {
	file := filepath.Join(r.Dir, "refuse-ssh")
	if text == "" {
		return os.RemoveAll(file)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
