package testbed

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// Bed is what the tests of a package share: a control plane with config/ on it, and the controller's binary, which has
// fail points.
type Bed struct {
	*localcluster.Cluster
	Binary string
	// Dir takes what replicas write.
	Dir  string
	stop func() error
}

// Run makes a bed for the tests of a package, runs them, and gives the exit status. It ends everything that it has
// started. Where tests fail, or GITOPS_KEEP_LOG is set, Dir with the logs in it stays, and it says where.
func Run(name string, tests func(context.Context, *Bed) (code int, err error)) (code int) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	keep := false
	bed, err := open(ctx, name)
	defer func() { bed.close(keep) }()
	if err == nil {
		code, err = tests(ctx, bed)
		keep = code != 0 || err != nil || os.Getenv("GITOPS_KEEP_LOG") != ""
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	return code
}

// open is to be followed by close, also after an error.
func open(ctx context.Context, name string) (b *Bed, err error) {
	b = &Bed{}
	if b.Dir, err = os.MkdirTemp("", "gitops-"+name+"-"); err != nil {
		return b, err
	}
	if b.Binary, err = Binary(ctx, b.Dir, true); err != nil {
		return b, err
	}
	if b.Cluster, b.stop, err = localcluster.Start(ctx, os.Stderr); err != nil {
		return b, err
	}
	return b, Install(ctx, b.Cluster)
}

func (b *Bed) close(keep bool) {
	if b.stop != nil {
		_ = b.stop()
	}
	if !keep {
		_ = os.RemoveAll(b.Dir)
		return
	}
	_ = os.Remove(b.Binary)
	fmt.Fprintln(os.Stderr, "the logs of the controller are kept in", b.Dir)
}
