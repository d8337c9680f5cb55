package gitrepo

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

const passphrase = "correct h0rse"

func openSSHKey(t *testing.T, key any, passphrase string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

func pemKey(t *testing.T, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestSSHLogsInWithKeysOfAllFormats(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa, ec := rsaKey(t), ecdsaKey(t)
	ecDER, ecErr := x509.MarshalECPrivateKey(ec)
	pkcs8, pkcs8Err := x509.MarshalPKCS8PrivateKey(ec)
	old, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa), []byte(passphrase), x509.PEMCipherAES256) //nolint:staticcheck // what ssh-keygen -m PEM still writes
	if err != nil {
		t.Fatal(err)
	}
	stranger := openSSHKey(t, ecdsaKey(t), "")
	cases := map[string]struct {
		key, passphrase string
		want            error
		words           string
	}{
		"OpenSSH ed25519":                 {key: openSSHKey(t, ed, "")},
		"OpenSSH RSA":                     {key: openSSHKey(t, rsa, "")},
		"OpenSSH ECDSA":                   {key: openSSHKey(t, p521, "")},
		"OpenSSH, encrypted":              {key: openSSHKey(t, ed, passphrase), passphrase: passphrase},
		"OpenSSH with \\r\\n":             {key: strings.ReplaceAll(openSSHKey(t, ed, ""), "\n", "\r\n")},
		"without the last line break":     {key: strings.TrimSpace(openSSHKey(t, ed, ""))},
		"PEM RSA":                         {key: pemKey(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa), nil)},
		"PEM EC":                          {key: pemKey(t, "EC PRIVATE KEY", ecDER, ecErr)},
		"PEM PKCS #8":                     {key: pemKey(t, "PRIVATE KEY", pkcs8, pkcs8Err)},
		"PEM RSA, encrypted":              {key: string(pem.EncodeToMemory(old)), passphrase: passphrase},
		"a passphrase that is not needed": {key: openSSHKey(t, ed, ""), passphrase: passphrase},
		"a wrong passphrase":              {key: openSSHKey(t, ed, passphrase), passphrase: "wr0ng-" + passphrase, want: ErrKey, words: "the passphrase is wrong"},
		"a wrong passphrase for PEM":      {key: string(pem.EncodeToMemory(old)), passphrase: "wr0ng-" + passphrase, want: ErrKey, words: "the passphrase is wrong"},
		"no passphrase":                   {key: openSSHKey(t, ed, passphrase), want: ErrKey, words: "put its passphrase into the Secret as passphrase"},
		"a public key":                    {key: line("", signerOf(t, ec)), want: ErrKey, words: "it is not a private key as ssh-keygen writes it"},
		"a PuTTY key":                     {key: "PuTTY-User-Key-File-3: ssh-ed25519\n", want: ErrKey, words: "it is not a private key as ssh-keygen writes it"},
		"a certificate":                   {key: pemKey(t, "CERTIFICATE", []byte("x"), nil), want: ErrKey, words: "unsupported key type"},
		"PKCS #8, encrypted":              {key: pemKey(t, "ENCRYPTED PRIVATE KEY", []byte("x"), nil), want: ErrKey, words: "write it anew with ssh-keygen -p -f FILE"},
		"a damaged key":                   {key: pemKey(t, "OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00xyz"), nil), want: ErrKey},
		"a key without end":               {key: openSSHKey(t, ed, "") + strings.Repeat("x", maxKeyBytes), want: ErrKey},
		"a key that the server knows not": {key: stranger, want: ErrUnauthorized},
	}
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	for _, key := range []any{ed, rsa, ec, p521} {
		host.Change(func() { host.Authorised = append(host.Authorised, signerOf(t, key).PublicKey()) })
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			auth := Auth{SSHKey: []byte(c.key), SSHPassphrase: []byte(c.passphrase), KnownHosts: host.KnownHosts()}
			r, err := Open(Remote{URL: host.URL(repo), Branch: "main", Auth: auth}, Options{})
			if err == nil {
				defer r.Close()
				_, err = r.Tip(t.Context())
			}
			wantError(t, err, c.want)
			if err != nil && (!strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), passphrase)) {
				t.Errorf("error is %v, want %q in it", err, c.words)
			}
		})
	}
}
