// Package controlplane starts the parts of the local control plane in the order
// that their dependencies ask for, and everything else at the same time.
//
// Promise: Start returns when every part has answered, or with an error that
// names the part and carries the end of its log. Everything that it started
// belongs to the supervisor that it was given.
//
// All servers listen on the loopback interface, with the exceptions named in
// the README: parts that offer no choice of address.
package controlplane

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/build"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/gitserver"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/pki"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/ports"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/process"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/progress"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/state"
)

// Options of a control plane.
type Options struct {
	Cache      build.Cache
	Helm       build.Cache // of the helm command
	Gitea      build.Cache
	Tkn        build.Cache // of the tkn command
	Supervisor *process.Supervisor
	DataDir    string // exists; everything that the parts write goes below it
	LogDir     string // exists
	Progress   *progress.Printer
	Now        func() time.Time
}

const (
	loopback     = "127.0.0.1"
	readyTimeout = 90 * time.Second // for one part; generous, for busy machines
)

// ControlPlane is what the parts share while they start.
type ControlPlane struct {
	Options
	ca      *pki.CA
	ports   portNumbers
	admin   *rest.Config
	client  kubernetes.Interface
	dynamic dynamic.Interface
	git     *gitserver.Server
	argocd  state.ArgoCD
	gitea   state.Gitea
}

type portNumbers struct {
	etcd, etcdPeer, api, controllerManager, scheduler       int
	tektonProbes, tektonMetrics, tektonProfiling            int
	webhook, webhookProbes, webhookMetrics                  int
	webhookProfiling                                        int
	argoServer, argoServerMetrics, argoRepo, argoRepoHealth int
	argoControllerMetrics, argoCommit, argoCommitHealth     int
	gitea                                                   int
}

func (p *portNumbers) choose() error {
	all := []*int{
		&p.etcd, &p.etcdPeer, &p.api, &p.controllerManager, &p.scheduler,
		&p.tektonProbes, &p.tektonMetrics, &p.tektonProfiling,
		&p.webhook, &p.webhookProbes, &p.webhookMetrics, &p.webhookProfiling,
		&p.argoServer, &p.argoServerMetrics, &p.argoRepo, &p.argoRepoHealth, &p.argoControllerMetrics,
		&p.argoCommit, &p.argoCommitHealth, &p.gitea,
	}
	free, err := ports.Free(len(all))
	if err != nil {
		return err
	}
	for i, port := range free {
		*all[i] = port
	}
	return nil
}

// Start starts everything. The in-process parts run until ctx ends.
func Start(ctx context.Context, o Options) (state.State, error) {
	c := &ControlPlane{Options: o}
	if err := c.prepare(ctx); err != nil {
		return state.State{}, err
	}
	if err := c.startAPIServer(ctx); err != nil {
		return state.State{}, err
	}
	if err := c.installNamespaces(ctx); err != nil {
		return state.State{}, err
	}
	g, groupCtx := errgroup.WithContext(ctx)
	for _, part := range []struct {
		name  string
		start func(context.Context) error
	}{
		{"kube-controller-manager", c.startControllerManager},
		{"kube-scheduler", c.startScheduler},
		{"the node", func(groupCtx context.Context) error { return c.startKubelet(ctx, groupCtx) }},
		{"Gitea", c.startGitea},
		{"Tekton", inOrder(c.installTekton, c.startTekton)},
		{"Argo CD", inOrder(c.installArgoCD, func(groupCtx context.Context) error { return c.startArgoCD(ctx, groupCtx) })},
	} {
		g.Go(func() error {
			task := o.Progress.Begin("starting " + part.name)
			return task.End(part.start(groupCtx))
		})
	}
	if err := g.Wait(); err != nil {
		return state.State{}, err
	}
	return c.state(), nil
}

func inOrder(steps ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, step := range steps {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c *ControlPlane) prepare(ctx context.Context) error {
	for _, dir := range []string{"bin", "home", "tmp", "etcd", "pki", "git", "argocd/tls", "argocd/ssh", "argocd/gpg", "argocd/plugins", "argocd/app"} {
		if err := os.MkdirAll(c.path(dir), 0o700); err != nil {
			return err
		}
	}
	if err := c.linkCommands(); err != nil {
		return err
	}
	if err := c.ports.choose(); err != nil {
		return err
	}
	c.chooseGitea()
	var err error
	if c.ca, err = pki.NewCA("local control plane", c.Now()); err != nil {
		return err
	}
	if err := c.write("ca.crt", c.ca.Cert); err != nil {
		return err
	}
	server, err := c.ca.Server(serverNames(), c.Now())
	if err != nil {
		return err
	}
	if err := c.writePair("pki/server", server); err != nil {
		return err
	}
	return c.startGit(ctx)
}

// serverNames are the names under which clients reach the servers.
func serverNames() []string {
	return []string{"localhost", loopback, "::1", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "argocd-server.argocd.svc"}
}

func (c *ControlPlane) startGit(ctx context.Context) error {
	access, err := os.OpenFile(filepath.Join(c.LogDir, "git.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	c.git, err = gitserver.Start(gitserver.Options{
		Root: c.path("git"), Home: c.path("home"), Log: access, Now: c.Now,
		CertFile: c.path("pki/server.crt"), KeyFile: c.path("pki/server.key"),
	})
	if err != nil {
		return fmt.Errorf("start the git server: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = c.git.Close() })
	return nil
}

func (c *ControlPlane) state() state.State {
	return state.State{
		Version:    state.Version,
		PID:        os.Getpid(),
		Kubernetes: state.Kubernetes{URL: c.admin.Host, Kubeconfig: c.path("kubeconfig"), CAFile: c.path("ca.crt")},
		ArgoCD:     c.argocd,
		Git: state.Git{
			HTTPURL: c.git.HTTPURL, HTTPSURL: c.git.HTTPSURL, CAFile: c.path("ca.crt"), Root: c.path("git"),
			Writer: state.User(c.git.Writer), Reader: state.User(c.git.Reader),
			SSH: state.SSH{URL: c.git.SSHURL, KnownHosts: c.git.KnownHosts, WriterKey: c.git.WriterKey, ReaderKey: c.git.ReaderKey},
		},
		Gitea:  c.gitea,
		BinDir: c.path("bin"), LogDir: c.LogDir, DataDir: c.DataDir,
	}
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.DataDir, name) }

func (c *ControlPlane) write(name string, data []byte) error {
	return os.WriteFile(c.path(name), data, 0o600)
}

func (c *ControlPlane) writePair(name string, p pki.Pair) error {
	if err := c.write(name+".crt", p.Cert); err != nil {
		return err
	}
	return c.write(name+".key", p.Key)
}

// env is the environment of a part: nothing of the caller's but the PATH, so
// that proxies, kubeconfigs and git settings of the machine stay out.
func (c *ControlPlane) env(extra ...string) []string {
	return append([]string{
		"PATH=" + strings.Join([]string{c.Cache.BinDir(), c.Helm.BinDir(), os.Getenv("PATH")}, string(os.PathListSeparator)),
		"HOME=" + c.path("home"),
		"TMPDIR=" + c.path("tmp"),
		"KUBECONFIG=" + c.path("kubeconfig"),
	}, extra...)
}

func (c *ControlPlane) run(name, binary string, env, args []string) (*process.Child, error) {
	return c.Supervisor.Start(process.Command{Name: name, Path: c.Cache.Bin(binary), Args: args, Env: env})
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
