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

func appData(more ...string) map[string]string {
	data := map[string]string{"appID": "123456\n", "installationID": "987", "privateKey": pemBlock}
	for i := 0; i < len(more); i += 2 {
		data[more[i]] = more[i+1]
	}
	return data
}

func appSecret(name string, data map[string]string, annotations ...string) *corev1.Secret {
	return secret(name, corev1.SecretTypeOpaque, data, annotations...)
}

// gotApp is an App in the open.
type gotApp struct {
	ID, Installation int64
	Key              string
}

func openApp(a *credentials.App) gotApp {
	if a == nil {
		return gotApp{}
	}
	return gotApp{a.ID, a.Installation, string(a.PrivateKey)}
}

var wholeApp = gotApp{ID: 123456, Installation: 987, Key: pemBlock}

func TestGitWithApp(t *testing.T) {
	const url = "https://github.com/org/repo"
	for name, tc := range map[string]struct {
		objects    []runtime.Object
		secret     string
		url        string
		want       gotApp
		bound      bool
		source     string
		wantErr    error
		wantErrHas string
	}{
		"named": {
			objects: []runtime.Object{appSecret("app", appData())}, secret: "app",
			want: wholeApp, source: "Secret app",
		},
		"named, for this host": {
			objects: []runtime.Object{appSecret("app", appData(), "https://github.com")}, secret: "app",
			want: wholeApp, bound: true, source: "Secret app",
		},
		"linked, matched by host, before a shorter match": {
			objects: []runtime.Object{account("default", "bob", "app"), login("bob", "bob", "pppp", "https://github.com"), appSecret("app", appData(), "https://github.com/org")},
			want:    wholeApp, bound: true, source: "Secret app (ServiceAccount default, tekton.dev/git-0)",
		},
		"linked, not annotated": {
			objects: []runtime.Object{account("default", "app"), appSecret("app", appData())},
			source:  "anonymous: no Secret linked to ServiceAccount default has a tekton.dev/git-N annotation for this address",
		},
		"linked, but an Opaque password": {
			objects: []runtime.Object{account("default", "app"), appSecret("app", map[string]string{"password": "pppp"}, "https://github.com")},
			source:  "anonymous: no Secret linked to ServiceAccount default has a tekton.dev/git-N annotation for this address",
		},
		"named, but for another host": {
			objects: []runtime.Object{appSecret("app", appData(), "https://github.com")}, secret: "app", url: "https://evil.example.com/org/repo",
			wantErr: credentials.ErrHostBound, wantErrHas: "tekton.dev/git-0 is https://github.com:443, the repository is at https://evil.example.com:443",
		},
		"for ssh": {
			objects: []runtime.Object{appSecret("app", appData())}, secret: "app", url: "git@github.com:org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "key ssh-privatekey is missing; a GitHub App is for https only",
		},
		"linked, for ssh": {
			objects: []runtime.Object{account("default", "app"), appSecret("app", appData(), "github.com")}, url: "git@github.com:org/repo",
			wantErr: credentials.ErrInvalid, wantErrHas: "no Secret linked to it is of type kubernetes.io/ssh-auth",
		},
		"of another type": {
			objects: []runtime.Object{secret("app", corev1.SecretTypeBasicAuth, appData())}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "its type is kubernetes.io/basic-auth, but that of a GitHub App must be Opaque",
		},
		"a client ID": {
			objects: []runtime.Object{appSecret("app", appData("appID", "Iv1.0123456789abcdef"))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key appID must be a number, the App ID of the App's settings page, not its client ID",
		},
		"a number below one": {
			objects: []runtime.Object{appSecret("app", appData("appID", "-1"))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key appID must be a number",
		},
		"an installation's URL": {
			objects: []runtime.Object{appSecret("app", appData("installationID", "https://github.com/settings/installations/987"))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key installationID must be a number, which ends the URL of the installation's settings page",
		},
		"a number of two lines": {
			objects: []runtime.Object{appSecret("app", appData("installationID", "1\n2"))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key installationID holds a line break",
		},
		"no App ID": {
			objects: []runtime.Object{appSecret("app", appData("appID", ""))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key appID is missing or empty; a GitHub App needs appID, installationID and privateKey",
		},
		"no installation": {
			objects: []runtime.Object{appSecret("app", appData("installationID", " "))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key installationID is missing or empty",
		},
		"no key": {
			objects: []runtime.Object{appSecret("app", appData("privateKey", "\n"))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key privateKey is missing or empty",
		},
		"a key without bound": {
			objects: []runtime.Object{appSecret("app", appData("privateKey", strings.Repeat("k", 70<<10)))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key privateKey has more than 65536 bytes",
		},
		"with a password": {
			objects: []runtime.Object{appSecret("app", appData("password", "pppp"))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "it has the key password and those of a GitHub App; keep one of the two",
		},
		"a certificate authority that is none": {
			objects: []runtime.Object{appSecret("app", appData("ca.crt", "hello"))}, secret: "app",
			wantErr: credentials.ErrInvalid, wantErrHas: "key ca.crt holds no PEM certificate",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.url == "" {
				tc.url = url
			}
			reader := credentials.Live(fake.NewClientset(tc.objects...).CoreV1())
			auth, source, err := credentials.Git(t.Context(), reader, ns, "", tc.secret, tc.url)
			checkError(t, err, tc.wantErr, tc.wantErrHas)
			if d := cmp.Diff([]any{tc.want, tc.bound, tc.source, ""}, []any{openApp(auth.App), auth.Bound, source, auth.Username + auth.Password}); d != "" {
				t.Error(d)
			}
			if auth.Anonymous() != (tc.want.ID == 0) {
				t.Errorf("Anonymous() = %v", auth.Anonymous())
			}
			if err != nil && strings.Contains(err.Error(), "MIIE") {
				t.Errorf("%q shows the key", err)
			}
		})
	}
}

func TestRedactAppKeys(t *testing.T) {
	app := &credentials.App{ID: 1, Installation: 2, PrivateKey: []byte(pemBlock)}
	lines := strings.Split(pemBlock, "\n")
	for name, secrets := range map[string][]string{
		"git": credentials.GitAuth{App: app}.Secrets(), "API": credentials.APIAuth{App: app}.Secrets(), "alone": app.Secrets(),
	} {
		clean := credentials.Redact("sign with "+strings.ReplaceAll(pemBlock, "\n", `\n`), secrets...)
		for _, line := range []string{lines[4], lines[5], lines[6]} {
			if strings.Contains(clean, line) {
				t.Errorf("%s: %q is left in %q", name, line, clean)
			}
		}
	}
}
