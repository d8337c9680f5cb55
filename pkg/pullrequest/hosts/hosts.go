// Package hosts lists the git hosts whose pull requests can be worked with, and tells which of them a server is.
//
// A new one, such as GitLab, is a package beside github and gitea, and a line in Providers. It is done when the suite of
// test/conformance passes for it.
//
// It promises that nothing secret is sent to find out what a server is. It does not promise that a server which hides its
// API is recognised: then the provider has to be named.
package hosts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest/gitea"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest/github"
)

// ErrUnknown: no provider has the name, or none recognises the server.
var ErrUnknown = errors.New("unknown kind of git host")

// Providers are all that there are. The first that recognises a server counts.
func Providers() []pullrequest.Provider {
	return []pullrequest.Provider{
		github.Provider(),
		gitea.Provider(),
	}
}

// Named is the provider that people call so, in any case.
func Named(name string) (pullrequest.Provider, error) {
	for _, p := range Providers() {
		if strings.EqualFold(p.Name, name) {
			return p, nil
		}
	}
	return pullrequest.Provider{}, fmt.Errorf("%w %q: known are %s", ErrUnknown, name, names())
}

// Find tells what the host of a repository is: by its name, else by asking its API. s is how to reach it; where s.API is
// empty, each provider's own place for the API is tried. It gives the provider, and the API that it was found at.
func Find(ctx context.Context, at pullrequest.Address, s pullrequest.Server) (pullrequest.Provider, string, error) {
	s.Auth = pullrequest.Auth{}
	asked := s.API
	var failed error
	for _, p := range Providers() {
		if p.Owns(at.Host) {
			return p, cmp.Or(asked, p.API(at.Scheme, at.Host)), nil
		}
	}
	for _, p := range Providers() {
		s.API = cmp.Or(asked, p.API(at.Scheme, at.Host))
		is, err := p.Probe(ctx, s)
		if is {
			return p, s.API, nil
		}
		failed = cmp.Or(failed, err)
	}
	if failed != nil {
		return pullrequest.Provider{}, "", fmt.Errorf("find out what kind of git host %s is: %w", at.Host, failed)
	}
	return pullrequest.Provider{}, "", fmt.Errorf("%w: %s answers as none of %s; name it with pullRequest.provider, and its API with pullRequest.apiURL where that is elsewhere",
		ErrUnknown, at.Host, names())
}

func names() string {
	var all []string
	for _, p := range Providers() {
		all = append(all, p.Name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
