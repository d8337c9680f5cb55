package process

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// GuardArgument is the first argument with which this program is run as its own
// guard. The program's main (and a test's TestMain) must call RunGuard for it.
const GuardArgument = "process-guard"

// guard is the running guard process, seen from the supervisor.
type guard struct {
	mu   sync.Mutex
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

func startGuard() (*guard, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, GuardArgument)
	cmd.Dir = "/"
	cmd.Env = []string{}
	// A session of its own: Ctrl-C and the end of the terminal do not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &guard{pipe: pipe, cmd: cmd}, nil
}

func (g *guard) tell(verb, argument string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	// A guard that is gone cannot be told anything; the children still have the
	// supervisor, and on Linux the kernel.
	_, _ = fmt.Fprintf(g.pipe, "%s %s\n", verb, argument)
}

// release lets the guard go after an orderly stop.
func (g *guard) release() {
	g.tell("release", "")
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}

// RunGuard reads what to guard from r until r ends, then kills the process
// groups and removes the directories it was told of, and returns. After a
// "release" line it leaves everything alone.
func RunGuard(r io.Reader) {
	groups := map[int]bool{}
	var dirs []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		verb, argument, _ := strings.Cut(lines.Text(), " ")
		pid, _ := strconv.Atoi(argument)
		switch verb {
		case "add":
			groups[pid] = true
		case "gone":
			delete(groups, pid)
		case "dir":
			dirs = append(dirs, argument)
		case "release":
			return
		}
	}
	for pid := range groups {
		if pid > 1 {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
	time.Sleep(100 * time.Millisecond)
	for _, dir := range dirs {
		_ = removeAll(dir)
	}
}
