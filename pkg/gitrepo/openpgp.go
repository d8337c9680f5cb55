package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// openPGPSigner makes detached signatures as "gpg --detach-sign --armor" does.
type openPGPSigner struct {
	owner *openpgp.Entity
	key   openpgp.Key // the primary key or one of the subkeys, decrypted
}

func (s openPGPSigner) Sign(commit []byte) ([]byte, error) {
	config := &packet.Config{
		Time:         func() time.Time { return readHeader(commit).time },
		SigningKeyId: s.key.PublicKey.KeyId,
	}
	var out bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&out, s.owner, bytes.NewReader(commit), config); err != nil {
		return nil, fmt.Errorf("%w: the OpenPGP key %s at the time of the commit, %s: %w", ErrKey,
			s.key.PublicKey.KeyIdString(), config.Now().UTC().Format(time.RFC3339), err)
	}
	return out.Bytes(), nil
}

func parseOpenPGP(armoured, passphrase []byte, now time.Time) (Signer, error) {
	packets, err := dearmour(armoured)
	if err != nil {
		return nil, err
	}
	owners, err := openpgp.ReadKeyRing(bytes.NewReader(packets))
	if err != nil {
		return nil, fmt.Errorf("%w: the OpenPGP key cannot be read: %w", ErrKey, err)
	}
	if len(owners) != 1 {
		return nil, fmt.Errorf("%w: there are %d OpenPGP keys in it: export exactly the one that signs", ErrKey, len(owners))
	}
	owner := owners[0]
	key, ok := owner.SigningKey(now)
	if !ok {
		return nil, fmt.Errorf("%w: the OpenPGP key %s %s", ErrKey, owner.PrimaryKey.KeyIdString(), whyNotSigning(owner, now))
	}
	switch {
	case key.PrivateKey == nil, key.PrivateKey.Dummy():
		return nil, fmt.Errorf("%w: the private part of the OpenPGP key %s is not in it: export it where that part is, "+
			"a key on a card cannot be exported", ErrKey, key.PublicKey.KeyIdString())
	case key.PrivateKey.Encrypted && len(passphrase) == 0:
		return nil, fmt.Errorf("%w: it is encrypted: put its passphrase into the Secret as passphrase", ErrKey)
	case key.PrivateKey.Encrypted && key.PrivateKey.Decrypt(passphrase) != nil:
		return nil, fmt.Errorf("%w: the passphrase is wrong", ErrKey)
	}
	return openPGPSigner{owner: owner, key: key}, nil
}

// whyNotSigning has no time in it that passes.
func whyNotSigning(owner *openpgp.Entity, now time.Time) string {
	self, _ := owner.PrimarySelfSignature()
	switch {
	case owner.Revoked(now):
		return "was revoked: put another one into the Secret"
	case self == nil:
		return "has no valid signature of its own: export it again"
	case owner.PrimaryKey.KeyExpired(self, now):
		return "has expired or is not valid yet: extend it with gpg --quick-set-expire and export it again"
	}
	return "has no key or subkey that may sign and is neither expired nor revoked: add one with gpg --quick-add-key ID default sign"
}

// dearmour refuses keys that are protected with AEAD. Their passphrase may be stretched with Argon2, for
// which the key itself says how much memory that takes: terabytes, if it likes. GnuPG exports none.
func dearmour(armoured []byte) ([]byte, error) {
	block, err := armor.Decode(bytes.NewReader(armoured))
	if err != nil {
		return nil, fmt.Errorf("%w: the armour of the OpenPGP key is damaged: %w", ErrKey, err)
	}
	packets, err := io.ReadAll(io.LimitReader(block.Body, maxKeyBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: the armour of the OpenPGP key is damaged: %w", ErrKey, err)
	}
	reader := packet.NewOpaqueReader(bytes.NewReader(packets))
	for {
		p, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return packets, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: the OpenPGP key is damaged: %w", ErrKey, err)
		}
		if usesAEAD(p) {
			return nil, fmt.Errorf("%w: the OpenPGP key is encrypted in a way that is not supported: export it with GnuPG", ErrKey)
		}
	}
}

// usesAEAD looks at the octet that follows the public part of a private key (RFC 9580, section 5.5.3).
func usesAEAD(p *packet.OpaquePacket) bool {
	const aead = 253
	parsed, err := p.Parse()
	private, ok := parsed.(*packet.PrivateKey)
	if err != nil || !ok {
		return false // what cannot be read is refused or passed over later
	}
	var public bytes.Buffer
	if err := private.PublicKey.Serialize(&public); err != nil {
		return true
	}
	part, err := packet.NewOpaqueReader(&public).Next()
	if err != nil || len(part.Contents) >= len(p.Contents) {
		return true
	}
	return p.Contents[len(part.Contents)] == aead
}
