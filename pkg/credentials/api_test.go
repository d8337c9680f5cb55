package credentials_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

func token(name, token string, annotations ...string) *corev1.Secret {
	return secret(name, corev1.SecretTypeOpaque, map[string]string{"token": token}, annotations...)
}

// gotAPI is an APIAuth in the open.
type gotAPI struct {
	Token  string
	App    gotApp
	CA     string
	Bound  bool
	Source string
}

func TestPullRequest(t *testing.T) {
	const (
		hub, hubAPI   = "https://github.com/org/repo", "https://api.github.com"
		corp, corpAPI = "https://git.example.com/org/repo", "https://git.example.com/api/v1"
		linked        = "Secret a (ServiceAccount default, tekton.dev/git-0)"
	)
	for name, tc := range map[string]struct {
		objects    []runtime.Object
		account    string
		secret     string
		repository string // default hub
		api        string // default hubAPI
		want       gotAPI
		wantErr    error
		wantErrHas string
	}{
		"linked: the password": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://github.com")},
			want:    gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked to the ServiceAccount of the run": {
			objects: []runtime.Object{account("pipeline", "a"), login("a", "bob", "s3cr3t", "https://github.com")}, account: "pipeline",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: "Secret a (ServiceAccount pipeline, tekton.dev/git-0)"},
		},
		"linked: for the repository's path alone": {
			objects: []runtime.Object{account("default", "a", "b"), login("a", "bob", "s3cr3t", "https://github.com/org"), login("b", "bob", "other", "https://github.com")},
			want:    gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked: a GitHub App": {
			objects: []runtime.Object{account("default", "a"), appSecret("a", appData(), "https://github.com")},
			want:    gotAPI{App: wholeApp, Bound: true, Source: linked},
		},
		"linked: the repository by ssh": {
			objects: []runtime.Object{account("default", "k", "a"), sshSecret("k", "KEY", "github.com"), login("a", "bob", "s3cr3t", "https://github.com/org")}, repository: "git@github.com:org/repo.git",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked: the repository by ssh on the port of https": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://github.com/org")}, repository: "ssh://git@ssh.github.com:443/org/repo",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked: the repository by ssh on the port of https, at GitLab": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://gitlab.com/org")}, repository: "git@altssh.gitlab.com:org/repo", api: "https://gitlab.com/api/v4",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked: the repository by ssh on the port of https, at Bitbucket": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://bitbucket.org/org")}, repository: "git@altssh.bitbucket.org:org/repo", api: "https://api.bitbucket.org/2.0",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked: the repository by ssh, the API on a port of its own": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://git.example.com:8443")}, repository: "ssh://git@git.example.com:2222/org/repo", api: "https://git.example.com:8443/api/v1",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked: an IPv6 address": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://[2001:db8::1]")}, repository: "ssh://git@[2001:db8::1]/org/repo", api: "https://[2001:db8::1]/api/v1",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"linked: API and repository on one host, with a certificate authority": {
			objects:    []runtime.Object{account("default", "a"), secret("a", corev1.SecretTypeBasicAuth, map[string]string{"username": "bob", "password": "s3cr3t", "ca.crt": certificate}, "https://git.example.com/org")},
			repository: corp, api: corpAPI,
			want: gotAPI{Token: "s3cr3t", CA: certificate, Bound: true, Source: linked},
		},
		"linked: nothing for the host": {
			objects: []runtime.Object{account("default", "a", "k"), login("a", "bob", "s3cr3t", "https://gitlab.com"), sshSecret("k", "KEY", "github.com")}, repository: "git@github.com:org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "ServiceAccount default is not usable for pull requests: no Secret linked to it has a token and a tekton.dev/git-N annotation for https://github.com:443; add one, or name one with pullRequest.secretRef",
		},
		"linked: but the API is on another host": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://git.example.com")}, repository: corp, api: "https://evil.example.com/api/v1",
			wantErr: credentials.ErrHostBound, wantErrHas: "the Secret a is bound to another address: tekton.dev/git-0 is https://git.example.com:443, the API is at https://evil.example.com:443",
		},
		"linked: the API is on another host, which is annotated too": {
			objects: []runtime.Object{account("default", "a"), login("a", "bob", "s3cr3t", "https://git.example.com", "https://forge.example.com")}, repository: corp, api: "https://forge.example.com/api/v1",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: linked},
		},
		"no such ServiceAccount": {wantErr: credentials.ErrNotFound, wantErrHas: "ServiceAccount default: not found"},
		"named: a token": {
			objects: []runtime.Object{token("a", "s3cr3t \n")}, secret: "a",
			want: gotAPI{Token: "s3cr3t", Source: "Secret a"},
		},
		"named: a token before a password": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"token": "s3cr3t", "password": "other"})}, secret: "a",
			want: gotAPI{Token: "s3cr3t", Source: "Secret a"},
		},
		"named: a password, as git has it": {
			objects: []runtime.Object{login("a", "bob", "s3cr3t")}, secret: "a",
			want: gotAPI{Token: "s3cr3t", Source: "Secret a"},
		},
		"named: a token as the user name": {
			objects: []runtime.Object{login("a", "s3cr3t", "x-oauth-basic")}, secret: "a",
			want: gotAPI{Token: "s3cr3t", Source: "Secret a"},
		},
		"named: a GitHub App": {
			objects: []runtime.Object{appSecret("a", appData())}, secret: "a",
			want: gotAPI{App: wholeApp, Source: "Secret a"},
		},
		"named: for the API's own host": {
			objects: []runtime.Object{token("a", "s3cr3t", "https://api.github.com")}, secret: "a",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: "Secret a"},
		},
		"named: for the repository's host": {
			objects: []runtime.Object{token("a", "s3cr3t", "https://gitlab.com", "https://github.com")}, secret: "a",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: "Secret a"},
		},
		"named: by ssh, for the host": {
			objects: []runtime.Object{token("a", "s3cr3t", "github.com")}, secret: "a", repository: "ssh://git@github.com/org/repo",
			want: gotAPI{Token: "s3cr3t", Bound: true, Source: "Secret a"},
		},
		"named: for another path of the host": {
			objects: []runtime.Object{token("a", "s3cr3t", "https://github.com/other")}, secret: "a",
			wantErr: credentials.ErrHostBound,
		},
		"named: for the repository's host, but the API is elsewhere": {
			objects: []runtime.Object{token("a", "s3cr3t", "https://github.com")}, secret: "a", api: "https://evil.example.com/api.github.com",
			wantErr: credentials.ErrHostBound, wantErrHas: "the API is at https://evil.example.com:443",
		},
		"named: the API's name begins with the host's": {
			objects: []runtime.Object{token("a", "s3cr3t", "https://github.com")}, secret: "a", api: "https://api.github.com.evil.example.com",
			wantErr: credentials.ErrHostBound,
		},
		"named: the API without encryption": {
			objects: []runtime.Object{token("a", "s3cr3t", "https://github.com")}, secret: "a", api: "http://api.github.com",
			wantErr: credentials.ErrHostBound, wantErrHas: "the API is at http://api.github.com:80",
		},
		"named: for an image registry": {
			objects: []runtime.Object{annotate(token("a", "s3cr3t"), "tekton.dev/docker-0", "https://quay.io")}, secret: "a",
			wantErr: credentials.ErrHostBound,
		},
		"named: an annotation that cannot be read": {
			objects: []runtime.Object{token("a", "s3cr3t", "git@github.com:org")}, secret: "a",
			wantErr: credentials.ErrInvalid, wantErrHas: "annotation tekton.dev/git-0 must be a URL such as https://github.com",
		},
		"named: an ssh key": {
			objects: []runtime.Object{sshSecret("a", "KEY", "github.com")}, secret: "a",
			wantErr: credentials.ErrInvalid, wantErrHas: "the API of a git host takes no ssh key, nor anything else but a token or a GitHub App; name a Secret with the key token with pullRequest.secretRef",
		},
		"named: an Opaque ssh key": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"ssh-privatekey": "KEY"})}, secret: "a",
			wantErr: credentials.ErrInvalid, wantErrHas: "takes no ssh key",
		},
		"named: an ssh key and a token": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"ssh-privatekey": "KEY", "token": "s3cr3t"})}, secret: "a",
			want: gotAPI{Token: "s3cr3t", Source: "Secret a"},
		},
		"named: nothing": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, nil)}, secret: "a",
			wantErr: credentials.ErrInvalid, wantErrHas: "it needs the key token, or password, or appID, installationID and privateKey of a GitHub App",
		},
		"named: a token and a GitHub App": {
			objects: []runtime.Object{appSecret("a", appData("token", "s3cr3t"))}, secret: "a",
			wantErr: credentials.ErrInvalid, wantErrHas: "it has the key token and those of a GitHub App",
		},
		"named: a token of two lines": {
			objects: []runtime.Object{token("a", "s3cr3t\ns3cr3t")}, secret: "a",
			wantErr: credentials.ErrInvalid, wantErrHas: "key token holds a line break",
		},
		"named: a certificate authority that is none": {
			objects: []runtime.Object{secret("a", corev1.SecretTypeOpaque, map[string]string{"token": "s3cr3t", "ca.crt": "hello"})}, secret: "a",
			wantErr: credentials.ErrInvalid, wantErrHas: "key ca.crt holds no PEM certificate",
		},
		"no such Secret":                 {secret: "a", wantErr: credentials.ErrNotFound, wantErrHas: "Secret a: not found in namespace team"},
		"a file as the API":              {secret: "a", api: "file:///s3cr3t", wantErr: credentials.ErrInvalid, wantErrHas: "the URL of the git host's API is not usable"},
		"a file as the repository":       {secret: "a", repository: "file:///s3cr3t", wantErr: credentials.ErrInvalid, wantErrHas: "the repository URL is not usable"},
		"a password in the repository's": {secret: "a", repository: "ssh://git:s3cr3t@github.com/org/repo", wantErr: credentials.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.repository == "" {
				tc.repository = hub
			}
			if tc.api == "" {
				tc.api = hubAPI
			}
			reader := credentials.Live(fake.NewClientset(tc.objects...).CoreV1())
			auth, source, err := credentials.PullRequest(t.Context(), reader, ns, tc.account, tc.secret, tc.repository, tc.api)
			checkError(t, err, tc.wantErr, tc.wantErrHas)
			g := gotAPI{Token: auth.Token, App: openApp(auth.App), CA: string(auth.CA), Bound: auth.Bound, Source: source}
			if d := cmp.Diff(tc.want, g); d != "" {
				t.Error(d)
			}
			if auth.Anonymous() != (err != nil) {
				t.Errorf("Anonymous() = %v", auth.Anonymous())
			}
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%q shows the token", err)
			}
		})
	}
}
