package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// took makes measurements of that many milliseconds each.
func took(milliseconds ...int) []measurement {
	var all []measurement
	for _, ms := range milliseconds {
		all = append(all, measurement{took: time.Duration(ms) * time.Millisecond})
	}
	return all
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		name             string
		of               []measurement
		median, min, max int // milliseconds
	}{
		{"of five is the third in order", took(900, 100, 500, 300, 700), 500, 100, 900},
		{"is not moved by one that is far off", took(100, 110, 120, 130, 90_000), 120, 100, 90_000},
		{"of an even number is the slower of the two in the middle", took(400, 100, 300, 200), 300, 100, 400},
		{"of one is that one", took(250), 250, 250, 250},
		{"of none is zero", nil, 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := spreadOf(test.of)
			got := []int64{s.median.took.Milliseconds(), s.min.Milliseconds(), s.max.Milliseconds()}
			if diff := cmp.Diff([]int64{int64(test.median), int64(test.min), int64(test.max)}, got); diff != "" {
				t.Errorf("median, min, max (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPartsFillTheWholeMeasurement(t *testing.T) {
	began := time.Unix(1000, 0)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	m := newMeasurement(began, at(1000), []start{{"Preparing", at(20)}, {"Locking", at(120)}, {"Releasing", at(900)}})
	want := "before 0.02 s, Preparing 0.10 s, Locking 0.78 s, Releasing 0.10 s"
	if got := partsOf(m); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if m.took != time.Second {
		t.Errorf("took %s, want 1s", m.took)
	}
}

func TestTimelineOfARun(t *testing.T) {
	began := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	got := timeline(progress.Run{Timeline: []progress.Step{
		{Phase: "Preparing", Begin: began.Add(250 * time.Millisecond)}, {Phase: "Locking", Begin: began.Add(time.Second)},
	}})
	if m := newMeasurement(got[0].at, got[1].at, got); len(got) != 2 || partsOf(m) != "before 0.00 s, Preparing 0.75 s, Locking 0.00 s" {
		t.Errorf("got %v", got)
	}
}

func TestStepsOfTheScript(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
		bad        bool
	}{
		{"two steps", "1700000000.250000 clone\n1700000001.000001 commit-change\n", []string{"clone 1700000000250000", "commit-change 1700000001000001"}, false},
		{"none", "", nil, false},
		{"a time without a name", "1700000000.250000\n", nil, true},
		{"a comma of another locale", "1700000000,250000 clone\n", nil, true},
		{"other output", "Already on 'main'\n", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			steps, err := parseSteps(test.text)
			if (err != nil) != test.bad {
				t.Fatalf("error %v, want one: %t", err, test.bad)
			}
			var got []string
			for _, s := range steps {
				got = append(got, fmt.Sprintf("%s %d", s.name, s.at.UnixMicro()))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGoals(t *testing.T) {
	fast, slow := took(500, 500, 500), took(1000, 1000, 1000)
	fine, ready := memory{peak: 120 << 20, now: 100 << 20}, 300*time.Millisecond
	well, unwell := waitingWell(), waitingWell()
	unwell.processor *= 2
	for _, test := range []struct {
		name string
		r    report
		want bool
	}{
		{"all met, the limits themselves included", report{cases: []comparison{{"sample", sampleGoal, slow, slow}, {"large", largeGoal, fast, slow}}, memory: fine, startup: ready}, true},
		{"the sample is slower than the script", report{cases: []comparison{{"sample", sampleGoal, took(1001, 1001, 1001), slow}}, memory: fine, startup: ready}, false},
		{"the large repository takes more than half", report{cases: []comparison{{"large", largeGoal, took(501, 501, 501), slow}}, memory: fine, startup: ready}, false},
		{"memory is at the limit", report{cases: []comparison{{"sample", sampleGoal, fast, slow}}, memory: memory{peak: memoryGoal, now: 1 << 20}, startup: ready}, false},
		{"nothing was measured", report{cases: []comparison{{"sample", sampleGoal, nil, nil}}, memory: fine, startup: ready}, false},
		{"all met, those of waiting runs too", report{cases: []comparison{{"sample", sampleGoal, fast, slow}}, memory: fine, startup: ready, waiting: &well}, true},
		{"waiting runs keep the controller busy", report{cases: []comparison{{"sample", sampleGoal, fast, slow}}, memory: fine, startup: ready, waiting: &unwell}, false},
		{"memory is unknown", report{cases: []comparison{{"sample", sampleGoal, fast, slow}}, startup: ready}, false},
		{"ready at the limit", report{memory: fine, startup: startupGoal}, false},
		{"when it was ready is unknown", report{memory: fine}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.r.good(); got != test.want {
				t.Errorf("good: %t, want %t; %+v", got, test.want, test.r.goals())
			}
		})
	}
}

func TestReport(t *testing.T) {
	began := time.Unix(1000, 0)
	one := newMeasurement(began, began.Add(900*time.Millisecond), []start{{"Preparing", began.Add(10 * time.Millisecond)}})
	two := newMeasurement(began, began.Add(1200*time.Millisecond), []start{{"clone", began}})
	got := report{
		cases:   []comparison{{"sample", sampleGoal, []measurement{one}, []measurement{two}}, {"large", largeGoal, []measurement{one}, []measurement{two}}},
		memory:  memory{peak: 120 << 20, now: 100 << 20},
		startup: 210 * time.Millisecond,
		facts:   []fact{{"controller binary, stripped", "100 MB"}},
	}.markdown()
	want := `
| case | CustomRun, median | script, median | ratio | CustomRun, min to max | script, min to max |
|---|---|---|---|---|---|
| sample | 0.90 s | 1.20 s | 0.75 | 0.90 s to 0.90 s | 1.20 s to 1.20 s |
| large | 0.90 s | 1.20 s | 0.75 | 0.90 s to 0.90 s | 1.20 s to 1.20 s |

Where the time of the median goes, sample:

- CustomRun: before 0.01 s, Preparing 0.89 s
- script: before 0.00 s, clone 1.20 s

Where the time of the median goes, large:

- CustomRun: before 0.01 s, Preparing 0.89 s
- script: before 0.00 s, clone 1.20 s

| | |
|---|---|
| controller memory, most resident (VmHWM) | 120 MB |
| controller memory, resident at the end (VmRSS) | 100 MB |
| controller binary, stripped | 100 MB |

PASS  sample: 0.75 of the script's time, goal at most 1.00
FAIL  large: 0.75 of the script's time, goal at most 0.50
PASS  controller memory: at most 120 MB resident, goal below 150 MB
PASS  controller start to ready: 0.21 s, goal below 2.00 s`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestMemoryOfAProcess(t *testing.T) {
	for _, test := range []struct {
		name, status string
		want         memory
		bad          bool
	}{
		{"peak and now", "Name:\tcontroller\nVmPeak:\t 2000000 kB\nVmHWM:\t  122880 kB\nVmRSS:\t  102400 kB\nThreads:\t9\n", memory{120 << 20, 100 << 20}, false},
		{"a process that has ended", "Name:\tcontroller\nState:\tZ (zombie)\n", memory{}, true},
		{"an unreadable number", "VmHWM:\t  much kB\nVmRSS:\t  102400 kB\n", memory{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseMemory(test.status)
			if (err != nil) != test.bad {
				t.Fatalf("error %v, want one: %t", err, test.bad)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestFileSystem(t *testing.T) {
	const mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\ntmpfs /tmp/deep tmpfs rw 0 0\nproc /proc proc rw 0 0\n"
	for path, want := range map[string]string{
		"/home/somebody": "ext4 at /",
		"/tmp/gitops-1":  "tmpfs at /tmp",
		"/tmp":           "tmpfs at /tmp",
		"/tmpfiles":      "ext4 at /",
		"/tmp/deep/er":   "tmpfs at /tmp/deep",
	} {
		if got := fileSystem(mounts, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestGeneratedHistory(t *testing.T) {
	const apps, commits = 120, 30
	c := &localcluster.Cluster{State: localcluster.State{Git: localcluster.Git{Root: t.TempDir()}}}
	r, err := c.CreateRepository(t.Context(), "large", map[string]string{"base/a.yaml": "a\n", "overlays/dev/kustomization.yaml": "k\n"})
	if err != nil {
		t.Fatal(err)
	}
	var history strings.Builder
	writeHistory(&history, apps, commits)
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = r.Dir, strings.NewReader(history.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	for want, arguments := range map[string][]string{
		fmt.Sprint(1 + commits): {"rev-list", "--count", localcluster.Branch},
		"k":                     {"cat-file", "blob", localcluster.Branch + ":" + sampleDir + "/overlays/dev/kustomization.yaml"},
		sampleDir + "/base":     {"ls-tree", "--name-only", localcluster.Branch, sampleDir + "/base"},
	} {
		if got, err := r.Git(t.Context(), arguments...); err != nil || got != want {
			t.Errorf("git %v: %q, %v; want %q", arguments, got, err, want)
		}
	}
	files, err := r.Git(t.Context(), "ls-tree", "-r", "--name-only", localcluster.Branch)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(strings.Split(files, "\n")), 2+apps*filesPerApp; got != want {
		t.Errorf("%d files, want %d", got, want)
	}
}

// The script's syntax is checked here, what it does by each measurement.
func TestScriptParses(t *testing.T) {
	if out, err := exec.Command("bash", "-n", filepath.Join(".", "chain.sh")).CombinedOutput(); err != nil {
		t.Errorf("bash -n: %v\n%s", err, out)
	}
}
