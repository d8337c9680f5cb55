// Package signing gives tests keys that sign commits, and git what it verifies them with.
//
// Git calls gpg and ssh-keygen to verify. A test that comes to that point on a machine without the program is skipped
// there, and test/proof tells of it; .ci/run installs both, so that where a change is judged nothing is left out.
package signing

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Programs are what verifying needs besides git, and the Debian packages that have them.
func Programs() map[string]string {
	return map[string]string{"gpg": "gnupg", "ssh-keygen": "openssh-client"}
}

// Missing names those that this machine lacks, in their order.
func Missing() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(Programs())), func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	})
}

// Need skips the rest of a test on a machine that lacks one of Programs.
func Need(t testing.TB, program string) {
	t.Helper()
	if slices.Contains(Missing(), program) {
		t.Skipf("%s is not on this machine (Debian: %s)", program, Programs()[program])
	}
}

// Key signs commits.
type Key struct {
	// Private is what a Secret has as signing-key; Passphrase is empty where it is not encrypted.
	Private, Passphrase string

	options  []string
	verifies string
}

// Secret is the data of the Secret that git.signing names.
func (k Key) Secret() map[string]string {
	data := map[string]string{"signing-key": k.Private}
	if k.Passphrase != "" {
		data["passphrase"] = k.Passphrase
	}
	return data
}

// Git are options of git, to stand before its command, with which it knows the key. The program that git needs to verify
// has to be there: see Need.
func (k Key) Git(t testing.TB) []string {
	t.Helper()
	Need(t, k.verifies)
	return slices.Clone(k.options)
}

// NewSSH makes a key of the kind that ssh-keygen makes by default.
func NewSSH(t testing.TB, email, passphrase string) Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return SSH(t, private, email, passphrase)
}

// SSH is a private key as OpenSSH writes it.
func SSH(t testing.TB, private any, email, passphrase string) Key {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(allowed, []byte(email+` namespaces="git" `+string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), 0o600); err != nil {
		t.Fatal(err)
	}
	return Key{
		Private: string(pem.EncodeToMemory(block)), Passphrase: passphrase, verifies: "ssh-keygen",
		options: []string{"-c", "gpg.format=ssh", "-c", "gpg.ssh.allowedSignersFile=" + allowed},
	}
}

// NewOpenPGP makes a key with gpg.
func NewOpenPGP(t testing.TB, email string) Key {
	t.Helper()
	g := NewGnuPG(t, email)
	return Key{Private: g.Secret("", g.Create("", "ed25519", "sign", "1y")), verifies: "gpg", options: g.Git()}
}
