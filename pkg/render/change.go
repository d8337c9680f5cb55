package render

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tekton-gitops/tekton-gitops/pkg/update"
)

// change makes the updates of a request on the work tree, or on the remote branch.
func (p *Plan) change(ctx context.Context, req request.Request, limits policy.Policy, v *Preview) error {
	if len(req.Updates) == 0 {
		return v.tell(req, update.Change{})
	}
	files, done, err := p.open(ctx, req, limits, v)
	if err != nil {
		return err
	}
	defer done()
	c, err := update.Make(ctx, files, req, int(limits.MaxManifestBytes))
	if err != nil {
		return err
	}
	return v.tell(req, c)
}

func (p *Plan) open(ctx context.Context, req request.Request, limits policy.Policy, v *Preview) (update.Files, func(), error) {
	if p.Directory == "" {
		return p.openRemote(ctx, req, limits, v)
	}
	d, err := update.OpenDirectory(p.Directory, limits.MaxManifestBytes)
	if err != nil {
		return nil, nil, err
	}
	v.Source = "work tree " + p.Directory
	if branch := branchOf(p.Directory); branch != "" && branch != req.Git.Branch {
		v.note("The work tree is on branch %s; the run edits branch %s.", branch, req.Git.Branch)
	}
	return d, func() { _ = d.Close() }, nil
}

// branchOf is the branch that a work tree is on, empty where that is not known.
func branchOf(dir string) string {
	head, err := os.ReadFile(filepath.Join(dir, ".git", "HEAD")) //nolint:gosec // the directory that the command line names
	if err != nil {
		return ""
	}
	branch, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/")
	if !ok {
		return ""
	}
	return branch
}

// openRemote reads the tip of the branch.
func (p *Plan) openRemote(ctx context.Context, req request.Request, limits policy.Policy, v *Preview) (update.Files, func(), error) {
	auth, source, err := p.login(ctx, req, limits)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: or render on a local clone, with --repo DIR", err)
	}
	known := auth.SSH.KnownHosts
	if len(known) == 0 {
		known = []byte(limits.SSHKnownHosts)
	}
	repository, err := gitrepo.Open(gitrepo.Remote{URL: req.Git.URL, Branch: req.Git.Branch, CA: auth.CA, Auth: gitrepo.Auth{
		Username: auth.Username, Password: auth.Password, SSHKey: auth.SSH.PrivateKey, SSHPassphrase: auth.SSH.Passphrase, KnownHosts: known,
	}}, gitrepo.Options{MaxObjectBytes: limits.MaxManifestBytes, MaxTotalBytes: limits.MaxFetchBytes, AllowHTTP: limits.AllowHTTPGit, Timeout: limits.GitTimeout})
	if err != nil {
		return nil, nil, err
	}
	files, err := snapshot(ctx, repository)
	if err != nil {
		repository.Close()
		return nil, nil, fmt.Errorf("%s (read with %s)", credentials.Redact(err.Error(), auth.Secrets()...), source)
	}
	v.Source = fmt.Sprintf("branch %s of %s at %s, with %s", req.Git.Branch, req.Git.URL, files.Commit(), source)
	return files, repository.Close, nil
}

func snapshot(ctx context.Context, repository *gitrepo.Repository) (*gitrepo.Snapshot, error) {
	tip, err := repository.Tip(ctx)
	if err != nil {
		return nil, err
	}
	return repository.Snapshot(ctx, tip)
}

// login takes the Secrets that the run would take, where the user may read them; else nobody's. One that the policy keeps the
// controller from using is not used here either, and refused with the controller's words.
func (p *Plan) login(ctx context.Context, req request.Request, limits policy.Policy) (credentials.GitAuth, string, error) {
	if p.Secrets == nil {
		return credentials.GitAuth{}, "no credentials, as there is no cluster to read a Secret from", nil
	}
	auth, source, err := credentials.Git(ctx, p.Secrets, req.Run.Namespace, req.Run.ServiceAccount, req.Git.Secret, req.Git.URL)
	switch {
	case errors.Is(err, credentials.ErrForbidden):
		return credentials.GitAuth{}, "no credentials, as you may not read the Secrets of namespace " + req.Run.Namespace, nil
	case err != nil:
		return credentials.GitAuth{}, "", err
	case limits.RequireHostBinding && !auth.Bound && !auth.Anonymous():
		return credentials.GitAuth{}, "", policy.Unbound("git", policy.BindsGit)
	case auth.App != nil:
		return credentials.GitAuth{}, "no credentials, as those of a GitHub App are for the controller only", nil
	}
	return auth, source, nil
}
