// Package crash tests that nothing is lost and nothing is done twice when the controller dies, is behind, or is not
// alone: killed with SIGKILL at every fail point, fed stale versions from its cache, run as two replicas that are killed
// in turn, and cut off from the API server.
//
// The tests run one after another: each starts and kills its own replicas.
package crash

import (
	"context"
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
	dir    string
	binary string
}

func TestMain(m *testing.M) {
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
	if bed.dir, err = os.MkdirTemp("", "gitops-crash-"); err != nil {
		return 1, err
	}
	defer func() {
		if code == 0 && os.Getenv("GITOPS_KEEP_LOG") == "" {
			_ = os.RemoveAll(bed.dir)
			return
		}
		fmt.Fprintln(os.Stderr, "the logs of the replicas are kept in", bed.dir)
	}()
	if bed.binary, err = testbed.Binary(ctx, bed.dir, true); err != nil {
		return 1, err
	}
	cluster, stop, err := localcluster.Start(ctx, os.Stderr)
	if err != nil {
		return 1, err
	}
	defer func() { _ = stop() }()
	bed.Cluster = cluster
	if err := testbed.Install(ctx, cluster); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
