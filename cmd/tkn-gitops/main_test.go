//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// asProgram makes the test binary the program itself.
const asProgram = "TKN_GITOPS_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program starts the program. The test ends it if nothing else does.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, "--offline")...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "KUBECONFIG="+filepath.Join(t.TempDir(), "none"))
	return cmd
}

// statusOf is how a program has ended.
func statusOf(t *testing.T, err error) syscall.WaitStatus {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("it has ended with %v", err)
	}
	return exit.Sys().(syscall.WaitStatus)
}

// A signal ends a read of the input that would never end.
func TestSignalEndsReading(t *testing.T) {
	cmd := program(t, "render", "-f", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds: once it is written, the program reads.
	if _, err := in.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if status := statusOf(t, cmd.Wait()); status.ExitStatus() != 130 {
		t.Errorf("it has ended with %d, signal %v", status.ExitStatus(), status.Signal())
	}
}

// What no first signal ends, a second one does.
func TestSecondSignalKills(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, "render", "-f", fifo)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Opened as soon as the program opens it to read, which it does for ever.
	writer, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			_ = cmd.Process.Signal(os.Interrupt)
		case err := <-ended:
			if status := statusOf(t, err); status.Signal() != os.Interrupt {
				t.Errorf("it has ended with %d, signal %v", status.ExitStatus(), status.Signal())
			}
			return
		}
	}
}
