package crash

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// waitingTime is how long they are looked at: as long as a run waits before it looks for its place again.
const waitingTime = 30 * time.Second

// TestThousandRunsWait lets a thousand runs wait for one lock and looks at what that costs: what the controller asks of
// the API server, its processor time and its memory.
func TestThousandRunsWait(t *testing.T) {
	const waiting = 1000
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	block(t, n, lockName("dev"))
	first := startReplica(t, "first")
	n.Create(n.Deploy("run-0", "dev", "1.0.1", scenario.Param("lock", lockName("dev")), scenario.Param("lock-timeout", "24h")))
	template := n.WaitFor("run-0", "its place in the queue", func(cr *v1beta1.CustomRun) bool {
		return scenario.Reason(cr) == "Locking" && strings.Contains(scenario.Message(cr), "1st of 1")
	})
	first.Stop()
	bury(t)
	t.Cleanup(func() { deleteRuns(t, n) })
	copyRun(t, n, template, waiting-1)

	p, through := startProxy(t)
	controller := startReplicaAt(t, through, "second")
	last := fmt.Sprintf("run-%d", waiting-1)
	n.WaitFor(last, "its place among all", func(cr *v1beta1.CustomRun) bool {
		return strings.Contains(scenario.Message(cr), fmt.Sprintf(" of %d", waiting))
	})
	settle(t, p)
	p.count(true)
	before, began := usage(t, controller.PID()), time.Now()
	time.Sleep(waitingTime)
	after, took := usage(t, controller.PID()), time.Since(began)
	requests := p.count(false)

	share := float64(after.processor-before.processor) / float64(took)
	t.Logf("%d runs have waited for %s: %.1f %% of a processor, %d MB after %d MB, requests %v",
		waiting, took.Round(time.Second), 100*share, after.resident>>20, before.resident>>20, requests)
	if share > 0.15 {
		t.Errorf("%.0f %% of a processor", 100*share)
	}
	if after.resident > before.resident+(32<<20) || after.resident > 256<<20 {
		t.Errorf("%d MB are resident, %d MB were", after.resident>>20, before.resident>>20)
	}
	// The head of the queue looks at itself and at the Lease of somebody else every few seconds; nobody else asks for
	// anything, and places that have not changed are not written.
	for request, got := range requests {
		if ofHead := request == "GET leases" || request == "GET customruns"; !ofHead || got > 10 {
			t.Errorf("%d times %s in %s", got, request, waitingTime)
		}
	}
	if requests["GET leases"] == 0 {
		t.Error("nobody has looked at the Lease")
	}
}

// deleteRuns leaves the replicas of later tests without so many runs.
func deleteRuns(t *testing.T, n *scenario.Tenant) {
	err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).DeleteCollection(context.Background(), metav1.DeleteOptions{}, listAll)
	if err != nil {
		t.Error(err)
	}
}

// copyRun stores runs that wait like the given one.
func copyRun(t *testing.T, n *scenario.Tenant, template *v1beta1.CustomRun, copies int) {
	t.Helper()
	client := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace)
	numbers := make(chan int)
	var working sync.WaitGroup
	for range 16 {
		working.Go(func() {
			for i := range numbers {
				made, err := client.Create(t.Context(), &v1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("run-%d", i)}, Spec: template.Spec}, metav1.CreateOptions{})
				if err == nil {
					made.Status = template.Status
					_, err = client.UpdateStatus(t.Context(), made, metav1.UpdateOptions{})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range copies {
		numbers <- i + 1
	}
	close(numbers)
	working.Wait()
}

// settle waits until the controller has written the places that it has found.
func settle(t *testing.T, p *proxy) {
	t.Helper()
	eventually(t, "ten seconds without a write", 3*time.Minute, func() bool {
		p.count(true)
		time.Sleep(10 * time.Second)
		return p.count(false)["PUT customruns"] == 0
	})
}

// used is what a process uses.
type used struct {
	processor time.Duration
	resident  int64
}

// usage reads it from /proc: utime and stime in hundredths of a second, and the resident pages.
func usage(t *testing.T, pid int) used {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("processor time is read from /proc: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	number := func(i int) int64 {
		v, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return used{processor: time.Duration(number(11)+number(12)) * 10 * time.Millisecond, resident: number(21) * int64(os.Getpagesize())}
}

// count begins to count requests by verb and resource, without those for leadership, or tells what was counted.
func (p *proxy) count(begin bool) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counted := p.counted
	p.counted = nil
	if begin {
		p.counted = map[string]int{}
	}
	return counted
}

func (p *proxy) note(r *http.Request) {
	part := strings.Split(r.URL.Path, "/")
	if len(part) > 5 && part[5] == testbed.Namespace {
		if len(part) > 6 && part[6] == "leases" && r.Method == http.MethodGet {
			p.votes.Add(1)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counted != nil {
		resource := "other"
		if len(part) > 6 {
			resource = part[6]
		}
		p.counted[r.Method+" "+resource]++
	}
}
