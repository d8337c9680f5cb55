package gitserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// overSSH runs git with the real ssh client.
func (s server) overSSH(t *testing.T, key, knownHosts string, succeed bool, dir string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Fatal("this test needs ssh: apt-get install openssh-client")
	}
	files := t.TempDir()
	for name, text := range map[string]string{"key": key, "known_hosts": knownHosts} {
		if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIT_SSH_COMMAND", "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o IdentityFile="+
		filepath.Join(files, "key")+" -o UserKnownHostsFile="+filepath.Join(files, "known_hosts"))
	return s.git(t, dir, succeed, arguments...)
}

func TestSSH(t *testing.T) {
	s := start(t)
	clone := s.pushed(t)
	_, stranger, err := newKey("stranger")
	if err != nil {
		t.Fatal(err)
	}
	url := s.SSHURL + "/team/app.git"
	s.overSSH(t, s.WriterKey, s.KnownHosts, true, ".", "clone", "--quiet", "--filter=blob:none", "--depth=1", url, filepath.Join(t.TempDir(), "clone"))
	s.git(t, clone, true, "commit", "--quiet", "--allow-empty", "--message", "second")
	s.overSSH(t, s.WriterKey, s.KnownHosts, true, clone, "push", "--quiet", url, "HEAD:main")
	s.overSSH(t, s.ReaderKey, s.KnownHosts, true, clone, "ls-remote", url)
	for _, refused := range []struct {
		key, knownHosts, url string
		verb                 []string
		want                 string
	}{
		{s.ReaderKey, s.KnownHosts, url, []string{"push", url, "HEAD:main"}, "marked as read only"},
		{stranger, s.KnownHosts, url, []string{"ls-remote", url}, "Permission denied (publickey)"},
		{s.WriterKey, "", url, []string{"ls-remote", url}, "Host key verification failed"},
		{s.WriterKey, s.KnownHosts, url, []string{"ls-remote", s.SSHURL + "/team/nothing.git"}, "does not appear to be a git repository"},
		{s.WriterKey, s.KnownHosts, url, []string{"ls-remote", s.SSHURL + "/../../team/nothing.git"}, "does not appear to be a git repository"},
	} {
		out := s.overSSH(t, refused.key, refused.knownHosts, false, clone, refused.verb...)
		if !strings.Contains(out, refused.want) {
			t.Errorf("%s: %s, want %q", refused.verb, out, refused.want)
		}
	}
	log := s.log.String()
	for _, want := range []string{`SSH git-receive-pack '/team/app.git' user="writer" status=0`, `user="reader" status=1`} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
}

func TestSSHRefusesOnDemand(t *testing.T) {
	s := start(t)
	clone := s.pushed(t)
	url := s.SSHURL + "/team/app.git"
	dir := filepath.Join(s.root, "team", "app.git")
	if err := os.WriteFile(filepath.Join(dir, refusalFile), []byte("ERROR: Repository not found."), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := s.overSSH(t, s.WriterKey, s.KnownHosts, false, clone, "ls-remote", url); !strings.Contains(out, "ERROR: Repository not found.") {
		t.Errorf("the words are missing: %s", out)
	}
	if err := os.Remove(filepath.Join(dir, refusalFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hooks", "pre-receive"), []byte("#!/bin/sh\necho \"not today, $REMOTE_USER\"\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.git(t, clone, true, "commit", "--quiet", "--allow-empty", "--message", "second")
	if out := s.overSSH(t, s.WriterKey, s.KnownHosts, false, clone, "push", url, "HEAD:main"); !strings.Contains(out, "not today, writer") {
		t.Errorf("the hook's words are missing: %s", out)
	}
	if out := s.overSSH(t, s.WriterKey, s.KnownHosts, false, clone, "-c", "remote.x.url="+url, "-c", "remote.x.uploadpack=id", "ls-remote", "x"); !strings.Contains(out, "only git may be run here") {
		t.Errorf("another command: %s", out)
	}
}
