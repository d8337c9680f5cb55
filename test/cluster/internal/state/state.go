// Package state is the description of a running control plane that its users
// read: one JSON object, printed to standard output and written to a file. It
// holds the passwords and tokens of the control plane and nothing else secret.
package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Version of the format. It changes when a field is removed or changes meaning.
const Version = 1

// State tells how to reach every part. All paths are absolute.
type State struct {
	Version    int        `json:"version"`
	PID        int        `json:"pid"` // of the program that runs the parts
	Kubernetes Kubernetes `json:"kubernetes"`
	ArgoCD     ArgoCD     `json:"argocd"`
	Git        Git        `json:"git"`
	Gitea      Gitea      `json:"gitea"`
	BinDir     string     `json:"binDir"` // kubectl, argocd, kustomize, ...
	LogDir     string     `json:"logDir"`
	DataDir    string     `json:"dataDir"` // removed when the control plane stops
}

// Kubernetes is the API server.
type Kubernetes struct {
	URL        string `json:"url"`
	Kubeconfig string `json:"kubeconfig"` // of a cluster administrator
	CAFile     string `json:"caFile"`
}

// ArgoCD is the Argo CD API server; it speaks TLS.
type ArgoCD struct {
	Version string `json:"version"` // such as v2.14.21
	Address string `json:"address"` // host:port
	URL     string `json:"url"`
	// WebAddress is of a proxy before it that speaks TLS, with a certificate of
	// the same CA, and HTTP/1.1 only: gRPC-web passes, gRPC does not.
	WebAddress    string `json:"webAddress"`
	CAFile        string `json:"caFile"`
	Namespace     string `json:"namespace"` // where Applications live; others are enabled too
	AdminPassword string `json:"adminPassword"`
	Hydrator      bool   `json:"hydrator"` // whether it runs
	// Tokens by local account: "pipeline" may get, sync and restart every
	// Application, "synconly" may get and sync, "restricted" may only get.
	Tokens map[string]string `json:"tokens"`
	// Passwords by local account: "person" may do what "pipeline" may.
	Passwords map[string]string `json:"passwords"`
}

// Git is the git server. A repository is a bare repository below Root; the
// path below Root, with .git, is the path of its URL.
type Git struct {
	HTTPURL  string `json:"httpURL"`
	HTTPSURL string `json:"httpsURL"`
	CAFile   string `json:"caFile"`
	Root     string `json:"root"`
	Writer   User   `json:"writer"` // fetches and pushes
	Reader   User   `json:"reader"` // fetches only
	SSH      SSH    `json:"ssh"`
}

// SSH is the git server's ssh side: the same repositories and accounts.
type SSH struct {
	URL        string `json:"url"`
	KnownHosts string `json:"knownHosts"` // a line for one of its host keys
	WriterKey  string `json:"writerKey"`  // private keys, as OpenSSH writes them
	ReaderKey  string `json:"readerKey"`
}

// Gitea is a git host with pull requests. Argo CD may read all of it.
type Gitea struct {
	URL        string `json:"url"`
	Admin      User   `json:"admin"`
	AdminToken string `json:"adminToken"`
}

// User is an account of the git server, or of Gitea.
type User struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Encode returns the JSON form.
func (s State) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// Write stores s at path, at once and readable by its owner only.
func (s State) Write(path string) error {
	data, err := s.Encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".state-*")
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}
