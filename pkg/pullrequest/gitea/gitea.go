// Package gitea works with the pull requests of Gitea, and of Forgejo, which has the same API (version 1).
//
// Beside what pkg/pullrequest promises:
//   - A draft is a pull request whose title begins with "WIP:", the prefix that Gitea knows by default. The prefix is put
//     before the title and taken off again here.
//   - A label that neither the repository nor its organisation has is made in the repository.
//
// What Gitea does not offer:
//   - It tells only in the history of a pull request whether it is going to be merged by itself: AutoMerge is right in what
//     Get returns, and false elsewhere.
//   - It does not pin what it merges later. EnableAutoMerge merges at once where that is possible, and then exactly the
//     commit; else it asks for the merge later only while the branch is at the commit. A push after that does not take
//     the request back: who waits has to, with DisableAutoMerge, when Head changes.
//   - There are no Apps, no validators of lists and no limits of requests.
//
// The token needs the scopes write:repository and write:issue (labels and comments belong to issues).
package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// apiPath ends the address of the API. The SDK appends it itself.
const apiPath = "/api/v1"

// Provider is Gitea, or Forgejo.
func Provider() pullrequest.Provider {
	return pullrequest.Provider{
		Name: "Gitea",
		Owns: func(host string) bool { return host == "codeberg.org" || host == "gitea.com" },
		API: func(scheme, host string) string {
			return scheme + "://" + host + apiPath
		},
		Probe: probe,
		Open: func(s pullrequest.Server) (pullrequest.Client, error) {
			if s.Owner == "" || s.Name == "" {
				return nil, fmt.Errorf("%w: the repository's owner and name are needed", pullrequest.ErrURL)
			}
			return open(s)
		},
	}
}

// client is one repository. Its methods may be called concurrently.
type client struct {
	base        string // of all URLs, without apiPath
	owner, name string
	token       string
	http        *http.Client
	now         clockFunc
}

func open(s pullrequest.Server) (*client, error) {
	if s.Auth.App != nil {
		return nil, fmt.Errorf("%w: Gitea has no Apps, give a token instead", pullrequest.ErrKey)
	}
	base, err := checkURL(s)
	if err != nil {
		return nil, err
	}
	h, err := newHTTP(s)
	if err != nil {
		return nil, err
	}
	return &client{base: base, owner: s.Owner, name: s.Name, token: s.Auth.Token, http: h, now: clockOf(s)}, nil
}

// checkURL returns the address before apiPath.
func checkURL(s pullrequest.Server) (string, error) {
	u, err := url.Parse(s.API)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "":
		// Not quoted: it may hold a password.
		return "", fmt.Errorf("%w: want https://HOST%s", pullrequest.ErrURL, apiPath)
	case u.User != nil:
		return "", fmt.Errorf("%w: it must not hold credentials", pullrequest.ErrURL)
	case u.Scheme == "http" && !s.AllowHTTP:
		return "", fmt.Errorf("%w: http sends the token in the clear, use https", pullrequest.ErrURL)
	case u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%w: %s is neither https nor http", pullrequest.ErrURL, u.Scheme)
	}
	base, ok := strings.CutSuffix(s.API, apiPath)
	if !ok {
		return "", fmt.Errorf("%w: the API of Gitea ends in %s", pullrequest.ErrURL, apiPath)
	}
	return base, nil
}

// probe asks for the version, which anybody may see.
func probe(ctx context.Context, s pullrequest.Server) (bool, error) {
	if !strings.HasSuffix(s.API, apiPath) {
		return false, nil // the address of somebody else's API
	}
	s.Auth = pullrequest.Auth{}
	c, err := open(s)
	if err != nil {
		return false, err
	}
	defer c.http.CloseIdleConnections()
	api, err := c.sdk(ctx)
	if err != nil {
		return false, err
	}
	version, _, err := api.ServerVersion()
	if err == nil {
		return version != "", nil
	}
	// Whoever answers without giving a version is not Gitea; whoever does not answer may be.
	err = c.failure("ask for the version", err)
	for _, no := range []error{
		pullrequest.ErrNotAPI, pullrequest.ErrNotFound, pullrequest.ErrUnauthorized, pullrequest.ErrForbidden, pullrequest.ErrRejected,
	} {
		if errors.Is(err, no) {
			return false, nil
		}
	}
	return false, err
}

// sdk is the SDK's client for one call: it holds the context. Nothing is contacted: without the empty version it would ask
// the server for its own.
func (c *client) sdk(ctx context.Context) (*sdk.Client, error) {
	options := []sdk.ClientOption{
		sdk.SetGiteaVersion(""), sdk.SetHTTPClient(c.http), sdk.SetContext(ctx), sdk.SetUserAgent(userAgent),
	}
	if c.token != "" {
		options = append(options, sdk.SetToken(c.token))
	}
	api, err := sdk.NewClient(c.base, options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pullrequest.ErrURL, err)
	}
	return api, nil
}
