package gitrepo

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"time"
)

// Signer signs commits.
type Signer interface {
	// Sign returns the armoured signature of an encoded commit that has no signature yet. It fails with
	// [ErrKey].
	Sign(commit []byte) ([]byte, error)
}

// Armour of the keys that are told apart.
const (
	pgpPrivate = "PGP PRIVATE KEY BLOCK"
	pgpPublic  = "PGP PUBLIC KEY BLOCK"
)

// ParseSigner reads the key that signs commits: an OpenPGP private key in ASCII armour, or an ssh private
// key as ssh-keygen writes it. The passphrase counts only if the key is encrypted. It fails with [ErrKey],
// also for an OpenPGP key that has expired by now or was revoked, or that may not sign.
//
// OpenPGP signatures say when they were made: at the time of the commit.
func ParseSigner(key, passphrase []byte, now time.Time) (Signer, error) {
	if len(key) > maxKeyBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrKey, maxKeyBytes)
	}
	switch armour(key) {
	case pgpPrivate:
		return parseOpenPGP(key, passphrase, now)
	case pgpPublic:
		return nil, fmt.Errorf("%w: it is a public key: export the private one with gpg --armor --export-secret-keys ID", ErrKey)
	case "":
		return nil, fmt.Errorf("%w: write an OpenPGP private key in ASCII armour, or a private key as ssh-keygen writes it", ErrKey)
	}
	signer, err := parseSSHKey(key, passphrase)
	if err != nil {
		return nil, err
	}
	return sshSigner{signer}, nil
}

// armour is the kind of a key in the words between its dashes. An OpenPGP block is not PEM by the letter:
// it ends with a checksum.
func armour(key []byte) string {
	for _, kind := range []string{pgpPrivate, pgpPublic} {
		if bytes.Contains(key, []byte("-----BEGIN "+kind+"-----")) {
			return kind
		}
	}
	if block, _ := pem.Decode(key); block != nil {
		return block.Type
	}
	return ""
}

// signatureHeader is the header of a commit that holds its signature: lines after the first begin with a
// space. Git: add_header_signature in commit.c.
func signatureHeader(armoured []byte) []byte {
	lines := bytes.ReplaceAll(bytes.TrimRight(armoured, "\n"), []byte("\n"), []byte("\n "))
	return append(append([]byte("gpgsig "), lines...), '\n')
}
