package gitea

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	pageSize  = 50 // the most that a server gives unless it is told otherwise (api, MAX_RESPONSE_ITEMS)
	maxPages  = 20
	maxByHead = 100
)

// ByHead first asks for any pull request of the two branches, which is one request and the end of it for a new branch. To
// find all of them Gitea has only the list of the base.
func (c *client) ByHead(ctx context.Context, branch, base string) ([]pullrequest.PullRequest, error) {
	api, err := c.sdk(ctx)
	if err != nil {
		return nil, err
	}
	one, _, err := api.GetPullRequestByBaseHead(c.owner, c.name, base, branch)
	if status(err) == http.StatusNotFound {
		if _, _, err := api.GetRepo(c.owner, c.name); err != nil {
			return nil, c.failure("look at the repository", err)
		}
		return nil, nil
	}
	if err != nil {
		return nil, c.failure("look for pull requests of "+branch, err)
	}
	all, err := c.listAll(ctx, url.Values{"state": {"all"}, "base_branch": {base}})
	if err != nil {
		return nil, err
	}
	found := pick(append(all, one), maxByHead, func(p pullrequest.PullRequest) bool {
		return p.Branch == branch && p.Base == base && !p.FromFork
	})
	// The heads in a list are those of a moment ago. An open one, of which a branch has at most one, is at the branch.
	for i := range found {
		if found[i].State == pullrequest.Open {
			now, err := c.get(api, found[i].Number)
			if err != nil {
				return nil, err
			}
			found[i] = convert(now)
		}
	}
	return found, nil
}

func (c *client) ListOpen(ctx context.Context, base string) ([]pullrequest.PullRequest, error) {
	all, err := c.listAll(ctx, url.Values{"state": {"open"}, "base_branch": {base}})
	if err != nil {
		return nil, err
	}
	return pick(all, maxPages*pageSize, func(p pullrequest.PullRequest) bool {
		return p.Base == base && p.State == pullrequest.Open
	}), nil
}

// pick converts, each once, the newest first. Servers that do not know a filter give all.
func pick(all []*sdk.PullRequest, limit int, wanted func(pullrequest.PullRequest) bool) []pullrequest.PullRequest {
	var picked []pullrequest.PullRequest
	for _, found := range all {
		if p := convert(found); wanted(p) {
			picked = append(picked, p)
		}
	}
	slices.SortStableFunc(picked, func(a, b pullrequest.PullRequest) int { return cmp.Compare(b.Number, a.Number) })
	picked = slices.CompactFunc(picked, func(a, b pullrequest.PullRequest) bool { return a.Number == b.Number })
	return picked[:min(limit, len(picked))]
}

func (c *client) listAll(ctx context.Context, query url.Values) ([]*sdk.PullRequest, error) {
	query.Set("limit", strconv.Itoa(pageSize))
	var all []*sdk.PullRequest
	for page := 1; page <= maxPages; page++ {
		found, total, err := c.list(ctx, query, page)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) == 0 || len(all) >= total {
			break
		}
	}
	return all, nil
}

// list is one page, and how many there are in all. It is not the SDK's: that one knows no filter by base.
func (c *client) list(ctx context.Context, query url.Values, page int) ([]*sdk.PullRequest, int, error) {
	var found []*sdk.PullRequest
	total, err := c.read(ctx, "list pull requests", "/pulls", query, page, &found)
	return slices.DeleteFunc(found, func(p *sdk.PullRequest) bool { return p == nil }), total, err
}

// read reads one page of a list below the repository, and how many entries there are in all.
func (c *client) read(ctx context.Context, doing, path string, query url.Values, page int, into any) (total int, err error) {
	query.Set("page", strconv.Itoa(page))
	address := fmt.Sprintf("%s%s/repos/%s/%s%s?%s", c.base, apiPath, url.PathEscape(c.owner), url.PathEscape(c.name), path, query.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, pullrequest.ErrURL)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	if c.token != "" {
		request.Header.Set("Authorization", "token "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, c.failure(doing, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return 0, c.failure(doing, err)
	}
	if total, err = strconv.Atoi(response.Header.Get("X-Total-Count")); err != nil {
		total = maxPages * pageSize // not said: the list ends with an empty page
	}
	return total, nil
}
