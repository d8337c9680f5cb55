package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// printed are lines as people see them.
func printed(lines []line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.format(false, time.UTC))
	}
	return out
}

// step is a phase of the second attempt's clock, in seconds after testNow.
func step(phase string, begin, end int) progress.Step {
	s := progress.Step{Phase: phase, Begin: testNow.Add(time.Duration(begin) * time.Second)}
	if end > 0 {
		s.End = ptr.To(testNow.Add(time.Duration(end) * time.Second))
	}
	return s
}

func TestAnotherAttemptBeginsAnew(t *testing.T) {
	teller := newTeller(false, true)
	run := progress.Run{Name: "deploy", State: progress.Running, Attempt: 1, Timeline: []progress.Step{step("Preparing", 0, 1), step("Syncing", 1, 0)}}
	got := printed(teller.tell(run, testNow))
	run.Attempt = 2
	run.Attempts = []progress.Attempt{{Number: 1, Reason: "SyncFailed", Message: "no", Completed: ptr.To(testNow.Add(5 * time.Second))}}
	run.Timeline = []progress.Step{step("Preparing", 5, 7), step("Syncing", 7, 0)}
	for range 2 {
		got = append(got, printed(teller.tell(run, testNow))...)
	}
	want := []string{
		"10:05:01 ✓ Preparing        1.0s",
		"10:05:05 ✗ SyncFailed       attempt 1 has failed, the run tries again: no",
		"10:05:07 ✓ Preparing        2.0s",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Runs of a matrix have the same task.
func TestRunsOfOneTaskAreToldApart(t *testing.T) {
	teller := newTeller(true, false)
	var runs []progress.Run
	for _, name := range []string{"pr-deploy-0", "pr-deploy-1"} {
		runs = append(runs, progress.Run{Name: name, Task: "deploy", State: progress.Running, Phase: "Locking", Message: "waiting"})
	}
	want := []string{"10:05:00 [deploy]      · Locking          waiting", "10:05:00 [pr-deploy-1] · Locking          waiting"}
	if d := cmp.Diff(want, printed(teller.tellAll(runs, testNow))); d != "" {
		t.Error(d)
	}
}

// A pull request's way is told as it goes.
func TestPullRequestIsToldOnceInEachState(t *testing.T) {
	teller := newTeller(false, true)
	run := progress.Run{
		Name: "promote", State: progress.Running, PullRequest: &progress.PullRequest{Number: 7, URL: "https://p/7", State: "open"},
		Timeline: []progress.Step{step("Opening", 0, 1), step("WaitingForMerge", 1, 0)},
	}
	got := printed(append(teller.tell(run, testNow), teller.tell(run, testNow)...))
	run.PullRequest.State = "merged"
	run.Timeline = []progress.Step{step("Opening", 0, 1), step("WaitingForMerge", 1, 9), step("Syncing", 9, 0)}
	got = append(got, printed(append(teller.tell(run, testNow), teller.tell(run, testNow)...))...)
	want := []string{
		"10:05:01 ✓ Opening          1.0s",
		"10:05:01 · pull request     #7 https://p/7",
		"10:05:09 ✓ WaitingForMerge  8.0s",
		"10:05:09 · pull request     #7 is merged",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Among the runs of a PipelineRun, one that is deleted is told, and the others go on.
func TestDeletedRunOfAPipelineRun(t *testing.T) {
	b := newBench(t)
	f := newFollower(b.session, target{namespace: "team", pipelineRun: "release"}, "")
	for _, news := range []batch{{objects: []runtime.Object{theRun(t, preparing), theRun(t, "other="+succeeded)}}, {gone: []string{"deploy", "other", "never-seen"}}} {
		if done, err := f.newRuns(news); done || err != nil {
			t.Fatalf("done: %v, error: %v", done, err)
		}
	}
	golden(t, "follow-deleted", b.out.String())
}

// A run that was deleted and made anew under its name is shown in one line.
func TestRunThatComesBack(t *testing.T) {
	b := newBench(t).onTerminal(100)
	f := newFollower(b.session, target{namespace: "team", pipelineRun: "release"}, "")
	first := batch{objects: []runtime.Object{theRun(t, preparing), theRun(t, "other="+preparing)}}
	for _, news := range []batch{first, {gone: []string{"deploy"}}, first} {
		if done, err := f.newRuns(news); done || err != nil {
			t.Fatalf("done: %v, error: %v", done, err)
		}
	}
	if d := cmp.Diff([]string{"deploy", "other"}, f.order); d != "" {
		t.Error(d)
	}
	if lines := f.live(); len(lines) != 2 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
