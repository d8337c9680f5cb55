package cli

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

// unpaused is a clock on which every wait is over at once.
type unpaused struct{ *clocktesting.FakeClock }

func (unpaused) After(time.Duration) <-chan time.Time {
	over := make(chan time.Time, 1)
	over <- testNow
	return over
}

// round is one list of CustomRuns and the watch that follows it.
type round struct {
	list    []string
	listErr error
	events  []watch.Event
	// open: the watch stays open after its events. Otherwise it ends.
	open     bool
	watchErr error
}

// play answers lists and watches of CustomRuns by a script. The last round goes on for ever.
func (b *bench) play(rounds ...round) {
	at := -1
	b.tekton.PrependReactor("list", "customruns", func(clienttesting.Action) (bool, runtime.Object, error) {
		at = min(at+1, len(rounds)-1)
		list := &v1beta1.CustomRunList{}
		for _, text := range rounds[at].list {
			list.Items = append(list.Items, *theRun(b.t, text))
		}
		return true, list, rounds[at].listErr
	})
	b.tekton.PrependWatchReactor("customruns", func(clienttesting.Action) (bool, watch.Interface, error) {
		r := rounds[at]
		w := watch.NewFakeWithChanSize(len(r.events)+1, false)
		for _, event := range r.events {
			w.Action(event.Type, event.Object)
		}
		if !r.open {
			w.Stop()
		}
		return true, w, r.watchErr
	})
}

// states of the run "deploy", as the API server would show them one after the other.
const (
	preparing = `{conditions: [{type: Succeeded, status: Unknown, reason: Preparing, message: looking}], startTime: "2026-03-02T10:04:00Z",
  extraFields: {gitops: {version: 2, phase: Preparing, attempt: 1, data: {timeline: [{phase: Preparing, since: "2026-03-02T10:04:00.000000Z"}]}}}}`
	syncing = `{conditions: [{type: Succeeded, status: Unknown, reason: Syncing, message: Argo CD is at it}], startTime: "2026-03-02T10:04:00Z",
  extraFields: {gitops: {version: 2, phase: Syncing, attempt: 1, data: {timeline: [
    {phase: Preparing, since: "2026-03-02T10:04:00.000000Z"}, {phase: Publishing, since: "2026-03-02T10:04:01.000000Z"}, {phase: Syncing, since: "2026-03-02T10:04:03.500000Z"}],
    outcome: {changed: true, commit: c0c0c0c0c0c0c0, commitURL: "https://git/c0"}}}}}`
	syncingOn = `{conditions: [{type: Succeeded, status: Unknown, reason: Syncing, message: 1 of 2 resources are synced}], startTime: "2026-03-02T10:04:00Z",
  extraFields: {gitops: {version: 2, phase: Syncing, attempt: 1, data: {timeline: [
    {phase: Preparing, since: "2026-03-02T10:04:00.000000Z"}, {phase: Publishing, since: "2026-03-02T10:04:01.000000Z"}, {phase: Syncing, since: "2026-03-02T10:04:03.500000Z"}],
    outcome: {changed: true, commit: c0c0c0c0c0c0c0, commitURL: "https://git/c0"}}}}}`
	ended = `startTime: "2026-03-02T10:04:00Z", completionTime: "2026-03-02T10:04:50Z",
  extraFields: {gitops: {version: 2, phase: Releasing, attempt: 1, data: {timeline: [
    {phase: Preparing, since: "2026-03-02T10:04:00.000000Z"}, {phase: Publishing, since: "2026-03-02T10:04:01.000000Z"}, {phase: Syncing, since: "2026-03-02T10:04:03.500000Z"},
    {phase: Releasing, since: "2026-03-02T10:04:50.100000Z"}],
    outcome: {changed: true, commit: c0c0c0c0c0c0c0, commitURL: "https://git/c0"}}}}}`
	succeeded = `{conditions: [{type: Succeeded, status: "True", reason: Succeeded, message: it runs}], ` + ended
	failed    = `{conditions: [{type: Succeeded, status: "False", reason: SyncFailed, message: it does not}], ` + ended
)

// theRun is "deploy", or the run whose name stands before its status.
func theRun(t *testing.T, text string) *v1beta1.CustomRun {
	t.Helper()
	name := "deploy"
	if before, after, found := strings.Cut(text, "="); found && !strings.HasPrefix(text, "{") {
		name, text = before, after
	}
	cr := &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "team", CreationTimestamp: metav1.NewTime(testNow.Add(-time.Minute)),
			Labels: map[string]string{"tekton.dev/pipelineRun": "release", "tekton.dev/pipelineTask": name},
		},
		Spec: v1beta1.CustomRunSpec{CustomRef: &v1beta1.TaskRef{APIVersion: "gitops.tekton.dev/v1alpha1", Kind: "GitOpsDeploy"}},
	}
	if err := yaml.Unmarshal([]byte(text), &cr.Status); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return cr
}

func change(t *testing.T, text string) watch.Event {
	return watch.Event{Type: watch.Modified, Object: theRun(t, text)}
}

func pipelineRun(status corev1.ConditionStatus, message string) *pipelinev1.PipelineRun {
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Name: "release", Namespace: "team", CreationTimestamp: metav1.NewTime(testNow.Add(-2 * time.Minute))}}
	pr.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: status, Reason: map[corev1.ConditionStatus]string{
		corev1.ConditionTrue: "Succeeded", corev1.ConditionFalse: "Failed", corev1.ConditionUnknown: "Running",
	}[status], Message: message})
	if status != corev1.ConditionUnknown {
		pr.Status.CompletionTime = &metav1.Time{Time: testNow}
	}
	return pr
}

var customRuns = schema.GroupResource{Group: "tekton.dev", Resource: "customruns"}

func TestFollowedRun(t *testing.T) {
	expired := watch.Event{Type: watch.Error, Object: &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired, Message: "too old"}}
	history := []string{
		"10:04:01 ✓ Preparing        1.0s",
		"10:04:03 ✓ Publishing       2.5s",
		"10:04:03 · commit           c0c0c0c0c0 https://git/c0",
	}
	ending := []string{
		"10:04:50 ✓ Syncing          46.6s",
		"10:04:50 ✓ Releasing        0.0s",
		"10:04:50 ✓ Succeeded        after 50s: it runs",
	}
	begins, goesOn := "10:05:00 · Syncing          Argo CD is at it", "10:05:00 · Syncing          1 of 2 resources are synced"
	concat := func(parts ...[]string) (all []string) {
		for _, part := range parts {
			all = append(all, part...)
		}
		return all
	}
	for name, tc := range map[string]struct {
		rounds []round
		want   []string
		code   int
		err    string
	}{
		"the history, then each change, each once": {
			rounds: []round{{list: []string{syncing}, events: []watch.Event{change(t, syncing), change(t, syncingOn), change(t, succeeded)}, open: true}},
			want:   concat(history, []string{begins, goesOn}, ending),
		},
		"a run that has ended": {
			rounds: []round{{list: []string{succeeded}}},
			want:   concat(history, ending),
		},
		"a failure is the exit status": {
			rounds: []round{{list: []string{failed}}},
			want: concat(history, []string{
				"10:04:50 ✗ Syncing          46.6s",
				"10:04:50 ✓ Releasing        0.0s",
				"10:04:50 ✗ SyncFailed       after 50s: it does not",
				"10:04:50   next             Read Argo CD's message and the resources that it names.",
			}),
			code: 1,
		},
		"a watch that ends is made anew, and nothing is missed in between": {
			rounds: []round{{list: []string{preparing}}, {list: []string{syncing}, events: []watch.Event{change(t, syncingOn)}}, {list: []string{succeeded}}},
			want:   concat([]string{"10:05:00 · Preparing        looking"}, history, []string{begins, goesOn}, ending),
		},
		"a watch that has missed too much": {
			rounds: []round{{list: []string{syncing}, events: []watch.Event{expired}, open: true}, {list: []string{syncingOn}, watchErr: apierrors.NewResourceExpired("old")}, {list: []string{succeeded}}},
			want:   concat(history, []string{begins, goesOn}, ending),
		},
		"a server that is away for a while": {
			rounds: []round{{list: []string{syncing}}, {listErr: apierrors.NewServiceUnavailable("restarting")}, {listErr: apierrors.NewServiceUnavailable("restarting")}, {list: []string{succeeded}}},
			want:   concat(history, []string{begins}, ending),
			err:    "The cluster does not answer, trying again: restarting\n",
		},
		"a server that stays away": {
			rounds: []round{{list: []string{syncing}}, {listErr: apierrors.NewServiceUnavailable("gone fishing")}},
			want:   concat(history, []string{begins}),
			code:   1,
			err:    "The cluster does not answer, trying again: gone fishing\nError: watch CustomRuns: gone fishing\n",
		},
		"no right to watch": {
			rounds: []round{{list: []string{syncing}, watchErr: apierrors.NewForbidden(customRuns, "", errors.New("you may not watch"))}},
			want:   concat(history, []string{begins}),
			code:   1,
			err: "Error: watch CustomRuns: customruns.tekton.dev is forbidden: you may not watch\n" +
				"Ask for the right that the message names; the ClusterRoles view and edit have it for this project's kinds and Tekton's.\n",
		},
		"a run that is deleted": {
			rounds: []round{{list: []string{syncing}, events: []watch.Event{{Type: watch.Deleted, Object: theRun(t, syncing)}}, open: true}},
			want:   concat(history, []string{begins}),
			code:   1,
			err:    "Error: CustomRun deploy was deleted before it had ended\n",
		},
		"a run that is deleted between two watches": {
			rounds: []round{{list: []string{syncing}}, {}},
			want:   concat(history, []string{begins}),
			code:   1,
			err:    "Error: CustomRun deploy was deleted before it had ended\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, theRun(t, preparing))
			b.streams.Clock = unpaused{b.clock}
			b.play(tc.rounds...)
			if code := b.run(t.Context(), "logs", "-f", "deploy"); code != tc.code {
				t.Errorf("exit status %d, want %d", code, tc.code)
			}
			if d := cmp.Diff(tc.want, strings.Split(strings.TrimSuffix(b.out.String(), "\n"), "\n")); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tc.err, b.err.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFollowedPipelineRun(t *testing.T) {
	for name, tc := range map[string]struct {
		end  *pipelinev1.PipelineRun
		runs []string
		args []string
		want string
		code int
	}{
		"runs that do not exist yet are waited for": {
			end: pipelineRun(corev1.ConditionTrue, "Tasks Completed: 2"), runs: []string{succeeded, "promote=" + succeeded}, args: []string{"--pipelinerun", "release"},
			want: "follow-pipelinerun",
		},
		"the last one, right after its start": {
			end: pipelineRun(corev1.ConditionTrue, "Tasks Completed: 2"), runs: []string{succeeded, "promote=" + succeeded}, args: []string{"--last"},
			want: "follow-pipelinerun",
		},
		"a PipelineRun that fails, by its name alone": {
			end: pipelineRun(corev1.ConditionFalse, "Tasks Completed: 1 (Failed: 1)"), runs: []string{failed}, args: []string{"release"},
			want: "follow-pipelinerun-failed", code: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, pipelineRun(corev1.ConditionUnknown, "Tasks Completed: 0"))
			b.streams.Clock = unpaused{b.clock}
			// The runs come into being after the first list, and their own feed never tells of them: the end of the
			// PipelineRun does.
			watched := watch.NewFakeWithChanSize(1, false)
			end := sync.OnceFunc(func() { watched.Modify(tc.end) })
			b.play(round{open: true}, round{list: tc.runs, open: true})
			b.tekton.PrependWatchReactor("customruns", func(clienttesting.Action) (bool, watch.Interface, error) {
				end()
				return false, nil, nil
			})
			b.tekton.PrependWatchReactor("pipelineruns", func(clienttesting.Action) (bool, watch.Interface, error) {
				return true, watched, nil
			})
			if code := b.run(t.Context(), append([]string{"logs", "-f"}, tc.args...)...); code != tc.code {
				t.Errorf("exit status %d, want %d: %s", code, tc.code, b.err)
			}
			golden(t, tc.want, b.out.String())
		})
	}
}

func TestInterruptEndsFollowing(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	b := newBench(t, theRun(t, syncing)).onTerminal(60)
	b.streams.Interactive = true
	b.tekton.PrependWatchReactor("customruns", func(clienttesting.Action) (bool, watch.Interface, error) {
		interrupt()
		return true, watch.NewFake(), nil
	})
	if code := b.run(ctx, "logs", "-f", "deploy"); code != exitInterrupted {
		t.Errorf("exit status %d", code)
	}
	if got := b.out.String(); strings.Count(got, hideCursor) != strings.Count(got, showCursor) {
		t.Errorf("the cursor stays hidden: %q", got)
	}
	if d := cmp.Diff("No longer following; what was followed goes on.\n", b.err.String()); d != "" {
		t.Error(d)
	}
}
