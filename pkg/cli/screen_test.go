package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// frames keeps each write apart.
type frames struct{ written []string }

func (f *frames) Write(p []byte) (int, error) {
	f.written = append(f.written, string(p))
	return len(p), nil
}

// film is what a terminal of this width shows after each write.
func (f *frames) film(t *testing.T, width int) (string, *virtual) {
	t.Helper()
	v := &virtual{t: t, width: width}
	var out strings.Builder
	for _, frame := range f.written {
		v.write(frame)
		cursor := "shown"
		if v.hidden {
			cursor = "hidden"
		}
		out.WriteString("----- cursor " + cursor + "\n" + v.String())
	}
	return out.String(), v
}

func TestFollowingOnATerminal(t *testing.T) {
	for name, width := range map[string]int{"terminal": 70, "terminal-narrow": 24} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, theRun(t, preparing)).onTerminal(width)
			f := &frames{}
			b.streams.Out, b.streams.Clock = f, unpaused{b.clock}
			b.play(round{list: []string{preparing}, events: []watch.Event{change(t, syncing), change(t, syncingOn), change(t, succeeded)}, open: true})
			if code := b.run(t.Context(), "logs", "-f", "deploy"); code != 0 {
				t.Errorf("exit status %d: %s", code, b.err)
			}
			film, end := f.film(t, width)
			if end.hidden {
				t.Error("the cursor is hidden at the end")
			}
			golden(t, name, film)
		})
	}
}

// The lines of several runs, of one that has not begun, and of a cluster that is away; and a spinner that turns.
func TestLiveLines(t *testing.T) {
	b := newBench(t).onTerminal(60)
	f := newFollower(b.session, target{namespace: "team", pipelineRun: "release"}, "")
	f.pipeline = pipelineRun(corev1.ConditionUnknown, "Tasks Completed: 0")
	check := func(want ...string) {
		t.Helper()
		var got []string
		for _, line := range f.live() {
			got = append(got, uncoloured(line))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	check("⠋ PipelineRun release 2m00s  Tasks Completed: 0")
	f.frame++
	check("⠙ PipelineRun release 2m00s  Tasks Completed: 0")
	for _, text := range []string{"a=" + syncing, "b={}", "c=" + succeeded} {
		run := progress.Of(theRun(t, text))
		f.order = append(f.order, run.Name)
		f.runs[run.Name] = run
		f.teller.tell(run, testNow)
	}
	f.trouble = errors.New("the server is away")
	check("⠙ [a] Syncing 56s  Argo CD is at it", "⠙ [b] Pending 1m00s  No controller has taken the run yet…", "⠙ no connection  the server is away")
	f.trouble = nil
	for i := range maxLive + 2 {
		name := "more-" + strings.Repeat("x", i)
		f.order = append(f.order, name)
		f.runs[name] = progress.Run{Name: name, State: progress.Running, Phase: "Locking"}
	}
	if lines := f.live(); len(lines) != maxLive+1 || uncoloured(lines[maxLive]) != "  and 4 more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// A window that was made narrower has broken the lines that were drawn, so that more of them have to be cleared.
func TestNarrowedWindow(t *testing.T) {
	f := &frames{}
	s := &screen{out: f}
	v := &virtual{t: t, width: 10}
	draw := func(width int, log []string, below ...string) {
		t.Helper()
		if err := s.draw(width, log, below); err != nil {
			t.Fatal(err)
		}
		v.write(f.written[len(f.written)-1])
	}
	draw(20, []string{"log 1"}, "a line of 18 chars", "short")
	draw(10, []string{"log 2"}, "short")
	if d := cmp.Diff("log 1\nlog 2\nshort\n", v.String()); d != "" {
		t.Error(d)
	}
}

func TestColours(t *testing.T) {
	for name, tc := range map[string]struct {
		width         int
		dumb, noColor bool
		args          []string
		want          bool
	}{
		"a terminal":            {width: 80, want: true},
		"a pipe":                {},
		"NO_COLOR":              {width: 80, noColor: true},
		"--no-color":            {width: 80, args: []string{"--no-color"}},
		"a terminal without":    {width: 80, dumb: true},
		"for tools, never":      {width: 80, args: []string{"-o", "json"}},
		"for tools, names only": {width: 80, args: []string{"-o", "name"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, fixture(t)...).onTerminal(tc.width)
			b.streams.Dumb, b.streams.NoColor = tc.dumb, tc.noColor
			if code := b.run(t.Context(), append([]string{"list"}, tc.args...)...); code != 0 {
				t.Fatalf("exit status %d: %s", code, b.err)
			}
			if got := strings.Contains(b.out.String(), "\x1b"); got != tc.want {
				t.Errorf("coloured: %v", got)
			}
		})
	}
}

// A dumb terminal gets the lines of a pipe.
func TestFollowingOnADumbTerminal(t *testing.T) {
	b := newBench(t, theRun(t, preparing)).onTerminal(80)
	b.streams.Dumb, b.streams.Clock = true, unpaused{b.clock}
	b.tekton.PrependWatchReactor("customruns", func(clienttesting.Action) (bool, watch.Interface, error) {
		w := watch.NewFakeWithChanSize(1, false)
		w.Modify(theRun(t, succeeded))
		return true, w, nil
	})
	if code := b.run(t.Context(), "logs", "-f", "deploy"); code != 0 {
		t.Errorf("exit status %d: %s", code, b.err)
	}
	if got := b.out.String(); strings.ContainsAny(got, "\x1b\r") || !strings.Contains(got, "· Preparing        looking\n") {
		t.Errorf("%q", got)
	}
}
