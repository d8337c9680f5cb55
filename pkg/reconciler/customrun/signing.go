package customrun

import (
	"context"
	"fmt"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
)

// signer is the key that signs the run's commits, nil when they are not signed. It is read from the run's namespace each
// time, and kept nowhere.
func (r *Reconciler) signer(ctx context.Context, run *run) (gitrepo.Signer, error) {
	secret := run.data.Request.Git.Signing
	if secret == "" {
		return nil, nil
	}
	key, err := credentials.Signing(ctx, r.backends.secrets, run.Namespace, secret)
	if err != nil {
		return nil, err
	}
	run.secrets = append(run.secrets, key.Secrets()...)
	signer, err := gitrepo.ParseSigner(key.Key, key.Passphrase, r.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("the Secret %s: %w", secret, err)
	}
	return signer, nil
}
