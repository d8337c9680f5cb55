package gitrepo

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what known_hosts hashes names with
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Markers of known_hosts.
const (
	markerAuthority = "@cert-authority"
	markerRevoked   = "@revoked"
)

// knownHosts are the lines of a known_hosts file; sshd(8) describes the format. The package knownhosts
// of x/crypto reads files only, and a controller has no disk to write one to.
type knownHosts []knownHost

type knownHost struct {
	marker   string
	patterns []string // of names, or one hashed name
	key      ssh.PublicKey
}

// parseKnownHosts refuses a line that it cannot read: skipping one could skip a revocation.
func parseKnownHosts(text []byte) (knownHosts, error) {
	var hosts knownHosts
	number := 0
	for line := range bytes.Lines(text) {
		number++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		var h knownHost
		if strings.HasPrefix(fields[0], "@") {
			h.marker, fields = fields[0], fields[1:]
		}
		if h.marker != "" && h.marker != markerAuthority && h.marker != markerRevoked || len(fields) < 3 {
			return nil, fmt.Errorf("%w: line %d of known_hosts is not NAMES TYPE KEY", ErrHostKey, number)
		}
		h.patterns = strings.Split(fields[0], ",")
		blob, err := base64.StdEncoding.DecodeString(fields[2])
		if err == nil {
			h.key, err = ssh.ParsePublicKey(blob)
		}
		if err != nil || h.key.Type() != fields[1] {
			return nil, fmt.Errorf("%w: line %d of known_hosts has no usable key of type %q", ErrHostKey, number, clean(fields[1], 40))
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// check is nil for a key that a line of the host has, or that an authority of the host vouches for.
func (k knownHosts) check(address string, remote net.Addr, key ssh.PublicKey, now func() time.Time) error {
	checker := ssh.CertChecker{
		Clock:           now,
		IsHostAuthority: func(authority ssh.PublicKey, address string) bool { return k.has(markerAuthority, address, authority) },
		IsRevoked: func(c *ssh.Certificate) bool {
			return k.revokes(c.Key) || k.revokes(c.SignatureKey)
		},
		HostKeyFallback: func(address string, _ net.Addr, key ssh.PublicKey) error { return k.checkPlain(address, key) },
	}
	err := checker.CheckHostKey(address, remote, key)
	if err != nil && !errors.Is(err, ErrHostKey) {
		return fmt.Errorf("%w: the certificate of %s: %w", ErrHostKey, address, err)
	}
	return err
}

func (k knownHosts) checkPlain(address string, key ssh.PublicKey) error {
	known := k.keys("", address)
	switch {
	case k.revokes(key):
		return fmt.Errorf("%w: %s has the key %s, which known_hosts marks as revoked", ErrHostKey, address, describeKey(key))
	case slices.ContainsFunc(known, func(other ssh.PublicKey) bool { return sameKey(key, other) }):
		return nil
	case len(known) == 0:
		return fmt.Errorf("%w: %s has the key %s, and known_hosts has none for it: compare that fingerprint with the one "+
			"that the server's administrators publish, then put the line that \"%s\" prints into known_hosts in the Secret",
			ErrHostKey, address, describeKey(key), scanCommand(address, key))
	}
	var had []string
	for _, other := range known[:min(len(known), 3)] {
		had = append(had, describeKey(other))
	}
	return fmt.Errorf("%w: %s has the key %s, but known_hosts has %s: the server's key was replaced, or somebody pretends "+
		"to be the server; only when its administrators confirm the new fingerprint, put the line that \"%s\" prints into known_hosts",
		ErrHostKey, address, describeKey(key), strings.Join(had, ", "), scanCommand(address, key))
}

// algorithms asks a server that has several keys for one that is known here. Unknown ones come last, so
// that there always is a key to tell about.
func (k knownHosts) algorithms(address string) []string {
	authority := len(k.keys(markerAuthority, address)) > 0
	known := map[string]bool{}
	for _, key := range k.keys("", address) {
		known[key.Type()] = true
	}
	var first, last []string
	for _, algorithm := range ssh.SupportedAlgorithms().HostKeys {
		switch {
		case strings.Contains(algorithm, "-cert-"):
			if authority {
				first = append(first, algorithm)
			}
		case known[keyType(algorithm)]:
			first = append(first, algorithm)
		default:
			last = append(last, algorithm)
		}
	}
	return append(first, last...)
}

// keyType is the type of the keys that an algorithm is for: RSA keys have several.
func keyType(algorithm string) string {
	if algorithm == ssh.KeyAlgoRSASHA256 || algorithm == ssh.KeyAlgoRSASHA512 {
		return ssh.KeyAlgoRSA
	}
	return algorithm
}

// keys are those of the host's lines with that marker.
func (k knownHosts) keys(marker, address string) []ssh.PublicKey {
	name := lookupName(address)
	var keys []ssh.PublicKey
	for _, h := range k {
		if h.marker == marker && h.matches(name) {
			keys = append(keys, h.key)
		}
	}
	return keys
}

func (k knownHosts) has(marker, address string, key ssh.PublicKey) bool {
	return slices.ContainsFunc(k.keys(marker, address), func(other ssh.PublicKey) bool { return sameKey(key, other) })
}

// revokes looks at all lines, whatever host they name: a stolen key is stolen everywhere.
func (k knownHosts) revokes(key ssh.PublicKey) bool {
	return slices.ContainsFunc(k, func(h knownHost) bool { return h.marker == markerRevoked && sameKey(key, h.key) })
}

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// lookupName is how known_hosts writes an address.
func lookupName(address string) string {
	host, port, err := net.SplitHostPort(strings.ToLower(address))
	if err != nil || port == portSSH {
		return host
	}
	return "[" + host + "]:" + port
}

// matches follows match_pattern_list of OpenSSH: a negated pattern wins wherever it stands.
func (h knownHost) matches(name string) bool {
	found := false
	for _, pattern := range h.patterns {
		pattern = strings.TrimSpace(pattern)
		if strings.HasPrefix(pattern, "|1|") {
			found = found || matchesHash(pattern, name)
			continue
		}
		pattern, negated := strings.CutPrefix(strings.ToLower(pattern), "!")
		if !matchesPattern(pattern, name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// matchesHash compares with |1|SALT|HMAC-SHA1, which hides the name.
func matchesHash(hashed, name string) bool {
	salt, sum, _ := strings.Cut(strings.TrimPrefix(hashed, "|1|"), "|")
	key, saltErr := base64.StdEncoding.DecodeString(salt)
	want, sumErr := base64.StdEncoding.DecodeString(sum)
	if saltErr != nil || sumErr != nil {
		return false
	}
	mac := hmac.New(sha1.New, key)
	mac.Write([]byte(name))
	return hmac.Equal(want, mac.Sum(nil))
}

// matchesPattern knows * and ?. It never goes back further than to the last star, so that no pattern
// takes long.
func matchesPattern(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func describeKey(key ssh.PublicKey) string { return key.Type() + " " + ssh.FingerprintSHA256(key) }

// scanCommand prints the line of known_hosts for a key.
func scanCommand(address string, key ssh.PublicKey) string {
	host, port, _ := net.SplitHostPort(address)
	kind := strings.TrimPrefix(key.Type(), "ssh-")
	if strings.HasPrefix(kind, "ecdsa-") {
		kind = "ecdsa"
	}
	if port == portSSH {
		return "ssh-keyscan -t " + kind + " " + host
	}
	return "ssh-keyscan -t " + kind + " -p " + port + " " + host
}
