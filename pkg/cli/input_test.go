package cli

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// blocked is an input of which nothing ever comes. It tells when somebody reads.
type blocked struct{ reads chan<- struct{} }

func (b blocked) Read([]byte) (int, error) {
	b.reads <- struct{}{}
	select {}
}

// interruptible gives an input that is read in vain, and a context that ends as soon as somebody does.
func interruptible(t *testing.T) (context.Context, io.Reader) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	t.Cleanup(interrupt)
	reads := make(chan struct{})
	go func() {
		<-reads
		interrupt()
	}()
	return ctx, blocked{reads}
}

// A question that is interrupted is no consent.
func TestInterruptEndsAQuestion(t *testing.T) {
	b := newBench(t, emptyNamespace()...)
	ctx, in := interruptible(t)
	b.streams.In, b.streams.Interactive = untilDone(ctx, in), true
	if code := b.run(ctx, "setup", "namespace"); code != exitInterrupted {
		t.Errorf("exit status %d: %s", code, b.err)
	}
	if writes := b.writes(); len(writes) > 0 {
		t.Errorf("it writes %v", writes)
	}
	if got := b.err.String(); !strings.HasSuffix(got, "[y/N] \n") {
		t.Errorf("it ends with %q", got)
	}
}

// Other reads end as well, because the whole program reads so.
func TestInterruptEndsReading(t *testing.T) {
	kubeconfig := filepath.Join("testdata", "kubeconfig.yaml")
	for name, args := range map[string][]string{
		"objects":    {"render", "-f", "-", "--offline"},
		"a password": {"setup", "namespace", "--git-url", "https://github.com", "--git-token-file", "-", "--yes"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			ctx, in := interruptible(t)
			b.streams.In = in
			if code := Run(ctx, b.streams, append(args, "--kubeconfig", kubeconfig)); code != exitInterrupted {
				t.Errorf("exit status %d: %s", code, b.err)
			}
			if got := b.err.String(); got != "" {
				t.Errorf("it says %q", got)
			}
		})
	}
}

// What comes is read as it is.
func TestUntilDone(t *testing.T) {
	got, err := io.ReadAll(untilDone(t.Context(), strings.NewReader("all of it")))
	if err != nil || string(got) != "all of it" {
		t.Errorf("got %q, %v", got, err)
	}
}
