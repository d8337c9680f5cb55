package github

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

const (
	publicHost = "github.com"
	// cloudSuffix is of hosts that GitHub runs for one enterprise, with data residency.
	cloudSuffix = ".ghe.com"
)

// Provider is GitHub.
func Provider() pullrequest.Provider {
	return pullrequest.Provider{
		Name:     "GitHub",
		Owns:     owns,
		API:      apiOf,
		Probe:    probe,
		Open:     func(s pullrequest.Server) (pullrequest.Client, error) { return open(s) },
		GitLogin: gitLogin,
	}
}

// owns takes the host with or without a port.
func owns(host string) bool {
	host = bare(host)
	enterprise, cloud := strings.CutSuffix(host, cloudSuffix)
	return host == publicHost || cloud && enterprise != ""
}

// apiOf follows https://docs.github.com/en/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api and
// https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency.
func apiOf(scheme, host string) string {
	if owns(host) {
		return "https://api." + bare(host)
	}
	return scheme + "://" + host + "/api/v3"
}

func bare(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	return host
}

// graphqlOf is where GraphQL is for a base of the REST API.
func graphqlOf(api string) string {
	if base, ok := strings.CutSuffix(api, "/api/v3"); ok {
		return base + "/api/graphql"
	}
	return api + "/graphql"
}

// probe reads nothing but headers: a server in private mode has no more to say to a stranger. Gateways in front of a server
// that is down answer for it, so those statuses say nothing about what is behind.
func probe(ctx context.Context, s pullrequest.Server) (bool, error) {
	const doing = "look for GitHub's API"
	w, err := newWire(s)
	if err != nil {
		return false, err
	}
	defer w.close()
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.API+"/meta", nil)
	if err != nil {
		return false, fail(doing, s, fmt.Errorf("%w: %s", pullrequest.ErrURL, s.API))
	}
	res, err := w.RoundTrip(req)
	if err != nil {
		return false, fail(doing, s, transportError(err))
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	if isGitHub(res.Header) {
		return true, nil
	}
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false, fail(doing, s, fmt.Errorf("HTTP %d", res.StatusCode))
	}
	return false, nil
}

func isGitHub(h http.Header) bool {
	return h.Get("X-Github-Enterprise-Version") != "" || h.Get("X-Github-Request-Id") != "" || h.Get("X-Github-Media-Type") != ""
}
