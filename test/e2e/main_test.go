// Package e2e tests the controller on the local control plane: a real API server, Tekton, Argo CD and git server, the
// controller as its own process under the ServiceAccount and the rights of config/.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// bed is what all tests of this package share.
var bed struct {
	*localcluster.Cluster
	dir        string
	binary     string
	controller *testbed.Controller
	secrets    secretValues
}

// parallel is how many tests run side by side: most of their time is spent on waiting.
const parallel = "16"

func TestMain(m *testing.M) {
	// Set before the command line is read, which may say otherwise.
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if bed.dir, err = os.MkdirTemp("", "gitops-e2e-"); err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(bed.dir) }()
	if bed.binary, err = testbed.Binary(ctx, bed.dir, true); err != nil {
		return 1, err
	}
	cluster, stop, err := localcluster.Start(ctx, os.Stderr)
	if err != nil {
		return 1, err
	}
	defer func() { _ = stop() }()
	bed.Cluster = cluster
	bed.secrets.addOfCluster(cluster)
	if err := testbed.Install(ctx, cluster); err != nil {
		return 1, err
	}
	bed.controller, err = testbed.StartController(ctx, cluster, testbed.Options{Binary: bed.binary, Dir: bed.dir, Name: "replica-0"})
	if err != nil {
		return 1, err
	}
	defer bed.controller.Stop()
	code = m.Run()
	if err := scanForSecrets(ctx, bed.controller.Log); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	if code != 0 || os.Getenv("GITOPS_KEEP_LOG") != "" {
		keepLog()
	}
	return code, nil
}

// keepLog leaves the controller's log behind for whoever reads the failure.
func keepLog() {
	data, err := os.ReadFile(bed.controller.Log)
	if err != nil {
		return
	}
	kept, err := os.CreateTemp("", "gitops-e2e-controller-*.log")
	if err != nil {
		return
	}
	defer kept.Close()
	if _, err := kept.Write(data); err == nil {
		fmt.Fprintln(os.Stderr, "the controller's log is kept in", kept.Name())
	}
}
