package gitea

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
)

// sentinels are the errors that a caller can tell apart, by name.
var sentinels = map[string]error{
	"URL": pullrequest.ErrURL, "key": pullrequest.ErrKey, "certificate": pullrequest.ErrCertificate, "not API": pullrequest.ErrNotAPI,
	"not found": pullrequest.ErrNotFound, "base not found": pullrequest.ErrBaseNotFound, "unauthorized": pullrequest.ErrUnauthorized,
	"forbidden": pullrequest.ErrForbidden, "exists": pullrequest.ErrExists, "no difference": pullrequest.ErrNoDifference,
	"head moved": pullrequest.ErrHeadMoved, "unsupported": pullrequest.ErrUnsupported, "rejected": pullrequest.ErrRejected,
}

// kind is the sentinel of an error, "" for none, "transient" for any other, "limit" for a limit of requests.
func kind(err error) string {
	if err == nil {
		return ""
	}
	if errors.As(err, new(*pullrequest.LimitError)) {
		return "limit"
	}
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "transient"
}

func TestAnswers(t *testing.T) {
	said := `{"message":"no, ` + token + `\n is not\u0000 welcome"}`
	const shown = "no, *** is not welcome"
	for name, c := range map[string]struct {
		answer answer
		want   string
		text   string // at the end of the error
	}{
		"no token":                     {answer{status: 401, body: said}, "unauthorized", "(HTTP 401: " + shown + ")"},
		"no right":                     {answer{status: 403, body: said}, "forbidden", "(HTTP 403: " + shown + ")"},
		"nothing there":                {answer{status: 404, body: said}, "not found", "(HTTP 404: " + shown + ")"},
		"gone":                         {answer{status: 410, body: said}, "not found", "(HTTP 410: " + shown + ")"},
		"bad request":                  {answer{status: 400, body: said}, "rejected", "(HTTP 400: " + shown + ")"},
		"not allowed":                  {answer{status: 405, body: said}, "rejected", "(HTTP 405: " + shown + ")"},
		"conflict":                     {answer{status: 409, body: said}, "rejected", "(HTTP 409: " + shown + ")"},
		"failed precondition":          {answer{status: 412, body: said}, "rejected", "(HTTP 412: " + shown + ")"},
		"not to be processed":          {answer{status: 422, body: said}, "rejected", "(HTTP 422: " + shown + ")"},
		"archived":                     {answer{status: 423, body: said}, "rejected", "(HTTP 423: " + shown + ")"},
		"timeout of a proxy":           {answer{status: 408, body: said}, "transient", "HTTP 408: " + shown},
		"internal error":               {answer{status: 500, body: said}, "transient", "HTTP 500: " + shown},
		"a proxy without server":       {answer{status: 502, body: "<html>" + token, kind: "text/html"}, "transient", "HTTP 502"},
		"a proxy's own page":           {answer{status: 404, body: "<html>" + token, kind: "text/html"}, "not found", "(HTTP 404)"},
		"a login page":                 {answer{status: 200, body: "<html>" + token, kind: "text/html"}, "not API", "not the API of a git host of this kind"},
		"JSON that is not the API's":   {answer{status: 200, body: `["` + token + `"]`}, "not API", "not the API of a git host of this kind"},
		"JSON of something else":       {answer{status: 200, body: `{"status":"` + token + `"}`}, "not API", "not the API of a git host of this kind"},
		"no JSON":                      {answer{status: 200, body: "{" + token}, "not API", "not the API of a git host of this kind"},
		"long words":                   {answer{status: 422, body: `{"message":"` + strings.Repeat("x", 400) + `"}`}, "rejected", "(HTTP 422: " + strings.Repeat("x", maxWords) + "…)"},
		"endless words":                {answer{status: 422, body: `{"message":"` + strings.Repeat("x", maxRefusal) + `"}`}, "rejected", "(HTTP 422)"},
		"too many requests":            {answer{status: 429, body: said, headers: map[string]string{"Retry-After": "7"}}, "limit", "until 2026-05-04T12:00:07Z: HTTP 429: " + shown},
		"too many, and no word when":   {answer{status: 429}, "limit", "until 2026-05-04T12:01:00Z: HTTP 429"},
		"too many, and a strange word": {answer{status: 429, headers: map[string]string{"Retry-After": "-1"}}, "limit", "until 2026-05-04T12:01:00Z: HTTP 429"},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, &script{answers: map[string][]answer{"GET /api/v1/repos/acme/shop/pulls/7": {c.answer}}})
			_, err := client.Get(t.Context(), 7)
			if diff := cmp.Diff(c.want, kind(err)); diff != "" {
				t.Fatalf("(-want +got):\n%s\n%v", diff, err)
			}
			if !strings.HasSuffix(err.Error(), c.text) || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "http://") {
				t.Errorf("the error is %q, want it to end in %q", err, c.text)
			}
		})
	}
}

func TestAnswerTooLong(t *testing.T) {
	client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.CopyN(w, spaces{}, 2*maxAnswer)
	}))
	for name, call := range map[string]func() error{
		"through the SDK": func() error { _, err := client.Get(t.Context(), 1); return err },
		"a list":          func() error { _, err := client.ListOpen(t.Context(), "main"); return err },
	} {
		if err := call(); !errors.Is(err, errTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestOpen(t *testing.T) {
	app := &pullrequest.App{ID: 1}
	for name, c := range map[string]struct {
		server pullrequest.Server
		want   string
	}{
		"https":                 {pullrequest.Server{API: "https://git.example.com/api/v1"}, ""},
		"below a path":          {pullrequest.Server{API: "https://example.com/gitea/api/v1"}, ""},
		"http, permitted":       {pullrequest.Server{API: "http://git.example.com/api/v1", AllowHTTP: true}, ""},
		"http":                  {pullrequest.Server{API: "http://git.example.com/api/v1"}, "URL"},
		"another scheme":        {pullrequest.Server{API: "ssh://git.example.com/api/v1", AllowHTTP: true}, "URL"},
		"no scheme":             {pullrequest.Server{API: "git.example.com/api/v1"}, "URL"},
		"no URL":                {pullrequest.Server{API: "https://[::1/api/v1"}, "URL"},
		"credentials in it":     {pullrequest.Server{API: "https://x:" + token + "@git.example.com/api/v1"}, "URL"},
		"a query":               {pullrequest.Server{API: "https://git.example.com/api/v1?a=/api/v1"}, "URL"},
		"another API":           {pullrequest.Server{API: "https://git.example.com/api/v3"}, "URL"},
		"CA that is no PEM":     {pullrequest.Server{API: "https://git.example.com/api/v1", CA: []byte("x")}, "certificate"},
		"an App":                {pullrequest.Server{API: "https://git.example.com/api/v1", Auth: pullrequest.Auth{App: app}}, "key"},
		"no owner of the thing": {pullrequest.Server{API: "https://git.example.com/api/v1", Owner: "-"}, "URL"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.server.Owner != "-" {
				c.server.Owner, c.server.Name = "acme", "shop"
			}
			_, err := Provider().Open(c.server)
			if diff := cmp.Diff(c.want, kind(err)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, err)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("the error has the token: %v", err)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	stolen := make(chan string, 10)
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { stolen <- r.Header.Get("Authorization") }))
	defer thief.Close()
	away := answer{status: 307, headers: map[string]string{"Location": thief.URL + "/api/v1/repos/acme/shop"}}
	renamed := answer{status: 307, headers: map[string]string{"Location": "/api/v1/repos/acme/store/pulls/7"}}
	client := serve(t, &script{answers: map[string][]answer{
		"GET /api/v1/repos/acme/shop/pulls/7":    {renamed},
		"GET /api/v1/repos/acme/store/pulls/7":   {{status: 200, body: encoded(t, pull(7, 0))}},
		"GET /api/v1/repos/acme/shop/pulls/8":    {away},
		"GET /api/v1/repos/acme/shop/pulls":      {away},
		"PATCH /api/v1/repos/acme/shop/pulls/7":  {away},
		"DELETE /api/v1/repos/acme/shop/pulls/7": {away},
	}})
	got, err := client.Get(t.Context(), 7)
	if err != nil || got.Number != 7 {
		t.Errorf("a repository with a new name: %+v, %v", got, err)
	}
	_, get := client.Get(t.Context(), 8)
	_, list := client.ListOpen(t.Context(), "main")
	for name, err := range map[string]error{"GET": get, "list": list, "PATCH": client.Edit(t.Context(), 7, "title", "body")} {
		if kind(err) != "URL" || !strings.Contains(err.Error(), "it redirects to "+thief.URL) || strings.Contains(err.Error(), token) {
			t.Errorf("%s to another host: %v", name, err)
		}
	}
	if len(stolen) > 0 {
		t.Errorf("the other host got a request, with %q", <-stolen)
	}
}

func TestTLS(t *testing.T) {
	script := &script{answers: map[string][]answer{"GET /api/v1/repos/acme/shop/pulls/7": {{status: 200, body: encoded(t, pull(7, 0))}}}}
	server := httptest.NewUnstartedServer(script)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	s := serverOf(server)
	s.AllowHTTP = false
	_, err := openAt(t, s).Get(t.Context(), 7)
	if kind(err) != "certificate" {
		t.Errorf("an unknown authority: %v", err)
	}
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if _, err := openAt(t, s).Get(t.Context(), 7); err != nil {
		t.Errorf("with the CA: %v", err)
	}
	s.API = strings.Replace(s.API, "127.0.0.1", "localhost", 1)
	if _, err := openAt(t, s).Get(t.Context(), 7); kind(err) != "certificate" {
		t.Errorf("another name: %v", err)
	}
}

func TestTimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	s := serverOf(server)
	s.Timeout = 20 * time.Millisecond
	c := openAt(t, s)
	_, get := c.Get(t.Context(), 7)
	_, poll := c.Poll(t.Context(), pullrequest.Cursor{})
	for name, err := range map[string]error{"Get": get, "Poll": poll} {
		if kind(err) != "transient" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The dialler that is given decides, and a proxy of the environment has no part in it.
func TestDial(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	refused := errors.New("not this address")
	var dialled string
	s := pullrequest.Server{
		API: "http://git.example.com/api/v1", Owner: "acme", Name: "shop", AllowHTTP: true, Auth: pullrequest.Auth{Token: token},
		Dial: func(_ context.Context, _, addr string) (net.Conn, error) { dialled = addr; return nil, refused },
	}
	_, err := openAt(t, s).Get(t.Context(), 7)
	if !errors.Is(err, refused) || dialled != "git.example.com:80" {
		t.Errorf("dialled %q, %v", dialled, err)
	}
}

func TestProbe(t *testing.T) {
	const version = "GET /api/v1/version"
	for name, c := range map[string]struct {
		answer answer
		want   bool
		err    string
	}{
		"Gitea":             {answer{status: 200, body: `{"version":"1.26.0"}`}, true, ""},
		"Forgejo":           {answer{status: 200, body: `{"version":"11.0.0+gitea-1.22.0"}`}, true, ""},
		"another JSON":      {answer{status: 200, body: `{"hello":"world"}`}, false, ""},
		"a list":            {answer{status: 200, body: `[]`}, false, ""},
		"a web page":        {answer{status: 200, body: "<html>", kind: "text/html"}, false, ""},
		"nothing":           {answer{status: 404}, false, ""},
		"login wanted":      {answer{status: 401}, false, ""},
		"forbidden":         {answer{status: 403}, false, ""},
		"bad request":       {answer{status: 400}, false, ""},
		"server overloaded": {answer{status: 503}, false, "transient"},
	} {
		t.Run(name, func(t *testing.T) {
			var login string
			script := &script{answers: map[string][]answer{version: {c.answer}}}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				login += r.Header.Get("Authorization")
				script.ServeHTTP(w, r)
			}))
			defer server.Close()
			got, err := Provider().Probe(t.Context(), serverOf(server))
			if got != c.want || kind(err) != c.err {
				t.Errorf("got %v, %v", got, err)
			}
			if login != "" {
				t.Errorf("it was sent %q", login)
			}
		})
	}
}

func TestOwns(t *testing.T) {
	p := Provider()
	got := map[string]bool{}
	for _, host := range []string{"codeberg.org", "gitea.com", "git.codeberg.org", "gitea.com.example.com", "github.com", "gitea.example.com"} {
		got[host] = p.Owns(host)
	}
	want := map[string]bool{
		"codeberg.org": true, "gitea.com": true, "git.codeberg.org": false, "gitea.com.example.com": false, "github.com": false,
		"gitea.example.com": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("https://git.example.com:3000/api/v1", p.API("https", "git.example.com:3000")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
