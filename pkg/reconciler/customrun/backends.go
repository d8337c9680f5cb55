package customrun

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"

	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
)

// backends are the phase packages' long-lived values. They know nothing of each other; the functions in this file join
// them with a run's credentials.
type backends struct {
	secrets credentials.Reader
	mutex   *lock.Mutex
	remotes *gitrepo.Memory
	argocd  *argocd.Pool
}

// openGit prepares the run's repository, with the credentials of the run's own namespace. Nothing is contacted yet, but for
// the token of a GitHub App.
func (r *Reconciler) openGit(ctx context.Context, run *run) (*gitrepo.Repository, error) {
	git := run.data.Request.Git
	auth, _, err := credentials.Git(ctx, r.backends.secrets, run.Namespace, run.data.Request.Run.ServiceAccount, git.Secret, git.URL)
	if err != nil {
		return nil, err
	}
	run.secrets = append(run.secrets, auth.Secrets()...)
	p := r.settings.policy()
	if err := r.gitLogin(ctx, run, git.URL, &auth, p); err != nil {
		return nil, err
	}
	if p.RequireHostBinding && !auth.Bound && !auth.Anonymous() {
		return nil, policy.Unbound("git", policy.BindsGit)
	}
	return gitrepo.Open(
		gitrepo.Remote{URL: git.URL, Branch: git.Branch, Auth: gitAuth(auth, []byte(p.SSHKnownHosts)), CA: auth.CA},
		gitrepo.Options{
			MaxObjectBytes: p.MaxManifestBytes, MaxTotalBytes: p.MaxFetchBytes, AllowHTTP: p.AllowHTTPGit, Timeout: p.GitTimeout,
			Dial: r.countedGit(p), Memory: r.backends.remotes, Clock: r.clock,
		})
}

// gitAuth is what the repository is told. Host keys of the Secret count before those of the platform.
func gitAuth(auth credentials.GitAuth, platform []byte) gitrepo.Auth {
	known := auth.SSH.KnownHosts
	if len(known) == 0 {
		known = platform
	}
	return gitrepo.Auth{
		Username: auth.Username, Password: auth.Password,
		SSHKey: auth.SSH.PrivateKey, SSHPassphrase: auth.SSH.Passphrase, KnownHosts: known,
	}
}

// argo is the shared connection to the run's Argo CD server. The caller releases it.
type argo struct {
	*argocd.Conn
	// watch lacks the application.
	watch watchKey
	// dial gives the same connection again, for calls that outlive the reconcile.
	dial    func() (*argocd.Conn, func(), error)
	release func()
}

// openArgo prepares the run's connection to Argo CD, with the credentials of the run's own namespace.
func (r *Reconciler) openArgo(ctx context.Context, run *run) (*argo, error) {
	want := run.data.Request.ArgoCD
	auth, err := credentials.ArgoCD(ctx, r.backends.secrets, run.Namespace, want.Secret)
	if err != nil {
		return nil, err
	}
	run.secrets = append(run.secrets, auth.Secrets()...)
	address, err := auth.Address(want.Server)
	if err != nil {
		return nil, err
	}
	p := r.settings.policy()
	if err := p.CheckArgoCD(address, want.Plaintext, want.Insecure); err != nil {
		return nil, err
	}
	if p.RequireHostBinding && auth.Server == "" {
		return nil, policy.Unbound("Argo CD", policy.BindsArgoCD)
	}
	server := argocd.Server{Address: address, Web: want.Web, Plaintext: want.Plaintext, Insecure: want.Insecure, CA: auth.CA}
	credential := argocd.Credential{Token: auth.Token, Username: auth.Username, Password: auth.Password}
	conn, release, err := r.backends.argocd.Conn(server, credential)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(auth.Token + "\x00" + auth.Username + "\x00" + auth.Password))
	return &argo{
		Conn: conn, release: release,
		watch: watchKey{server: address, credential: hex.EncodeToString(sum[:8])},
		dial:  func() (*argocd.Conn, func(), error) { return r.backends.argocd.Conn(server, credential) },
	}, nil
}

// dialAPI checks the address that is really dialled against the policy as it is now.
func (s *settings) dialAPI(ctx context.Context, network, address string) (net.Conn, error) {
	return s.policy().DialAPI()(ctx, network, address)
}

// dialArgoCD checks the address that is really dialled against the policy as it is now.
func (s *settings) dialArgoCD(ctx context.Context, address string) (net.Conn, error) {
	return s.policy().DialArgoCD()(ctx, "tcp", address)
}
