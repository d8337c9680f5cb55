package hosts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func TestNamed(t *testing.T) {
	for _, name := range []string{"GitHub", "github", "Gitea"} {
		if p, err := Named(name); err != nil || !strings.EqualFold(p.Name, name) {
			t.Errorf("%s: %q, %v", name, p.Name, err)
		}
	}
	if _, err := Named("Subversion"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "GitHub, Gitea") {
		t.Errorf("error %v does not say which there are", err)
	}
}

// Public hosts are known by their names: they are not asked.
func TestFindByName(t *testing.T) {
	for host, want := range map[string][2]string{
		"github.com":   {"GitHub", "https://api.github.com"},
		"codeberg.org": {"Gitea", "https://codeberg.org/api/v1"},
	} {
		p, api, err := Find(t.Context(), pullrequest.Address{Scheme: "https", Host: host}, pullrequest.Server{})
		if err != nil || [2]string{p.Name, api} != want {
			t.Errorf("%s: %s at %s, %v, want %v", host, p.Name, api, err, want)
		}
	}
}

// Others are asked, without anything secret.
func TestFindByAsking(t *testing.T) {
	for name, tc := range map[string]struct {
		answers func(http.ResponseWriter, *http.Request)
		api     string // what the user says
		want    string
		at      string
		err     error
	}{
		"GitHub Enterprise": {answers: enterprise, want: "GitHub", at: "/api/v3"},
		"Gitea":             {answers: giteaAt("/api/v1/version"), want: "Gitea", at: "/api/v1"},
		"Gitea, elsewhere":  {answers: giteaAt("/git/api/v1/version"), api: "/git/api/v1", want: "Gitea", at: "/git/api/v1"},
		"neither":           {answers: http.NotFound, err: ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, _, basic := r.BasicAuth(); basic || r.Header.Get("Authorization") != "" {
					t.Error("a credential was sent to a server that nobody knows")
				}
				tc.answers(w, r)
			}))
			defer server.Close()
			s := pullrequest.Server{Owner: "acme", Name: "shop", Auth: pullrequest.Auth{Token: "secret"}, AllowHTTP: true}
			if tc.api != "" {
				s.API = server.URL + tc.api
			}
			at := pullrequest.Address{Scheme: "http", Host: strings.TrimPrefix(server.URL, "http://"), Owner: "acme", Name: "shop"}
			p, api, err := Find(t.Context(), at, s)
			if !errors.Is(err, tc.err) || (err != nil) != (tc.err != nil) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && (p.Name != tc.want || api != server.URL+tc.at) {
				t.Errorf("%s at %s, want %s at %s", p.Name, api, tc.want, tc.at)
			}
		})
	}
}

func enterprise(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-GitHub-Enterprise-Version", "3.16.0")
	w.Header().Set("X-GitHub-Request-Id", "1")
	if r.URL.Path != "/api/v3/meta" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"verifiable_password_authentication":true}`))
}

func giteaAt(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"version":"1.26.0"}`))
	}
}
