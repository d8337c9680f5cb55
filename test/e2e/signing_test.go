package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const signerEmail = "pipeline@example.com"

// sshSigningKey makes a key for commits, and the options with which git knows its signatures.
func sshSigningKey(t *testing.T) (key string, options []string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(allowed, []byte(signerEmail+` namespaces="git" `+string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), 0o600); err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), []string{"-c", "gpg.format=ssh", "-c", "gpg.ssh.allowedSignersFile=" + allowed}
}

// openPGPSigningKey makes one with gpg, and a program that verifies with it.
func openPGPSigningKey(t *testing.T) (key string, options []string) {
	t.Helper()
	// Not t.TempDir: the agent's socket has to have a short name.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	gpg := func(arguments ...string) string {
		out, err := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, arguments...)...).Output()
		if err != nil {
			t.Fatalf("gpg: %v: this test needs gpg, apt-get install gnupg", err)
		}
		return string(out)
	}
	gpg("--quick-gen-key", "Pipeline <"+signerEmail+">", "ed25519", "sign", "1y")
	program := filepath.Join(home, "verify")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec gpg --homedir '"+home+"' \"$@\"\n"), 0o700); err != nil { //nolint:gosec // git runs it
		t.Fatal(err)
	}
	return gpg("--armor", "--export-secret-keys"), []string{"-c", "gpg.program=" + program}
}

// What a run pushes is signed so that git accepts it, and so is the commit that takes it back.
func TestSignedCommits(t *testing.T) {
	t.Parallel()
	for name, newKey := range map[string]func(*testing.T) (string, []string){"ssh": sshSigningKey, "OpenPGP": openPGPSigningKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, options := newKey(t)
			n := newTenant(t, testbed.TenantOptions{})
			n.secret("signing", nil, map[string]string{"signing-key": key})
			bed.secrets.add(strings.Split(key, "\n")[2])
			spec := with(n.spec("never-pulls-1"), "git.signing.secretRef.name", "signing", "git.author.name", "Pipeline", "git.author.email", signerEmail,
				"verify.failureGrace", "1s", "onFailure", "Revert")
			n.syncByHand("dev")
			n.create(n.embedded("run", spec))
			cr := n.finish("run")
			n.wantFailed(cr, "RolloutFailed", "has put the previous state back")
			for _, commit := range []string{result(cr, "commit"), n.tip()} {
				if _, err := n.Repository.Git(t.Context(), append(options, "verify-commit", "--raw", commit)...); err != nil {
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
