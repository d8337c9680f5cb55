package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain also plays the guard, and a program that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == GuardArgument {
		RunGuard(os.Stdin)
		return
	}
	if dir := os.Getenv("PROCESS_TEST_VICTIM"); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// A child with a child of its own, both of which ignore polite signals.
const stubborn = `trap '' TERM INT HUP; sleep 300 & echo "$$ $!"; wait`

func victim(dir string) {
	s, err := New(dir, dir)
	if err == nil {
		_, err = s.Start(Command{Name: "stubborn", Path: "/bin/sh", Args: []string{"-c", stubborn}, Env: os.Environ()})
	}
	fmt.Println("started", err)
	time.Sleep(time.Hour)
}

func TestKilledProgramTakesItsChildrenAlong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PROCESS_TEST_VICTIM="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "started <nil>\n" {
		t.Fatalf("%q, %v", line, err)
	}
	pids := pidsIn(t, filepath.Join(dir, "stubborn.log"))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	eventually(t, func() error { return gone(pids) })
	eventually(t, func() error {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is left", dir)
		}
		return nil
	})
}

func TestStopEndsEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := New(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start(Command{Name: "stubborn", Path: "/bin/sh", Args: []string{"-c", stubborn}, Env: os.Environ()}); err != nil {
		t.Fatal(err)
	}
	pids := pidsIn(t, filepath.Join(dir, "stubborn.log"))
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return gone(pids) })
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
	select {
	case err := <-s.Failed():
		t.Errorf("a stopped child is reported as failed: %v", err)
	default:
	}
	if _, err := s.Start(Command{Name: "late", Path: "/bin/true"}); err == nil {
		t.Error("a child was started after Stop")
	}
}

func TestFailureCarriesTheEndOfTheLog(t *testing.T) {
	dir := t.TempDir()
	s, err := New(filepath.Join(dir, "data"), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c, err := s.Start(Command{Name: "loud", Path: "/bin/sh", Args: []string{"-c", "seq 1 100; exit 3"}, Env: os.Environ(), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	notReady := func(context.Context) error { return errors.New("not yet") }
	for name, err := range map[string]error{"WaitReady": c.WaitReady(t.Context(), time.Minute, notReady), "Failed": <-s.Failed()} {
		text := fmt.Sprint(err)
		for _, want := range []string{"loud", "exit status 3", "  | 81\n", "  | 100"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in %s", name, want, text)
			}
		}
		if strings.Contains(text, "  | 80\n") {
			t.Errorf("%s: more than 20 lines: %s", name, text)
		}
	}
}

func TestWaitReadyIsBounded(t *testing.T) {
	dir := t.TempDir()
	s, err := New(filepath.Join(dir, "data"), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c, err := s.Start(Command{Name: "idle", Path: "/bin/sleep", Args: []string{"300"}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	err = c.WaitReady(t.Context(), 120*time.Millisecond, func(context.Context) error { return errors.New("no answer") })
	if err == nil || !strings.Contains(err.Error(), "idle is not ready after 120ms: no answer") {
		t.Errorf("got %v", err)
	}
}

func pidsIn(t *testing.T, log string) []int {
	t.Helper()
	var pids []int
	eventually(t, func() error {
		data, err := os.ReadFile(log)
		if err != nil || !strings.HasSuffix(string(data), "\n") {
			return fmt.Errorf("no process ids in %q, %v", data, err)
		}
		pids = nil
		for field := range strings.FieldsSeq(string(data)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return err
			}
			pids = append(pids, pid)
		}
		return nil
	})
	return pids
}

// gone takes a process that waits to be reaped for gone.
func gone(pids []int) error {
	for _, pid := range pids {
		if syscall.Kill(pid, 0) != nil {
			continue
		}
		out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
		if state := strings.TrimSpace(string(out)); state != "" && !strings.HasPrefix(state, "Z") {
			return fmt.Errorf("process %d is left, state %s", pid, state)
		}
	}
	return nil
}

func eventually(t *testing.T, done func() error) {
	t.Helper()
	var err error
	for range 200 {
		if err = done(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
}
