package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// overlap is how long GitHub may take to list a change after the time that the change has. Without it a change that is listed
// late, and older than the newest one seen, would never be reported.
const overlap = 10 * time.Second

// changed is the little of a pull request that a poll looks at. GitHub's lists carry the whole repository twice for each.
type changed struct {
	Number  int       `json:"number"`
	Updated time.Time `json:"updated_at"`
}

// page is one page of the pull requests that changed last.
type page struct {
	changed []changed
	header  http.Header
	next    bool
	same    bool // not changed since the tag
}

// Poll lists by time of change. A cursor's numbers are not needed: GitHub's times have whole seconds, so that what has changed
// in the second of Seen is reported again whenever anything has changed.
func (c *client) Poll(ctx context.Context, since pullrequest.Cursor) (pullrequest.Changes, error) {
	const doing = "poll for changed pull requests"
	first, err := c.changes(ctx, 1, since.Tag)
	if err != nil {
		return pullrequest.Changes{}, c.fail(doing, err)
	}
	if first.same {
		return pullrequest.Changes{Next: since, After: pollInterval(first.header)}, nil
	}
	answer := pullrequest.Changes{
		Next:  pullrequest.Cursor{Tag: first.header.Get("ETag"), Seen: newest(since.Seen, first.changed)},
		After: pollInterval(first.header),
	}
	if since.Seen.IsZero() {
		answer.Numbers = numbers(nil, first.changed)
		return answer, nil
	}
	oldest := since.Seen.Add(-overlap)
	for number, p := 1, first; ; {
		recent := notBefore(oldest, p.changed)
		answer.Numbers = numbers(answer.Numbers, recent)
		if !p.next || len(recent) < len(p.changed) {
			return answer, nil
		}
		if number == maxPages {
			answer.More = true
			return answer, nil
		}
		number++
		if p, err = c.changes(ctx, number, ""); err != nil {
			return pullrequest.Changes{}, c.fail(doing, err)
		}
	}
}

func (c *client) changes(ctx context.Context, number int, tag string) (page, error) {
	query := url.Values{
		"state": {"all"}, "sort": {"updated"}, "direction": {"desc"},
		"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(number)},
	}
	req, err := c.api.NewRequest(http.MethodGet, "repos/"+c.server.Owner+"/"+c.server.Name+"/pulls?"+query.Encode(), nil)
	if err != nil {
		return page{}, err
	}
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	var p page
	res, err := c.api.Do(ctx, req, &p.changed) //nolint:bodyclose // Do closes it
	var answer *gh.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.StatusCode == http.StatusNotModified {
		return page{header: answer.Response.Header, same: true}, nil
	}
	if err != nil {
		return page{}, err
	}
	p.header, p.next = res.Header, res.NextPage != 0
	return p, nil
}

// newest is never zero, not even for a repository without pull requests: the zero cursor is for those who have not polled.
func newest(seen time.Time, all []changed) time.Time {
	if seen.IsZero() {
		seen = time.Unix(0, 0).UTC()
	}
	for _, pr := range all {
		if pr.Updated.After(seen) {
			seen = pr.Updated
		}
	}
	return seen
}

func notBefore(oldest time.Time, all []changed) []changed {
	for i, pr := range all {
		if pr.Updated.Before(oldest) {
			return all[:i]
		}
	}
	return all
}

// numbers appends those that are not there: pages shift while they are read.
func numbers(list []int, all []changed) []int {
	there := map[int]bool{}
	for _, n := range list {
		there[n] = true
	}
	for _, pr := range all {
		if !there[pr.Number] {
			there[pr.Number] = true
			list = append(list, pr.Number)
		}
	}
	return list
}

func pollInterval(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("X-Poll-Interval"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxLimit)
}
