package credentials_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
)

// certificate is self-signed, for example.com, and its key was thrown away.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUSqsS0nb24uE4BX6JjujWkQgoKJ8wCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wIBcNMjYxMTIyMDY1OTE3WhgPMjEyNjEw
MjkwNjU5MTdaMBYxFDASBgNVBAMMC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAELb5xzWJCSOrb4rtAqLXy89nmg+Lwxo5A36KWIf1I1xj2gu1e
5pwqnG6U1hFqh1yxY+eWuxXZ+ZhsBrHpVuFh2KNTMFEwHQYDVR0OBBYEFALXwIyo
Li4vCBoOT5CCTPDVbjNoMB8GA1UdIwQYMBaAFALXwIyoLi4vCBoOT5CCTPDVbjNo
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAJjyDQm30wfO2Sws
cuiclqeDmjGxYUURLDpAFkolbcoQAiAbIdYvQxzxfH2ZpcOx3TsVEv7iJ9mkmCH4
tiniQac6xA==
-----END CERTIFICATE-----`

func TestRedact(t *testing.T) {
	const secret = `p@ss/wörd+<"x">`
	u := url.URL{Scheme: "https", Host: "github.com", User: url.UserPassword("bob", secret), Path: "/org/repo"}
	request, _ := http.NewRequest(http.MethodGet, "https://github.com", nil)
	request.SetBasicAuth("bob", secret)
	asJSON, _ := json.Marshal(map[string]string{"password": secret})

	for name, tc := range map[string]struct {
		text    string
		secrets []string
		want    string
	}{
		"nothing to hide":     {text: "fatal: could not read", want: "fatal: could not read"},
		"an empty secret":     {text: "fatal", secrets: []string{""}, want: "fatal"},
		"as it is":            {text: "user bob:" + secret + "!", secrets: []string{secret}, want: "user bob:***!"},
		"in a URL":            {text: "clone " + u.String(), secrets: []string{secret}, want: "clone https://bob:***@github.com/org/repo"},
		"in a query":          {text: "?token=" + url.QueryEscape(secret) + "&x", secrets: []string{secret}, want: "?token=***&x"},
		"in a path":           {text: "/" + url.PathEscape(secret) + "/x", secrets: []string{secret}, want: "/***/x"},
		"lower-case escapes":  {text: "=" + strings.ToLower(url.QueryEscape(secret)), secrets: []string{secret}, want: "=***"},
		"in JSON":             {text: string(asJSON), secrets: []string{secret}, want: `{"password":"***"}`},
		"quoted for Go":       {text: fmt.Sprintf("%q", secret), secrets: []string{secret}, want: `"***"`},
		"base64":              {text: "data: " + base64.StdEncoding.EncodeToString([]byte(secret)), secrets: []string{secret}, want: "data: ***"},
		"base64 for URLs":     {text: "data: " + base64.URLEncoding.EncodeToString([]byte(secret)), secrets: []string{secret}, want: "data: ***"},
		"a header":            {text: request.Header.Get("Authorization"), secrets: credentials.GitAuth{Username: "bob", Password: secret}.Secrets(), want: "Basic ***"},
		"token as user name":  {text: "https://ghp_abc:x-oauth-basic@github.com", secrets: credentials.GitAuth{Username: "ghp_abc", Password: "x-oauth-basic"}.Secrets(), want: "https://***:x-oauth-basic@github.com"},
		"the longest first":   {text: "abcdef abcd", secrets: []string{"abcd", "abcdef"}, want: "*** ***"},
		"several times":       {text: "abcd abcd", secrets: []string{"abcd", "abcd"}, want: "*** ***"},
		"a short one":         {text: "pw=xy1!", secrets: []string{"xy1"}, want: "pw=***!"},
		"Argo CD token":       {text: "Bearer eyJh.b.c", secrets: credentials.ArgoCDAuth{Token: "eyJh.b.c"}.Secrets(), want: "Bearer ***"},
		"Argo CD password":    {text: "pipeline s3cr3t", secrets: credentials.ArgoCDAuth{Username: "pipeline", Password: "s3cr3t"}.Secrets(), want: "pipeline ***"},
		"API token":           {text: "token ghs_abcd", secrets: credentials.APIAuth{Token: "ghs_abcd"}.Secrets(), want: "token ***"},
		"nobody has a secret": {text: "a", secrets: slices.Concat(credentials.GitAuth{}.Secrets(), credentials.ArgoCDAuth{}.Secrets(), credentials.APIAuth{}.Secrets()), want: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, credentials.Redact(tc.text, tc.secrets...)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Whatever the secret and whatever stands around it, neither it nor enough of its
// base64 to guess it is left.
func TestRedactAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[ -~]{8,40}`).Draw(t, "secret")
		before := rapid.StringMatching(`[ -~]{0,9}`).Draw(t, "before")
		after := rapid.StringMatching(`[ -~]{0,9}`).Draw(t, "after")
		plain := before + secret + after
		enc := rapid.SampledFrom([]*base64.Encoding{
			base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
		}).Draw(t, "encoding")

		if strings.Contains(credentials.Redact(plain, secret), secret) {
			t.Fatalf("%q is left as it is", secret)
		}
		if clean := credentials.Redact(enc.EncodeToString([]byte(plain)), secret); !strings.Contains(clean, "***") {
			t.Fatalf("%q is left in base64: %q", secret, clean)
		}
		if clean := credentials.Redact(url.QueryEscape(plain), secret); strings.Contains(clean, url.QueryEscape(secret)) {
			t.Fatalf("%q is left URL-escaped: %q", secret, clean)
		}
	})
}

func TestValuesPrintWithoutSecrets(t *testing.T) {
	for name, tc := range map[string]struct {
		value interface {
			fmt.Stringer
			fmt.GoStringer
			slog.LogValuer
		}
		want string
	}{
		"basic":                {credentials.GitAuth{Username: "bob", Password: "s3cr3t", CA: []byte("s3cr3t")}, "basic bob:***"},
		"token as user name":   {credentials.GitAuth{Username: "s3cr3t", Password: "x-oauth-basic"}, "basic ***"},
		"anonymous":            {credentials.GitAuth{}, "anonymous"},
		"ssh":                  {credentials.GitAuth{SSH: credentials.SSH{PrivateKey: []byte("s3cr3t"), Passphrase: []byte("s3cr3t"), KnownHosts: []byte("s3cr3t")}}, "ssh key ***"},
		"ssh alone":            {credentials.SSH{PrivateKey: []byte("s3cr3t"), Passphrase: []byte("s3cr3t")}, "ssh key ***"},
		"ssh without a key":    {credentials.SSH{Passphrase: []byte("s3cr3t")}, "no ssh key"},
		"signing":              {credentials.SigningKey{Key: []byte("s3cr3t"), Passphrase: []byte("s3cr3t")}, "signing key ***"},
		"not signing":          {credentials.SigningKey{Passphrase: []byte("s3cr3t")}, "no signing key"},
		"Argo CD token":        {credentials.ArgoCDAuth{Token: "s3cr3t", Server: "argocd.example.com"}, "token *** for argocd.example.com"},
		"Argo CD account":      {credentials.ArgoCDAuth{Username: "pipeline", Password: "s3cr3t"}, "account pipeline:***"},
		"App":                  {credentials.App{ID: 1, Installation: 2, PrivateKey: []byte("s3cr3t")}, "GitHub App 1, installation 2, key ***"},
		"pointer to an App":    {&credentials.App{ID: 1, Installation: 2, PrivateKey: []byte("s3cr3t")}, "GitHub App 1, installation 2, key ***"},
		"git with an App":      {credentials.GitAuth{App: &credentials.App{ID: 1, Installation: 2, PrivateKey: []byte("s3cr3t")}, CA: []byte("s3cr3t")}, "GitHub App 1, installation 2, key ***"},
		"API token":            {credentials.APIAuth{Token: "s3cr3t", CA: []byte("s3cr3t")}, "token ***"},
		"API with an App":      {credentials.APIAuth{App: &credentials.App{ID: 1, Installation: 2, PrivateKey: []byte("s3cr3t")}}, "GitHub App 1, installation 2, key ***"},
		"API without auth":     {credentials.APIAuth{CA: []byte("s3cr3t")}, "anonymous"},
		"Argo CD without auth": {credentials.ArgoCDAuth{}, "anonymous"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.2s"} {
				if d := cmp.Diff(tc.want, fmt.Sprintf(format, tc.value)); d != "" {
					t.Errorf("%s: %s", format, d)
				}
			}
			nested := struct{ Auth any }{tc.value}
			if d := cmp.Diff("{Auth:"+tc.want+"}", fmt.Sprintf("%+v", nested)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{tc.want, tc.want}, []string{tc.value.String(), tc.value.GoString()}); d != "" {
				t.Error(d)
			}
			asJSON, err := json.Marshal(map[string]any{"auth": tc.value})
			if d := cmp.Diff(fmt.Sprintf(`{"auth":%q}`, tc.want), string(asJSON)); d != "" || err != nil {
				t.Error(d, err)
			}
			text, err := tc.value.(interface{ MarshalText() ([]byte, error) }).MarshalText()
			if d := cmp.Diff(tc.want, string(text)); d != "" || err != nil {
				t.Error(d, err)
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "auth", tc.value)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "auth", tc.value)
			if n := strings.Count(log.String(), tc.want); n != 2 || strings.Contains(log.String(), "s3cr3t") {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}
