package metrics_test

import (
	"io"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	prometheus "contrib.go.opencensus.io/exporter/prometheus"
	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func newMetrics() *metrics.Metrics {
	return metrics.New(clocktesting.NewFakePassiveClock(start), metrics.Build{Version: "v1.2.3", GoVersion: "go1.26", Revision: "abc"})
}

// page is what the framework's exporter shows of the metrics: the lines that begin with one of the names.
func page(t *testing.T, m *metrics.Metrics, names ...string) []string {
	t.Helper()
	stop := m.Publish()
	defer stop()
	exporter, err := prometheus.NewExporter(prometheus.Options{Namespace: strings.TrimSuffix(metrics.Prefix, "_")})
	if err != nil {
		t.Fatal(err)
	}
	response := httptest.NewRecorder()
	exporter.ServeHTTP(response, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(response.Body)
	if err != nil || response.Code != 200 {
		t.Fatalf("%d %v: %s", response.Code, err, text)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		line, ours := strings.CutPrefix(strings.TrimSpace(line), metrics.Prefix)
		if ours && slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(line, name) }) {
			found = append(found, line)
		}
	}
	return found
}

func TestWhatIsRecordedIsShown(t *testing.T) {
	m := newMetrics()
	m.RunEnded("GitOpsDeploy", "Succeeded", metrics.Succeeded, 3*time.Second)
	m.RunEnded("GitOpsDeploy", "SyncFailed", metrics.Failed, 100*time.Millisecond)
	m.PhaseEnded("GitOpsPR", "WaitingForMerge", metrics.Interrupted, 48*time.Hour)
	m.PhaseEnded("GitOpsPR", "WaitingForMerge", metrics.Interrupted, -time.Second)
	m.GitReceived(1000)
	m.GitReceived(24)
	m.ReadFrom(func(now time.Time) []metrics.Reading {
		return append(metrics.Queues(3, 2, now.Sub(start.Add(-time.Minute))), metrics.ActiveRuns("GitOpsDeploy", "Locking", 3))
	})
	for name, want := range map[string][]string{
		`runs_total{kind="GitOpsDeploy",reason="S`: {
			`runs_total{kind="GitOpsDeploy",reason="Succeeded"} 1`, `runs_total{kind="GitOpsDeploy",reason="Superseded"} 0`,
			`runs_total{kind="GitOpsDeploy",reason="SyncFailed"} 1`, `runs_total{kind="GitOpsDeploy",reason="SyncTimeout"} 0`,
			`runs_total{kind="GitOpsDeploy",reason="SyncWindowClosed"} 0`,
		},
		`run_duration_seconds_bucket{kind="GitOpsDeploy",outcome="succeeded",le="5"}`:   {`run_duration_seconds_bucket{kind="GitOpsDeploy",outcome="succeeded",le="5"} 1`},
		`run_duration_seconds_bucket{kind="GitOpsDeploy",outcome="succeeded",le="2.5"}`: {`run_duration_seconds_bucket{kind="GitOpsDeploy",outcome="succeeded",le="2.5"} 0`},
		`run_duration_seconds_bucket{kind="GitOpsDeploy",outcome="failed",le="0.1"}`:    {`run_duration_seconds_bucket{kind="GitOpsDeploy",outcome="failed",le="0.1"} 1`},
		"run_duration_seconds_sum": {`run_duration_seconds_sum{kind="GitOpsDeploy",outcome="failed"} 0.1`, `run_duration_seconds_sum{kind="GitOpsDeploy",outcome="succeeded"} 3`},
		`phase_duration_seconds_bucket{ended="interrupted",kind="GitOpsPR",phase="WaitingForMerge",le="86400"}`: {`phase_duration_seconds_bucket{ended="interrupted",kind="GitOpsPR",phase="WaitingForMerge",le="86400"} 1`},
		"phase_duration_seconds_count": {`phase_duration_seconds_count{ended="interrupted",kind="GitOpsPR",phase="WaitingForMerge"} 2`},
		"git_received_bytes_total":     {"git_received_bytes_total 1024"},
		"lock_":                        {"lock_longest_queue 2", "lock_longest_wait_seconds 60", `lock_takeovers_total{holder="CustomRun"} 0`, `lock_takeovers_total{holder="foreign"} 0`, "lock_waiting_runs 3"},
		"active_runs":                  {`active_runs{kind="GitOpsDeploy",phase="Locking"} 3`},
		"build_info":                   {`build_info{go_version="go1.26",revision="abc",version="v1.2.3"} 1`},
	} {
		if d := cmp.Diff(want, page(t, m, name)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A value that the table does not have would be a mistake; it makes one more series, not as many as there are values.
func TestLabelsAreBounded(t *testing.T) {
	m := newMetrics()
	for _, kind := range []string{"One", "Two", "Three"} {
		m.Pushed(kind, metrics.Update, 1)
	}
	want := []string{
		`pushes_total{kind="GitOpsDeploy",purpose="revert"} 0`, `pushes_total{kind="GitOpsDeploy",purpose="update"} 0`,
		`pushes_total{kind="GitOpsPR",purpose="revert"} 0`, `pushes_total{kind="GitOpsPR",purpose="update"} 0`,
		`pushes_total{kind="other",purpose="update"} 3`,
	}
	if d := cmp.Diff(want, page(t, m, "pushes_total")); d != "" {
		t.Error(d)
	}
}

// Prometheus' naming rules, as far as promtool checks them.
func TestNames(t *testing.T) {
	name, seen := regexp.MustCompile(`^[a-z][a-z0-9_]*$`), map[string]bool{}
	for _, d := range metrics.Definitions() {
		if !name.MatchString(d.Name) || seen[d.Name] || d.Help == "" || !strings.HasSuffix(d.Help, ".") {
			t.Errorf("%+v", d)
		}
		seen[d.Name] = true
		if counter := d.Type == metrics.Counter; counter != strings.HasSuffix(d.Name, "_total") {
			t.Errorf("%s is a %s", d.Name, d.Type)
		}
		if d.Type == metrics.Histogram && !strings.HasSuffix(d.Name, "_seconds") {
			t.Errorf("%s has no unit", d.Name)
		}
		for _, l := range d.Labels {
			if !name.MatchString(l.Name) || slices.Contains([]string{"namespace", "pod", "job", "instance", "le"}, l.Name) {
				t.Errorf("%s: label %s is Prometheus' own or badly named", d.Name, l.Name)
			}
		}
	}
}

func TestNothingIsCountedByNil(t *testing.T) {
	var none *metrics.Metrics
	none.Pushed("GitOpsDeploy", metrics.Update, 1)
	none.PhaseEnded("GitOpsDeploy", "Syncing", metrics.Done, time.Second)
	none.ReadFrom(func(time.Time) []metrics.Reading { return nil })
}

func TestRecordingAllocatesNothing(t *testing.T) {
	m := newMetrics()
	if n := testing.AllocsPerRun(100, func() {
		m.PhaseEnded("GitOpsDeploy", "Syncing", metrics.Done, time.Second)
		m.GitReceived(1)
	}); n > 0 {
		t.Errorf("recording allocates %v times", n)
	}
}

func TestRecordingSideBySide(t *testing.T) {
	m := newMetrics()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				m.PhaseEnded("GitOpsDeploy", "Syncing", metrics.Done, time.Second)
				m.GitReceived(2)
			}
		})
	}
	m.Read()
	all.Wait()
	want := []string{"git_received_bytes_total 16000", `phase_duration_seconds_count{ended="done",kind="GitOpsDeploy",phase="Syncing"} 8000`}
	if d := cmp.Diff(want, page(t, m, "git_received", "phase_duration_seconds_count")); d != "" {
		t.Error(d)
	}
}
