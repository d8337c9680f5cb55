package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

func sshAuth(h *gittest.SSH) Auth {
	return Auth{SSHKey: h.Writer, KnownHosts: h.KnownHosts()}
}

func openSSH(t *testing.T, url string, auth Auth, o Options) *Repository {
	t.Helper()
	r, err := Open(Remote{URL: url, Branch: "main", Auth: auth}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// services are the commands that a server ran, without their paths.
func services(h *gittest.SSH) string {
	var names []string
	for _, command := range h.Commands() {
		name, _, _ := strings.Cut(command, " ")
		names = append(names, strings.TrimPrefix(name, "git-"))
	}
	return strings.Join(names, " ")
}

// The same deploy as over http, on every kind of server.
func TestSSHDeployOneTag(t *testing.T) {
	cases := map[string]struct {
		config   []string
		walk     bool
		services string // one session each, but for the first fetch, which follows in the session of the tip
	}{
		"server with partial fetch":             {services: "upload-pack upload-pack receive-pack"},
		"trees one by one":                      {walk: true, services: "upload-pack upload-pack upload-pack upload-pack upload-pack receive-pack"},
		"server without filter":                 {config: []string{"uploadpack.allowFilter=false"}, services: "upload-pack receive-pack"},
		"server without objects by id":          {config: []string{"uploadpack.allowAnySHA1InWant=false"}, services: "upload-pack receive-pack"},
		"server that refuses filters it offers": {config: []string{"uploadpackfilter.allow=false"}, services: "upload-pack upload-pack upload-pack receive-pack"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv := gittest.Start(t)
			repo := sampleRepo(t, srv)
			host := srv.StartSSH(t)
			for _, kv := range c.config {
				key, value, _ := strings.Cut(kv, "=")
				repo.Git("config", key, value)
			}
			r := openSSH(t, host.URL(repo), sshAuth(host), Options{})
			r.bigTrees = c.walk
			commit := pushOneTag(t, r)
			if diff := cmp.Diff(c.services, services(host)); diff != "" {
				t.Error(diff)
			}
			if n := host.Logins(); n != 1 {
				t.Errorf("%d logins, want one", n)
			}
			if diff := cmp.Diff(commit.ID, repo.Git("rev-parse", "main")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff("M\t"+devFile, repo.Git("diff", "--name-status", commit.Parent, commit.ID)); diff != "" {
				t.Error(diff)
			}
			repo.Fsck()
		})
	}
}

func pushOneTag(t *testing.T, r *Repository) Commit {
	t.Helper()
	s := snapshot(t, r)
	before, err := s.ReadFile(t.Context(), devFile)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{devFile: []byte(strings.Replace(string(before), "v1", "v2", 1))}
	commit, err := s.Plan(t.Context(), files, message("Set app to v2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context(), s, commit, files); err != nil {
		t.Fatal(err)
	}
	return commit
}

func TestSSHPathsReachTheServerAsTheyAre(t *testing.T) {
	srv := gittest.Start(t)
	host := srv.StartSSH(t)
	for _, name := range []string{"plain.git", "it's !here $(id) `id` \\ ; &.git", "späce%20 ünd.git"} {
		repo := srv.New(t, name)
		want := repo.Commit(sample2())
		got, err := openSSH(t, sshURL(host, repo.Dir), sshAuth(host), Options{}).Tip(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: tip is %s, %v", name, got, err)
		}
	}
}

func sample2() map[string]gittest.File { return map[string]gittest.File{"a": {Data: "x"}} }

// sshURL escapes a path.
func sshURL(h *gittest.SSH, dir string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", "#", "%23", "?", "%3F").Replace("ssh://git@" + h.Address + dir)
}

func TestSSHCommandLine(t *testing.T) {
	cases := map[string]string{
		"ssh://git@git.example.com/acme/catalog.git/": "git-upload-pack '/acme/catalog.git'",
		"ssh://git.example.com:2222/acme/catalog":     "git-upload-pack '/acme/catalog'",
		"ssh://git@git.example.com/~me/catalog":       "git-upload-pack '~me/catalog'",
		"git@git.example.com:acme/catalog.git":        "git-upload-pack 'acme/catalog.git'",
		"git@git.example.com:/srv/catalog.git":        "git-upload-pack '/srv/catalog.git'",
		"git@git.example.com:~me/it's!":               `git-upload-pack '~me/it'\''s'\!''`,
	}
	for url, want := range cases {
		u, err := parseRemoteURL(url, false)
		if err != nil {
			t.Fatal(err)
		}
		transport, err := newSSH(u, Auth{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, commandLine(uploadPack, transport.path)); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
}

func TestSSHRefusals(t *testing.T) {
	cases := map[string]struct {
		hook      string
		config    string
		reader    bool
		wantCheck error // of CheckPush
		want      error // of Push
		words     string
	}{
		"a hook says no":                  {hook: "echo 'GL-HOOK-ERR: protected branch main' >&2; exit 1", want: ErrRejected, words: "pre-receive hook declined (remote: GL-HOOK-ERR: protected branch main)"},
		"a key that may only read":        {reader: true, wantCheck: ErrForbidden, want: ErrForbidden, words: "marked as read only"},
		"a pack above the server's limit": {config: "receive.maxInputSize=10", want: ErrRejected, words: "unpack"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv := gittest.Start(t)
			repo := sampleRepo(t, srv)
			host := srv.StartSSH(t)
			if c.hook != "" {
				repo.Hook("pre-receive", c.hook)
			}
			if key, value, ok := strings.Cut(c.config, "="); ok {
				repo.Git("config", key, value)
			}
			auth := sshAuth(host)
			if c.reader {
				auth.SSHKey = host.Reader
			}
			r := openSSH(t, host.URL(repo), auth, Options{})
			wantError(t, r.CheckPush(t.Context()), c.wantCheck)
			s := snapshot(t, r)
			files := map[string][]byte{devFile: []byte("x: 1\n")}
			commit, err := s.Plan(t.Context(), files, message("x"))
			if err != nil {
				t.Fatal(err)
			}
			err = r.Push(t.Context(), s, commit, files)
			wantError(t, err, c.want)
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("error is %v, want %q in it", err, c.words)
			}
			if got := repo.Git("rev-parse", "main"); got != s.Commit() {
				t.Errorf("branch is at %s", got)
			}
			// The connection has survived it.
			if n := host.Logins(); n != 1 {
				t.Errorf("%d logins, want one", n)
			}
		})
	}
}

func TestSSHTip(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	empty := srv.New(t, "empty.git")
	host := srv.StartSSH(t)
	_, stranger := gittest.NewKey(t)
	host.Change(func() { host.Banner = "Keys are\r\nat https://git.example.com/keys" })
	cases := map[string]struct {
		dir, branch string
		key         []byte
		want        error
		words       string
	}{
		"the branch":          {dir: repo.Dir, branch: "main", key: host.Writer},
		"a missing branch":    {dir: repo.Dir, branch: "nope", key: host.Writer, want: ErrBranchNotFound},
		"an empty repository": {dir: empty.Dir, branch: "main", key: host.Writer, want: ErrEmpty},
		"no such repository":  {dir: repo.Dir + "x", branch: "main", key: host.Writer, want: ErrNotFound, words: "does not appear to be a git repository"},
		"a key that nobody knows": {dir: repo.Dir, branch: "main", key: stranger, want: ErrUnauthorized,
			words: "user git with the key " + fingerprint(t, stranger) + "; add that key to the server, with the right to push (remote: Keys are at https://git.example.com/keys)"},
		"no key": {dir: repo.Dir, branch: "main", want: ErrUnauthorized, words: "user git without a key; put ssh-privatekey into the Secret"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := Open(Remote{URL: sshURL(host, c.dir), Branch: c.branch, Auth: Auth{SSHKey: c.key, KnownHosts: host.KnownHosts()}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			tip, err := r.Tip(t.Context())
			wantError(t, err, c.want)
			if err == nil && tip != repo.Git("rev-parse", "main") {
				t.Errorf("tip is %s", tip)
			}
			if err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("error is %v, want %q in it", err, c.words)
			}
		})
	}
}

func fingerprint(t *testing.T, key []byte) string {
	t.Helper()
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey().Type() + " " + ssh.FingerprintSHA256(signer.PublicKey())
}

func TestSSHPushToABranchThatMoved(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	r := openSSH(t, host.URL(repo), sshAuth(host), Options{})
	s := snapshot(t, r)
	files := map[string][]byte{devFile: []byte("x: 1\n")}
	commit, err := s.Plan(t.Context(), files, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := repo.Commit(sample2())
	wantError(t, r.Push(t.Context(), s, commit, files), ErrMoved)
	if diff := cmp.Diff(theirs, repo.Git("rev-parse", "main")); diff != "" {
		t.Error(diff)
	}
	for question, want := range map[[2]string]Answer{{theirs, commit.Parent}: Yes, {commit.Parent, theirs}: No} {
		if got, err := r.Contains(t.Context(), question[0], question[1]); got != want || err != nil {
			t.Errorf("%s is %s, %v; want %s", question, got, err, want)
		}
	}
}

// The server takes the push, and the connection is cut before it can say so.
func TestSSHAnswerToThePushIsLost(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	r := openSSH(t, host.URL(repo), sshAuth(host), Options{})
	s := snapshot(t, r)
	files := map[string][]byte{devFile: []byte("x: 1\n")}
	commit, err := s.Plan(t.Context(), files, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	cut := false
	intercept := func(command string, ch ssh.Channel) bool {
		if !strings.HasPrefix(command, receivePack) || cut {
			return false
		}
		cut = true
		host.Shell(command, ch, &untilFlush{to: ch})
		host.Hangup()
		return true
	}
	host.Change(func() { host.Intercept = intercept })
	err = r.Push(t.Context(), s, commit, files)
	if err == nil || errors.Is(err, ErrRejected) || errors.Is(err, ErrMoved) {
		t.Errorf("error is %v, want a transient one", err)
	}
	tip, err := r.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(commit.ID, tip); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("upload-pack receive-pack upload-pack", services(host)); diff != "" {
		t.Errorf("the push was repeated: %s", diff)
	}
}

// untilFlush lets the references through, and drops the report that follows.
type untilFlush struct {
	to   ssh.Channel
	done bool
}

func (u *untilFlush) Write(p []byte) (int, error) {
	if !u.done {
		u.done = strings.HasSuffix(string(p), "0000")
		return u.to.Write(p)
	}
	return len(p), nil
}

// Between two requests the server restarts, or a firewall forgets the connection.
func TestSSHConnectsAgain(t *testing.T) {
	for name, oneSession := range map[string]bool{"after the connection died": false, "where each session needs a connection": true} {
		t.Run(name, func(t *testing.T) {
			srv := gittest.Start(t)
			repo := sampleRepo(t, srv)
			host := srv.StartSSH(t)
			host.Change(func() { host.OneSession = oneSession })
			r := openSSH(t, host.URL(repo), sshAuth(host), Options{})
			hangup := func() {
				if !oneSession {
					host.Hangup()
				}
			}
			tip, err := r.Tip(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			hangup()
			s, err := r.Snapshot(t.Context(), tip)
			if err != nil {
				t.Fatal(err)
			}
			hangup()
			if _, err := s.ReadFile(t.Context(), devFile); err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{devFile: []byte("x: 1\n")}
			commit, err := s.Plan(t.Context(), files, message("x"))
			if err != nil {
				t.Fatal(err)
			}
			hangup()
			if err := r.Push(t.Context(), s, commit, files); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(commit.ID, repo.Git("rev-parse", "main")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSSHDialsThroughThePolicy(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	var dialled []string
	var dialer net.Dialer
	r := openSSH(t, host.URL(repo), sshAuth(host), Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = append(dialled, network+" "+addr)
		return dialer.DialContext(ctx, network, addr)
	}})
	snapshot(t, r)
	if diff := cmp.Diff([]string{"tcp " + host.Address}, dialled); diff != "" {
		t.Error(diff)
	}
	denied := fmt.Errorf("address is not allowed")
	r = openSSH(t, host.URL(repo), sshAuth(host), Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, denied }})
	_, err := r.Tip(t.Context())
	wantError(t, err, denied)
}

func TestSSHOutputIsBounded(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	intercept := func(command string, ch ssh.Channel) bool {
		switch {
		case strings.Contains(command, "references"):
			host.Shell("yes '003f1111111111111111111111111111111111111111 refs/heads/x1234567'", ch, ch)
		case strings.Contains(command, "errors"):
			host.Shell("yes words | head -c 1000000 >&2; exit 1", ch, ch)
		default:
			return false
		}
		return true
	}
	host.Change(func() { host.Intercept = intercept })
	dir := filepath.Dir(repo.Dir)
	_, err := openSSH(t, sshURL(host, dir+"/references.git"), sshAuth(host), Options{MaxTotalBytes: 1 << 20}).Tip(t.Context())
	if err == nil || len(err.Error()) > maxWords+10 {
		t.Errorf("references without an end: %v", err)
	}
	_, err = openSSH(t, sshURL(host, dir+"/errors.git"), sshAuth(host), Options{}).Tip(t.Context())
	if err == nil || !strings.Contains(err.Error(), "words words") || len(err.Error()) > maxWords+10 {
		t.Errorf("a server that complains at length: %v", err)
	}
	// A pack that is larger than what may be fetched is not read to its end.
	repo.Commit(map[string]gittest.File{"large": {Data: strings.Repeat("0123456789abcdef", 1<<16)}})
	repo.Git("config", "uploadpack.allowFilter", "false")
	r := openSSH(t, host.URL(repo), sshAuth(host), Options{MaxTotalBytes: 1 << 19})
	tip, err := r.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Snapshot(t.Context(), tip)
	wantError(t, err, ErrTooLarge)
}
