package gitea

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	pollPageSize = 20
	maxPollPages = 10
	// pollOverlap is how long after its own time a change may become visible: a transaction of the server takes its time
	// at the beginning.
	pollOverlap = 30 * time.Second
)

// Poll lists what was updated last, down to what the cursor has seen. A pull request has changed when its digest is not in
// the cursor's Tag. That does not depend on the clock, whose times are whole seconds here, and also shows what does not
// count as an update, such as a new conflict, as long as the pull request is on the first page.
func (c *client) Poll(ctx context.Context, since pullrequest.Cursor) (pullrequest.Changes, error) {
	known := strings.Fields(since.Tag)
	horizon := since.Seen.Add(-pollOverlap)
	changes := pullrequest.Changes{Next: pullrequest.Cursor{Seen: since.Seen}}
	query := url.Values{"state": {"all"}, "sort": {"recentupdate"}, "limit": {strconv.Itoa(pollPageSize)}}
	var tag []string
	for page, listed := 1, 0; ; page++ {
		found, total, err := c.list(ctx, query, page)
		if err != nil {
			return pullrequest.Changes{}, err
		}
		listed += len(found)
		past := false
		for _, p := range found {
			updated := at(p.Updated)
			if updated.After(changes.Next.Seen) {
				changes.Next.Seen = updated
			}
			past = past || updated.Before(horizon)
			if updated.Before(horizon) && page > 1 {
				continue
			}
			d := digest(p)
			tag = append(tag, d)
			if !slices.Contains(known, d) && !slices.Contains(changes.Numbers, int(p.Index)) {
				changes.Numbers = append(changes.Numbers, int(p.Index))
			}
		}
		if past || len(found) == 0 || listed >= total {
			break
		}
		if since.Seen.IsZero() || page == maxPollPages {
			changes.More = true
			break
		}
	}
	changes.Next.Tag = strings.Join(tag, " ")
	return changes, nil
}

// digest changes with whatever Get would show.
func digest(p *sdk.PullRequest) string {
	h := fnv.New64a()
	shown := convert(p)
	fmt.Fprintf(h, "%d %d %v %+v", at(p.Updated).Unix(), p.Comments, p.Mergeable, shown)
	return fmt.Sprintf("%d-%x", p.Index, h.Sum64())
}
