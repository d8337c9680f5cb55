package crash

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestThreeReplicas lets three replicas share nine runs under three locks. One is killed and does not come back, one is
// stopped in an orderly way: what they had is finished by those that are left, each effect once.
func TestThreeReplicas(t *testing.T) {
	environments := []string{"dev", "test", "prod"}
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{Environments: environments})
	operations := scenario.WatchOperations(t, bed.Cluster)
	r := startReplicas(t, 3)
	for _, one := range r.all {
		if led := r.ledBy(t, one); len(led) != 1 {
			t.Fatalf("replica %s leads %v, want one bucket each", one.name, led)
		}
	}
	h := record(t, n)
	for _, environment := range environments {
		block(t, n, lockName(environment))
	}
	created := createMany(t, n, r, environments, 3)
	for name := range created {
		n.WaitFor(name, "its place in the queue", func(cr *v1beta1.CustomRun) bool { return scenario.Reason(cr) == "Locking" })
	}
	for _, environment := range environments {
		unblock(t, n, lockName(environment))
	}

	killed, stopped, last := r.all[0], r.all[1], r.all[2]
	r.whileMoving(t, n, killed, killed.Kill)
	for _, bucket := range r.ledBy(t, killed) {
		eventually(t, "another replica leads "+bucket, 20*time.Second, func() bool {
			return slices.Contains(r.ledBy(t, stopped), bucket) || slices.Contains(r.ledBy(t, last), bucket)
		})
	}
	r.whileMoving(t, n, stopped, stopped.Stop)
	for name := range created {
		n.Succeed(name)
	}

	checkAll(t, n, operations, h, created, environments)
	if got := r.ledBy(t, last); len(got) != buckets {
		t.Errorf("the last replica leads %v", got)
	}
	for _, one := range r.all {
		if len(one.handled(t, n.Namespace)) == 0 {
			t.Errorf("replica %s has handled nothing", one.name)
		}
	}
}

// whileMoving does something while a run that a replica leads has its lock and is not done.
func (r *replicas) whileMoving(t *testing.T, n *scenario.Tenant, one *replica, do func()) {
	t.Helper()
	led := r.ledBy(t, one)
	moving := []string{"Publishing", "Syncing", "Verifying"}
	eventually(t, "replica "+one.name+" moves a run", 60*time.Second, func() bool {
		runs, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).List(t.Context(), listAll)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(runs.Items, func(cr v1beta1.CustomRun) bool {
			return slices.Contains(moving, scenario.Reason(&cr)) && slices.Contains(led, r.buckets.Owner(n.Namespace+"/"+cr.Name))
		})
	})
	do()
}

// TestStopHandsOver takes the times of leader election that config/ ships, by which a killed replica's runs wait for a
// minute: those of a replica that is told to stop do not.
func TestStopHandsOver(t *testing.T) {
	shipElection(t)
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	stopped := startReplica(t, "a")
	r := &replicas{all: []*replica{stopped}}
	r.waitForLeaders(t)
	for _, l := range leadership(t) {
		if got := ptr.Deref(l.Spec.LeaseDurationSeconds, 0); got != 60 {
			t.Fatalf("Lease %s lasts for %d s", l.Name, got)
		}
	}
	p, through := startProxy(t)
	left := startReplicaAt(t, through, "b")
	eventually(t, "the other replica has found each Lease held", 20*time.Second, func() bool { return p.votes.Load() >= buckets })
	began := time.Now()
	stopped.Stop()
	const soon = 20 * time.Second // a third of the time after which a Lease could be taken from its holder
	eventually(t, "the other replica leads all buckets", soon, func() bool { return len(r.ledBy(t, left)) == buckets })
	t.Logf("handed over in %s", time.Since(began).Round(100*time.Millisecond))
	n.Create(n.Deploy("run", "dev", "1.0.1"))
	n.Succeed("run")
}

// shipElection puts config-leader-election of config/ into force for replicas that start in this test.
func shipElection(t *testing.T) {
	t.Helper()
	root, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(root, "config", "config-leader-election.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var shipped corev1.ConfigMap
	if err := yaml.UnmarshalStrict(manifest, &shipped); err != nil {
		t.Fatal(err)
	}
	maps := bed.Client.CoreV1().ConfigMaps(testbed.Namespace)
	now, err := maps.Get(t.Context(), shipped.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	inForce := now.Data
	now.Data = shipped.Data
	if now, err = maps.Update(t.Context(), now, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		now.Data = inForce
		if _, err := maps.Update(context.Background(), now, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	})
}
