package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// tenantName is the namespace of the sample's pipelines, the repository's name, and the prefix of the applications.
const tenantName = "product-catalog"

// environments of the sample, in the order of the Pipeline.
func environments() []string { return []string{"dev", "test", "prod"} }

// place is a control plane with the controller and the sample's tenant on it.
type place struct {
	*testbed.Tenant
	closers []func()
	state   string
}

// openPlace joins the control plane of a "make cluster", if join is set and there is one, or starts one.
func openPlace(ctx context.Context, join bool) (p *place, err error) {
	p = &place{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.state, err = stateFile(); err != nil {
		return p, err
	}
	if running(p.state) {
		if !join {
			return p, fmt.Errorf("a control plane runs already (%s); stop it first", p.state)
		}
		fmt.Println("using the control plane of make cluster")
		if err = os.Setenv(localcluster.StateVariable, p.state); err != nil {
			return p, err
		}
		cluster, _, err := localcluster.Start(ctx, os.Stderr)
		if err != nil {
			return p, err
		}
		return p, p.openTenant(ctx, cluster)
	}
	return p, p.start(ctx)
}

// start brings up the control plane, the controller and the tenant. Everything ends with close.
func (p *place) start(ctx context.Context) error {
	began := time.Now()
	fmt.Println("starting the control plane; the first time, its parts are compiled, which takes minutes")
	cluster, stop, err := localcluster.Start(ctx, os.Stderr)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() { _ = stop() })
	dir, err := os.MkdirTemp("", "gitops-demo-")
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() { _ = os.RemoveAll(dir) })
	binary, err := testbed.Binary(ctx, dir, false)
	if err != nil {
		return err
	}
	if err := testbed.Install(ctx, cluster); err != nil {
		return err
	}
	controller, err := testbed.StartController(ctx, cluster, testbed.Options{Binary: binary, Dir: dir, Name: "replica-0"})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, controller.Stop)
	fmt.Printf("control plane and controller are ready after %s\n", time.Since(began).Round(time.Second))
	return p.openTenant(ctx, cluster)
}

// openTenant makes the sample's tenant, or takes the one that an earlier demo made.
func (p *place) openTenant(ctx context.Context, cluster *localcluster.Cluster) error {
	options := testbed.TenantOptions{Name: tenantName, Environments: environments(), Hosted: true}
	_, err := cluster.Client.CoreV1().Namespaces().Get(ctx, tenantName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		p.Tenant, err = testbed.NewTenant(ctx, cluster, options)
	case err == nil:
		p.Tenant, err = testbed.OpenTenant(ctx, cluster, options)
	}
	return err
}

// stay keeps everything up until Ctrl-C, and tells how to reach it.
func (p *place) stay(ctx context.Context) error {
	data, err := json.Marshal(p.State)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.state, data, 0o600); err != nil {
		return err
	}
	p.closers = append(p.closers, func() { _ = os.Remove(p.state) })
	fmt.Printf(`
kubectl:     export KUBECONFIG=%s PATH=%s:$PATH
Argo CD:     %s (user admin, password %s)
Gitea:       %s (user %s, password %s)
Deploy with: make demo TAG=1.2.3
Ctrl-C stops everything.
`, p.Kubernetes.Kubeconfig, p.BinDir, p.ArgoCD.URL, p.ArgoCD.AdminPassword,
		strings.TrimSuffix(p.RepoURL(), ".git"), p.Hosted.Person.Name, p.Hosted.Person.Password)
	<-ctx.Done()
	fmt.Println("stopping")
	return nil
}

// close ends what was started, in the opposite order.
func (p *place) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		p.closers[i]()
	}
	p.closers = nil
}

// stateFile is where a control plane that stays describes itself.
func stateFile() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "tekton-gitops")
	return filepath.Join(dir, "cluster.json"), os.MkdirAll(dir, 0o700)
}

// running tells whether the control plane that a state file describes still runs. A file that was left by a crash is
// removed.
func running(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	var state localcluster.State
	if json.Unmarshal(data, &state) == nil && state.PID > 0 {
		if err := syscall.Kill(state.PID, 0); err == nil || errors.Is(err, syscall.EPERM) {
			return true
		}
	}
	_ = os.Remove(path)
	return false
}
