package e2e

import (
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/signing"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const signerEmail = "pipeline@example.com"

func newSSHKey(t *testing.T) signing.Key {
	t.Helper()
	return signing.NewSSH(t, signerEmail, "")
}

func newOpenPGPKey(t *testing.T) signing.Key {
	t.Helper()
	return signing.NewOpenPGP(t, signerEmail)
}

// What a run pushes is signed so that git accepts it, and so is the commit that takes it back.
func TestSignedCommits(t *testing.T) {
	t.Parallel()
	for name, newKey := range map[string]func(*testing.T) signing.Key{"ssh": newSSHKey, "OpenPGP": newOpenPGPKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := newKey(t)
			n := newTenant(t, testbed.TenantOptions{})
			n.secret("signing", nil, key.Secret())
			bed.secrets.add(strings.Split(key.Private, "\n")[2])
			spec := with(n.spec("never-pulls-1"), "git.signing.secretRef.name", "signing", "git.author.name", "Pipeline", "git.author.email", signerEmail,
				"verify.failureGrace", "1s", "onFailure", "Revert")
			n.syncByHand("dev")
			n.create(n.embedded("run", spec))
			cr := n.finish("run")
			n.wantFailed(cr, "RolloutFailed", "has put the previous state back")
			for _, commit := range []string{result(cr, "commit"), n.tip()} {
				if _, err := n.Repository.Git(t.Context(), append(key.Git(t), "verify-commit", "--raw", commit)...); err != nil {
					t.Error(err)
				}
			}
			if got := n.commits(); got != 2 {
				t.Errorf("%d commits", got)
			}
			n.noLease()
		})
	}
}

// A key that cannot sign is found before anything is pushed or locked.
func TestUnusableSigningKey(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	commits, history := n.commits(), n.recordHistory()
	n.secret("signing", nil, map[string]string{"signing-key": "this is no key"})
	n.create(n.embedded("run", with(n.spec("1.0.1"), "git.signing.secretRef.name", "signing")))
	n.wantFailed(n.finish("run"), "CredentialsInvalid", "Secret signing", "private key")
	n.create(n.embedded("absent", with(n.spec("1.0.1"), "git.signing.secretRef.name", "no-such-secret")))
	n.wantFailed(n.finish("absent"), "CredentialsInvalid", "Secret no-such-secret")
	n.nothingChanged(commits, history)
}
