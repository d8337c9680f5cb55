// Package process runs the programs of the control plane and lets none of them
// outlive this one.
//
// Promise: a child, and whatever the child started in its own process group, is
// gone when Stop returns, and also after this program was killed with SIGKILL
// or has crashed: a guard process (see guard.go) holds the read end of a pipe
// from this program and kills all groups when the pipe closes. On Linux the
// kernel's parent-death signal does the same for the children themselves.
//
// No promise: a child that leaves its process group is out of reach. Children
// are killed, not asked: nothing they own is worth saving.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command is a program to run.
type Command struct {
	Name string // also the name of the log file, without .log
	Path string
	Args []string
	Env  []string // complete environment
	Dir  string   // working directory; empty: the supervisor's
}

// Supervisor starts children and stops them together.
type Supervisor struct {
	logDir  string
	workDir string
	guard   *guard
	starts  chan func()
	failed  chan error

	mu       sync.Mutex
	children []*Child
	stopping bool
}

// New starts the guard. workDir is where children run and is removed by Stop,
// or by the guard when this program dies.
func New(workDir, logDir string) (*Supervisor, error) {
	g, err := startGuard()
	if err != nil {
		return nil, fmt.Errorf("start the guard process: %w", err)
	}
	g.tell("dir", workDir)
	s := &Supervisor{logDir: logDir, workDir: workDir, guard: g, starts: make(chan func()), failed: make(chan error, 1)}
	go s.startLoop()
	return s, nil
}

// startLoop starts every child from one locked thread: the parent-death signal
// of Linux is sent when the starting thread ends, not the process.
func (s *Supervisor) startLoop() {
	runtime.LockOSThread()
	for start := range s.starts {
		start()
	}
}

// Child is a running program.
type Child struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start runs c with its output going to a log file.
func (s *Supervisor) Start(c Command) (*Child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, fmt.Errorf("start %s: the control plane is stopping", c.Name)
	}
	logPath := filepath.Join(s.logDir, c.Name+".log")
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	defer logFile.Close()

	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	if cmd.Dir == "" {
		cmd.Dir = s.workDir
	}
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = childAttributes()
	started := make(chan error, 1)
	s.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	s.guard.tell("add", fmt.Sprint(cmd.Process.Pid))
	child := &Child{name: c.Name, log: logPath, cmd: cmd, done: make(chan struct{})}
	s.children = append(s.children, child)
	go s.wait(child)
	return child, nil
}

func (s *Supervisor) wait(c *Child) {
	c.err = c.cmd.Wait()
	// What the child left behind in its group goes with it. At once: later the
	// number could belong to somebody else.
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	s.guard.tell("gone", fmt.Sprint(c.cmd.Process.Pid))
	close(c.done)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return
	}
	select {
	case s.failed <- c.failure():
	default:
	}
}

// Failed delivers the first unexpected end of a child.
func (s *Supervisor) Failed() <-chan error { return s.failed }

// Stop kills all children, the youngest first, waits for them, and removes the
// working directory.
func (s *Supervisor) Stop() error {
	s.mu.Lock()
	s.stopping = true
	children := slices.Clone(s.children)
	s.mu.Unlock()

	slices.Reverse(children)
	for _, c := range children {
		select {
		case <-c.done:
		default:
			_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		}
	}
	var errs []error
	deadline := time.After(10 * time.Second)
	for _, c := range children {
		select {
		case <-c.done:
		case <-deadline:
			errs = append(errs, fmt.Errorf("%s (pid %d) did not end after SIGKILL", c.name, c.cmd.Process.Pid))
		}
	}
	errs = append(errs, removeAll(s.workDir))
	s.guard.release()
	return errors.Join(errs...)
}

// removeAll retries: a grandchild that is just being killed may still create a
// file in a directory that is being removed.
func removeAll(dir string) error {
	var err error
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (c *Child) failure() error {
	state := "ended"
	if c.err != nil {
		state = "ended: " + c.err.Error()
	}
	return fmt.Errorf("%s %s\nlast lines of %s:\n%s", c.name, state, c.log, tail(c.log, 20))
}

// WaitReady calls probe until it returns nil, the child ends, or timeout has
// passed. The error of a part that does not become ready carries the end of its log.
func (c *Child) WaitReady(ctx context.Context, timeout time.Duration, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.done:
			return c.failure()
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("wait for %s: %w", c.name, ctx.Err())
			}
			return fmt.Errorf("%s is not ready after %s: %w\nlast lines of %s:\n%s", c.name, timeout, err, c.log, tail(c.log, 20))
		case <-tick.C:
		}
	}
}

// tail returns the last lines of a file, each prefixed, at most 16 KiB of it.
func tail(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	const limit = 16 << 10
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	buf := make([]byte, min(info.Size(), limit))
	n, _ := f.ReadAt(buf, max(0, info.Size()-limit))
	all := strings.Split(strings.TrimRight(string(buf[:n]), "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	return "  | " + strings.Join(all, "\n  | ")
}
