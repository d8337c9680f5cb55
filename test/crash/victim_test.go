package crash

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tekton-gitops/tekton-gitops/test/scenario"
)

// victim is the only replica, and kills itself where a test tells it to.
type victim struct {
	*replica
	file string
}

func startVictim(t *testing.T) *victim {
	t.Helper()
	file := filepath.Join(t.TempDir(), "failpoint")
	return &victim{replica: startReplica(t, "only", failpointVariable+"="+file), file: file}
}

// arm makes the next process that comes to a place, or this one, kill itself there.
func (v *victim) arm(t *testing.T, at failpoint.Name) {
	t.Helper()
	if err := os.WriteFile(v.file, []byte(at), 0o600); err != nil {
		t.Fatal(err)
	}
}

// died waits until the process has killed itself at the armed place, which a run of that name has to lead it to.
func (v *victim) died(t *testing.T, n *scenario.Tenant, run string) {
	t.Helper()
	select {
	case <-v.Done():
	case <-time.After(time.Minute):
		t.Fatalf("the controller never died; the run is %s", scenario.Outcome(n.Get(run)))
	}
	if _, err := os.Stat(v.file); !os.IsNotExist(err) {
		t.Fatalf("the controller died elsewhere: %v", err)
	}
}

// rise starts the process again, as the leader.
func (v *victim) rise(t *testing.T) {
	t.Helper()
	bury(t)
	v.start(t)
}

// at runs a test for each place. One that fails leaves a process to the next.
func (v *victim) at(t *testing.T, places []failpoint.Name, test func(t *testing.T, i int, place failpoint.Name)) {
	t.Helper()
	for i, place := range places {
		ok := t.Run(string(place), func(t *testing.T) { test(t, i, place) })
		if !ok && v.Exited() {
			v.start(t)
		}
	}
}
