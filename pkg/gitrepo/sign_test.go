package gitrepo

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

// need fails the test on a machine that lacks a program: a signature that nobody verified proves nothing.
func need(t *testing.T, program, from string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("this test needs %s: apt-get install %s", program, from)
	}
}

func signer(t *testing.T, key, passphrase string, now time.Time) Signer {
	t.Helper()
	s, err := ParseSigner([]byte(key), []byte(passphrase), now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pushSigned plans a signed commit, and pushes it the way a process does that was restarted meanwhile.
func pushSigned(t *testing.T, repo *gittest.Repo, s Signer, when time.Time) Commit {
	t.Helper()
	m := message("Set app to v2\n\nTekton-CustomRun: ci/deploy")
	m.Signer, m.When = s, when
	files := map[string][]byte{devFile: []byte("x: 1\n")}
	planned, err := snapshot(t, open(t, repo, Options{})).Plan(t.Context(), files, m)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := ParseCommit(bytes.Clone(planned.Encoded))
	if err != nil {
		t.Fatal(err)
	}
	second := open(t, repo, Options{})
	base, err := second.Snapshot(t.Context(), commit.Parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Push(t.Context(), base, commit, files); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(planned.ID, repo.Git("rev-parse", "main")); diff != "" {
		t.Errorf("the signed bytes were not what was pushed: %s", diff)
	}
	repo.Fsck()
	return commit
}

func TestSSHSignatures(t *testing.T) {
	need(t, "ssh-keygen", "openssh-client")
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"ed25519": ed, "RSA": rsaKey(t), "ECDSA P-256": ecdsaKey(t), "ECDSA P-521": p521} {
		for _, words := range []string{"", passphrase} {
			t.Run(name+" "+words, func(t *testing.T) {
				repo := sampleRepo(t, gittest.Start(t))
				commit := pushSigned(t, repo, signer(t, openSSHKey(t, key, words), words, noon), noon)
				allowed := filepath.Join(t.TempDir(), "allowed_signers")
				entry := robot.Email + ` namespaces="git" ` + string(ssh.MarshalAuthorizedKey(signerOf(t, key).PublicKey()))
				if err := os.WriteFile(allowed, []byte(entry), 0o600); err != nil {
					t.Fatal(err)
				}
				said := repo.Git("-c", "gpg.ssh.allowedSignersFile="+allowed, "log", "-1", "--format=%G? %GS", commit.ID)
				if diff := cmp.Diff("G "+robot.Email, said); diff != "" {
					t.Error(diff)
				}
				repo.Git("-c", "gpg.format=ssh", "-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", commit.ID)
			})
		}
	}
}

// OpenSSH's own signature of the same bytes differs in nothing: ed25519 leaves no choice.
func TestSSHSignatureIsWhatSSHKeygenMakes(t *testing.T) {
	need(t, "ssh-keygen", "openssh-client")
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	key := openSSHKey(t, ed, "")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	payload := "tree 0\n\nSome text\n"
	cmd := exec.Command("ssh-keygen", "-Y", "sign", "-n", "git", "-f", file)
	cmd.Stdin = strings.NewReader(payload)
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := signer(t, key, "", noon).Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// gnupg is a home directory of gpg.
type gnupg struct {
	t   *testing.T
	dir string
}

func newGnuPG(t *testing.T) gnupg {
	t.Helper()
	need(t, "gpg", "gnupg")
	// Not t.TempDir: the agent's socket has to have a short name.
	dir, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	// Without it the agent first measures how long a passphrase may take to stretch on this machine.
	if err := os.WriteFile(filepath.Join(dir, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := gnupg{t, dir}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", dir, "--kill", "all").Run()
		_ = os.RemoveAll(dir)
	})
	return g
}

func (g gnupg) run(arguments ...string) string {
	g.t.Helper()
	cmd := exec.Command("gpg", append([]string{"--homedir", g.dir, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"}, arguments...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("gpg %s: %v: %s", strings.Join(arguments, " "), err, &stderr)
	}
	return string(out)
}

// create makes a key and gives its fingerprint.
func (g gnupg) create(passphrase, algorithm, usage, expire string) string {
	g.t.Helper()
	out := g.run("--passphrase", passphrase, "--status-fd", "1", "--quick-gen-key", "Pipeline <pipeline@example.com>", algorithm, usage, expire)
	_, rest, _ := strings.Cut(out, "KEY_CREATED P ")
	return strings.TrimSpace(rest)
}

func (g gnupg) secret(passphrase, id string) string {
	return g.run("--passphrase", passphrase, "--armor", "--export-secret-keys", id)
}

// verify runs git with this home directory.
func (g gnupg) verify(repo *gittest.Repo, commit string) string {
	g.t.Helper()
	cmd := exec.Command("git", "-C", repo.Dir, "verify-commit", "--raw", commit)
	cmd.Env = append(os.Environ(), "GNUPGHOME="+g.dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Errorf("git verify-commit: %v\n%s", err, out)
	}
	return string(out)
}

func TestOpenPGPSignatures(t *testing.T) {
	g := newGnuPG(t)
	cases := map[string]struct {
		algorithm  string
		passphrase string
		subkey     string // algorithm of one that signs
		offline    bool   // the primary key stays at home
	}{
		"ed25519":                    {algorithm: "ed25519"},
		"RSA":                        {algorithm: "rsa2048"},
		"ECDSA":                      {algorithm: "nistp256"},
		"encrypted":                  {algorithm: "ed25519", passphrase: passphrase},
		"with a subkey that signs":   {algorithm: "ed25519", subkey: "rsa2048"},
		"with an offline primary":    {algorithm: "ed25519", subkey: "ed25519", offline: true},
		"encrypted subkeys, offline": {algorithm: "ed25519", subkey: "ed25519", passphrase: passphrase, offline: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			id := g.create(c.passphrase, c.algorithm, "sign", "1y")
			if c.subkey != "" {
				g.run("--passphrase", c.passphrase, "--quick-add-key", id, c.subkey, "sign", "1y")
			}
			key := g.secret(c.passphrase, id)
			if c.offline {
				key = g.run("--passphrase", c.passphrase, "--armor", "--export-secret-subkeys", id)
			}
			repo := sampleRepo(t, gittest.Start(t))
			now := time.Now()
			commit := pushSigned(t, repo, signer(t, key, c.passphrase, now), now)
			said := g.verify(repo, commit.ID)
			for _, want := range []string{"GOODSIG", "VALIDSIG", " " + now.UTC().Format("2006-01-02")} {
				if !strings.Contains(said, want) {
					t.Errorf("%s is not in %s", want, said)
				}
			}
		})
	}
}

func TestOpenPGPKeysThatMayNotSign(t *testing.T) {
	g := newGnuPG(t)
	id := g.create(passphrase, "ed25519", "sign", "2d")
	encrypted := g.secret(passphrase, id)
	public := g.run("--armor", "--export", id)
	certifyOnly := g.secret("", g.create("", "ed25519", "cert", "1y"))
	other := g.create("", "ed25519", "sign", "1y")
	plain := g.secret("", other)
	revoke(t, g, other)
	revoked := g.secret("", other)
	two := g.run("--armor", "--passphrase", "", "--export-secret-keys", other, g.create("", "ed25519", "sign", "1y"))
	now := time.Now()
	cases := map[string]struct {
		key, passphrase string
		now             time.Time
		words           string
	}{
		"a wrong passphrase":    {encrypted, "wr0ng", now, "the passphrase is wrong"},
		"no passphrase":         {encrypted, "", now, "put its passphrase into the Secret as passphrase"},
		"expired":               {encrypted, passphrase, now.Add(72 * time.Hour), "has expired"},
		"a public key":          {public, "", now, "it is a public key"},
		"certification only":    {certifyOnly, "", now, "has no key or subkey that may sign"},
		"revoked":               {revoked, "", now, "was revoked"},
		"two keys":              {two, "", now, "there are 2 OpenPGP keys in it"},
		"encrypted with Argon2": {argon2Key(t), passphrase, now, "encrypted in a way that is not supported"},
		"damaged":               {strings.Replace(plain, "\n\n", "\n\nAAAA", 1), "", now, ""},
		"only the armour":       {"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "", now, "damaged"},
		"something else":        {"hello", "", now, "write an OpenPGP private key in ASCII armour"},
		"nothing":               {"", "", now, "write an OpenPGP private key in ASCII armour"},
		"more than a key":       {encrypted + strings.Repeat("\n", maxKeyBytes), passphrase, now, "more than 65536 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSigner([]byte(c.key), []byte(c.passphrase), c.now)
			if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("error is %v, want %v with %q", err, ErrKey, c.words)
			}
		})
	}
}

// argon2Key is a key that says itself how much memory its passphrase takes.
func argon2Key(t *testing.T) string {
	t.Helper()
	config := &packet.Config{AEADConfig: &packet.AEADConfig{}, S2KConfig: &s2k.Config{S2KMode: s2k.Argon2S2K}}
	owner, err := openpgp.NewEntity("Pipeline", "", robot.Email, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.EncryptPrivateKeys([]byte(passphrase), config); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(owner.SerializePrivateWithoutSigning(w, config), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// revoke uses the certificate that gpg makes along with each key.
func revoke(t *testing.T, g gnupg, id string) {
	t.Helper()
	certificate, err := os.ReadFile(filepath.Join(g.dir, "openpgp-revocs.d", id+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	// It begins with a colon, against importing it by mistake.
	file := filepath.Join(g.dir, "revocation")
	if err := os.WriteFile(file, bytes.Replace(certificate, []byte("\n:---"), []byte("\n---"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	g.run("--import", file)
}

// The time of a commit is that of its parent when that is later, and a key may have expired by then.
func TestOpenPGPKeyThatExpiresBeforeTheCommit(t *testing.T) {
	g := newGnuPG(t)
	now := time.Now()
	s := signer(t, g.secret("", g.create("", "ed25519", "sign", "2d")), "", now)
	m := message("x")
	m.Signer, m.When = s, now.Add(72*time.Hour)
	_, err := snapshot(t, open(t, sampleRepo(t, gittest.Start(t)), Options{})).Plan(t.Context(), map[string][]byte{devFile: nil}, m)
	wantError(t, err, ErrKey)
}

func TestSignedCommitIsBounded(t *testing.T) {
	s := snapshot(t, open(t, sampleRepo(t, gittest.Start(t)), Options{}))
	m := message(strings.Repeat("x", MaxCommitBytes-300))
	files := map[string][]byte{devFile: nil}
	if _, err := s.Plan(t.Context(), files, m); err != nil {
		t.Fatal(err)
	}
	m.Signer = signer(t, openSSHKey(t, ecdsaKey(t), ""), "", noon)
	_, err := s.Plan(t.Context(), files, m)
	wantError(t, err, ErrTooLarge)
}
