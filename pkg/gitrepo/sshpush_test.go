package gitrepo

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo/internal/gittest"
)

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
			s, commit, files := plan(t, r, "x: 1\n")
			err := r.Push(t.Context(), s, commit, files)
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

func TestSSHPushToABranchThatMoved(t *testing.T) {
	srv := gittest.Start(t)
	repo := sampleRepo(t, srv)
	host := srv.StartSSH(t)
	r := openSSH(t, host.URL(repo), sshAuth(host), Options{})
	s, commit, files := plan(t, r, "x: 1\n")
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
	s, commit, files := plan(t, r, "x: 1\n")
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
	err := r.Push(t.Context(), s, commit, files)
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
