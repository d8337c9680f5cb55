package crash

import (
	"os"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"knative.dev/pkg/hash"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// buckets is how many parts the runs are divided into.
const buckets = 3

// replicas share the buckets.
type replicas struct {
	all     []*replica
	buckets *hash.BucketSet
}

// startReplicas starts replicas and makes them share. The first one that starts takes every bucket, as the framework
// has it; so it is made to miss the moment in which one bucket is free.
func startReplicas(t *testing.T, count int) *replicas {
	t.Helper()
	r := &replicas{}
	for i := range count {
		r.all = append(r.all, startReplica(t, string(rune('a'+i))))
	}
	r.waitForLeaders(t)
	names := sets.New[string]()
	for _, l := range leadership(t) {
		names.Insert(l.Name)
	}
	r.buckets = hash.NewBucketSet(names)
	byLoad := func(a, b *replica) int { return len(r.ledBy(t, a)) - len(r.ledBy(t, b)) }
	for {
		least, most := slices.MinFunc(r.all, byLoad), slices.MaxFunc(r.all, byLoad)
		if len(r.ledBy(t, least)) > 0 {
			return r
		}
		r.handOver(t, most, least, r.ledBy(t, most)[0])
	}
}

func (r *replicas) waitForLeaders(t *testing.T) {
	t.Helper()
	eventually(t, "all buckets are led", 20*time.Second, func() bool { return len(r.led(t)) == buckets })
}

// handOver lets a bucket go from one replica to another.
func (r *replicas) handOver(t *testing.T, from, to *replica, bucket string) {
	t.Helper()
	// Neither the one nor a third may take it.
	signal := func(s syscall.Signal) {
		for _, one := range r.all {
			if one == to {
				continue
			}
			if err := syscall.Kill(one.PID(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	signal(syscall.SIGSTOP)
	err := bed.Client.CoordinationV1().Leases(testbed.Namespace).Delete(t.Context(), bucket, metav1.DeleteOptions{})
	if err == nil {
		eventually(t, "the other replica leads "+bucket, 20*time.Second, func() bool { return slices.Contains(r.ledBy(t, to), bucket) })
	}
	signal(syscall.SIGCONT)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first replica knows that it has lost "+bucket, 20*time.Second, func() bool {
		log, err := os.ReadFile(from.Log)
		return err == nil && regexp.MustCompile(`has stopped leading [^,]*`+regexp.QuoteMeta(bucket)).Match(log)
	})
}

// led tells who leads each bucket, by the identity of the process.
func (r *replicas) led(t *testing.T) map[string]string {
	t.Helper()
	leaders := map[string]string{}
	for _, l := range leadership(t) {
		if holder := ptr.Deref(l.Spec.HolderIdentity, ""); holder != "" {
			leaders[l.Name] = holder
		}
	}
	return leaders
}

// ledBy are the buckets that a replica's process leads.
func (r *replicas) ledBy(t *testing.T, one *replica) []string {
	t.Helper()
	identity := one.identity(t)
	var buckets []string
	for bucket, holder := range r.led(t) {
		if holder == identity {
			buckets = append(buckets, bucket)
		}
	}
	slices.Sort(buckets)
	return buckets
}

// identity is the name under which the replica's process stands for election; a new one after each start.
func (one *replica) identity(t *testing.T) string {
	t.Helper()
	log, err := os.ReadFile(one.Log)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`will run in leader-elected mode with id \\"([^"\\]+)`).FindAllSubmatch(log, -1)
	if len(found) == 0 {
		return "(none yet)"
	}
	return string(found[len(found)-1][1])
}
