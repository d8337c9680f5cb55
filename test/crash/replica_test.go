package crash

import (
	"context"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// replica is one place of the controller's Deployment: a process that can be killed and started again.
type replica struct {
	*testbed.Controller
	cluster *localcluster.Cluster
	name    string
	env     []string
}

// startReplica starts a replica that ends with the test.
func startReplica(t *testing.T, name string, env ...string) *replica {
	t.Helper()
	return startReplicaAt(t, bed.Cluster, name, env...)
}

// startReplicaAt starts a replica that reaches the API server at the cluster's address, which may be a proxy's.
func startReplicaAt(t *testing.T, c *localcluster.Cluster, name string, env ...string) *replica {
	t.Helper()
	r := &replica{cluster: c, name: strings.ReplaceAll(t.Name(), "/", "-") + "-" + name, env: env}
	r.start(t)
	t.Cleanup(func() {
		r.Stop()
		bury(t)
	})
	return r
}

// start starts the process again.
func (r *replica) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := testbed.StartController(ctx, r.cluster, testbed.Options{Binary: bed.Binary, Dir: bed.Dir, Name: r.name, Env: r.env})
	if err != nil {
		t.Fatal(err)
	}
	r.Controller = c
}

// bury deletes the leadership of dead replicas, as if it had expired. TestTwoReplicas waits for it to expire; where
// there is only one replica, and it is dead, the wait shows nothing.
func bury(t *testing.T) {
	t.Helper()
	for _, l := range leadership(t) {
		if err := bed.Client.CoordinationV1().Leases(testbed.Namespace).Delete(context.Background(), l.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// leadership are the Leases of the controller's buckets.
func leadership(t *testing.T) []coordinationv1.Lease {
	t.Helper()
	leases, err := bed.Client.CoordinationV1().Leases(testbed.Namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var found []coordinationv1.Lease
	for _, l := range leases.Items {
		if strings.Contains(l.Name, "-of-") {
			found = append(found, l)
		}
	}
	return found
}

// eventually polls until ok holds.
func eventually(t *testing.T, what string, within time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s did not come true in %s", what, within)
}
