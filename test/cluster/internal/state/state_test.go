package state

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The golden file is the contract with test/localcluster, whose test reads it.
func TestGolden(t *testing.T) {
	s := State{
		Version:    Version,
		PID:        42,
		Kubernetes: Kubernetes{URL: "https://127.0.0.1:20001", Kubeconfig: "/data/kubeconfig", CAFile: "/data/ca.crt"},
		ArgoCD: ArgoCD{
			Version: "v2.14.21", Address: "127.0.0.1:20002", URL: "https://127.0.0.1:20002", WebAddress: "127.0.0.1:20005",
			CAFile: "/data/ca.crt", Namespace: "argocd", AdminPassword: "admin-password", Hydrator: true,
			Tokens: map[string]string{"pipeline": "token-1", "restricted": "token-2"}, Passwords: map[string]string{"person": "password-3"},
		},
		Git: Git{
			HTTPURL: "http://127.0.0.1:20003", HTTPSURL: "https://127.0.0.1:20004", CAFile: "/data/ca.crt", Root: "/data/git",
			Writer: User{"writer", "password-1"}, Reader: User{"reader", "password-2"},
			SSH: SSH{URL: "ssh://git@127.0.0.1:20006", KnownHosts: "[127.0.0.1]:20006 ssh-ed25519 AAAA", WriterKey: "key-1", ReaderKey: "key-2"},
		},
		Gitea:  Gitea{URL: "http://127.0.0.1:20007", Admin: User{"administrator", "password-4"}, AdminToken: "token-5"},
		BinDir: "/cache/bin", LogDir: "/data/logs", DataDir: "/data",
	}
	path := filepath.Join(t.TempDir(), "new", "state.json")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/state.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the passwords has mode %v", info.Mode())
	}
}
