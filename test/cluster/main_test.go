package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/state"
)

// TestEnds starts the whole control plane for each way to end it. What runs in
// it is tested in test/localcluster of the project's main module.
func TestEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole control plane")
	}
	program := filepath.Join(t.TempDir(), "cluster")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tests := []struct {
		name     string
		end      ending
		orderly  bool
		leftover bool // the state file of a killed program
	}{
		{"Ctrl-C", interrupt, true, false},
		{"the end of its input", closeInput, true, false},
		{"SIGKILL", kill, false, true},
		{"a part that dies", killPart, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := startProgram(t, program)
			test.end(t, r)
			if err := r.cmd.Wait(); (err == nil) != test.orderly {
				t.Errorf("it ended with %v", err)
			}
			eventually(t, func() error { return nothingLeft(r.state) })
			if _, err := os.Stat(r.statePath); errors.Is(err, os.ErrNotExist) == test.leftover {
				t.Errorf("state file: %v", err)
			}
		})
	}
}

type running struct {
	cmd       *exec.Cmd
	stdin     interface{ Close() error }
	state     state.State
	statePath string
}

type ending func(*testing.T, running)

func interrupt(t *testing.T, r running)  { send(t, r.cmd.Process.Pid, syscall.SIGINT) }
func kill(t *testing.T, r running)       { send(t, r.cmd.Process.Pid, syscall.SIGKILL) }
func closeInput(_ *testing.T, r running) { _ = r.stdin.Close() }

func killPart(t *testing.T, r running) {
	out, err := exec.Command("pgrep", "-f", "etcd --data-dir "+r.state.DataDir).Output()
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil {
		t.Fatal(err)
	}
	send(t, pid, syscall.SIGKILL)
}

func send(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

func startProgram(t *testing.T, program string) running {
	t.Helper()
	r := running{statePath: filepath.Join(t.TempDir(), "state.json")}
	r.cmd = exec.Command(program, "-state", r.statePath, "-until-stdin-closes")
	r.cmd.Stderr = os.Stderr
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = stdin
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&r.state); err != nil {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		t.Fatalf("%v, %v", err, r.cmd.Wait())
	}
	return r
}

func nothingLeft(s state.State) error {
	out, err := exec.Command("ps", "-eo", "stat,args").Output()
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if strings.Contains(line, s.DataDir) && !strings.HasPrefix(line, "Z") {
			return fmt.Errorf("left running: %s", line)
		}
	}
	if _, err := os.Stat(s.DataDir); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("left behind: %s", s.DataDir)
	}
	return nil
}

func eventually(t *testing.T, done func() error) {
	t.Helper()
	var err error
	for range 100 {
		if err = done(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error(err)
}
