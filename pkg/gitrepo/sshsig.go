package gitrepo

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"
)

// sshSigner makes signatures as "ssh-keygen -Y sign -n git" does. PROTOCOL.sshsig of OpenSSH describes
// the format.
type sshSigner struct{ key ssh.AlgorithmSigner }

const (
	sshsigMagic     = "SSHSIG"
	sshsigNamespace = "git"
	sshsigHash      = "sha512"
	sshsigVersion   = 1
	sshsigLine      = 70 // characters of base64
)

func (s sshSigner) Sign(commit []byte) ([]byte, error) {
	digest := sha512.Sum512(commit)
	signed := append([]byte(sshsigMagic), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Digest                    []byte
	}{sshsigNamespace, "", sshsigHash, digest[:]})...)
	algorithm := s.key.PublicKey().Type()
	if algorithm == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA512
	}
	signature, err := s.key.SignWithAlgorithm(rand.Reader, signed, algorithm)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	blob := append([]byte(sshsigMagic), ssh.Marshal(struct {
		Version                   uint32
		Key                       []byte
		Namespace, Reserved, Hash string
		Signature                 []byte
	}{sshsigVersion, s.key.PublicKey().Marshal(), sshsigNamespace, "", sshsigHash, ssh.Marshal(signature)})...)
	var out bytes.Buffer
	out.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(blob)), sshsigLine) {
		out.Write(line)
		out.WriteByte('\n')
	}
	out.WriteString("-----END SSH SIGNATURE-----\n")
	return out.Bytes(), nil
}
