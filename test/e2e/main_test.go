// Package e2e tests the controller on the local control plane: a real API server, Tekton, Argo CD and git server, the
// controller as its own process under the ServiceAccount and the rights of config/.
package e2e

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/test/otlp"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// bed is what all tests of this package share.
var bed struct {
	*testbed.Bed
	secrets secretValues
	hosted  hostedRepositories
	// traces takes those of all runs.
	traces     *otlp.Receiver
	controller *testbed.Controller
}

// parallel is how many tests run side by side: most of their time is spent on waiting.
const parallel = "16"

func TestMain(m *testing.M) {
	// Set before the command line is read, which may say otherwise.
	if err := flag.Set("test.parallel", parallel); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(testbed.Run("e2e", func(ctx context.Context, b *testbed.Bed) (int, error) {
		bed.Bed = b
		bed.secrets.addOfCluster(b.Cluster)
		bed.traces = otlp.Listen()
		defer bed.traces.Close()
		if err := b.Apply(ctx, testbed.Namespace, tracing(bed.traces.Endpoint)); err != nil {
			return 1, err
		}
		controller, err := testbed.StartController(ctx, b.Cluster, testbed.Options{Binary: b.Binary, Dir: b.Dir, Name: "replica-0"})
		if err != nil {
			return 1, err
		}
		defer controller.Stop()
		bed.controller = controller
		code := m.Run()
		return code, scanForSecrets(ctx, controller)
	}))
}
