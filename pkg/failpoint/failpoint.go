// Package failpoint marks the places where a process may die: before and after each external side effect and each
// write of a status. A test arms one of them and the process kills itself there with SIGKILL, so that nothing gets a
// chance to clean up.
//
// Release builds contain none of this: without the build tag "failpoints", Here is an empty function that the
// compiler removes.
package failpoint

// Name identifies one place. Names are "<phase>.<effect>.<before|after>".
type Name string

// The places, in the order in which one GitOpsDeploy passes them. The writes of Syncing are told apart by what they
// store: that a fresh comparison is awaited, that a sync will be asked for, that it was accepted, that it is done.
const (
	StartWriteBefore   Name = "start.write.before"
	StartWriteAfter    Name = "start.write.after"
	PrepareWriteBefore Name = "preparing.write.before"
	PrepareWriteAfter  Name = "preparing.write.after"
	LockCreateBefore   Name = "locking.create.before"
	LockCreateAfter    Name = "locking.create.after"
	LockWriteBefore    Name = "locking.write.before"
	LockWriteAfter     Name = "locking.write.after"
	PlanWriteBefore    Name = "publishing.plan.before"
	PlanWriteAfter     Name = "publishing.plan.after"
	PushBefore         Name = "publishing.push.before"
	PushAfter          Name = "publishing.push.after"
	PublishWriteBefore Name = "publishing.write.before"
	PublishWriteAfter  Name = "publishing.write.after"
	SyncWaitBefore     Name = "syncing.wait.before"
	SyncWaitAfter      Name = "syncing.wait.after"
	SyncPlanBefore     Name = "syncing.plan.before"
	SyncPlanAfter      Name = "syncing.plan.after"
	SyncBefore         Name = "syncing.sync.before"
	SyncAfter          Name = "syncing.sync.after"
	SyncWriteBefore    Name = "syncing.write.before"
	SyncWriteAfter     Name = "syncing.write.after"
	SyncedWriteBefore  Name = "syncing.synced.before"
	SyncedWriteAfter   Name = "syncing.synced.after"
	VerifyWriteBefore  Name = "verifying.write.before"
	VerifyWriteAfter   Name = "verifying.write.after"
	VerdictWriteBefore Name = "verdict.write.before"
	VerdictWriteAfter  Name = "verdict.write.after"
	RecordBefore       Name = "releasing.record.before"
	RecordAfter        Name = "releasing.record.after"
	ReleaseBefore      Name = "releasing.delete.before"
	ReleaseAfter       Name = "releasing.delete.after"
	// The places that only some runs pass.
	TerminateBefore   Name = "syncing.terminate.before"
	TerminateAfter    Name = "syncing.terminate.after"
	RestartPlanBefore Name = "restarting.plan.before"
	RestartPlanAfter  Name = "restarting.plan.after"
	RestartBefore     Name = "restarting.restart.before"
	RestartAfter      Name = "restarting.restart.after"
	RevertWriteBefore Name = "reverting.write.before"
	RevertWriteAfter  Name = "reverting.write.after"
	RevertEndBefore   Name = "reverting.end.before"
	RevertEndAfter    Name = "reverting.end.after"
	// The places of a pull request. The writes of Opening follow each other: that it is there, and each finishing touch.
	OpenBefore          Name = "opening.create.before"
	OpenAfter           Name = "opening.create.after"
	OpenWriteBefore     Name = "opening.write.before"
	OpenWriteAfter      Name = "opening.write.after"
	TouchBefore         Name = "opening.touch.before"
	TouchAfter          Name = "opening.touch.after"
	OlderTellBefore     Name = "opening.comment.before"
	OlderTellAfter      Name = "opening.comment.after"
	OlderCloseBefore    Name = "opening.close.before"
	OlderCloseAfter     Name = "opening.close.after"
	MergeWriteBefore    Name = "waitingformerge.write.before"
	MergeWriteAfter     Name = "waitingformerge.write.after"
	WithdrawTellBefore  Name = "releasing.comment.before"
	WithdrawTellAfter   Name = "releasing.comment.after"
	WithdrawBefore      Name = "releasing.close.before"
	WithdrawAfter       Name = "releasing.close.after"
	WithdrawWriteBefore Name = "releasing.write.before"
	WithdrawWriteAfter  Name = "releasing.write.after"

	EndWriteBefore Name = "end.write.before"
	EndWriteAfter  Name = "end.write.after"
)

// WayBack lists the places that a deployment passes, once it has its verdict, to take its commit back. Those that have the
// names of other phases it passes for the second time.
func WayBack() []Name {
	return []Name{
		VerdictWriteBefore, VerdictWriteAfter, PlanWriteBefore, PlanWriteAfter, PushBefore, PushAfter, RevertWriteBefore, RevertWriteAfter,
		SyncBefore, SyncAfter, SyncWriteBefore, SyncWriteAfter, SyncedWriteBefore, SyncedWriteAfter, RevertEndBefore, RevertEndAfter,
	}
}

// PullRequest lists the places that a GitOpsPR passes which waits until it is deployed, in their order. It takes no lock,
// so that it ends with its verdict.
func PullRequest() []Name {
	return []Name{
		StartWriteBefore, StartWriteAfter, PrepareWriteBefore, PrepareWriteAfter,
		PlanWriteBefore, PlanWriteAfter, PushBefore, PushAfter, PublishWriteBefore, PublishWriteAfter,
		OpenBefore, OpenAfter, OpenWriteBefore, OpenWriteAfter, TouchBefore, TouchAfter, MergeWriteBefore, MergeWriteAfter,
		SyncWaitBefore, SyncWaitAfter, SyncPlanBefore, SyncPlanAfter, SyncBefore, SyncAfter,
		SyncWriteBefore, SyncWriteAfter, SyncedWriteBefore, SyncedWriteAfter,
		VerifyWriteBefore, VerifyWriteAfter, VerdictWriteBefore, VerdictWriteAfter,
	}
}

// Superseding lists the places that a GitOpsPR passes to close the pull request of an older one.
func Superseding() []Name {
	return []Name{OlderTellBefore, OlderTellAfter, OlderCloseBefore, OlderCloseAfter}
}

// Withdrawal lists the places that a cancelled GitOpsPR passes to close its pull request.
func Withdrawal() []Name {
	return []Name{
		VerdictWriteBefore, VerdictWriteAfter, WithdrawTellBefore, WithdrawTellAfter, WithdrawWriteBefore, WithdrawWriteAfter,
		WithdrawBefore, WithdrawAfter, EndWriteBefore, EndWriteAfter,
	}
}

// All lists the places that every deployment passes which changes the manifest of an application with manual sync and
// succeeds, so that a test can walk them.
func All() []Name {
	return []Name{
		StartWriteBefore, StartWriteAfter, PrepareWriteBefore, PrepareWriteAfter,
		LockCreateBefore, LockCreateAfter, LockWriteBefore, LockWriteAfter,
		PlanWriteBefore, PlanWriteAfter, PushBefore, PushAfter, PublishWriteBefore, PublishWriteAfter,
		SyncWaitBefore, SyncWaitAfter, SyncPlanBefore, SyncPlanAfter, SyncBefore, SyncAfter,
		SyncWriteBefore, SyncWriteAfter, SyncedWriteBefore, SyncedWriteAfter,
		VerifyWriteBefore, VerifyWriteAfter, VerdictWriteBefore, VerdictWriteAfter,
		RecordBefore, RecordAfter, ReleaseBefore, ReleaseAfter, EndWriteBefore, EndWriteAfter,
	}
}
