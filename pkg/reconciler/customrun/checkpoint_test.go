package customrun

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCheckpointReadsBackAsItWasWritten(t *testing.T) {
	at := metav1.NewMicroTime(testStart.Add(1234567 * time.Microsecond).Local())
	want := data{
		Request:  &request.Request{Version: 1, Definition: "catalog", Images: []image.Want{{Name: "a", NewTag: "1"}}},
		Timeline: []phaseTime{{Phase: Locking, Since: at}},
		Targets:  []image.Ref{{Name: "a", Tag: "1"}},
		Apps: []appState{{
			Application: request.Application{Name: "a", Namespace: "n", Project: "p"}, URL: "https://argocd/a", Unhealthy: []string{"PersistentVolumeClaim/x"},
			Sync: syncState{Attempt: 2, Sent: true, Closed: true, Opened: &at}, Revision: "r", Health: "Healthy",
		}},
		Publish: publishState{Commit: "c", Parent: "p", Encoded: []byte{0, 1, 255}, Diff: "d", Replans: 3},
		Restart: restartState{Workloads: []restartTarget{{App: 1, Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "n", Name: "w", Generation: 3, Before: "t", Done: true}}},
		Revert:  revertState{Parent: "p", Targets: []image.Ref{{Name: "a", Tag: "0"}}, Commit: "c2", Synced: true},
		Verify:  verifyState{Failing: "0/Deployment/dev/server", FailingSince: &at, ProvenSince: &at}, Release: releaseState{Since: &at},
		Outcome: outcome{Changed: true, Commit: "c", Previous: []string{"a:0"}, Live: []v1alpha1.LiveImage{{Workload: "Deployment/x/y"}}, Reverted: true},
	}
	cp := checkpoint{Version: checkpointVersion, Phase: Verifying, Lock: "l", Attempt: 2, Verdict: &verdict{Reason: "R", Message: "m"}}
	cr := withState(t, &v1beta1.CustomRun{}, cp, want)
	gotCP, got := stateOf(t, cr)
	gotCP.Data = nil
	if d := cmp.Diff(cp, gotCP); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Tekton's CustomRun has no place for anything else: whatever stands outside of extraFields is pruned.
func TestStateIsUnderOneKeyOfExtraFields(t *testing.T) {
	cr := withState(t, &v1beta1.CustomRun{}, checkpoint{Version: checkpointVersion, Phase: Preparing, Attempt: 1}, data{})
	var stored map[string]map[string]any
	if err := json.Unmarshal(cr.Status.ExtraFields.Raw, &stored); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"gitops"}, slices.Collect(maps.Keys(stored))); d != "" {
		t.Error(d)
	}
	if stored["gitops"]["version"] != float64(checkpointVersion) || stored["gitops"]["phase"] != "Preparing" {
		t.Errorf("stored is %v", stored)
	}
}

func TestCheckpointsThatThisBuildDoesNotRead(t *testing.T) {
	for name, tc := range map[string]struct {
		raw  string
		lock string
	}{
		"a newer version":             {`{"gitops":{"version":3,"lock":"catalog","data":[]}}`, "catalog"},
		"data of another shape":       {`{"gitops":{"version":2,"lock":"catalog","data":{"request":7}}}`, "catalog"},
		"no JSON":                     {`{`, ""},
		"a checkpoint that is no map": {`{"gitops":[]}`, ""},
		"an older version":            {`{"gitops":{"version":1,"lock":"catalog"}}`, "catalog"},
	} {
		t.Run(name, func(t *testing.T) {
			cr := &v1beta1.CustomRun{}
			cr.Status.ExtraFields.Raw = []byte(tc.raw)
			_, d, err := decodeCheckpoint(cr)
			if !errors.Is(err, errUnknownCheckpoint) || d != nil {
				t.Errorf("data %v, error %v", d, err)
			}
			if got := lockOf(cr); got != tc.lock {
				t.Errorf("lock is %q, want %q: it has to be released whoever took it", got, tc.lock)
			}
		})
	}
	if cp, d, err := decodeCheckpoint(&v1beta1.CustomRun{}); cp != nil || d == nil || err != nil {
		t.Errorf("a new run has %v, %v, %v", cp, d, err)
	}
}

func TestCheckpointIsBounded(t *testing.T) {
	_, err := encodeCheckpoint(checkpoint{}, &data{Outcome: outcome{Diff: strings.Repeat("x", maxCheckpointBytes)}})
	if !errors.Is(err, errCheckpointTooLarge) {
		t.Errorf("error is %v", err)
	}
	kept, err := encodeCheckpoint(checkpoint{Version: 9, Data: json.RawMessage(`{"a":1}`)}, nil)
	if err != nil || !strings.Contains(string(kept.Raw), `"data":{"a":1}`) {
		t.Errorf("data of another version is not kept: %s %v", kept.Raw, err)
	}
}

func TestTimelineIsBounded(t *testing.T) {
	d := &data{}
	if !d.since().IsZero() {
		t.Error("a run without a phase has been in it since some time")
	}
	for i := range 50 {
		d.enter(Locking, testStart.Add(time.Duration(i)*time.Second))
	}
	if len(d.Timeline) != maxTimeline || !d.since().Equal(testStart.Add(49*time.Second)) {
		t.Errorf("%d entries, the last of %s", len(d.Timeline), d.since())
	}
}
