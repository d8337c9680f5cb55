package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/test/conformance/githubdouble"
)

const getOperation = "GET /repos/{owner}/{repo}/pulls/{pull_number}"

// asked is a request to a repository, that many seconds after the begin.
func asked(second int, operation, repository string, conditional bool, status int) githubdouble.Request {
	return githubdouble.Request{At: time.Unix(int64(1000+second), 0), Operation: operation, Repository: repository, Conditional: conditional, Status: status}
}

// pollsOfAll are two polls of each repository, 31 seconds apart, which find nothing.
func pollsOfAll() []githubdouble.Request {
	var all []githubdouble.Request
	for _, at := range []int{0, 31} {
		for i := range repositories {
			all = append(all, asked(at+i, listOperation, fmt.Sprintf("catalog-%d", i), true, http.StatusNotModified))
		}
	}
	return all
}

func TestPolls(t *testing.T) {
	const once, twice = repositories, 2 * repositories
	none := map[string]int{}
	for _, test := range []struct {
		name  string
		asked []githubdouble.Request
		want  polls
	}{
		{"nothing", nil, polls{others: none}},
		{"two of each repository", pollsOfAll(), polls{all: twice, unchanged: twice, fewest: 2, most: 2, closest: 31 * time.Second, others: none}},
		{"one of each: nothing is known of the time between them", pollsOfAll()[:once],
			polls{all: once, unchanged: once, fewest: 1, most: 1, others: none}},
		{"one repository has none", pollsOfAll()[1:once], polls{all: once - 1, unchanged: once - 1, most: 1, others: none}},
		{"one comes too soon", append(pollsOfAll(), asked(36, listOperation, "catalog-0", true, http.StatusNotModified)),
			polls{all: twice + 1, unchanged: twice + 1, fewest: 2, most: 3, closest: 5 * time.Second, others: none}},
		{"one has news", append(pollsOfAll(), asked(90, listOperation, "catalog-0", true, http.StatusOK)),
			polls{all: twice + 1, unchanged: twice, fewest: 2, most: 3, closest: 31 * time.Second, others: none}},
		{"other requests", append(pollsOfAll(), asked(70, listOperation, "catalog-0", false, http.StatusOK), asked(71, getOperation, "catalog-0", false, http.StatusOK)),
			polls{all: twice, unchanged: twice, fewest: 2, most: 2, closest: 31 * time.Second, others: map[string]int{listOperation: 1, getOperation: 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, pollsOf(test.asked), cmp.AllowUnexported(polls{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNews(t *testing.T) {
	changed, read := asked(70, listOperation, "catalog-0", true, http.StatusOK), asked(71, getOperation, "catalog-0", false, http.StatusOK)
	if diff := cmp.Diff([]githubdouble.Request{changed, read}, news(append(pollsOfAll(), changed, read))); diff != "" {
		t.Error(diff)
	}
}

// waitingWell meets all goals, each at its limit.
func waitingWell() waiting {
	return waiting{
		runs: 500, interval: 30 * time.Second, took: 5 * time.Minute, processor: 5990 * time.Millisecond,
		before: memory{peak: 140 << 20, now: 100 << 20}, after: memory{peak: 140 << 20, now: 100<<20 + growthGoal},
		heapBefore: 50 << 20, heapAfter: 40 << 20,
		polls:  polls{all: 180, unchanged: 180, fewest: 8, most: 10, closest: 30 * time.Second, others: map[string]int{}},
		merged: 17 * time.Second, cost: []githubdouble.Request{{Operation: listOperation}, {Operation: getOperation}},
	}
}

func TestGoalsOfWaiting(t *testing.T) {
	soon, changed, others, busy, grows, none := waitingWell(), waitingWell(), waitingWell(), waitingWell(), waitingWell(), waitingWell()
	soon.polls.closest = 29 * time.Second
	changed.polls.unchanged--
	others.polls.others = map[string]int{getOperation: 1}
	busy.processor = 6 * time.Second
	grows.after.now++
	none.polls = polls{}
	for _, test := range []struct {
		name   string
		w      waiting
		missed string
	}{
		{"all are met", waitingWell(), ""},
		{"a poll within the interval", soon, "polls: 8 to 10 of each repository"},
		{"a poll with news", changed, "polls: 179 of 180 answered"},
		{"another request", others, "other requests"},
		{"busy", busy, "processor"},
		{"growing", grows, "memory"},
		{"no polls: the runs do not wait", none, "polls: 0 to 0 of each repository; polls: 0 of 0 answered"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var missed []string
			for _, g := range test.w.goals() {
				if !g.met {
					missed = append(missed, g.text)
				}
			}
			want := strings.Split(test.missed, "; ")
			if test.missed == "" {
				want = nil
			}
			if len(missed) != len(want) {
				t.Fatalf("missed %q, want %q", missed, want)
			}
			for i := range want {
				if !strings.HasPrefix(missed[i], want[i]) {
					t.Errorf("missed %q, want %q", missed[i], want[i])
				}
			}
		})
	}
}

func TestReportOfWaiting(t *testing.T) {
	want := `
500 runs that wait for the merge of their pull requests in 20 repositories of one git host, polled every 30s, for 5m0s:

| | |
|---|---|
| polls of each repository, each one conditional request | 8 to 10, at least 30.00 s apart |
| polls of all, and those answered 304 Not Modified | 180, 180 |
| other requests to the git host | 0 |
| controller's processor time | 5.99 s, 2.00 % of a core |
| controller memory, resident at the begin and at the end (VmRSS) | 100 MB, 116 MB |
| most resident until then, all pull requests being opened included (VmHWM) | 140 MB |
| heap in use at the begin and at the end | 50 MB, 40 MB |
| a pull request is merged: its run has ended after | 17.00 s |
| requests to the git host for that | 1 GET /repos/{owner}/{repo}/pulls, 1 GET /repos/{owner}/{repo}/pulls/{pull_number} |
`
	if diff := cmp.Diff(want, waitingWell().markdown()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestHeapInTheMetrics(t *testing.T) {
	const page = "# HELP c_go_heap_in_use in bytes\n# TYPE c_go_heap_in_use gauge\nc_go_heap_idle{name=\"\"} 1\nc_go_heap_in_use{name=\"\"} 4.194304e+07\nc_go_heap_objects{name=\"\"} 2\n"
	for _, test := range []struct {
		name, page string
		want       int64
		bad        bool
	}{
		{"among others", page, 40 << 20, false},
		{"missing", "c_go_heap_idle 1\n", 0, true},
		{"an unreadable number", "c_go_heap_in_use much\n", 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseHeap(test.page)
			if (err != nil) != test.bad {
				t.Fatalf("error %v, want one: %t", err, test.bad)
			}
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestProcessorTimeOfAProcess(t *testing.T) {
	const rest = " S 1 2 3 0 -1 4194560 100 0 0 0 150 50 7 8 20 0 12 0 100 200 300"
	for _, test := range []struct {
		name, stat string
		want       time.Duration
		bad        bool
	}{
		{"in programs and in the kernel, without those of children", "17 (controller)" + rest, 2 * time.Second, false},
		{"a name like fields", "17 (a) b (c)" + rest, 2 * time.Second, false},
		{"too short", "17 (controller) S 1 2 3", 0, true},
		{"an unreadable number", "17 (controller)" + strings.Replace(rest, "150", "much", 1), 0, true},
		{"nothing", "", 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseProcessor(test.stat)
			if (err != nil) != test.bad {
				t.Fatalf("error %v, want one: %t", err, test.bad)
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
