package customrun

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest/hosts"
)

// host is the git host of a run's pull request, reached with the credentials of the run's own namespace.
type host struct {
	pullrequest.Client
	// key says which polls of it are shared.
	key pollKey
}

// openHost prepares the git host of a run's pull request. Nothing is contacted, once the phase Preparing has found out
// what kind of host it is.
func (r *Reconciler) openHost(ctx context.Context, run *run) (*host, error) {
	if err := r.limited(run); err != nil {
		return nil, err
	}
	server, credential, err := r.hostServer(ctx, run)
	if err != nil {
		return nil, err
	}
	state := run.data.PullRequest
	server.API = state.API
	provider, err := hosts.Named(state.Provider)
	if err != nil {
		return nil, err
	}
	key := pollKey{provider: state.Provider, api: server.API, owner: server.Owner, name: server.Name, credential: credential}
	client, err := r.hosts.get(key, func() (pullrequest.Client, error) { return provider.Open(server) })
	if err != nil {
		return nil, err
	}
	return &host{Client: client, key: key}, nil
}

// noteLimit keeps a git host's wish to be left alone, nil when the error is none.
func (r *Reconciler) noteLimit(run *run, err error) *pullrequest.LimitError {
	var limit *pullrequest.LimitError
	if !errors.As(err, &limit) {
		return nil
	}
	r.memories.of(run.UID, r.clock.Now()).limited = limit
	r.hosts.drop()
	return limit
}

// limited keeps a run from asking a git host again that wants to be left alone.
func (r *Reconciler) limited(run *run) error {
	if limit := r.memories.of(run.UID, r.clock.Now()).limited; limit != nil && r.clock.Now().Before(limit.Until) {
		return limit
	}
	return nil
}

// hostServer is how to reach the API of the run's git host, and a hash of what it is logged in to with and how.
func (r *Reconciler) hostServer(ctx context.Context, run *run) (s pullrequest.Server, credential string, err error) {
	req := run.data.Request
	at, err := pullrequest.ParseAddress(req.Git.URL)
	if err != nil {
		return pullrequest.Server{}, "", err
	}
	auth, _, err := credentials.PullRequest(ctx, r.backends.secrets, run.Namespace, req.Run.ServiceAccount,
		cmp.Or(req.PullRequest.Secret, req.Git.Secret), req.Git.URL, cmp.Or(run.data.PullRequest.API, req.PullRequest.APIURL, at.Scheme+"://"+at.Host))
	if err != nil {
		return pullrequest.Server{}, "", err
	}
	run.secrets = append(run.secrets, auth.Secrets()...)
	p := r.settings.policy()
	if p.RequireHostBinding && !auth.Bound && !auth.Anonymous() {
		return pullrequest.Server{}, "", policy.Unbound("pull request", policy.BindsGit)
	}
	s = pullrequest.Server{
		API: req.PullRequest.APIURL, Owner: at.Owner, Name: at.Name, Auth: pullrequest.Auth{Token: auth.Token}, CA: auth.CA,
		AllowHTTP: p.AllowHTTPGit, Timeout: p.GitTimeout, Dial: r.settings.dialAPI, Clock: r.clock,
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%t %s %x %s\x00", s.AllowHTTP, s.Timeout, sha256.Sum256(s.CA), auth.Token)
	if auth.App != nil {
		s.Auth.App = &pullrequest.App{ID: auth.App.ID, Installation: auth.App.Installation, PrivateKey: auth.App.PrivateKey}
		fmt.Fprintf(sum, "%d/%d\x00%s", auth.App.ID, auth.App.Installation, auth.App.PrivateKey)
	}
	return s, hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// checkHost finds out what kind of host it is, and whether it would take the pull request.
func (r *Reconciler) checkHost(ctx context.Context, run *run) (c checked, err error) {
	defer func() { c.secrets = run.secrets }()
	req := run.data.Request
	if req.PullRequest == nil {
		return c, nil
	}
	server, _, err := r.hostServer(ctx, run)
	if err != nil {
		return c, err
	}
	provider, api, err := findProvider(ctx, run, server)
	if err != nil {
		return c, err
	}
	if err := r.settings.policy().CheckAPI(api); err != nil {
		return c, err
	}
	server.API = api
	client, err := provider.Open(server)
	if err != nil {
		return c, err
	}
	c.provider, c.api = provider.Name, api
	if req.DryRun {
		return c, nil
	}
	return c, client.Check(ctx, req.Git.Branch)
}

// findProvider takes the provider that the run names; else it asks.
func findProvider(ctx context.Context, run *run, s pullrequest.Server) (pullrequest.Provider, string, error) {
	want := run.data.Request.PullRequest
	at, err := pullrequest.ParseAddress(run.data.Request.Git.URL)
	if err != nil {
		return pullrequest.Provider{}, "", err
	}
	if want.Provider == "" {
		return hosts.Find(ctx, at, s)
	}
	provider, err := hosts.Named(want.Provider)
	if err != nil {
		return pullrequest.Provider{}, "", err
	}
	return provider, cmp.Or(want.APIURL, provider.API(at.Scheme, at.Host)), nil
}

// gitLogin turns a GitHub App into what git logs in to a repository with. Others are left as they are.
func (r *Reconciler) gitLogin(ctx context.Context, run *run, url string, auth *credentials.GitAuth, p policy.Policy) error {
	if auth.App == nil {
		return nil
	}
	at, err := pullrequest.ParseAddress(url)
	if err != nil {
		return err
	}
	s := pullrequest.Server{
		Owner: at.Owner, Name: at.Name, CA: auth.CA, AllowHTTP: p.AllowHTTPGit, Timeout: p.GitTimeout, Dial: p.DialAPI(), Clock: r.clock,
		Auth: pullrequest.Auth{App: &pullrequest.App{ID: auth.App.ID, Installation: auth.App.Installation, PrivateKey: auth.App.PrivateKey}},
	}
	if pr := run.data.Request.PullRequest; pr != nil && url == run.data.Request.Git.URL {
		s.API = pr.APIURL
	}
	for _, provider := range hosts.Providers() {
		if provider.GitLogin == nil {
			continue
		}
		s.API = cmp.Or(s.API, provider.API(at.Scheme, at.Host))
		if err := p.CheckAPI(s.API); err != nil {
			return err
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d\x00%s", auth.App.ID, auth.App.Installation, auth.App.PrivateKey))
		key := pollKey{provider: provider.Name, api: s.API, owner: at.Owner, name: at.Name, credential: hex.EncodeToString(sum[:8])}
		auth.Username, auth.Password, err = r.hosts.login(key, func() (string, string, error) { return provider.GitLogin(ctx, s) })
		run.secrets = append(run.secrets, auth.Secrets()...)
		return err
	}
	return fmt.Errorf("%w: no kind of git host takes an App's private key", credentials.ErrInvalid)
}
