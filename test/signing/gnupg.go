package signing

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// GnuPG is a home directory of gpg.
type GnuPG struct {
	Home string

	t     testing.TB
	email string
}

// NewGnuPG makes one that ends with the test. Its keys are for the name Pipeline with that address.
func NewGnuPG(t testing.TB, email string) GnuPG {
	t.Helper()
	Need(t, "gpg")
	// Not t.TempDir: the agent's socket has to have a short name.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	// Without it the agent first measures how long a passphrase may take to stretch on this machine.
	if err := os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return GnuPG{Home: home, t: t, email: email}
}

// Run calls gpg and gives what it printed.
func (g GnuPG) Run(arguments ...string) string {
	g.t.Helper()
	cmd := exec.Command("gpg", append([]string{"--homedir", g.Home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"}, arguments...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("gpg %s: %v: %s", strings.Join(arguments, " "), err, &stderr)
	}
	return string(out)
}

// Create makes a key and gives its fingerprint.
func (g GnuPG) Create(passphrase, algorithm, usage, expire string) string {
	g.t.Helper()
	out := g.Run("--passphrase", passphrase, "--status-fd", "1", "--quick-gen-key", "Pipeline <"+g.email+">", algorithm, usage, expire)
	_, rest, _ := strings.Cut(out, "KEY_CREATED P ")
	return strings.TrimSpace(rest)
}

// Secret is a private key as people export it.
func (g GnuPG) Secret(passphrase, id string) string {
	g.t.Helper()
	return g.Run("--passphrase", passphrase, "--armor", "--export-secret-keys", id)
}

// Git are options of git, to stand before its command, with which it knows the keys.
func (g GnuPG) Git() []string {
	g.t.Helper()
	program := filepath.Join(g.Home, "verify")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec gpg --homedir '"+g.Home+"' \"$@\"\n"), 0o700); err != nil { //nolint:gosec // git runs it
		g.t.Fatal(err)
	}
	return []string{"-c", "gpg.program=" + program}
}
