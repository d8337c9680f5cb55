// Package testbed puts the controller onto the local control plane as a cluster would run it: the manifests of config/
// applied, the process acting as the ServiceAccount of config/ with nothing more than its rights, and tenants that are
// enabled with the tenant RoleBinding. The end-to-end tests, the demo and the benchmark share it.
package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

const (
	// Namespace is where config/ puts the controller.
	Namespace = "tekton-gitops"
	// ServiceAccount is the controller's.
	ServiceAccount = "tekton-gitops-controller"
	// component is the controller's name in config-logging.
	component = "tekton-gitops-controller"
	// TenantRole is what a namespace binds to enable itself.
	TenantRole = "tekton-gitops-tenant"

	readyTimeout = 30 * time.Second
)

// Root is the repository's root directory, found above the working directory.
func Root() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "config", "Kustomization")); err == nil {
			return at, nil
		}
		parent := filepath.Dir(at)
		if parent == at {
			return "", errors.New("the working directory is not inside the repository")
		}
		at = parent
	}
}

// Install applies config/ but for what would need an image and a kubelet (the Deployment), and sets a policy that lets
// the controller reach the local servers. It may be repeated.
func Install(ctx context.Context, c *localcluster.Cluster) error {
	root, err := Root()
	if err != nil {
		return err
	}
	rendered, err := render(filepath.Join(root, "config"))
	if err != nil {
		return fmt.Errorf("render config/: %w", err)
	}
	for _, r := range rendered.Resources() {
		if r.GetKind() == "Deployment" {
			continue
		}
		manifest, err := r.AsYAML()
		if err != nil {
			return err
		}
		if err := applySoon(ctx, c, manifest); err != nil {
			return err
		}
	}
	if err := UseLocalSettings(ctx, c); err != nil {
		return err
	}
	return waitForKinds(ctx, c)
}

// UseLocalSettings is the part of Install that config/ has otherwise.
func UseLocalSettings(ctx context.Context, c *localcluster.Cluster) error {
	for name, data := range localSettings() {
		if err := c.Apply(ctx, Namespace, configMap(name, data)); err != nil {
			return err
		}
	}
	return nil
}

// localSettings are the ConfigMaps that differ from a cluster's: local servers are on loopback, which the policy allows
// by exact address only, leadership changes hands in seconds, so that tests that kill a replica need not wait a minute,
// and what happens to a pull request is noticed as fast.
func localSettings() map[string]map[string]string {
	return map[string]map[string]string{
		"config-gitops": {
			"allowed-git-hosts":          "127.0.0.1, localhost",
			"allowed-argocd-hosts":       "127.0.0.1, localhost",
			"allow-http-git":             "true",
			"pull-request-poll-interval": "1s",
		},
		"config-logging": {"loglevel." + component: "debug"},
		"config-leader-election": {
			"buckets": "3", "lease-duration": "3s", "renew-deadline": "2s", "retry-period": "500ms",
		},
	}
}

func configMap(name string, data map[string]string) []byte {
	out, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": data,
	})
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	return out
}

func render(dir string) (resmap.ResMap, error) {
	return krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
}

// applySoon retries: a kind whose CRD was created a moment ago is not served yet.
func applySoon(ctx context.Context, c *localcluster.Cluster, manifest []byte) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		last = c.Apply(ctx, Namespace, manifest)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

func waitForKinds(ctx context.Context, c *localcluster.Cluster) error {
	for _, plural := range []string{"gitopsdeploys", "gitopsprs", "gitopsrecords"} {
		resource := c.Dynamic.Resource(schema.GroupVersionResource{Group: "gitops.tekton.dev", Version: "v1alpha1", Resource: plural})
		err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
			_, err := resource.List(ctx, metav1.ListOptions{Limit: 1})
			return err == nil, nil
		})
		if err != nil {
			return fmt.Errorf("wait for kind %s: %w", plural, err)
		}
	}
	return nil
}

// Binary builds the controller, with fail points when asked, and returns its path in dir.
func Binary(ctx context.Context, dir string, failpoints bool) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "controller")
	// Without symbols, as a release; it also links in half the time.
	args := []string{"build", "-ldflags", "-s -w", "-o", out}
	if failpoints {
		args = append(args, "-tags", "failpoints")
	}
	build := exec.CommandContext(ctx, "go", append(args, "./cmd/controller")...)
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the controller: %w\n%s", err, text)
	}
	return out, nil
}

// Controller is one running replica.
type Controller struct {
	// Log is the file that the replica logs to.
	Log string
	// Metrics is where it shows its metrics.
	Metrics string

	cmd  *exec.Cmd
	done chan struct{}
	stop func()
}

// Options of a replica.
type Options struct {
	Binary string
	// Dir takes kubeconfig and log.
	Dir string
	// Name tells replicas apart.
	Name string
	// Env is added to the process's environment.
	Env []string
}

// StartController starts a replica as the ServiceAccount of config/ and waits until it is ready.
func StartController(ctx context.Context, c *localcluster.Cluster, o Options) (*Controller, error) {
	kubeconfig := filepath.Join(o.Dir, o.Name+".kubeconfig")
	if err := c.ServiceAccountKubeconfig(ctx, Namespace, ServiceAccount, kubeconfig); err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(o.Dir, o.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(o.Binary, "-kubeconfig", kubeconfig, "-probe-port", fmt.Sprint(ports[0]))
	cmd.Env = append(os.Environ(),
		"SYSTEM_NAMESPACE="+Namespace, "POD_NAME="+o.Name,
		fmt.Sprintf("METRICS_PROMETHEUS_PORT=%d", ports[1]), fmt.Sprintf("PROFILING_PORT=%d", ports[2]))
	cmd.Env = append(cmd.Env, o.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &Controller{
		Log: log.Name(), Metrics: fmt.Sprintf("http://127.0.0.1:%d/metrics", ports[1]), cmd: cmd, done: make(chan struct{}),
	}
	r.stop = sync.OnceFunc(func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	go func() {
		_ = cmd.Wait()
		close(r.done)
	}()
	if err := r.waitReady(ctx, ports[0]); err != nil {
		r.Kill()
		return nil, err
	}
	return r, nil
}

func (r *Controller) waitReady(ctx context.Context, port int) error {
	url := fmt.Sprintf("http://127.0.0.1:%d/readiness", port)
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, readyTimeout, true, func(ctx context.Context) (bool, error) {
		if r.Exited() {
			return false, errors.New("the controller ended")
		}
		response, err := http.Get(url)
		if err != nil {
			return false, nil //nolint:nilerr // nothing listens yet
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		return fmt.Errorf("wait until the controller is ready: %w; its log ends with:\n%s", err, tail(r.Log, 20))
	}
	return nil
}

// PID is the replica's process id.
func (r *Controller) PID() int { return r.cmd.Process.Pid }

// Exited tells whether the process has ended, for whatever reason.
func (r *Controller) Exited() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Done is closed when the process has ended.
func (r *Controller) Done() <-chan struct{} { return r.done }

// Kill ends the replica with SIGKILL and waits for its end.
func (r *Controller) Kill() {
	_ = r.cmd.Process.Kill()
	<-r.done
}

// Stop ends the replica in an orderly way, and by force when that takes longer than ten seconds.
func (r *Controller) Stop() {
	r.stop()
	select {
	case <-r.done:
	case <-time.After(10 * time.Second):
		r.Kill()
	}
}

func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(string(bytes.TrimSpace(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// freePorts finds ports on which nothing listens now. They are below 32768: the framework reads the metrics port as a
// signed number of 16 bits. All are held until the last is found, so that they differ.
func freePorts(n int) ([]int, error) {
	const lowest, span, tries = 20000, 12000, 1000
	var ports []int
	for range tries {
		port := lowest + rand.IntN(span)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("found no free ports on 127.0.0.1")
}
