package localcluster

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRepositoryHoldsWhatIsCommitted(t *testing.T) {
	ctx := t.Context()
	c := &Cluster{State: State{Git: Git{Root: t.TempDir(), HTTPURL: "http://127.0.0.1:1"}}}
	r, err := c.CreateRepository(ctx, "team/app", map[string]string{"a.txt": "no line end", "dir/b.txt": "two\n\n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateRepository(ctx, "team/app", nil); err == nil {
		t.Error("a repository was created twice")
	}
	first, err := r.Tip(ctx, Branch)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Commit(ctx, Branch, "Change\n\nTrailer: yes", map[string]string{"a.txt": "new\r\n"})
	if err != nil {
		t.Fatal(err)
	}
	third, err := r.Remove(ctx, Branch, "Remove", "dir/b.txt")
	if err != nil {
		t.Fatal(err)
	}
	const author = "Somebody <somebody@example.com>"
	want := []Commit{{third, author, "Remove"}, {second, author, "Change\n\nTrailer: yes"}, {first, author, "Initial commit"}}
	log, err := r.Log(ctx, Branch)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	for _, file := range []struct{ revision, path, content string }{
		{first, "a.txt", "no line end"}, {first, "dir/b.txt", "two\n\n"}, {third, "a.txt", "new\r\n"},
	} {
		got, err := r.ReadFile(ctx, file.revision, file.path)
		if err != nil || got != file.content {
			t.Errorf("%s at %s: %q, %v; want %q", file.path, file.revision, got, err, file.content)
		}
	}
	if _, err := r.ReadFile(ctx, third, "dir/b.txt"); err == nil {
		t.Error("a removed file is still there")
	}
	if got, want := r.HTTPURL, "http://127.0.0.1:1/team/app.git"; got != want {
		t.Errorf("URL %s, want %s", got, want)
	}
}

// The program's own test writes and compares the same file.
func TestStateIsWhatTheProgramPrints(t *testing.T) {
	f, err := os.Open("../cluster/internal/state/testdata/state.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := readState(f)
	if err != nil {
		t.Fatal(err)
	}
	want := State{
		Version:    1,
		PID:        42,
		Kubernetes: Kubernetes{URL: "https://127.0.0.1:20001", Kubeconfig: "/data/kubeconfig", CAFile: "/data/ca.crt"},
		ArgoCD: ArgoCD{
			Version: "v2.14.21", Address: "127.0.0.1:20002", URL: "https://127.0.0.1:20002", WebAddress: "127.0.0.1:20005",
			CAFile: "/data/ca.crt", Namespace: "argocd", AdminPassword: "admin-password", Hydrator: true,
			Tokens: map[string]string{"pipeline": "token-1", "restricted": "token-2"}, Passwords: map[string]string{"person": "password-3"},
		},
		Git: Git{
			HTTPURL: "http://127.0.0.1:20003", HTTPSURL: "https://127.0.0.1:20004", CAFile: "/data/ca.crt", Root: "/data/git",
			Writer: GitUser{"writer", "password-1"}, Reader: GitUser{"reader", "password-2"},
			SSH: GitSSH{URL: "ssh://git@127.0.0.1:20006", KnownHosts: "[127.0.0.1]:20006 ssh-ed25519 AAAA", WriterKey: "key-1", ReaderKey: "key-2"},
		},
		Gitea:  Gitea{URL: "http://127.0.0.1:20007", Admin: GitUser{"administrator", "password-4"}, AdminToken: "token-5"},
		BinDir: "/cache/bin", LogDir: "/data/logs", DataDir: "/data",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}
