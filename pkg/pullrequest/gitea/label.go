package gitea

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "code.gitea.io/sdk/gitea"
)

const (
	maxLabelPages = 20
	// labelColour is what GitHub gives a label that it has to make.
	labelColour = "#ededed"
)

// Label adds by number, which the names have to be looked up for.
func (c *client) Label(ctx context.Context, number int, labels []string) error {
	if len(labels) == 0 {
		return nil
	}
	api, err := c.sdk(ctx)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("label pull request %d", number)
	if _, err := c.get(api, number); err != nil {
		return err
	}
	missing, ids := labels, []int64(nil)
	for _, where := range []func(sdk.ListOptions) ([]*sdk.Label, *sdk.Response, error){
		func(o sdk.ListOptions) ([]*sdk.Label, *sdk.Response, error) {
			return api.ListRepoLabels(c.owner, c.name, sdk.ListLabelsOptions{ListOptions: o})
		},
		func(o sdk.ListOptions) ([]*sdk.Label, *sdk.Response, error) {
			return api.ListOrgLabels(c.owner, sdk.ListOrgLabelsOptions{ListOptions: o})
		},
	} {
		var found []int64
		found, missing, err = lookUp(missing, where)
		if err != nil {
			return c.failure(doing, err)
		}
		ids = append(ids, found...)
	}
	for _, name := range missing {
		made, _, err := api.CreateLabel(c.owner, c.name, sdk.CreateLabelOption{Name: name, Color: labelColour})
		if err != nil {
			return c.failure("make label "+name, err)
		}
		ids = append(ids, made.ID)
	}
	if _, _, err := api.AddIssueLabels(c.owner, c.name, int64(number), sdk.IssueLabelsOption{Labels: ids}); err != nil {
		return c.failure(doing, err)
	}
	return nil
}

// lookUp finds labels by name. A place that may not be looked into, or is not there, has none: the owner may be a person,
// and an organisation's labels need a scope of their own.
func lookUp(names []string, where func(sdk.ListOptions) ([]*sdk.Label, *sdk.Response, error)) (ids []int64, missing []string, err error) {
	known := map[string]int64{}
	for page := 1; page <= maxLabelPages; page++ {
		labels, _, err := where(sdk.ListOptions{Page: page, PageSize: pageSize})
		if errors.As(err, new(*refusal)) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		for _, l := range labels {
			if _, twice := known[strings.ToLower(l.Name)]; !twice {
				known[strings.ToLower(l.Name)] = l.ID
			}
		}
		if len(labels) < pageSize {
			break
		}
	}
	for _, name := range names {
		if id, ok := known[strings.ToLower(name)]; ok {
			ids = append(ids, id)
		} else {
			missing = append(missing, name)
		}
	}
	return ids, missing, nil
}
