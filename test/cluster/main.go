// Cluster runs a Kubernetes control plane with Tekton, Argo CD and a git server
// on this machine's loopback interface, without containers. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/build"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/controlplane"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/process"
	"github.com/tekton-gitops/tekton-gitops/test/cluster/internal/progress"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == process.GuardArgument {
		process.RunGuard(os.Stdin)
		return
	}
	var o options
	o.register(flag.CommandLine)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := run(ctx, o, os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// argocdVariable names the version of Argo CD for programs that start this one.
const argocdVariable = "GITOPS_ARGOCD_VERSION"

type options struct {
	module    string
	cache     string
	argocd    string
	state     string
	keepLogs  string
	buildOnly bool
	giteaOnly bool
	untilEOF  bool
}

func (o *options) register(f *flag.FlagSet) {
	f.StringVar(&o.module, "module", ".", "`directory` of this program's module, which names what is built")
	f.StringVar(&o.cache, "cache", "", "`directory` for the built programs (default: tekton-gitops in the user's cache directory)")
	f.StringVar(&o.argocd, "argocd", os.Getenv(argocdVariable), "`version` of Argo CD (default: $"+argocdVariable+", or else "+build.DefaultArgoCD+")")
	f.StringVar(&o.state, "state", "", "`file` to write the JSON description to once everything is ready; removed at the end")
	f.StringVar(&o.keepLogs, "keep-logs", "", "`directory` for the logs of all parts, kept at the end (default: a temporary one)")
	f.BoolVar(&o.buildOnly, "build-only", false, "build what is missing in the cache and end")
	f.BoolVar(&o.giteaOnly, "only-gitea", false, "build and run Gitea, and nothing else")
	f.BoolVar(&o.untilEOF, "until-stdin-closes", false, "end when standard input ends")
}

func run(ctx context.Context, o options, stdin io.Reader, stdout io.Writer, stderr *os.File) error {
	started := time.Now()
	printer := progress.New(stderr, isTerminal(stderr), time.Now)
	defer printer.Close()
	if o.untilEOF {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			cancel()
		}()
	}
	built, err := ensureCaches(ctx, o, printer)
	if err != nil || o.buildOnly {
		return err
	}
	return serve(ctx, o, built, printer, stdout, started)
}

// caches are what is built from the modules: this one, and those in its folders.
type caches struct{ own, helm, gitea, tkn build.Cache }

func ensureCaches(ctx context.Context, o options, p *progress.Printer) (c caches, err error) {
	root := o.cache
	if root == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return c, fmt.Errorf("find the user's cache directory (-cache names another): %w", err)
		}
		root = filepath.Join(user, "tekton-gitops")
	}
	if root, err = filepath.Abs(root); err != nil {
		return c, err
	}
	if c.gitea, err = build.EnsureGitea(ctx, o.module, root, p); err != nil || o.giteaOnly {
		return c, err
	}
	if c.own, err = build.Ensure(ctx, o.module, root, o.argocd, p); err != nil {
		return c, err
	}
	if c.helm, err = build.EnsureHelm(ctx, o.module, root, p); err != nil {
		return c, err
	}
	c.tkn, err = build.EnsureTkn(ctx, o.module, root, p)
	return c, err
}

// serve runs the control plane until ctx ends or a part does.
func serve(ctx context.Context, o options, built caches, p *progress.Printer, stdout io.Writer, started time.Time) (err error) {
	// A short name: Unix sockets below it may have about 100 characters.
	dataDir, err := os.MkdirTemp("", "gitops-")
	if err != nil {
		return err
	}
	logDir := filepath.Join(dataDir, "logs")
	if o.keepLogs != "" {
		if logDir, err = filepath.Abs(o.keepLogs); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(logDir, 0o700); err != nil {
		return err
	}
	supervisor, err := process.New(dataDir, logDir)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dataDir))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer func() {
		cancel(nil)
		err = errors.Join(err, supervisor.Stop())
		p.Print("stopped; nothing is left running")
	}()
	go func() {
		select {
		case failure := <-supervisor.Failed():
			cancel(failure)
		case <-ctx.Done():
		}
	}()
	start := controlplane.Start
	if o.giteaOnly {
		start = controlplane.StartGitea
	}
	described, err := start(ctx, controlplane.Options{
		Cache: built.own, Helm: built.helm, Gitea: built.gitea, Tkn: built.tkn,
		Supervisor: supervisor, DataDir: dataDir, LogDir: logDir, Progress: p, Now: time.Now,
	})
	if ctx.Err() != nil {
		return whyEnded(ctx)
	}
	if err != nil {
		return err
	}
	if o.state != "" {
		if err := described.Write(o.state); err != nil {
			return err
		}
		defer os.Remove(o.state)
	}
	data, err := described.Encode()
	if err != nil {
		return err
	}
	if _, err := stdout.Write(data); err != nil {
		return err
	}
	use := "export KUBECONFIG=" + described.Kubernetes.Kubeconfig
	if o.giteaOnly {
		use = "Gitea is at " + described.Gitea.URL
	}
	p.Print(fmt.Sprintf("ready after %s; %s; Ctrl-C stops everything", time.Since(started).Round(100*time.Millisecond), use))
	<-ctx.Done()
	return whyEnded(ctx)
}

// whyEnded is nil when the end was asked for, and else the failure of a part.
func whyEnded(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb"
}
