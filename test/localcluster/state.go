package localcluster

import (
	"encoding/json"
	"fmt"
	"io"
)

const stateVersion = 1

// State tells how to reach every part of the control plane. It is what the
// program prints; test/cluster/README.md documents it. Paths are absolute.
type State struct {
	Version    int        `json:"version"`
	PID        int        `json:"pid"`
	Kubernetes Kubernetes `json:"kubernetes"`
	ArgoCD     ArgoCD     `json:"argocd"`
	Git        Git        `json:"git"`
	Gitea      Gitea      `json:"gitea"`
	BinDir     string     `json:"binDir"`
	LogDir     string     `json:"logDir"`
	DataDir    string     `json:"dataDir"`
}

// Kubernetes is the API server; the kubeconfig is a cluster administrator's.
type Kubernetes struct {
	URL        string `json:"url"`
	Kubeconfig string `json:"kubeconfig"`
	CAFile     string `json:"caFile"`
}

// ArgoCD is the Argo CD API server. Tokens has those of the local accounts
// "pipeline" (get, sync and restart), "synconly" (get and sync) and "restricted"
// (get only), Passwords that of "person" (as pipeline). At WebAddress is a proxy
// before it that carries gRPC-web but not gRPC.
type ArgoCD struct {
	Version       string            `json:"version"`
	Address       string            `json:"address"`
	URL           string            `json:"url"`
	WebAddress    string            `json:"webAddress"`
	CAFile        string            `json:"caFile"`
	Namespace     string            `json:"namespace"`
	AdminPassword string            `json:"adminPassword"`
	Hydrator      bool              `json:"hydrator"` // whether it runs
	Tokens        map[string]string `json:"tokens"`
	Passwords     map[string]string `json:"passwords"`
}

// Git is the git server. Root holds the bare repositories.
type Git struct {
	HTTPURL  string  `json:"httpURL"`
	HTTPSURL string  `json:"httpsURL"`
	CAFile   string  `json:"caFile"`
	Root     string  `json:"root"`
	Writer   GitUser `json:"writer"`
	Reader   GitUser `json:"reader"`
	SSH      GitSSH  `json:"ssh"`
}

// GitSSH is the git server's ssh side: the same repositories and accounts.
type GitSSH struct {
	URL        string `json:"url"`
	KnownHosts string `json:"knownHosts"`
	WriterKey  string `json:"writerKey"`
	ReaderKey  string `json:"readerKey"`
}

// GitUser is an account of the git server, or of Gitea.
type GitUser struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

func readState(r io.Reader) (State, error) {
	var s State
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return State{}, fmt.Errorf("read the description of the control plane: %w", err)
	}
	if s.Version != stateVersion {
		return State{}, fmt.Errorf("the control plane describes itself in version %d; this code reads %d", s.Version, stateVersion)
	}
	return s, nil
}
