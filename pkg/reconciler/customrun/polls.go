package customrun

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// polls asks each (git host, repository, credential) that runs of this replica wait for what has changed: one request for
// all of them, however many. Only the wake-up is shared: a woken run reads its pull request with its own credential.
//
// A subscription ends unless its run renews it, so that a run which ended, was deleted or went to another replica leaves
// nothing behind.
type polls struct {
	ctx      context.Context
	clock    clock.WithTicker
	wake     func(types.NamespacedName)
	interval func() time.Duration
	// metrics counts the answers.
	metrics *metrics.Metrics

	mu   sync.Mutex
	open map[pollKey]*poll
}

// pollKey says which poll is shared. Credential is a hash, never the credential.
type pollKey struct {
	provider, api, owner, name string
	credential                 string
}

// poll is one repository's.
type poll struct {
	cancel      context.CancelFunc
	subscribers map[types.NamespacedName]*pollSubscriber
	// begun is set once the first answer is there: whatever changes from then on is seen.
	begun bool
}

// pollSubscriber is a run that waits for one pull request.
type pollSubscriber struct {
	number int
	until  time.Time
	// changed: the run was not told yet that it has to look at its pull request.
	changed bool
}

const (
	// renewPoll is when a waiting run renews its subscription, and pollLifetime how long that lasts.
	renewPoll    = 5 * time.Minute
	pollLifetime = 3 * renewPoll
	// pollTimeout bounds one poll, all its pages included.
	pollTimeout = 2 * time.Minute
	// pollJitter is the part of the interval by which polls are late at random, so that the repositories take turns.
	pollJitter = 5
	// pollPatience is after how many polls without news the interval begins to grow, up to twice its length.
	pollPatience = 20
	// pollBackoff is how often the pause doubles while a host does not answer.
	pollBackoff = 4
)

func newPolls(ctx context.Context, c clock.WithTicker, wake func(types.NamespacedName), interval func() time.Duration) *polls {
	return &polls{ctx: ctx, clock: c, wake: wake, interval: interval, open: map[pollKey]*poll{}}
}

// poller is what a poll needs of a git host.
type poller interface {
	Poll(ctx context.Context, since pullrequest.Cursor) (pullrequest.Changes, error)
}

// subscribe wakes the run when its pull request may have changed, for pollLifetime. changed: it may have since the
// last call. begun: what changes from now on is noticed, so that what is read after this call stays true until the run is
// woken. A run that comes before is woken as soon as it is so.
func (p *polls) subscribe(key pollKey, run types.NamespacedName, number int, with poller) (changed, begun bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(run, key) // Its credential may be another one by now.
	until := p.clock.Now().Add(pollLifetime)
	one, ok := p.open[key]
	if !ok {
		ctx, cancel := context.WithCancel(p.ctx)
		one = &poll{cancel: cancel, subscribers: map[types.NamespacedName]*pollSubscriber{}}
		p.open[key] = one
		go p.follow(ctx, key, one, with)
	}
	s := one.subscribers[run]
	if s == nil || s.number != number {
		s = &pollSubscriber{number: number, changed: true}
		one.subscribers[run] = s
	}
	changed = s.changed && one.begun
	s.until, s.changed = until, s.changed && !one.begun
	return changed, one.begun
}

// unsubscribe ends a run's interest at once; the poll ends with its last subscriber.
func (p *polls) unsubscribe(run types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(run, pollKey{})
}

// drop takes a run out of all polls but one.
func (p *polls) drop(run types.NamespacedName, but pollKey) {
	for key, one := range p.open {
		if _, ok := one.subscribers[run]; ok && key != but {
			delete(one.subscribers, run)
			p.endUnused(key, one)
		}
	}
}

func (p *polls) endUnused(key pollKey, one *poll) {
	if len(one.subscribers) == 0 && p.open[key] == one {
		one.cancel()
		delete(p.open, key)
	}
}

// follow polls while there are subscribers.
func (p *polls) follow(ctx context.Context, key pollKey, one *poll, with poller) {
	var cursor pullrequest.Cursor
	quiet, failures := 0, 0
	for p.alive(key, one) {
		changes, err := p.ask(ctx, with, cursor)
		pause := p.pause(quiet)
		_, final := finalReason(err)
		switch limit := (*pullrequest.LimitError)(nil); {
		case errors.As(err, &limit):
			pause = max(pause, limit.Until.Sub(p.clock.Now()))
		case final:
			// The runs' own calls report the cause, such as a token that has expired.
			p.notify(one, nil, true)
		case err != nil:
			// A host that does not answer is not asked by every run besides.
			pause <<= min(failures, pollBackoff)
			failures++
		default:
			failures = 0
			first := cursor.Tag == "" && cursor.Seen.IsZero()
			cursor, pause = changes.Next, max(pause, changes.After)
			p.notify(one, changes.Numbers, first || changes.More)
			quiet++
			if len(changes.Numbers) > 0 || changes.More {
				quiet = 0
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-p.clock.After(pause):
		}
	}
}

func (p *polls) ask(ctx context.Context, with poller, since pullrequest.Cursor) (pullrequest.Changes, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	changes, err := with.Poll(ctx, since)
	p.metrics.Polled(answerOf(changes, err))
	return changes, err
}

// answerOf is the label of an answer.
func answerOf(c pullrequest.Changes, err error) string {
	var limit *pullrequest.LimitError
	switch {
	case errors.As(err, &limit):
		return metrics.PollLimited
	case err != nil:
		return metrics.PollFailed
	case len(c.Numbers) > 0 || c.More:
		return metrics.PollChanged
	}
	return metrics.PollUnchanged
}

// pause is the interval, a little more at random, and up to twice as much where nothing happens for long.
func (p *polls) pause(quiet int) time.Duration {
	interval := p.interval()
	if more := quiet - pollPatience; more > 0 {
		interval += interval * time.Duration(min(more, pollPatience)) / pollPatience
	}
	return interval + rand.N(interval/pollJitter+1) //nolint:gosec // jitter, not a secret
}

// alive drops expired subscribers and ends the poll when none is left.
func (p *polls) alive(key pollKey, one *poll) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	for run, s := range one.subscribers {
		if now.After(s.until) {
			delete(one.subscribers, run)
		}
	}
	p.endUnused(key, one)
	return p.open[key] == one
}

// notify wakes the runs whose pull requests are named, or all of them.
func (p *polls) notify(one *poll, numbers []int, all bool) {
	p.mu.Lock()
	one.begun = true
	var runs []types.NamespacedName
	for run, s := range one.subscribers {
		if all || slices.Contains(numbers, s.number) {
			s.changed = true
			runs = append(runs, run)
		}
	}
	p.mu.Unlock()
	for _, run := range runs {
		p.wake(run)
	}
}
