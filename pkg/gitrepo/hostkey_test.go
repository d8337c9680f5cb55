package gitrepo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
	"github.com/tekton-gitops/tekton-gitops/test/signing"
)

func signerOf(t *testing.T, key any) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ecdsaKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// line of known_hosts.
func line(names string, key ssh.Signer) string {
	return names + " " + string(ssh.MarshalAuthorizedKey(key.PublicKey()))
}

// A server with several keys, and what a client knows of them.
func TestSSHHostKeys(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	ed25519 := host.HostKeys[0]
	rsa, ecdsa, other := signerOf(t, rsaKey(t)), signerOf(t, ecdsaKey(t)), signerOf(t, ecdsaKey(t))
	host.Change(func() { host.HostKeys = append(host.HostKeys, rsa, ecdsa) })
	name := host.Name()
	bare, port, _ := net.SplitHostPort(host.Address)
	known := func(key ssh.Signer) string {
		return key.PublicKey().Type() + " " + ssh.FingerprintSHA256(key.PublicKey())
	}
	cases := map[string]struct {
		hosts string
		want  error
		words []string
	}{
		"all of them":              {hosts: string(host.KnownHosts())},
		"only ed25519":             {hosts: line(name, ed25519)},
		"only RSA":                 {hosts: line(name, rsa)},
		"only ECDSA":               {hosts: line(name, ecdsa)},
		"hashed":                   {hosts: line(knownhosts.HashHostname(name), ecdsa)},
		"among others":             {hosts: "# ours\r\n\r\n" + line("a,"+name+",b", ecdsa) + line("github.com", other)},
		"a pattern":                {hosts: line("[127.0.0.?]:*", rsa)},
		"one of two lines":         {hosts: line(name, other) + line(name, ecdsa)},
		"nothing at all":           {want: ErrHostKey, words: []string{"known_hosts has none for it", "\"ssh-keyscan -t ", " -p " + port + " 127.0.0.1\""}},
		"another host":             {hosts: line("[127.0.0.2]:"+port, ed25519), want: ErrHostKey, words: []string{"known_hosts has none for it"}},
		"the host's other port":    {hosts: line(bare, ed25519), want: ErrHostKey, words: []string{"known_hosts has none for it"}},
		"this host excluded":       {hosts: line("*,!"+name, ed25519), want: ErrHostKey, words: []string{"known_hosts has none for it"}},
		"another key":              {hosts: line(name, other), want: ErrHostKey, words: []string{known(ecdsa), "but known_hosts has " + known(other), "was replaced, or somebody pretends"}},
		"the key is revoked":       {hosts: line(name, ecdsa) + line("@revoked *", ecdsa), want: ErrHostKey, words: []string{known(ecdsa), "marks as revoked"}},
		"revoked for another host": {hosts: line(name, ecdsa) + line("@revoked other", ecdsa), want: ErrHostKey, words: []string{"marks as revoked"}},
	}
	for title, c := range cases {
		t.Run(title, func(t *testing.T) {
			host.Logins()
			r := openSSH(t, host.URL(repo), Auth{SSHKey: host.Writer, KnownHosts: []byte(c.hosts)}, Options{})
			_, err := r.Tip(t.Context())
			wantError(t, err, c.want)
			for _, words := range c.words {
				if err == nil || !strings.Contains(err.Error(), words) {
					t.Errorf("error is %v, want %q in it", err, words)
				}
			}
			if n := host.Logins(); (n == 1) != (c.want == nil) {
				t.Errorf("%d logins", n)
			}
		})
	}
}

func TestSSHHostCertificates(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	plain, authority, stranger := host.HostKeys[0], signerOf(t, ecdsaKey(t)), signerOf(t, ecdsaKey(t))
	bare, _, _ := net.SplitHostPort(host.Address)
	noon := time.Now()
	certificate := func(principal string, until time.Time) ssh.Signer {
		c := &ssh.Certificate{Key: plain.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{principal},
			ValidAfter: uint64(noon.Add(-time.Hour).Unix()), ValidBefore: uint64(until.Unix())}
		if err := c.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		s, err := ssh.NewCertSigner(c, plain)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	cases := map[string]struct {
		certificate ssh.Signer
		hosts       string
		want        error
	}{
		"by the authority":                 {certificate(bare, noon.Add(time.Hour)), line("@cert-authority "+host.Name(), authority), nil},
		"by another authority":             {certificate(bare, noon.Add(time.Hour)), line("@cert-authority "+host.Name(), stranger), ErrHostKey},
		"expired":                          {certificate(bare, noon.Add(-time.Minute)), line("@cert-authority "+host.Name(), authority), ErrHostKey},
		"for another host":                 {certificate("other", noon.Add(time.Hour)), line("@cert-authority "+host.Name(), authority), ErrHostKey},
		"the authority revoked":            {certificate(bare, noon.Add(time.Hour)), line("@cert-authority "+host.Name(), authority) + line("@revoked *", authority), ErrHostKey},
		"only the key is known":            {certificate(bare, noon.Add(time.Hour)), line(host.Name(), plain), nil},
		"an authority is no key of a host": {plain, line("@cert-authority "+host.Name(), plain), ErrHostKey},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			host.Change(func() { host.HostKeys = []ssh.Signer{plain, c.certificate} })
			_, err := openSSH(t, host.URL(repo), Auth{SSHKey: host.Writer, KnownHosts: []byte(c.hosts)}, Options{}).Tip(t.Context())
			wantError(t, err, c.want)
		})
	}
}

func TestKnownHostsThatCannotBeRead(t *testing.T) {
	key := signerOf(t, ecdsaKey(t))
	cases := map[string]string{
		"a line without a key":   "git.example.com ssh-ed25519",
		"a key that is none":     "# comment\ngit.example.com ssh-ed25519 AAAA",
		"not base64":             "git.example.com ssh-ed25519 ????",
		"a key of another type":  strings.Replace(line("h", key), "ecdsa-sha2-nistp256", "ssh-ed25519", 1),
		"a marker that is none":  line("@trusted h", key),
		"a marker and no name":   "@revoked",
		"two markers":            line("@revoked @cert-authority h", key),
		"a private key in there": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
	}
	for name, hosts := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Open(Remote{URL: "git@git.example.com:a", Branch: "main", Auth: Auth{KnownHosts: []byte(hosts)}}, Options{})
			wantError(t, err, ErrHostKey)
			want := fmt.Sprintf("line %d of known_hosts", strings.Count(hosts, "\n# comment")+1+strings.Count(hosts, "# comment"))
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q in it", err, want)
			}
		})
	}
}

// The lookup is checked against ssh-keygen -F, which is OpenSSH's own.
func TestKnownHostsAreFoundAsOpenSSHFindsThem(t *testing.T) {
	signing.Need(t, "ssh-keygen")
	key := signerOf(t, ecdsaKey(t))
	patterns := []string{
		"git.example.com", "GIT.Example.com", "git.example.com,10.0.0.1", "*.example.com", "git.*", "*", "?it.example.com", "git.example.co?",
		"*.example.com,!git.example.com", "!git.example.com,*", "[git.example.com]:2222", "[*.example.com]:2222", "[git.example.com]:*",
		"[git.example.com]:22", "*a*e*.com", "10.0.0.1", "::1", "[::1]:2222", "", "gitxexample.com", "*git.example.com*",
		knownhosts.HashHostname("git.example.com"), knownhosts.HashHostname("[git.example.com]:2222"), "|1|AAAA|AAAA", "|1|x",
	}
	file := filepath.Join(t.TempDir(), "known_hosts")
	for _, pattern := range patterns {
		if err := os.WriteFile(file, []byte(line(pattern, key)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, address := range []string{"git.example.com:22", "git.example.com:2222", "GIT.example.com:22", "10.0.0.1:22", "[::1]:22", "[::1]:2222"} {
			out, _ := exec.Command("ssh-keygen", "-F", lookupName(address), "-f", file).Output()
			want := len(out) > 0
			hosts, err := parseKnownHosts([]byte(line(pattern, key)))
			got := err == nil && len(hosts.keys("", address)) > 0
			if got != want {
				t.Errorf("%q for %s: found %v, ssh-keygen %v (%v)", pattern, address, got, want, err)
			}
		}
	}
}

func TestPatternsTakeNoTime(t *testing.T) {
	if matchesPattern(strings.Repeat("*a", 5000)+"b", strings.Repeat("a", 250)) {
		t.Error("it matches")
	}
}

func TestHostKeyAlgorithms(t *testing.T) {
	ecdsa, rsa := signerOf(t, ecdsaKey(t)), signerOf(t, rsaKey(t))
	hosts := func(lines ...string) knownHosts {
		k, err := parseKnownHosts([]byte(strings.Join(lines, "")))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	cases := map[string]struct {
		hosts knownHosts
		want  []string // the first ones
		certs bool
	}{
		"nothing known": {hosts(), nil, false},
		"ECDSA":         {hosts(line("h", ecdsa)), []string{ssh.KeyAlgoECDSA256}, false},
		"RSA":           {hosts(line("h", rsa)), []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512}, false},
		"an authority":  {hosts(line("@cert-authority h", rsa)), []string{ssh.CertAlgoRSASHA256v01}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := c.hosts.algorithms("h:22")
			if diff := cmp.Diff(c.want, append([]string(nil), got[:len(c.want)]...)); diff != "" {
				t.Error(diff)
			}
			all := strings.Join(got, " ")
			if strings.Contains(all, "-cert-") != c.certs || !strings.Contains(all, ssh.KeyAlgoED25519) || strings.Contains(all+" ", "ssh-rsa ") {
				t.Errorf("all are %s", all)
			}
		})
	}
}
