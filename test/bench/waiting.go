package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
)

// listOperation is what a poll asks for.
const listOperation = "GET /repos/{owner}/{repo}/pulls"

// Goals for runs that wait for the merge of their pull requests. The third is that no two polls of a repository are within
// the interval, the fourth that nothing else is asked.
const (
	processorGoal = 0.02     // of a core
	growthGoal    = 16 << 20 // bytes more resident at the end than at the begin
)

// waiting is what runs cost that wait for the merge of their pull requests while nothing happens to these.
type waiting struct {
	runs     int
	interval time.Duration
	// took is how long they were looked at, and processor what the controller computed in that time.
	took, processor time.Duration
	before, after   memory
	// heapBefore and heapAfter are the heap in use, in bytes.
	heapBefore, heapAfter int64
	polls                 polls
	// merged is how long the run took to end whose pull request was merged then, and cost what the host was asked for it.
	merged time.Duration
	cost   []githubdouble.Request
}

func (w waiting) share() float64 { return float64(w.processor) / float64(max(w.took, 1)) }

// measureWaiting looks at the runs for that long, and then merges one pull request.
func measureWaiting(ctx context.Context, p *place, runs int, duration time.Duration) (*waiting, error) {
	h, err := p.newGitHost(ctx, runs)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	fmt.Fprintf(os.Stderr, "opening the pull requests of %d runs\n", runs)
	if err := h.open(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "all are open after %s; looking at the runs for %s once nothing is new\n", time.Since(began).Round(time.Second), duration)
	if err := h.settle(ctx); err != nil {
		return nil, err
	}
	w, err := h.look(ctx, duration)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "merging one pull request")
	if w.merged, w.cost, err = h.merge(ctx); err != nil {
		return nil, err
	}
	if v := h.Violations(); len(v) > 0 {
		return nil, fmt.Errorf("not as GitHub describes it: %s", strings.Join(v, "; "))
	}
	return w, nil
}

// settle waits until two polls of each repository in a row have found nothing new.
func (h *gitHost) settle(ctx context.Context) error {
	// A poll comes up to a fifth later than the interval.
	quiet := 2 * pollInterval() * 6 / 5
	var recent []githubdouble.Request
	err := wait.PollUntilContextTimeout(ctx, time.Second, openLimit, true, func(context.Context) (bool, error) {
		recent = slices.DeleteFunc(news(h.Requests()), func(r githubdouble.Request) bool { return time.Since(r.At) > quiet })
		return len(recent) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("wait until nothing is new at the git host, which was asked for %s in %s: %w", counted(operations(recent)), quiet, err)
	}
	return nil
}

// look measures what happens meanwhile. The processor's time is read last and first: reading the heap costs some.
func (h *gitHost) look(ctx context.Context, duration time.Duration) (w *waiting, err error) {
	controller := h.place.controller
	w = &waiting{runs: h.runs, interval: pollInterval()}
	if w.heapBefore, err = heapOf(ctx, controller.Metrics); err != nil {
		return nil, err
	}
	if w.before, err = memoryOf(controller.PID()); err != nil {
		return nil, err
	}
	processor, err := processorOf(controller.PID())
	if err != nil {
		return nil, err
	}
	asked, began := len(h.Requests()), time.Now()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(duration):
	}
	if w.processor, err = processorOf(controller.PID()); err != nil {
		return nil, err
	}
	w.took, w.polls = time.Since(began), pollsOf(h.Requests()[asked:])
	w.processor -= processor
	if w.after, err = memoryOf(controller.PID()); err != nil {
		return nil, err
	}
	w.heapAfter, err = heapOf(ctx, controller.Metrics)
	return w, err
}

// pollInterval is the policy's default, which releasedSettings leaves as it is.
func pollInterval() time.Duration { return policy.Default().PullRequestPollInterval }

// polls are the requests to a git host at which nothing happens.
type polls struct {
	// all are the conditional lists, and unchanged those answered 304 Not Modified.
	all, unchanged int
	// fewest and most are how many one repository had, and closest is the least time between two of them.
	fewest, most int
	closest      time.Duration
	// others are all other requests.
	others map[string]int
}

func pollsOf(asked []githubdouble.Request) polls {
	p := polls{others: map[string]int{}}
	by := map[string][]time.Time{}
	for _, r := range asked {
		if r.Operation != listOperation || !r.Conditional {
			p.others[r.Operation]++
			continue
		}
		p.all++
		if r.Status == http.StatusNotModified {
			p.unchanged++
		}
		by[r.Repository] = append(by[r.Repository], r.At)
	}
	for _, times := range by {
		if p.most = max(p.most, len(times)); p.fewest == 0 || len(times) < p.fewest {
			p.fewest = len(times)
		}
		slices.SortFunc(times, time.Time.Compare)
		for i := range len(times) - 1 {
			if apart := times[i+1].Sub(times[i]); p.closest == 0 || apart < p.closest {
				p.closest = apart
			}
		}
	}
	if len(by) < repositories {
		p.fewest = 0
	}
	return p
}

// news are the requests that were not polls that found nothing.
func news(asked []githubdouble.Request) []githubdouble.Request {
	return slices.DeleteFunc(slices.Clone(asked), func(r githubdouble.Request) bool {
		return r.Operation == listOperation && r.Status == http.StatusNotModified
	})
}

// goals of the waiting. The time between polls is compared to a millisecond: requests are timed where they arrive.
func (w waiting) goals() []goal {
	p := w.polls
	return []goal{
		{fmt.Sprintf("polls: %d to %d of each repository in %s, at least %s apart, goal at most one in %s, whatever the number of runs",
			p.fewest, p.most, w.took.Round(time.Second), seconds(p.closest), w.interval), p.fewest > 1 && p.closest >= w.interval-time.Millisecond},
		{fmt.Sprintf("polls: %d of %d answered 304 Not Modified, goal all", p.unchanged, p.all), p.all > 0 && p.unchanged == p.all},
		{fmt.Sprintf("other requests to the git host: %s, goal none", counted(p.others)), len(p.others) == 0},
		{fmt.Sprintf("processor: %.2f %% of a core, goal below %.0f %%", 100*w.share(), 100*processorGoal), w.processor > 0 && w.share() < processorGoal},
		{fmt.Sprintf("memory: %s resident at the end after %s at the begin, goal at most %s more", megabytes(w.after.now), megabytes(w.before.now), megabytes(growthGoal)),
			w.before.now > 0 && w.after.now > 0 && w.after.now-w.before.now <= growthGoal},
	}
}

// markdown is the waiting as people read it.
func (w waiting) markdown() string {
	p := w.polls
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d runs that wait for the merge of their pull requests in %d repositories of one git host, polled every %s, for %s:\n\n",
		w.runs, repositories, w.interval, w.took.Round(time.Second))
	b.WriteString("| | |\n|---|---|\n")
	fmt.Fprintf(&b, "| polls of each repository, each one conditional request | %d to %d, at least %s apart |\n", p.fewest, p.most, seconds(p.closest))
	fmt.Fprintf(&b, "| polls of all, and those answered 304 Not Modified | %d, %d |\n", p.all, p.unchanged)
	fmt.Fprintf(&b, "| other requests to the git host | %s |\n", counted(p.others))
	fmt.Fprintf(&b, "| controller's processor time | %s, %.2f %% of a core |\n", seconds(w.processor), 100*w.share())
	fmt.Fprintf(&b, "| controller memory, resident at the begin and at the end (VmRSS) | %s, %s |\n", megabytes(w.before.now), megabytes(w.after.now))
	fmt.Fprintf(&b, "| most resident until then, all pull requests being opened included (VmHWM) | %s |\n", megabytes(w.after.peak))
	fmt.Fprintf(&b, "| heap in use at the begin and at the end | %s, %s |\n", megabytes(w.heapBefore), megabytes(w.heapAfter))
	fmt.Fprintf(&b, "| a pull request is merged: its run has ended after | %s |\n", seconds(w.merged))
	fmt.Fprintf(&b, "| requests to the git host for that | %s |\n", counted(operations(w.cost)))
	return b.String()
}

// operations counts requests by what they ask for.
func operations(asked []githubdouble.Request) map[string]int {
	counts := map[string]int{}
	for _, r := range asked {
		counts[r.Operation]++
	}
	return counts
}

// counted lists what was counted, in order.
func counted(counts map[string]int) string {
	var list []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%d %s", counts[what], what))
	}
	if len(list) == 0 {
		return "0"
	}
	return strings.Join(list, ", ")
}
