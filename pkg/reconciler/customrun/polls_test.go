package customrun

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

// answerer plays a git host: it gives each poll the next answer, and the last one from then on.
type answerer struct {
	mu      sync.Mutex
	answers []pollAnswer
	asked   []pullrequest.Cursor
}

type pollAnswer struct {
	changes pullrequest.Changes
	err     error
}

func (a *answerer) Poll(_ context.Context, since pullrequest.Cursor) (pullrequest.Changes, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer := a.answers[min(len(a.asked), len(a.answers)-1)]
	a.asked = append(a.asked, since)
	return answer.changes, answer.err
}

func (a *answerer) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func (a *answerer) cursor(n int) pullrequest.Cursor {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[n-1]
}

type pollBench struct {
	*polls
	t     *testing.T
	now   *clocktesting.FakeClock
	host  *answerer
	mu    sync.Mutex
	woken map[string]int
}

const pollInterval = 30 * time.Second

func newPollBench(t *testing.T, answers ...pollAnswer) *pollBench {
	b := &pollBench{t: t, now: clocktesting.NewFakeClock(testStart), woken: map[string]int{}, host: &answerer{answers: answers}}
	b.polls = newPolls(t.Context(), b.now, func(key types.NamespacedName) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.woken[key.Name]++
	}, func() time.Duration { return pollInterval })
	return b
}

func (b *pollBench) wakes() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]int{}
	for name, n := range b.woken {
		all[name] = n
	}
	return all
}

// asked waits until the host was asked n times and the poll sleeps again.
func (b *pollBench) asked(n int) {
	b.t.Helper()
	eventually(b.t, "the host is asked", func() bool { return b.host.count() == n && b.now.HasWaiters() })
}

// pass lets an interval and its jitter pass.
func (b *pollBench) pass() { b.now.Step(pollInterval + pollInterval/pollJitter + 2) }

var shop = pollKey{provider: "GitHub", api: "https://api.github.com", owner: "acme", name: "shop", credential: "a"}

func seenAt(second int, numbers ...int) pollAnswer {
	return pollAnswer{changes: pullrequest.Changes{Numbers: numbers, Next: pullrequest.Cursor{Seen: testStart.Add(time.Duration(second) * time.Second)}}}
}

// However many runs wait, the repository is asked once in an interval, and only those wake whose pull request has changed.
func TestPollsAreShared(t *testing.T) {
	b := newPollBench(t, seenAt(1, 1, 2), seenAt(1), seenAt(2, 2), seenAt(2))
	if changed, begun := b.subscribe(shop, runA, 1, b.host); changed || begun {
		t.Errorf("before the first answer: changed %v, begun %v", changed, begun)
	}
	b.subscribe(shop, runB, 2, b.host)
	b.asked(1)
	if diff := cmp.Diff(map[string]int{"a": 1, "b": 1}, b.wakes()); diff != "" {
		t.Errorf("the first answer wakes all (-want +got):\n%s", diff)
	}
	for run, number := range map[types.NamespacedName]int{runA: 1, runB: 2} {
		if changed, begun := b.subscribe(shop, run, number, b.host); !changed || !begun {
			t.Errorf("after it: changed %v, begun %v", changed, begun)
		}
		if changed, _ := b.subscribe(shop, run, number, b.host); changed {
			t.Error("told twice of one change")
		}
	}
	b.pass()
	b.asked(2)
	b.pass()
	b.asked(3)
	if diff := cmp.Diff(map[string]int{"a": 1, "b": 2}, b.wakes()); diff != "" {
		t.Errorf("one has changed (-want +got):\n%s", diff)
	}
	if changed, _ := b.subscribe(shop, runA, 1, b.host); changed {
		t.Error("the other's change counts")
	}
	if changed, _ := b.subscribe(shop, runB, 2, b.host); !changed {
		t.Error("the change does not count")
	}
	if got, want := b.host.cursor(3), (pullrequest.Cursor{Seen: testStart.Add(time.Second)}); !got.Seen.Equal(want.Seen) {
		t.Errorf("asked for what came since %v, want %v", got, want)
	}
	// A run that comes later looks at once.
	if changed, begun := b.subscribe(shop, types.NamespacedName{Name: "late"}, 3, b.host); !changed || !begun {
		t.Errorf("a late run: changed %v, begun %v", changed, begun)
	}
}

func TestPollsSleepAsTheHostWants(t *testing.T) {
	until := testStart.Add(10 * time.Minute)
	for name, tc := range map[string]struct {
		answer pollAnswer
		pause  time.Duration
	}{
		"it limits requests":                {pollAnswer{err: &pullrequest.LimitError{Until: until}}, 10 * time.Minute},
		"it names an interval":              {pollAnswer{changes: pullrequest.Changes{After: 2 * time.Minute}}, 2 * time.Minute},
		"it names a shorter one than ours":  {pollAnswer{changes: pullrequest.Changes{After: time.Second}}, pollInterval},
		"its limit is over":                 {pollAnswer{err: &pullrequest.LimitError{Until: testStart}}, pollInterval},
		"it cannot be reached for a moment": {pollAnswer{err: errors.New("connection refused")}, pollInterval},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPollBench(t, tc.answer)
			b.subscribe(shop, runA, 1, b.host)
			b.asked(1)
			b.now.Step(tc.pause - time.Millisecond)
			if got := b.host.count(); got != 1 {
				t.Errorf("asked %d times before the pause is over", got)
			}
			b.now.Step(pollInterval/pollJitter + 2*time.Millisecond)
			b.asked(2)
		})
	}
}

// What a poll is refused for good, each run finds out itself: its own call tells why. A host that does not answer is not
// asked by all of them besides, and less often.
func TestPollFailures(t *testing.T) {
	away := pollAnswer{err: errors.New("connection refused")}
	b := newPollBench(t, seenAt(1), pollAnswer{err: pullrequest.ErrUnauthorized}, pollAnswer{err: &pullrequest.LimitError{Until: testStart}}, away, away, pollAnswer{changes: pullrequest.Changes{More: true}})
	b.subscribe(shop, runA, 1, b.host)
	for n, wakes := range []int{1, 2, 2, 2, 2, 3} {
		b.asked(n + 1)
		if got := b.wakes()["a"]; got != wakes {
			t.Errorf("woken %d times after answer %d, want %d", got, n+1, wakes)
		}
		b.pass()
		if n == 4 { // the second failure in a row: twice the pause
			if b.host.count() != n+1 {
				t.Error("asked again as soon as ever")
			}
			b.pass()
		}
	}
}

func TestPollsEnd(t *testing.T) {
	b := newPollBench(t, seenAt(1))
	b.subscribe(shop, runA, 1, b.host)
	other := shop
	other.credential = "b"
	b.subscribe(other, runB, 2, b.host)
	b.asked(2)
	b.unsubscribe(runA)
	if got := b.openPolls(); got != 1 {
		t.Errorf("%d polls are open after one run has gone, want 1", got)
	}
	b.now.Step(pollLifetime + time.Second)
	eventually(t, "the poll of a run that does not renew ends", func() bool { return b.openPolls() == 0 })
	if got := b.host.count(); got != 2 {
		t.Errorf("the host was asked %d times, want 2", got)
	}
}

func (b *pollBench) openPolls() int {
	b.polls.mu.Lock()
	defer b.polls.mu.Unlock()
	return len(b.open)
}

// A run whose Secret has changed polls with the new credential only.
func TestPollOfAnotherCredential(t *testing.T) {
	b := newPollBench(t, seenAt(1))
	b.subscribe(shop, runA, 1, b.host)
	b.asked(1)
	renewed := shop
	renewed.credential = "b"
	b.subscribe(renewed, runA, 1, b.host)
	if got := b.openPolls(); got != 1 {
		t.Errorf("%d polls are open, want 1", got)
	}
}

// Where nothing happens for long, the interval grows to twice its length, and no further.
func TestPollPause(t *testing.T) {
	b := newPollBench(t)
	for quiet, want := range map[int]time.Duration{0: pollInterval, pollPatience: pollInterval, pollPatience + pollPatience/2: pollInterval * 3 / 2, 1000: 2 * pollInterval} {
		got := b.pause(quiet)
		if got < want || got > want+want/pollJitter+1 {
			t.Errorf("after %d polls without news the pause is %s, want %s and a little", quiet, got, want)
		}
	}
}
