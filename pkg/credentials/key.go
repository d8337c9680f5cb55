package credentials

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// SigningKey signs commits: an ASCII-armoured OpenPGP private key, or an ssh key as
// ssh-keygen writes it.
type SigningKey struct{ Key, Passphrase []byte }

// Secrets returns the values that must not appear anywhere, for Redact.
func (k SigningKey) Secrets() []string { return keySecrets(k.Key, k.Passphrase) }

// Signing reads the Secret of that name: signing-key and, where that is encrypted,
// passphrase. Whether the key can be used is not checked here.
func Signing(ctx context.Context, r Reader, namespace, secretName string) (SigningKey, error) {
	secret, err := readSecret(ctx, r, namespace, secretName)
	if err != nil {
		return SigningKey{}, err
	}
	key, err := privateKey(secret, KeySigningKey)
	if err != nil {
		return SigningKey{}, err
	}
	words, err := passphrase(secret)
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKey{Key: key, Passphrase: words}, nil
}

// sshKey reads what kubernetes.io/ssh-auth and Tekton call the keys, and passphrase.
func sshKey(secret *corev1.Secret) (SSH, error) {
	if len(secret.Data[KeySSHPrivateKey]) == 0 && len(secret.Data[KeyPassword]) > 0 {
		return SSH{}, unusable(secret, fmt.Sprintf("key %s is missing; its %s is for https only", KeySSHPrivateKey, KeyPassword))
	}
	if len(secret.Data[KeySSHPrivateKey]) == 0 && isApp(secret) {
		return SSH{}, unusable(secret, fmt.Sprintf("key %s is missing; a GitHub App is for https only, write the repository's URL as https://…", KeySSHPrivateKey))
	}
	key, err := privateKey(secret, KeySSHPrivateKey)
	if err != nil {
		return SSH{}, err
	}
	words, err := passphrase(secret)
	if err != nil {
		return SSH{}, err
	}
	hosts := secret.Data[KeyKnownHosts]
	if len(hosts) > maxKnownHosts {
		return SSH{}, unusable(secret, fmt.Sprintf("key %s has more than %d bytes", KeyKnownHosts, maxKnownHosts))
	}
	return SSH{PrivateKey: key, Passphrase: words, KnownHosts: hosts}, nil
}

// privateKey keeps the text as it is: OpenSSH is particular about its last line break.
func privateKey(secret *corev1.Secret, name string) ([]byte, error) {
	key := secret.Data[name]
	switch {
	case len(bytes.TrimSpace(key)) == 0:
		return nil, unusable(secret, fmt.Sprintf("key %s is missing or empty", name))
	case len(key) > maxKey:
		return nil, unusable(secret, fmt.Sprintf("key %s has more than %d bytes", name, maxKey))
	}
	return key, nil
}

// passphrase drops a line break at the end, and nothing else: a space may be meant.
func passphrase(secret *corev1.Secret) ([]byte, error) {
	words := bytes.TrimRight(secret.Data[KeyPassphrase], "\r\n")
	if len(words) > maxValue {
		return nil, unusable(secret, fmt.Sprintf("key %s has more than %d bytes", KeyPassphrase, maxValue))
	}
	return words, nil
}

// shortLine is the length under which a line of a key is not looked for. It is some
// 40 bits of a key at most, and usually padding.
const shortLine = 8

// keySecrets takes a key apart into its lines. A text that holds all of the key holds
// each line, whatever became of the line breaks; a text that holds only some lines is
// no better.
func keySecrets(key, passphrase []byte) []string {
	secrets := present(string(passphrase))
	for line := range strings.Lines(string(key)) {
		line = strings.TrimSpace(line)
		header := strings.HasPrefix(line, "-----") || strings.Contains(line, ": ")
		if len(line) >= shortLine && !header {
			secrets = append(secrets, line)
		}
	}
	return secrets
}
