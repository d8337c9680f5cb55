package credentials_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

const ns = "team"

func secret(name string, kind corev1.SecretType, data map[string]string, annotations ...string) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Annotations: map[string]string{}},
		Type:       kind,
		Data:       map[string][]byte{},
	}
	for k, v := range data {
		s.Data[k] = []byte(v)
	}
	for i, url := range annotations {
		s.Annotations["tekton.dev/git-"+string(rune('0'+i))] = url
	}
	return s
}

func login(name, username, password string, annotations ...string) *corev1.Secret {
	return secret(name, corev1.SecretTypeBasicAuth, map[string]string{"username": username, "password": password}, annotations...)
}

func account(name string, secrets ...string) *corev1.ServiceAccount {
	a := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	for _, s := range secrets {
		a.Secrets = append(a.Secrets, corev1.ObjectReference{Name: s})
	}
	return a
}

func annotate(s *corev1.Secret, key, value string) *corev1.Secret {
	s.Annotations[key] = value
	return s
}

// got is a Basic in the open, since a Basic itself prints without its password.
type got struct {
	Username, Password, CA string
	Bound                  bool
	Source                 string
}

func TestGit(t *testing.T) {
	many := make([]string, 65)
	for i := range many {
		many[i] = "s" + strings.Repeat("x", i)
	}
	for name, tc := range map[string]struct {
		objects    []runtime.Object
		account    string
		secret     string
		url        string
		want       got
		wantErr    error
		wantErrHas string
	}{
		"linked, matched by host": {
			objects: []runtime.Object{account("pipeline", "github"), login("github", "bob", "s3cr3t", "https://github.com")},
			account: "pipeline", url: "https://github.com/org/repo",
			want: got{Username: "bob", Password: "s3cr3t", Bound: true, Source: "Secret github (ServiceAccount pipeline, tekton.dev/git-0)"},
		},
		"no ServiceAccount named means default": {
			objects: []runtime.Object{account("default", "github"), login("github", "bob", "s3cr3t", "https://github.com")},
			url:     "https://github.com/org/repo",
			want:    got{Username: "bob", Password: "s3cr3t", Bound: true, Source: "Secret github (ServiceAccount default, tekton.dev/git-0)"},
		},
		"host without case, default port, without scheme, path with .git": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "github.com/org/repo.git")},
			url:     "https://GitHub.com:443/org/repo",
			want:    got{Username: "bob", Password: "s3cr3t", Bound: true, Source: "Secret a (ServiceAccount default, tekton.dev/git-0)"},
		},
		"the longest path wins, whatever the order": {
			objects: []runtime.Object{
				account("default", "org", "host", "other"),
				login("host", "h", "hhhh", "https://git.example.com"),
				login("org", "o", "oooo", "https://git.example.com", "https://git.example.com/org"),
				login("other", "x", "xxxx", "https://git.example.com/orga"),
			},
			url:  "https://git.example.com/org/repo.git",
			want: got{Username: "o", Password: "oooo", Bound: true, Source: "Secret org (ServiceAccount default, tekton.dev/git-1)"},
		},
		"a path is matched by whole segments": {
			objects: []runtime.Object{account("default", "org"), login("org", "o", "oooo", "https://git.example.com/org")},
			url:     "https://git.example.com/organisation/repo",
			want:    got{Source: "anonymous: no Secret linked to ServiceAccount default has a tekton.dev/git-N annotation for this address"},
		},
		"a path that leaves the annotated one does not match": {
			objects: []runtime.Object{account("default", "org"), login("org", "o", "oooo", "https://git.example.com/org")},
			url:     "https://git.example.com/org/%2e%2e/theirs",
			want:    got{Source: "anonymous: no Secret linked to ServiceAccount default has a tekton.dev/git-N annotation for this address"},
		},
		"other host, other port, other scheme, wildcard, unreadable, not annotated, ssh: anonymous": {
			objects: []runtime.Object{
				account("default", "a", "b", "c", "d", "e", "f", "g", "a", ""),
				login("a", "u", "pppp", "https://gitlab.com"),
				login("b", "u", "pppp", "https://github.com:8443"),
				login("c", "u", "pppp", "http://github.com"),
				login("d", "u", "pppp", "https://*.com"),
				login("e", "u", "pppp", "https://github.com", "ssh://github.com"),
				login("f", "u", "pppp"),
				secret("g", corev1.SecretTypeSSHAuth, map[string]string{"ssh-privatekey": "k"}, "github.com"),
			},
			url:  "https://github.com/org/repo",
			want: got{Source: "anonymous: no Secret linked to ServiceAccount default has a tekton.dev/git-N annotation for this address"},
		},
		"a link to nothing is passed over, and said": {
			objects: []runtime.Object{account("default", "gone")},
			url:     "https://github.com/org/repo",
			want: got{Source: "anonymous: no Secret linked to ServiceAccount default has a tekton.dev/git-N annotation for this address" +
				"; linked but not there: gone"},
		},
		"two Secrets for one address": {
			objects: []runtime.Object{account("default", "a", "b"), login("a", "u", "pppp", "https://github.com"), login("b", "u", "qqqq", "github.com:443/")},
			url:     "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "the Secrets a and b are not usable: both are annotated for https://github.com:443; name one with git.secretRef",
		},
		"two Secrets for one address, but a better one": {
			objects: []runtime.Object{
				account("default", "a", "b", "c"), login("a", "u", "pppp", "https://github.com"), login("b", "u", "qqqq", "https://github.com"),
				login("c", "u", "rrrr", "https://github.com/org"),
			},
			url:  "https://github.com/org/repo",
			want: got{Username: "u", Password: "rrrr", Bound: true, Source: "Secret c (ServiceAccount default, tekton.dev/git-0)"},
		},
		"linked, but without password": {
			objects: []runtime.Object{account("default", "a"), secret("a", corev1.SecretTypeBasicAuth, map[string]string{"username": "u"}, "https://github.com")},
			url:     "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "the Secret a is not usable: key password is missing or empty",
		},
		"too many linked Secrets": {
			objects: []runtime.Object{account("default", many...)},
			url:     "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "it links 65 Secrets, at most 64 are read; name one with git.secretRef",
		},
		"no such ServiceAccount": {
			account: "pipeline", url: "https://github.com/org/repo",
			wantErr: credentials.ErrNotFound, wantErrHas: "ServiceAccount pipeline: not found in namespace team",
		},
		"named, not annotated": {
			objects: []runtime.Object{login("github", "bob", "s3cr3t")},
			secret:  "github", url: "https://github.com/org/repo",
			want: got{Username: "bob", Password: "s3cr3t", Source: "Secret github"},
		},
		"named, annotated for this host": {
			objects: []runtime.Object{login("github", "bob", "s3cr3t", "https://gitlab.com", "https://github.com")},
			secret:  "github", url: "https://github.com/org/repo",
			want: got{Username: "bob", Password: "s3cr3t", Bound: true, Source: "Secret github"},
		},
		"named, but annotated for another host": {
			objects: []runtime.Object{login("github", "bob", "s3cr3t", "https://github.com")},
			secret:  "github", url: "https://evil.example.com/org/repo",
			wantErr: credentials.ErrHostBound, wantErrHas: "tekton.dev/git-0 is https://github.com:443, the repository is at https://evil.example.com:443",
		},
		"named, but annotated for another scheme": {
			objects: []runtime.Object{login("github", "bob", "s3cr3t", "https://github.com")},
			secret:  "github", url: "http://github.com/org/repo",
			wantErr: credentials.ErrHostBound,
		},
		"named, but for an image registry": {
			objects: []runtime.Object{annotate(login("quay", "bob", "s3cr3t"), "tekton.dev/docker-0", "https://quay.io")},
			secret:  "quay", url: "https://github.com/org/repo",
			wantErr: credentials.ErrHostBound,
		},
		"named, annotation unreadable": {
			objects: []runtime.Object{login("github", "bob", "s3cr3t", "git@github.com:org")},
			secret:  "github", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "annotation tekton.dev/git-0 must be a URL such as https://github.com",
		},
		"an annotation /.git is not the whole host": {
			objects: []runtime.Object{login("github", "bob", "s3cr3t", "https://github.com/.git")},
			secret:  "github", url: "https://github.com/org/repo",
			wantErr: credentials.ErrHostBound,
		},
		"token alone, Opaque, white space at the end": {
			objects: []runtime.Object{secret("token", corev1.SecretTypeOpaque, map[string]string{"password": "ghp_abc \r\n"})},
			secret:  "token", url: "https://github.com/org/repo",
			want: got{Username: "x-access-token", Password: "ghp_abc", Source: "Secret token"},
		},
		"certificate authority": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"password": "ghp_abc", "ca.crt": certificate})},
			secret:  "a", url: "https://github.com/org/repo",
			want: got{Username: "x-access-token", Password: "ghp_abc", CA: certificate, Source: "Secret a"},
		},
		"certificate authority that is none": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"password": "ghp_abc", "ca.crt": "hello"})},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key ca.crt holds no PEM certificate",
		},
		"certificate authority without bound": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"password": "ghp_abc", "ca.crt": strings.Repeat("x", 300<<10)})},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key ca.crt has more than 262144 bytes",
		},
		"password of white space": {
			objects: []runtime.Object{login("a", "bob", " \n")},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key password is missing or empty",
		},
		"password with a line break inside": {
			objects: []runtime.Object{login("a", "bob", "one\ntwo")},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key password holds a line break or another control character",
		},
		"user name with a colon": {
			objects: []runtime.Object{login("a", "bob:by", "s3cr3t")},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key username holds a colon",
		},
		"user name too long": {
			objects: []runtime.Object{login("a", strings.Repeat("u", 20<<10), "s3cr3t")},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key username has more than 16384 bytes",
		},
		"an ssh key for https": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeSSHAuth, map[string]string{"ssh-privatekey": "k"})},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "its type is kubernetes.io/ssh-auth, but https needs kubernetes.io/basic-auth",
		},
		"an Opaque ssh key for https": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"ssh-privatekey": "k"})},
			secret:  "a", url: "https://github.com/org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key password is missing; its ssh-privatekey is for ssh only",
		},
		"no such Secret": {
			secret: "github", url: "https://github.com/org/repo",
			wantErr: credentials.ErrNotFound, wantErrHas: "Secret github: not found in namespace team",
		},
		"a password in a URL of ssh": {secret: "a", url: "ssh://git:s3cr3t@github.com/org/repo", wantErr: credentials.ErrInvalid},
		"a URL without a scheme":     {secret: "a", url: "github.com/org/repo", wantErr: credentials.ErrInvalid},
		"a file":                     {secret: "a", url: "file:///etc", wantErr: credentials.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			reader := credentials.Live(fake.NewClientset(tc.objects...).CoreV1())
			auth, source, err := credentials.Git(t.Context(), reader, ns, tc.account, tc.secret, tc.url)
			checkError(t, err, tc.wantErr, tc.wantErrHas)
			if d := cmp.Diff(credentials.SSH{}, auth.SSH, cmp.Comparer(sameSSH)); d != "" {
				t.Error(d)
			}
			g := got{Username: auth.Username, Password: auth.Password, CA: string(auth.CA), Bound: auth.Bound, Source: source}
			if d := cmp.Diff(tc.want, g); d != "" {
				t.Error(d)
			}
			if auth.Anonymous() != (tc.want.Password == "") {
				t.Errorf("Anonymous() = %v", auth.Anonymous())
			}
		})
	}
}

// The URL may carry a password, and so may the text of an error about it.
func TestGitErrorHoldsNoPassword(t *testing.T) {
	for _, url := range []string{"https://bob:s3cr3t@github.com:port/", "ssh://bob:s3cr3t@github.com", "ssh://bob:s3cr3t@github.com/x", "bob:s3cr3t@github.com:x", "bob:s3cr3t@github.com/x"} {
		_, _, err := credentials.Git(t.Context(), nil, ns, "", "", url)
		checkError(t, err, credentials.ErrInvalid, "the repository URL is not usable")
		if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q shows the password", err)
		}
	}
}

func checkError(t *testing.T, err, want error, has string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %v", err, want)
	}
	if err != nil && !strings.Contains(err.Error(), has) {
		t.Fatalf("error = %q, want it to contain %q", err, has)
	}
}
