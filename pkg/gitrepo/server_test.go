package gitrepo

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

func stall(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	<-r.Context().Done()
	return true
}

func TestTip(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	srv.New(t, "empty.git")
	cases := map[string]struct {
		repo, branch, password string
		want                   error
	}{
		"the branch":            {"acme/catalog.git", "main", gittest.Password, nil},
		"a missing branch":      {"acme/catalog.git", "nope", gittest.Password, ErrBranchNotFound},
		"the end of a name":     {"acme/catalog.git", "ain", gittest.Password, ErrBranchNotFound},
		"an empty repository":   {"empty.git", "main", gittest.Password, ErrEmpty},
		"no such repository":    {"nothing.git", "main", gittest.Password, ErrNotFound},
		"a wrong token":         {"acme/catalog.git", "main", "wr0ng-" + gittest.Password, ErrUnauthorized},
		"a token that may read": {"acme/catalog.git", "main", gittest.ReadOnly, nil},
		"no credentials at all": {"acme/catalog.git", "main", "", ErrUnauthorized},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			remote := Remote{URL: srv.URL + "/" + c.repo, Branch: c.branch}
			if c.password != "" {
				remote.Auth = Auth{Username: gittest.User, Password: c.password}
			}
			r, err := Open(remote, Options{AllowHTTP: true})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			tip, err := r.Tip(t.Context())
			wantError(t, err, c.want)
			if err == nil && tip != repo.Git("rev-parse", "main") {
				t.Errorf("tip is %s", tip)
			}
		})
	}
}

func TestCheckPush(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	for password, want := range map[string]error{gittest.Password: nil, gittest.ReadOnly: ErrForbidden, "wrong": ErrUnauthorized} {
		r, err := Open(Remote{URL: repo.URL, Branch: "main", Auth: Auth{Username: gittest.User, Password: password}}, Options{AllowHTTP: true})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, r.CheckPush(t.Context()), want)
		r.Close()
	}
}

// What a server may answer instead of git, on each of the requests.
func TestAnswers(t *testing.T) {
	type answer struct {
		status         int
		location, kind string
		body           string
	}
	cases := map[string]struct {
		answer answer
		want   error  // nil: an error that is none of ours, that is: transient
		words  string // part of the text
	}{
		"unauthorized":        {answer{401, "", "text/plain", "token expired " + gittest.Password}, ErrUnauthorized, "token expired [redacted]"},
		"forbidden":           {answer{403, "", "text/plain; charset=utf-8", "Write access not granted.\x1b[31m"}, ErrForbidden, "Write access not granted.[31m"},
		"a page":              {answer{403, "", "text/html", "<html>"}, ErrForbidden, "(HTTP 403)"},
		"not found":           {answer{404, "", "", ""}, ErrNotFound, "HTTP 404"},
		"gone":                {answer{410, "", "", ""}, ErrNotFound, "HTTP 410"},
		"pack too large":      {answer{413, "", "", ""}, ErrTooLarge, "HTTP 413"},
		"server error":        {answer{500, "", "text/plain", "oops"}, nil, "HTTP 500): oops"},
		"bad gateway":         {answer{502, "", "text/html", "<html>"}, nil, "HTTP 502"},
		"too many requests":   {answer{429, "", "", ""}, nil, "HTTP 429"},
		"moved to a new host": {answer{301, "https://u:inl1ne-s3cret@new.example.com/x/y/info/refs?service=git-upload-pack", "", ""}, ErrRedirect, "change the URL to https://new.example.com/x/y if"},
		"a login page":        {answer{200, "", "text/html", "<html>Sign in"}, ErrNotGit, "text/html"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv := gittest.Start(t)
			repo := sampleRepo(t, srv)
			step := ""
			srv.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if !strings.HasSuffix(r.URL.Path, step) {
					return false
				}
				w.Header().Set("Content-Type", c.answer.kind)
				if c.answer.location != "" {
					w.Header().Set("Location", c.answer.location)
				}
				w.WriteHeader(c.answer.status)
				fmt.Fprint(w, c.answer.body)
				return true
			})
			check := func(err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), c.words) {
					t.Errorf("%s: error is %v, want %q in it", step, err, c.words)
				}
				wantError(t, err, errOr(c.want, err))
			}
			r := open(t, repo, Options{})
			step = "nothing"
			s, commit, files := plan(t, r, "")
			step = "/info/refs"
			_, err := r.Tip(t.Context())
			check(err)
			step = "/git-upload-pack"
			_, err = r.Snapshot(t.Context(), s.Commit())
			check(err)
			step = "/git-receive-pack"
			check(r.Push(t.Context(), s, commit, files))
		})
	}
}

func TestRedirectOnTheSameHostIsFollowed(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	srv.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.HasPrefix(r.URL.Path, "/old/") {
			return false
		}
		http.Redirect(w, r, strings.Replace(r.URL.String(), "/old/", "/acme/", 1), http.StatusMovedPermanently)
		return true
	})
	r, err := Open(Remote{URL: strings.Replace(repo.URL, "/acme/", "/old/", 1), Branch: "main", Auth: login}, Options{AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := snapshot(t, r).ReadFile(t.Context(), devFile); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(repo.URL, r.String()); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialsStayOnTheirHost(t *testing.T) {
	stolen := make(chan string, 10)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen <- r.Header.Get("Authorization")
	}))
	defer thief.Close()
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	srv.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		http.Redirect(w, r, thief.URL+r.URL.String(), http.StatusTemporaryRedirect)
		return true
	})
	_, err := open(t, repo, Options{}).Tip(t.Context())
	wantError(t, err, ErrRedirect)
	if len(stolen) > 0 {
		t.Errorf("the other host was asked, with authorization %q", <-stolen)
	}
}

func TestTLS(t *testing.T) {
	srv := gittest.StartTLS(t)
	repo := sampleRepo(t, srv)
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	cases := map[string]struct {
		url  string
		ca   []byte
		want error
	}{
		"with the right CA":       {repo.URL, srv.CA, nil},
		"without it":              {repo.URL, nil, ErrCertificate},
		"for another host's name": {strings.Replace(repo.URL, "127.0.0.1", "localhost", 1), srv.CA, ErrCertificate},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := Open(Remote{URL: c.url, Branch: "main", Auth: login, CA: c.ca}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, err = r.Tip(t.Context())
			wantError(t, err, c.want)
			if err != nil {
				return
			}
			s, commit, files := plan(t, r, "x: 2\n")
			if err := r.Push(t.Context(), s, commit, files); err != nil {
				t.Error(err)
			}
			repo.Fsck()
		})
	}
}

func TestConnectionIsKeptAndDialled(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	var dialled []string
	var dialer net.Dialer
	r := open(t, repo, Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = append(dialled, addr)
		return dialer.DialContext(ctx, network, addr)
	}})
	if _, err := snapshot(t, r).ReadFile(t.Context(), devFile); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(strings.TrimPrefix(repo.URL, "http://"), "/acme/catalog.git")
	if diff := cmp.Diff([]string{want}, dialled); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedAddressIsNotDialled(t *testing.T) {
	repo := sampleRepo(t, gittest.Start(t))
	denied := fmt.Errorf("address is not allowed")
	r := open(t, repo, Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, denied }})
	_, err := r.Tip(t.Context())
	wantError(t, err, denied)
}

// A server that cannot leave out history, and one that has no complete history itself.
func TestServersAndDepth(t *testing.T) {
	without := func(capability string) gittest.Interceptor {
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if !strings.HasSuffix(r.URL.Path, "/info/refs") {
				return false
			}
			recorded := httptest.NewRecorder()
			next.ServeHTTP(recorded, r)
			w.Header().Set("Content-Type", recorded.Header().Get("Content-Type"))
			// The length of the line stays.
			_, _ = io.WriteString(w, strings.Replace(recorded.Body.String(), " "+capability+" ", " "+strings.Repeat("x", len(capability))+" ", 1))
			return true
		}
	}
	cases := map[string]struct {
		intercept gittest.Interceptor
		filter    string
		truncated bool
	}{
		"without shallow":             {intercept: without("shallow"), filter: "true"},
		"without shallow and filter":  {intercept: without("shallow"), filter: "false"},
		"a shallow repository":        {filter: "true", truncated: true},
		"a shallow one and no filter": {filter: "false", truncated: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv := gittest.Start(t)
			repo := sampleRepo(t, srv)
			for i := range 3 {
				repo.Commit(map[string]gittest.File{"other": {Data: fmt.Sprint(i)}})
			}
			repo.Git("config", "uploadpack.allowFilter", c.filter)
			if c.truncated {
				if err := os.WriteFile(filepath.Join(repo.Dir, "shallow"), []byte(repo.Git("rev-parse", "main~1")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			srv.Intercept(c.intercept)
			r := open(t, repo, Options{})
			commit := pushOneTag(t, r)
			if diff := cmp.Diff("M\t"+devFile, repo.Git("diff", "--name-status", commit.Parent, "main")); diff != "" {
				t.Error(diff)
			}
			if got, err := r.Contains(t.Context(), commit.ID, commit.Parent); got != Yes || err != nil {
				t.Errorf("Contains is %s, %v", got, err)
			}
		})
	}
}
