// Package localcluster gives Go tests the local control plane of test/cluster.
//
// Start once per test binary, from TestMain, and use a namespace, a repository
// and an Application per test. The control plane ends when the test binary
// does, however that ends. With GITOPS_CLUSTER_STATE naming the state file of a
// control plane that runs already ("make cluster"), Start uses that one and
// leaves it running.
package localcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// StateVariable is the environment variable that names the state file of a
// running control plane.
const StateVariable = "GITOPS_CLUSTER_STATE"

// stopTimeout bounds an orderly stop; after it the control plane is killed.
const stopTimeout = 30 * time.Second

// Cluster is a running control plane. Its methods may be used concurrently.
type Cluster struct {
	State
	Config  *rest.Config // cluster administrator, without a client-side rate limit
	Client  kubernetes.Interface
	Dynamic dynamic.Interface

	mapper *restmapper.DeferredDiscoveryRESTMapper
}

// Start starts the control plane, or joins the one of GITOPS_CLUSTER_STATE. A
// cold build takes many minutes: its progress goes to log. The returned stop
// must be called; it returns when nothing is left running.
func Start(ctx context.Context, log io.Writer) (c *Cluster, stop func() error, err error) {
	if path := os.Getenv(StateVariable); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", StateVariable, err)
		}
		c, err := connect(bytes.NewReader(data))
		return c, func() error { return nil }, err
	}
	dir, err := programDir()
	if err != nil {
		return nil, nil, err
	}
	p, err := launch(dir, log)
	if err != nil {
		return nil, nil, fmt.Errorf("start the control plane: %w", err)
	}
	cancelled := context.AfterFunc(ctx, func() { _ = p.stop() })
	defer cancelled()
	c, err = connect(p.stdout)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start the control plane: %w", err), ctx.Err(), p.stop())
	}
	return c, p.stop, nil
}

// programDir finds test/cluster above the working directory, which for a test
// is its package's.
func programDir() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		dir := filepath.Join(at, "test", "cluster")
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(at)
		if parent == at {
			return "", errors.New("test/cluster is not above the working directory")
		}
		at = parent
	}
}

type program struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout io.Reader
	stop   func() error
}

// launch starts the program so that it ends with this process: the system
// closes its standard input then.
func launch(dir string, log io.Writer, arguments ...string) (*program, error) {
	cmd := exec.Command("go", append([]string{"run", "-C", dir, ".", "-until-stdin-closes"}, arguments...)...)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &program{cmd: cmd, stdin: stdin, stdout: stdout}
	p.stop = sync.OnceValue(p.end)
	return p, nil
}

func (p *program) end() error {
	_ = p.stdin.Close()
	late := time.AfterFunc(stopTimeout, func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("stop the control plane: %w", err)
	}
	return nil
}

func connect(description io.Reader) (*Cluster, error) {
	described, err := readState(description)
	if err != nil {
		return nil, err
	}
	c := &Cluster{State: described}
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubernetes.Kubeconfig); err != nil {
		return nil, err
	}
	c.Config.QPS = -1
	if c.Client, err = kubernetes.NewForConfig(c.Config); err != nil {
		return nil, err
	}
	if c.Dynamic, err = dynamic.NewForConfig(c.Config); err != nil {
		return nil, err
	}
	found, err := discovery.NewDiscoveryClientForConfig(c.Config)
	if err != nil {
		return nil, err
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	return c, nil
}
