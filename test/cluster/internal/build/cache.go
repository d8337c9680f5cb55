package build

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/progress"
)

// Cache is a directory with everything that starting needs.
type Cache struct{ dir, argocd string }

// ArgoCDVersion is the version of the argocd binary, such as v2.14.21.
func (c Cache) ArgoCDVersion() string { return c.argocd }

// Bin returns the path of a part's binary.
func (c Cache) Bin(name string) string { return filepath.Join(c.BinDir(), name) }

// BinDir holds the binaries.
func (c Cache) BinDir() string { return filepath.Join(c.dir, "bin") }

// Manifests holds the installation manifests of "tekton" or "argocd".
func (c Cache) Manifests(name string) string { return filepath.Join(c.dir, "manifests", name) }

// Static holds the files that a program reads while it runs.
func (c Cache) Static() string { return filepath.Join(c.dir, "static") }

// Ensure returns the cache below root for the module at moduleDir, built if need
// be, with the given version of Argo CD; empty is DefaultArgoCD.
func Ensure(ctx context.Context, moduleDir, root, argocd string, p *progress.Printer) (Cache, error) {
	if argocd == "" || argocd == DefaultArgoCD {
		return ensure(ctx, ownRecipe(moduleDir), nil, root, p)
	}
	// First, so that an unknown version is not found out after a long build.
	other, err := argocdRecipe(moduleDir, argocd)
	if err != nil {
		return Cache{}, err
	}
	own, err := ensure(ctx, ownRecipe(moduleDir), nil, root, p)
	if err != nil {
		return Cache{}, err
	}
	return ensure(ctx, other, &own, root, p)
}

// ensure returns the cache of a recipe. What the recipe lacks comes from base.
func ensure(ctx context.Context, r recipe, base *Cache, root string, p *progress.Printer) (Cache, error) {
	key, err := r.key(base, platform())
	if err != nil {
		return Cache{}, err
	}
	c := Cache{dir: filepath.Join(root, key), argocd: r.argocd}
	if c.complete() {
		// The time of the last use, for prune. A cache that may only be read will do.
		_ = os.Chtimes(c.mark(), time.Now(), time.Now())
		return c, nil
	}
	if err := os.MkdirAll(c.BinDir(), 0o755); err != nil {
		return Cache{}, fmt.Errorf("make the cache directory: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(c.dir, "lock"), p)
	if err != nil {
		return Cache{}, err
	}
	defer unlock()
	if c.complete() { // by whoever held the lock before
		return c, nil
	}
	if err := c.fill(ctx, r, base, p); err != nil {
		return c, err
	}
	return c, prune(root, time.Now().Add(-unusedLimit))
}

// unusedLimit is how long a cache of another version is kept after its last use.
const unusedLimit = 14 * 24 * time.Hour

// prune removes the caches below root that were last used before limit: each
// takes most of a gigabyte.
func prune(root string, limit time.Time) error {
	marks, err := filepath.Glob(filepath.Join(root, "*", "complete"))
	if err != nil {
		return err
	}
	for _, mark := range marks {
		info, err := os.Stat(mark)
		if err != nil || info.ModTime().After(limit) {
			continue
		}
		if err := os.RemoveAll(filepath.Dir(mark)); err != nil {
			return fmt.Errorf("remove an old cache: %w", err)
		}
	}
	return nil
}

// key names the cache of a recipe: it changes with the dependency graph, the
// toolchain, the platform, the flags, the list of parts, and with base.
func (r recipe) key(base *Cache, platform string) (string, error) {
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			return "", fmt.Errorf("read the module of the control plane: %w", err)
		}
		if name == "go.mod" && !bytes.HasPrefix(data, []byte("module "+r.module+"\n")) {
			return "", fmt.Errorf("%s is not the module %s: run there, or name it with -module", r.dir, r.module)
		}
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	fmt.Fprintln(h, platform)
	for _, p := range r.parts {
		fmt.Fprintln(h, p.Name, arguments("", r.linker, p))
	}
	fmt.Fprintln(h, r.manifests)
	for _, name := range r.sources {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			return "", fmt.Errorf("read the sources of a program: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	if len(r.static) > 0 {
		fmt.Fprintln(h, r.static)
	}
	if base != nil {
		fmt.Fprintln(h, filepath.Base(base.dir))
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// mark is the file that makes a cache complete.
func (c Cache) mark() string { return filepath.Join(c.dir, "complete") }

func (c Cache) complete() bool {
	_, err := os.Stat(c.mark())
	return err == nil
}

func (c Cache) fill(ctx context.Context, r recipe, base *Cache, p *progress.Printer) error {
	for i, part := range r.parts {
		if _, err := os.Stat(c.Bin(part.Name)); err == nil {
			continue // from an interrupted build; the rename made it whole
		}
		task := p.Begin(fmt.Sprintf("building %s (step %d of %d)", part.Name, i+1, len(r.parts)))
		if err := task.End(c.build(ctx, r, part, task)); err != nil {
			return err
		}
	}
	for _, f := range r.manifests {
		if err := copyFolder(ctx, r.dir, f, c.Manifests(f.name), ".yaml"); err != nil {
			return err
		}
	}
	for _, f := range r.static {
		if err := copyFolder(ctx, r.dir, f, filepath.Join(c.Static(), f.name), ""); err != nil {
			return err
		}
	}
	if base != nil {
		if err := c.takeRest(*base, r); err != nil {
			return fmt.Errorf("take over what %s has: %w", base.dir, err)
		}
	}
	return os.WriteFile(c.mark(), nil, 0o644)
}

func (c Cache) build(ctx context.Context, r recipe, part Part, task *progress.Task) error {
	temp := c.Bin("." + part.Name + ".new")
	defer os.Remove(temp)
	cmd := exec.CommandContext(ctx, "go", arguments(temp, r.linker, part)...)
	cmd.Dir = r.dir
	// An interrupt ends the compilers too, not only the go command.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("build %s: %w (is Go on the PATH?)", part.Name, err)
	}
	output := watch(stderr, task)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", part.Name, err, output)
	}
	return os.Rename(temp, c.Bin(part.Name))
}

// watch counts the packages that "go build -v" names and the modules that it
// downloads, and returns everything else that the go command said.
func watch(r io.Reader, task *progress.Task) string {
	var other strings.Builder
	packages, modules := 0, 0
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		switch text := lines.Text(); {
		case strings.HasPrefix(text, "go: downloading "):
			modules++
		case !strings.ContainsAny(text, " :\t"):
			packages++
		case other.Len() < 16<<10:
			other.WriteString("  | " + text + "\n")
		}
		task.Note(fmt.Sprintf("%d packages compiled, %d modules downloaded", packages, modules))
	}
	return other.String()
}

// lock takes the cache's lock file. The system lets go of it when this process ends.
func lock(ctx context.Context, path string, p *progress.Printer) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	var waiting *progress.Task
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			if waiting != nil {
				_ = waiting.End(nil)
			}
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = f.Close()
			return nil, fmt.Errorf("lock the cache: %w", err)
		}
		if waiting == nil {
			waiting = p.Begin("waiting for another process that builds the same parts")
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
