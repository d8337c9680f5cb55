package github

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func isLimit(err error) bool {
	var limit *pullrequest.LimitError
	return errors.As(err, &limit)
}

// at is a time of the day of the tests, in seconds after 10:00.
func at(seconds int) time.Time { return time.Date(2026, 3, 4, 10, 0, seconds, 0, time.UTC) }

// changes is a page of pull requests; each is its number and its time.
func changes(all ...[2]int) string {
	var list []string
	for _, one := range all {
		list = append(list, fmt.Sprintf(`{"number": %d, "state": "closed", "updated_at": %q}`, one[0], at(one[1]).Format(time.RFC3339)))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func tagged(tag string, more map[string]string) map[string]string {
	h := map[string]string{"ETag": tag}
	for name, value := range more {
		h[name] = value
	}
	return h
}

func TestPoll(t *testing.T) {
	seen := pullrequest.Cursor{Tag: `W/"a"`, Seen: at(100)}
	next100 := pullrequest.Cursor{Tag: `W/"b"`, Seen: at(100)}
	next130 := pullrequest.Cursor{Tag: `W/"b"`, Seen: at(130)}
	for name, tt := range map[string]struct {
		since pullrequest.Cursor
		pages []answer
		want  pullrequest.Changes
		asked int
	}{
		"first time: the first page": {pullrequest.Cursor{},
			[]answer{{header: tagged(`W/"b"`, next(2)), body: changes([2]int{3, 130}, [2]int{2, 20})}},
			pullrequest.Changes{Numbers: []int{3, 2}, Next: next130}, 1},
		"first time, nothing is there": {pullrequest.Cursor{},
			[]answer{{header: tagged(`W/"b"`, nil), body: `[]`}},
			pullrequest.Changes{Next: pullrequest.Cursor{Tag: `W/"b"`, Seen: time.Unix(0, 0).UTC()}}, 1},
		"after nothing was there, many": {pullrequest.Cursor{Tag: `W/"a"`, Seen: time.Unix(0, 0).UTC()},
			[]answer{{header: tagged(`W/"b"`, next(2)), body: changes([2]int{3, 130})}, {body: changes([2]int{2, 20})}},
			pullrequest.Changes{Numbers: []int{3, 2}, Next: next130}, 2},
		"no change": {seen, []answer{{status: 304}}, pullrequest.Changes{Next: seen}, 1},
		"no change, and wait": {seen, []answer{{status: 304, header: map[string]string{"X-Poll-Interval": "60"}}},
			pullrequest.Changes{Next: seen, After: time.Minute}, 1},
		"some are newer": {seen,
			[]answer{{header: tagged(`W/"b"`, next(2)), body: changes([2]int{3, 130}, [2]int{5, 101}, [2]int{2, 20})}},
			pullrequest.Changes{Numbers: []int{3, 5}, Next: next130}, 1},
		"one changed in the second that was seen": {seen,
			[]answer{{header: tagged(`W/"b"`, nil), body: changes([2]int{3, 100}, [2]int{2, 20})}},
			pullrequest.Changes{Numbers: []int{3}, Next: next100}, 1},
		"one is listed late": {seen,
			[]answer{{header: tagged(`W/"b"`, nil), body: changes([2]int{3, 130}, [2]int{4, 95}, [2]int{2, 20})}},
			pullrequest.Changes{Numbers: []int{3, 4}, Next: next130}, 1},
		"more than a page, and one slips": {seen,
			[]answer{{header: tagged(`W/"b"`, next(2)), body: changes([2]int{9, 130}, [2]int{8, 120})},
				{header: tagged(`W/"x"`, next(3)), body: changes([2]int{8, 120}, [2]int{7, 110}, [2]int{6, 50})}},
			pullrequest.Changes{Numbers: []int{9, 8, 7}, Next: next130}, 2},
		"too many": {seen,
			[]answer{{header: tagged(`W/"b"`, next(2)), body: changes([2]int{9, 130})}},
			pullrequest.Changes{Numbers: []int{9}, More: true, Next: next130}, 10},
		"the newest is gone": {seen,
			[]answer{{header: tagged(`W/"b"`, nil), body: changes([2]int{2, 20})}},
			pullrequest.Changes{Next: next100}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{listRoute: tt.pages})
			got, err := g.client().Poll(t.Context(), tt.since)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.asked, len(g.asked())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPollAsksConditionally(t *testing.T) {
	g := serve(t, routes{listRoute: {{status: 304}}})
	if _, err := g.client().Poll(t.Context(), pullrequest.Cursor{Tag: `W/"a"`, Seen: at(0)}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{listRoute + "?direction=desc&page=1&per_page=100&sort=updated&state=all"}, g.asked()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`W/"a"`, g.header.Get("If-None-Match")); diff != "" {
		t.Error(diff)
	}
}

// A poll that fails half-way has found nothing: its cursor must not be used.
func TestPollFailsAsAWhole(t *testing.T) {
	g := serve(t, routes{listRoute: {
		{header: tagged(`W/"b"`, next(2)), body: changes([2]int{9, 130})},
		{status: 429, header: map[string]string{"Retry-After": "30"}, body: `{"message": "slow down"}`},
	}})
	got, err := g.client().Poll(t.Context(), pullrequest.Cursor{Tag: `W/"a"`, Seen: at(100)})
	if !isLimit(err) {
		t.Errorf("not a limit: %v", err)
	}
	if diff := cmp.Diff(pullrequest.Changes{}, got); diff != "" {
		t.Error(diff)
	}
}
