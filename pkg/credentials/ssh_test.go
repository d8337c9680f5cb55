package credentials_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

func sshSecret(name, key string, annotations ...string) *corev1.Secret {
	return secret(name, corev1.SecretTypeSSHAuth, map[string]string{"ssh-privatekey": key, "known_hosts": "hosts of " + name}, annotations...)
}

// gotSSH is an SSH in the open.
type gotSSH struct {
	Key, Passphrase, KnownHosts string
	Bound                       bool
	Source                      string
}

func sameSSH(a, b credentials.SSH) bool {
	return bytes.Equal(a.PrivateKey, b.PrivateKey) && bytes.Equal(a.Passphrase, b.Passphrase) && bytes.Equal(a.KnownHosts, b.KnownHosts)
}

func TestGitOverSSH(t *testing.T) {
	const url, scp = "ssh://git@git.example.com/org/repo", "git@git.example.com:org/repo"
	for name, tc := range map[string]struct {
		objects    []runtime.Object
		secret     string
		url        string
		want       gotSSH
		wantErr    error
		wantErrHas string
	}{
		"linked, matched by host": {
			objects: []runtime.Object{account("default", "a"), sshSecret("a", "KEY\n", "git.example.com")}, url: url,
			want: gotSSH{Key: "KEY\n", KnownHosts: "hosts of a", Bound: true, Source: "Secret a (ServiceAccount default, tekton.dev/git-0)"},
		},
		"as scp writes it": {
			objects: []runtime.Object{account("default", "a"), sshSecret("a", "KEY", "GIT.example.com")}, url: scp,
			want: gotSSH{Key: "KEY", KnownHosts: "hosts of a", Bound: true, Source: "Secret a (ServiceAccount default, tekton.dev/git-0)"},
		},
		"a host without port is any port": {
			objects: []runtime.Object{account("default", "a"), sshSecret("a", "KEY", "git.example.com")}, url: "ssh://git@git.example.com:2222/org/repo",
			want: gotSSH{Key: "KEY", KnownHosts: "hosts of a", Bound: true, Source: "Secret a (ServiceAccount default, tekton.dev/git-0)"},
		},
		"a host with the port wins": {
			objects: []runtime.Object{account("default", "a", "b", "c"), sshSecret("a", "A", "git.example.com"),
				sshSecret("b", "B", "git.example.com:2222"), sshSecret("c", "C", "git.example.com:22")},
			url:  "ssh://git@git.example.com:2222/org/repo",
			want: gotSSH{Key: "B", KnownHosts: "hosts of b", Bound: true, Source: "Secret b (ServiceAccount default, tekton.dev/git-0)"},
		},
		"an IPv6 address": {
			objects: []runtime.Object{account("default", "a"), sshSecret("a", "KEY", "[2001:db8::1]:2222")}, url: "ssh://git@[2001:db8::1]:2222/org/repo",
			want: gotSSH{Key: "KEY", KnownHosts: "hosts of a", Bound: true, Source: "Secret a (ServiceAccount default, tekton.dev/git-0)"},
		},
		"two Secrets for one host": {
			objects: []runtime.Object{account("default", "a", "b"), sshSecret("a", "A", "git.example.com"), sshSecret("b", "B", "git.example.com")}, url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "the Secrets a and b are not usable: both are annotated for ssh://git.example.com; name one with git.secretRef",
		},
		"none for this host, none for ssh": {
			objects: []runtime.Object{account("default", "a", "b", "c", "d", "e"), sshSecret("a", "A", "other.example.com"), sshSecret("b", "B"),
				login("c", "bob", "pppp", "https://git.example.com"), sshSecret("d", "D", "https://git.example.com"), sshSecret("e", "E", "*.example.com")},
			url:     url,
			wantErr: credentials.ErrInvalid, wantErrHas: "ServiceAccount default is not usable for ssh: no Secret linked to it is of type kubernetes.io/ssh-auth with a tekton.dev/git-N annotation for git.example.com; add one, or name one with git.secretRef",
		},
		"named, not annotated": {
			objects: []runtime.Object{sshSecret("a", "KEY")}, secret: "a", url: scp,
			want: gotSSH{Key: "KEY", KnownHosts: "hosts of a", Source: "Secret a"},
		},
		"named, encrypted, without known hosts": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"ssh-privatekey": "KEY", "passphrase": "two words \r\n"})}, secret: "a", url: url,
			want: gotSSH{Key: "KEY", Passphrase: "two words ", Source: "Secret a"},
		},
		"named, for this host": {
			objects: []runtime.Object{sshSecret("a", "KEY", "other.example.com", "git.example.com:22")}, secret: "a", url: url,
			want: gotSSH{Key: "KEY", KnownHosts: "hosts of a", Bound: true, Source: "Secret a"},
		},
		"named, but for another host": {
			objects: []runtime.Object{sshSecret("a", "KEY", "git.example.com")}, secret: "a", url: "git@evil.example.com:org/repo",
			wantErr: credentials.ErrHostBound, wantErrHas: "tekton.dev/git-0 is ssh://git.example.com, the repository is at ssh://evil.example.com:22",
		},
		"named, but for another port": {
			objects: []runtime.Object{sshSecret("a", "KEY", "git.example.com:2222")}, secret: "a", url: url,
			wantErr: credentials.ErrHostBound, wantErrHas: "tekton.dev/git-0 is ssh://git.example.com:2222, the repository is at ssh://git.example.com:22",
		},
		"named, annotation with a scheme": {
			objects: []runtime.Object{sshSecret("a", "KEY", "https://git.example.com")}, secret: "a", url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "annotation tekton.dev/git-0 must be host or host:port, such as github.com",
		},
		"a password for ssh": {
			objects: []runtime.Object{login("a", "bob", "pppp")}, secret: "a", url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "its type is kubernetes.io/basic-auth, but ssh needs kubernetes.io/ssh-auth",
		},
		"an Opaque password for ssh": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"password": "pppp"})}, secret: "a", url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "key ssh-privatekey is missing; its password is for https only",
		},
		"no key": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"ssh-privatekey": " \n"})}, secret: "a", url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "key ssh-privatekey is missing or empty",
		},
		"a key without bound": {
			objects: []runtime.Object{sshSecret("a", strings.Repeat("k", 70<<10))}, secret: "a", url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "key ssh-privatekey has more than 65536 bytes",
		},
		"a passphrase without bound": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"ssh-privatekey": "KEY", "passphrase": strings.Repeat("k", 70<<10)})}, secret: "a", url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "key passphrase has more than 16384 bytes",
		},
		"known hosts without bound": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"ssh-privatekey": "KEY", "known_hosts": strings.Repeat("k", 300<<10)})}, secret: "a", url: url,
			wantErr: credentials.ErrInvalid, wantErrHas: "key known_hosts has more than 262144 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			reader := credentials.Live(fake.NewClientset(tc.objects...).CoreV1())
			auth, source, err := credentials.Git(t.Context(), reader, ns, "", tc.secret, tc.url)
			checkError(t, err, tc.wantErr, tc.wantErrHas)
			g := gotSSH{string(auth.SSH.PrivateKey), string(auth.SSH.Passphrase), string(auth.SSH.KnownHosts), auth.Bound, source}
			if d := cmp.Diff(tc.want, g); d != "" {
				t.Error(d)
			}
			if auth.Anonymous() != (tc.want.Key == "") || auth.Password != "" {
				t.Errorf("Anonymous() = %v, password %q", auth.Anonymous(), auth.Password)
			}
		})
	}
}

func TestSigning(t *testing.T) {
	for name, tc := range map[string]struct {
		data       map[string]string
		want       [2]string
		wantErr    error
		wantErrHas string
	}{
		"a key":                {data: map[string]string{"signing-key": "KEY\n"}, want: [2]string{"KEY\n", ""}},
		"an encrypted key":     {data: map[string]string{"signing-key": "KEY", "passphrase": "s3cr3t\n"}, want: [2]string{"KEY", "s3cr3t"}},
		"no key":               {data: map[string]string{"ssh-privatekey": "KEY"}, wantErr: credentials.ErrInvalid, wantErrHas: "key signing-key is missing or empty"},
		"a key without bound":  {data: map[string]string{"signing-key": strings.Repeat("k", 70<<10)}, wantErr: credentials.ErrInvalid, wantErrHas: "key signing-key has more than 65536 bytes"},
		"a phrase beyond them": {data: map[string]string{"signing-key": "KEY", "passphrase": strings.Repeat("k", 70<<10)}, wantErr: credentials.ErrInvalid, wantErrHas: "key passphrase has more than"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := credentials.Live(fake.NewClientset(secret("sign", corev1.SecretTypeOpaque, tc.data)).CoreV1())
			key, err := credentials.Signing(t.Context(), reader, ns, "sign")
			checkError(t, err, tc.wantErr, tc.wantErrHas)
			if d := cmp.Diff(tc.want, [2]string{string(key.Key), string(key.Passphrase)}); d != "" {
				t.Error(d)
			}
		})
	}
	_, err := credentials.Signing(t.Context(), credentials.Live(fake.NewClientset().CoreV1()), ns, "sign")
	checkError(t, err, credentials.ErrNotFound, "Secret sign: not found in namespace team")
}

// pemBlock has the form of a private key, and lines that stand out.
const pemBlock = `-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,0011223344

MIIEowIBAAKCAQEA0123456789abcdefghijklmnopqrstuvwxyz+/ABCDEFGHIJ
KLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz+/0123456789
qrstuvwx
ab==
-----END RSA PRIVATE KEY-----
`

// A key is hidden in whole and in parts, whatever became of its lines.
func TestRedactKeys(t *testing.T) {
	ssh := credentials.GitAuth{SSH: credentials.SSH{PrivateKey: []byte(pemBlock), Passphrase: []byte("s3cr3t")}}.Secrets()
	signing := credentials.SigningKey{Key: []byte(pemBlock), Passphrase: []byte("s3cr3t")}.Secrets()
	if d := cmp.Diff(ssh, signing); d != "" {
		t.Error(d)
	}
	lines := strings.Split(pemBlock, "\n")
	for name, text := range map[string]string{
		"as it is":        pemBlock,
		"on one line":     strings.Join(lines, " "),
		"escaped":         strings.Join(lines, `\n`),
		"with \r\n":       strings.Join(lines, "\r\n"),
		"its second line": "line 6: " + lines[5],
	} {
		clean := credentials.Redact(text, ssh...)
		for _, secret := range []string{lines[4], lines[5], lines[6]} {
			if strings.Contains(clean, secret) {
				t.Errorf("%s: %q is left in %q", name, secret, clean)
			}
		}
		if strings.Contains(text, "BEGIN") && !strings.Contains(clean, "DEK-Info") {
			t.Errorf("%s: headers are hidden: %q", name, clean)
		}
	}
	if d := cmp.Diff("the phrase *** is wrong", credentials.Redact("the phrase s3cr3t is wrong", ssh...)); d != "" {
		t.Error(d)
	}
}

func BenchmarkRedactKey(b *testing.B) {
	auth := credentials.GitAuth{SSH: credentials.SSH{PrivateKey: bytes.Repeat([]byte("MIIEowIBAAKCAQEA0123456789abcdefghijklmnopqrstuvwxyz+/ABCDEFGHIJ\n"), 50)}}
	for i := range 50 {
		copy(auth.SSH.PrivateKey[i*65:], strings.Repeat(string(rune('0'+i)), 20))
	}
	secrets := auth.Secrets()
	text := strings.Repeat("push to branch main of https://github.com/org/repo: rejected ", 10)
	for b.Loop() {
		credentials.Redact(text, secrets...)
	}
}
