package customrun

import (
	"slices"
	"testing"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestWritesAreNamedByWhatTheyStore(t *testing.T) {
	planned, sent := data{Apps: []appState{{Sync: syncState{Attempt: 1}}}}, data{Apps: []appState{{Sync: syncState{Attempt: 1, Sent: true}}}}
	for name, tc := range map[string]struct {
		first  bool
		phase  Phase
		move   move
		data   data
		before failpoint.Name
		after  failpoint.Name
	}{
		"the first status":         {true, Preparing, stay("", 0), data{}, failpoint.StartWriteBefore, failpoint.StartWriteAfter},
		"the end":                  {false, Releasing, end(), data{}, failpoint.EndWriteBefore, failpoint.EndWriteAfter},
		"a verdict":                {false, Verifying, succeed(""), data{}, failpoint.VerdictWriteBefore, failpoint.VerdictWriteAfter},
		"all checks are passed":    {false, Preparing, next(Locking, ""), data{}, failpoint.PrepareWriteBefore, failpoint.PrepareWriteAfter},
		"the lock is held":         {false, Locking, next(Publishing, ""), data{}, failpoint.LockWriteBefore, failpoint.LockWriteAfter},
		"a planned commit":         {false, Publishing, again(""), data{}, failpoint.PlanWriteBefore, failpoint.PlanWriteAfter},
		"the commit is pushed":     {false, Publishing, next(Syncing, ""), data{}, failpoint.PublishWriteBefore, failpoint.PublishWriteAfter},
		"a comparison is awaited":  {false, Syncing, stay("", 0), data{}, failpoint.SyncWaitBefore, failpoint.SyncWaitAfter},
		"a sync will be asked for": {false, Syncing, again(""), planned, failpoint.SyncPlanBefore, failpoint.SyncPlanAfter},
		"the sync was accepted":    {false, Syncing, stay("", 0), sent, failpoint.SyncWriteBefore, failpoint.SyncWriteAfter},
		"the commit is synced":     {false, Syncing, next(Verifying, ""), sent, failpoint.SyncedWriteBefore, failpoint.SyncedWriteAfter},
		"the rollout goes on":      {false, Verifying, stay("", 0), sent, failpoint.VerifyWriteBefore, failpoint.VerifyWriteAfter},
	} {
		t.Run(name, func(t *testing.T) {
			run := &run{CustomRun: &v1beta1.CustomRun{}, data: &tc.data}
			if !tc.first {
				run.Status.ExtraFields = runtime.RawExtension{Raw: []byte(`{}`)}
			}
			before, after := writePlaces(run, tc.phase, tc.move)
			if before != tc.before || after != tc.after {
				t.Errorf("got %s and %s, want %s and %s", before, after, tc.before, tc.after)
			}
			if !slices.Contains(failpoint.All(), before) || !slices.Contains(failpoint.All(), after) {
				t.Error("a test that walks all places does not pass this one")
			}
		})
	}
}
