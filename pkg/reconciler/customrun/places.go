package customrun

import (
	"slices"

	"github.com/tekton-gitops/tekton-gitops/pkg/failpoint"
)

// writePlaces names the places before and after the write of a status: by the phase that it leaves or goes on in, and
// by the intent or the knowledge that it stores.
func writePlaces(run *run, phase Phase, m move) (before, after failpoint.Name) {
	switch {
	case m.kind == moveEnd:
		return failpoint.EndWriteBefore, failpoint.EndWriteAfter
	case len(run.Status.ExtraFields.Raw) == 0:
		return failpoint.StartWriteBefore, failpoint.StartWriteAfter
	case m.kind == moveVerdict && phase == Reverting:
		return failpoint.RevertEndBefore, failpoint.RevertEndAfter
	case m.kind == moveVerdict:
		return failpoint.VerdictWriteBefore, failpoint.VerdictWriteAfter
	}
	switch phase {
	case Preparing:
		return failpoint.PrepareWriteBefore, failpoint.PrepareWriteAfter
	case Locking:
		return failpoint.LockWriteBefore, failpoint.LockWriteAfter
	case Publishing:
		if m.kind == moveStay {
			return failpoint.PlanWriteBefore, failpoint.PlanWriteAfter
		}
		return failpoint.PublishWriteBefore, failpoint.PublishWriteAfter
	case Opening:
		return failpoint.OpenWriteBefore, failpoint.OpenWriteAfter
	case WaitingForMerge:
		return failpoint.MergeWriteBefore, failpoint.MergeWriteAfter
	case Releasing:
		return failpoint.WithdrawWriteBefore, failpoint.WithdrawWriteAfter
	case Syncing:
		return syncPlaces(run, m)
	case Reverting:
		return revertPlaces(run)
	}
	return failpoint.VerifyWriteBefore, failpoint.VerifyWriteAfter
}

// revertPlaces are the places of the writes of the phase Reverting, named as those of the phases that it repeats.
func revertPlaces(run *run) (before, after failpoint.Name) {
	switch {
	case run.data.Revert.Commit == "":
		return failpoint.PlanWriteBefore, failpoint.PlanWriteAfter
	case run.data.Revert.Synced:
		return failpoint.SyncedWriteBefore, failpoint.SyncedWriteAfter
	case slices.ContainsFunc(run.data.Apps, func(a appState) bool { return a.Sync.Sent }):
		return failpoint.SyncWriteBefore, failpoint.SyncWriteAfter
	}
	return failpoint.RevertWriteBefore, failpoint.RevertWriteAfter
}

// syncPlaces are the places of the writes of the phase Syncing.
func syncPlaces(run *run, m move) (before, after failpoint.Name) {
	switch {
	case m.kind == moveNext:
		return failpoint.SyncedWriteBefore, failpoint.SyncedWriteAfter
	case slices.ContainsFunc(run.data.Apps, func(a appState) bool { return a.Sync.Attempt > 0 && !a.Sync.Sent }):
		return failpoint.SyncPlanBefore, failpoint.SyncPlanAfter
	case slices.ContainsFunc(run.data.Apps, func(a appState) bool { return a.Sync.Sent }):
		return failpoint.SyncWriteBefore, failpoint.SyncWriteAfter
	case len(run.data.Restart.Workloads) > 0:
		return failpoint.RestartPlanBefore, failpoint.RestartPlanAfter
	}
	return failpoint.SyncWaitBefore, failpoint.SyncWaitAfter
}
