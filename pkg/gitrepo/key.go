package gitrepo

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// maxKeyBytes bounds a private key before it is read: the work that a key asks for grows with it.
const maxKeyBytes = 64 << 10

// parseSSHKey reads a private key of OpenSSH, or in PEM. The passphrase counts only if the key is
// encrypted. RSA keys sign with SHA-2 only.
func parseSSHKey(key, passphrase []byte) (ssh.AlgorithmSigner, error) {
	if block, _ := pem.Decode(key); block == nil || len(key) > maxKeyBytes {
		return nil, fmt.Errorf("%w: it is not a private key as ssh-keygen writes it: it must begin with -----BEGIN OPENSSH PRIVATE KEY----- or another PEM header", ErrKey)
	}
	raw, err := ssh.ParseRawPrivateKey(key)
	var encrypted *ssh.PassphraseMissingError
	if errors.As(err, &encrypted) {
		if len(passphrase) == 0 {
			return nil, fmt.Errorf("%w: it is encrypted: put its passphrase into the Secret as passphrase", ErrKey)
		}
		raw, err = ssh.ParseRawPrivateKeyWithPassphrase(key, passphrase)
	}
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, fmt.Errorf("%w: the passphrase is wrong", ErrKey)
	case err != nil:
		return nil, fmt.Errorf("%w: %w: write it anew with ssh-keygen -p -f FILE", ErrKey, err)
	}
	signer, err := ssh.NewSignerFromKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	plain, ok := signer.(ssh.AlgorithmSigner)
	var algorithms []string
	switch kind := signer.PublicKey().Type(); kind {
	case ssh.KeyAlgoRSA:
		algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		algorithms = []string{kind}
	}
	if !ok || algorithms == nil {
		return nil, fmt.Errorf("%w: keys of type %s are not supported: make one with ssh-keygen -t ed25519", ErrKey, signer.PublicKey().Type())
	}
	return ssh.NewSignerWithAlgorithms(plain, algorithms)
}
