package progress

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scene runs two tasks in a made-up time and returns what was printed.
func scene(terminal bool) string {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := &Printer{w: &out, terminal: terminal, now: func() time.Time { return now }, stop: make(chan struct{})}
	build := p.Begin("building etcd (step 1 of 2)")
	now = now.Add(25 * time.Second)
	build.Note("7 packages compiled")
	p.Tick()
	now = now.Add(time.Second)
	p.Tick()
	now = now.Add(64 * time.Second)
	_ = build.End(nil)
	_ = p.Begin("starting etcd").End(errors.New("no"))
	_ = p.Begin("starting other").End(context.Canceled)
	p.Close()
	return out.String()
}

func TestPipeGetsLines(t *testing.T) {
	want := `building etcd (step 1 of 2) ...
still building etcd (step 1 of 2) ... 25.0s, 7 packages compiled
building etcd (step 1 of 2): done, 1m30s
starting etcd ...
starting etcd: FAILED, 0.0s
starting other ...
starting other: given up, 0.0s
`
	if diff := cmp.Diff(want, scene(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTerminalGetsOneLineThatIsRewritten(t *testing.T) {
	const clear = "\r\x1b[K"
	want := "building etcd (step 1 of 2) ... 0.0s" +
		clear + "building etcd (step 1 of 2) ... 25.0s, 7 packages compiled" +
		clear + "building etcd (step 1 of 2) ... 26.0s, 7 packages compiled" +
		clear + "building etcd (step 1 of 2): done, 1m30s\n" +
		"starting etcd ... 0.0s" + clear + "starting etcd: FAILED, 0.0s\n" +
		"starting other ... 0.0s" + clear + "starting other: given up, 0.0s\n"
	if diff := cmp.Diff(want, scene(true)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
