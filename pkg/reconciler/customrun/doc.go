// Package customrun reconciles Tekton CustomRuns of the kinds that this project owns.
//
// One CustomRun is one deployment. Its state lives in status.extraFields as a checkpoint, and the phases
//
//	Preparing -> Locking -> Publishing -> Syncing -> Verifying -> [Reverting ->] Releasing -> done
//
// are steps over that checkpoint. What the package promises:
//
//   - One reconcile makes at most one external side effect: a Lease created or deleted, a push, a sync, a record
//     written. The intent of the effect is in the status before the effect is made, and the status is read back live
//     from the API server right before it (see confirm), so that a stale cache cannot repeat anything.
//   - Every step observes before it acts and can be run twice. A process that dies anywhere is followed by one that
//     recognises what was done: a commit by its id, a sync by the run's UID in the operation's infos, a Lease by its
//     holder.
//   - Waiting is a value, not an error. Nothing sleeps in a worker: long calls run in the background and wake the run.
//   - Status is written once per reconcile at the resourceVersion that was read, and never retried. A conflict ends the
//     reconcile; the informer's event starts the next one.
//   - A finished run is never touched again, except that observedGeneration follows the spec.
//
// What it does not promise: it does not interrupt a sync that Argo CD has already started, and it does not guard an
// application against writers outside of this namespace's lock. Those are recognised, not prevented.
// A leader that is frozen between its live read and its effect, and wakes when another has taken over, can still make that
// effect once more.
//
// The five hops of one run, each phase under one name: cmd/controller -> controller.go -> reconciler.go -> steps.go ->
// the phase package.
package customrun
