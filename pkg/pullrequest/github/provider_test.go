package github

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

func TestHosts(t *testing.T) {
	type urls struct{ API, GraphQL string }
	for host, tt := range map[string]struct {
		owns bool
		want urls
	}{
		"github.com":          {true, urls{"https://api.github.com", "https://api.github.com/graphql"}},
		"GitHub.com:443":      {true, urls{"https://api.github.com", "https://api.github.com/graphql"}},
		"octo.ghe.com":        {true, urls{"https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"}},
		"ghe.com":             {false, urls{"http://ghe.com/api/v3", "http://ghe.com/api/graphql"}},
		"notgithub.com":       {false, urls{"http://notgithub.com/api/v3", "http://notgithub.com/api/graphql"}},
		"github.com.evil.org": {false, urls{"http://github.com.evil.org/api/v3", "http://github.com.evil.org/api/graphql"}},
		"git.example:8443":    {false, urls{"http://git.example:8443/api/v3", "http://git.example:8443/api/graphql"}},
	} {
		t.Run(host, func(t *testing.T) {
			p := Provider()
			if diff := cmp.Diff(tt.owns, p.Owns(host)); diff != "" {
				t.Error(diff)
			}
			api := p.API("http", host)
			if diff := cmp.Diff(tt.want, urls{api, graphqlOf(api)}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		want   bool
		err    string
	}{
		"GitHub Enterprise Server": {answer{header: map[string]string{"X-GitHub-Enterprise-Version": "3.14.0"}, body: `{}`}, true, ""},
		"one in private mode":      {answer{status: 401, header: map[string]string{"X-GitHub-Media-Type": "github.v3; format=json"}}, true, ""},
		"github.com":               {answer{header: map[string]string{"X-GitHub-Request-Id": "ABCD"}}, true, ""},
		"one that limits":          {answer{status: 429, header: map[string]string{"X-GitHub-Request-Id": "ABCD"}}, true, ""},
		"another git host":         {answer{status: 404, body: `{"message": "Not found."}`}, false, ""},
		"a web server":             {answer{body: "<html></html>"}, false, ""},
		"one that sends elsewhere": {answer{status: 302, header: map[string]string{"Location": "{URL}/login"}}, false, ""},
		"one that is broken":       {answer{status: 500}, false, ""},
		"a gateway":                {answer{status: 503}, false, "look for GitHub's API: HTTP 503"},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, routes{"GET /meta": {tt.answer}})
			got, err := Provider().Probe(t.Context(), g.server())
			if diff := cmp.Diff(tt.err, text(err)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff("", g.header.Get("Authorization")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"GET /meta"}, g.asked()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProbeFails(t *testing.T) {
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	defer tls.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, tt := range map[string]struct {
		api  string
		want error
	}{
		"nobody answers":             {gone.URL, transient},
		"certificate of a stranger":  {tls.URL, pullrequest.ErrCertificate},
		"address that is none":       {"https://", pullrequest.ErrURL},
		"http where it is forbidden": {"http://git.example", pullrequest.ErrURL},
	} {
		t.Run(name, func(t *testing.T) {
			s := pullrequest.Server{API: tt.api, Owner: "octo", Name: "app", AllowHTTP: tt.api == gone.URL}
			found, err := Provider().Probe(t.Context(), s)
			wantError(t, tt.want, err)
			if found {
				t.Error("found")
			}
		})
	}
}
