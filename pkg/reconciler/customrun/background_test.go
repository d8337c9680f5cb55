package customrun

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

func runWithUID(uid types.UID, attempt int) *run {
	return &run{
		CustomRun: &v1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{UID: uid}},
		key:       types.NamespacedName{Namespace: "team", Name: "deploy"}, cp: checkpoint{Attempt: attempt},
	}
}

func TestCallReportsItsResultOnce(t *testing.T) {
	woken := make(chan types.NamespacedName, 10)
	b := newBackground(t.Context(), clocktesting.NewFakeClock(testStart), func(key types.NamespacedName) { woken <- key })
	r := runWithUID("a", 1)
	finish := make(chan struct{})
	failed := errors.New("failed")
	work := func(ctx context.Context) (string, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the call has no deadline")
		}
		<-finish
		return "result", failed
	}
	for range 3 {
		if v, done, err := call(b, r, "look", time.Minute, work); v != "" || done || err != nil {
			t.Fatalf("while it runs: %q, %v, %v", v, done, err)
		}
	}
	if !b.running(r, "look") || !b.pending(r) || b.running(r, "other") || b.running(runWithUID("b", 1), "look") || b.pending(runWithUID("b", 1)) {
		t.Error("it is not known what runs")
	}
	close(finish)
	if key := <-woken; key != r.key {
		t.Errorf("woken is %s", key)
	}
	if v, done, err := call(b, r, "look", time.Minute, work); v != "result" || !done || !errors.Is(err, failed) {
		t.Errorf("result is %q, %v, %v", v, done, err)
	}
	if b.running(r, "look") || b.pending(r) {
		t.Error("a result that was taken is still there")
	}
	if len(woken) != 0 {
		t.Errorf("%d more wake-ups: the call was made more than once", len(woken))
	}
}

// A result of another attempt or of a run that had the same name is nobody's.
func TestCallsOfOthersAreKeptApart(t *testing.T) {
	woken := make(chan types.NamespacedName, 10)
	b := newBackground(t.Context(), clocktesting.NewFakeClock(testStart), func(key types.NamespacedName) { woken <- key })
	value := func(v int) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return v, nil }
	}
	runs := []*run{runWithUID("a", 1), runWithUID("a", 2), runWithUID("b", 1)}
	for i, r := range runs {
		if _, done, _ := call(b, r, "look", time.Minute, value(i+1)); done {
			t.Errorf("run %d has the result of another", i)
		}
	}
	for range runs {
		<-woken
	}
	for i, r := range runs {
		if v, done, _ := call(b, r, "look", time.Minute, value(0)); !done || v != i+1 {
			t.Errorf("run %d has %d, %v", i, v, done)
		}
	}
}

func TestCallEndsWithItsTimeAndWithTheProcess(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"its time": time.Millisecond, "the process": time.Hour} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			woken := make(chan types.NamespacedName, 1)
			b := newBackground(ctx, clocktesting.NewFakeClock(testStart), func(key types.NamespacedName) { woken <- key })
			r := runWithUID("a", 1)
			wait := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
			_, _, _ = call(b, r, "look", timeout, wait)
			if timeout == time.Hour {
				cancel()
			}
			<-woken
			if _, done, err := call(b, r, "look", timeout, wait); !done || err == nil {
				t.Errorf("got %v, %v", done, err)
			}
		})
	}
}

func TestResultsThatNobodyComesForAreDropped(t *testing.T) {
	now := clocktesting.NewFakeClock(testStart)
	woken := make(chan types.NamespacedName, 10)
	b := newBackground(t.Context(), now, func(key types.NamespacedName) { woken <- key })
	one := func(context.Context) (int, error) { return 1, nil }
	old, stuck := runWithUID("old", 1), runWithUID("stuck", 1)
	_, _, _ = call(b, old, "look", time.Minute, one)
	<-woken
	_, _, _ = call(b, stuck, "look", time.Hour, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil })
	now.Step(jobLifetime)
	_, _, _ = call(b, runWithUID("x", 1), "look", time.Minute, one)
	if !b.pending(old) {
		t.Error("dropped while it may still be asked for")
	}
	now.Step(time.Second)
	_, _, _ = call(b, runWithUID("y", 1), "look", time.Minute, one)
	if b.pending(old) {
		t.Error("an old result is kept")
	}
	if !b.pending(stuck) {
		t.Error("a call under way was dropped: it would be made a second time")
	}
}
