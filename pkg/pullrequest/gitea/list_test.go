package gitea

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	sdk "code.gitea.io/sdk/gitea"
	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// lister serves the list of pull requests as Gitea does, sorted as asked for.
type lister struct {
	mu    sync.Mutex
	pulls []*sdk.PullRequest
	max   int // of a page, as the administrator has set it
	pages int // served
	total bool
	t     *testing.T
}

func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages++
	q := r.URL.Query()
	all := slices.Clone(l.pulls)
	if q.Get("state") == "open" {
		all = slices.DeleteFunc(all, func(p *sdk.PullRequest) bool { return p.State != sdk.StateOpen })
	}
	slices.SortStableFunc(all, func(a, b *sdk.PullRequest) int {
		if q.Get("sort") == "recentupdate" {
			if c := b.Updated.Compare(*a.Updated); c != 0 {
				return c
			}
		}
		return int(b.Index - a.Index)
	})
	page, _ := strconv.Atoi(q.Get("page"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	limit = min(limit, l.max)
	from := min((page-1)*limit, len(all))
	w.Header().Set("Content-Type", "application/json")
	if l.total {
		w.Header().Set("X-Total-Count", strconv.Itoa(len(all)))
	}
	_, _ = fmt.Fprint(w, encoded(l.t, all[from:min(from+limit, len(all))]))
}

func (l *lister) served() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	served := l.pages
	l.pages = 0
	return served
}

// some are pull requests from 1 on, one minute apart, the last one at noon.
func some(n int) []*sdk.PullRequest {
	var all []*sdk.PullRequest
	for i := range n {
		all = append(all, pull(i+1, 60*(i+1-n)))
	}
	return all
}

func TestListOpenReadsAllPages(t *testing.T) {
	for name, c := range map[string]struct {
		there, max  int
		total       bool
		want, pages int
	}{
		"none":                                 {0, 50, true, 0, 1},
		"a page":                               {50, 50, true, 50, 1},
		"three pages":                          {101, 50, true, 101, 3},
		"pages are smaller than asked for":     {101, 30, true, 101, 4},
		"the server does not say how many":     {101, 50, false, 101, 4},
		"more than is wanted":                  {1100, 50, true, 1000, 20},
		"more than is wanted, in smaller ones": {1100, 10, true, 200, 20},
	} {
		t.Run(name, func(t *testing.T) {
			l := &lister{t: t, pulls: some(c.there), max: c.max, total: c.total}
			found, err := serve(t, l).ListOpen(t.Context(), "main")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]int{c.want, c.pages}, []int{len(found), l.served()}); diff != "" {
				t.Errorf("pull requests and pages (-want +got):\n%s", diff)
			}
			if !slices.IsSortedFunc(found, func(a, b pullrequest.PullRequest) int { return b.Number - a.Number }) {
				t.Error("the newest is not first")
			}
		})
	}
}

// A server that does not know the filters gives everything.
func TestListOpenChecksWhatItGets(t *testing.T) {
	other, closed := pull(2, 0), pull(3, 0)
	other.Base.Ref = "stable"
	closed.State = sdk.StateClosed
	body := encoded(t, []*sdk.PullRequest{nil, other, closed, pull(1, 0), pull(1, 0)})
	found, err := serve(t, &script{answers: map[string][]answer{
		"GET /api/v1/repos/acme/shop/pulls": {{status: 200, body: body}, {status: 200, body: "[]"}},
	}}).ListOpen(t.Context(), "main")
	if err != nil || len(found) != 1 || found[0].Number != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestPoll(t *testing.T) {
	type step struct {
		change  map[int]int // number to the second of its change; 0 is no time, but another head
		numbers []int
		more    bool
		pages   int
	}
	for name, c := range map[string]struct {
		there int
		steps []step
	}{
		"nothing changes": {3, []step{{nil, []int{3, 2, 1}, false, 1}, {nil, nil, false, 1}, {nil, nil, false, 1}}},
		"none at first":   {0, []step{{nil, nil, false, 1}, {map[int]int{1: 5}, []int{1}, false, 1}, {nil, nil, false, 1}}},
		"one changes":     {3, []step{{nil, []int{3, 2, 1}, false, 1}, {map[int]int{2: 100}, []int{2}, false, 1}, {nil, nil, false, 1}}},
		"two change in the second that the poll has seen": {3, []step{
			{nil, []int{3, 2, 1}, false, 1}, {map[int]int{2: 100}, []int{2}, false, 1}, {map[int]int{1: 100, 3: 100}, []int{3, 1}, false, 1}, {nil, nil, false, 1},
		}},
		"one changes with a time before what the poll has seen": {3, []step{
			{nil, []int{3, 2, 1}, false, 1}, {map[int]int{2: 100}, []int{2}, false, 1}, {map[int]int{1: 99}, []int{1}, false, 1},
		}},
		"the head moves, and the time does not": {3, []step{{nil, []int{3, 2, 1}, false, 1}, {map[int]int{2: 0}, []int{2}, false, 1}}},
		"many are there at first, and the oldest changes": {100, []step{
			{nil, upTo(100, 81), true, 1}, {map[int]int{1: 200}, []int{1}, false, 1}, {nil, nil, false, 1},
		}},
		"more than a page changes": {100, []step{
			{nil, upTo(100, 81), true, 1}, {later(1, 30, 200), upTo(30, 1), false, 2}, {nil, nil, false, 2}, {map[int]int{99: 300}, []int{99}, false, 2}, {nil, nil, false, 1},
		}},
		"more change than can be listed": {400, []step{
			{nil, upTo(400, 381), true, 1}, {later(1, 300, 1000), upTo(300, 101), true, 10},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &lister{t: t, pulls: some(c.there), max: 50, total: true}
			client := serve(t, l)
			var cursor pullrequest.Cursor
			for i, s := range c.steps {
				l.change(s.change)
				changes, err := client.Poll(t.Context(), cursor)
				if err != nil {
					t.Fatal(err)
				}
				got := step{s.change, changes.Numbers, changes.More, l.served()}
				if diff := cmp.Diff(s, got, cmp.AllowUnexported(step{})); diff != "" {
					t.Errorf("poll %d (-want +got):\n%s", i+1, diff)
				}
				cursor = changes.Next
			}
		})
	}
}

func upTo(from, to int) []int {
	var all []int
	for n := from; n >= to; n-- {
		all = append(all, n)
	}
	return all
}

// later changes all from one to another, in that order, within a few seconds.
func later(from, to, second int) map[int]int {
	all := map[int]int{}
	for n := from; n <= to; n++ {
		all[n] = second + (n-from)/30
	}
	return all
}

func (l *lister) change(seconds map[int]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number, second := range seconds {
		if number > len(l.pulls) {
			l.pulls = append(l.pulls, pull(number, second))
			continue
		}
		p := l.pulls[number-1]
		if second == 0 {
			p.Head.Sha = "bbbb"
			continue
		}
		updated := noon.Add(time.Duration(second) * time.Second)
		p.Updated = &updated
	}
}
