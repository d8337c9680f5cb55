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

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
	"github.com/tekton-gitops/tekton-gitops/test/signing"
)

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
	signing.Need(t, "ssh-keygen")
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]any{"ed25519": ed, "RSA": rsaKey(t), "ECDSA P-256": ecdsaKey(t), "ECDSA P-521": p521} {
		for _, words := range []string{"", passphrase} {
			t.Run(name+" "+words, func(t *testing.T) {
				repo := sampleRepo(t, gittest.Start(t))
				key := signing.SSH(t, private, robot.Email, words)
				commit := pushSigned(t, repo, signer(t, key.Private, words, noon), noon)
				said := repo.Git(append(key.Git(t), "log", "-1", "--format=%G? %GS", commit.ID)...)
				if diff := cmp.Diff("G "+robot.Email, said); diff != "" {
					t.Error(diff)
				}
				repo.Git(append(key.Git(t), "verify-commit", commit.ID)...)
			})
		}
	}
}

// OpenSSH's own signature of the same bytes differs in nothing: ed25519 leaves no choice.
func TestSSHSignatureIsWhatSSHKeygenMakes(t *testing.T) {
	signing.Need(t, "ssh-keygen")
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

// verify is what git says of a good signature.
func verify(t *testing.T, g signing.GnuPG, repo *gittest.Repo, commit string) string {
	t.Helper()
	cmd := exec.Command("git", append(g.Git(), "-C", repo.Dir, "verify-commit", "--raw", commit)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("git verify-commit: %v\n%s", err, out)
	}
	return string(out)
}

func TestOpenPGPSignatures(t *testing.T) {
	g := signing.NewGnuPG(t, robot.Email)
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
			id := g.Create(c.passphrase, c.algorithm, "sign", "1y")
			if c.subkey != "" {
				g.Run("--passphrase", c.passphrase, "--quick-add-key", id, c.subkey, "sign", "1y")
			}
			key := g.Secret(c.passphrase, id)
			if c.offline {
				key = g.Run("--passphrase", c.passphrase, "--armor", "--export-secret-subkeys", id)
			}
			repo := sampleRepo(t, gittest.Start(t))
			now := time.Now()
			commit := pushSigned(t, repo, signer(t, key, c.passphrase, now), now)
			said := verify(t, g, repo, commit.ID)
			for _, want := range []string{"GOODSIG", "VALIDSIG", " " + now.UTC().Format("2006-01-02")} {
				if !strings.Contains(said, want) {
					t.Errorf("%s is not in %s", want, said)
				}
			}
		})
	}
}

func TestOpenPGPKeysThatMayNotSign(t *testing.T) {
	g := signing.NewGnuPG(t, robot.Email)
	id := g.Create(passphrase, "ed25519", "sign", "2d")
	encrypted := g.Secret(passphrase, id)
	public := g.Run("--armor", "--export", id)
	certifyOnly := g.Secret("", g.Create("", "ed25519", "cert", "1y"))
	other := g.Create("", "ed25519", "sign", "1y")
	plain := g.Secret("", other)
	revoke(t, g, other)
	revoked := g.Secret("", other)
	two := g.Run("--armor", "--passphrase", "", "--export-secret-keys", other, g.Create("", "ed25519", "sign", "1y"))
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
func revoke(t *testing.T, g signing.GnuPG, id string) {
	t.Helper()
	certificate, err := os.ReadFile(filepath.Join(g.Home, "openpgp-revocs.d", id+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	// It begins with a colon, against importing it by mistake.
	file := filepath.Join(g.Home, "revocation")
	if err := os.WriteFile(file, bytes.Replace(certificate, []byte("\n:---"), []byte("\n---"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	g.Run("--import", file)
}

// The time of a commit is that of its parent when that is later, and a key may have expired by then.
func TestOpenPGPKeyThatExpiresBeforeTheCommit(t *testing.T) {
	g := signing.NewGnuPG(t, robot.Email)
	now := time.Now()
	s := signer(t, g.Secret("", g.Create("", "ed25519", "sign", "2d")), "", now)
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
