package gitrepo

import (
	"context"
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
