package customrun

import "context"

// step does the work of one phase, as far as one reconcile may.
type step func(context.Context, *run) (move, error)

// steps maps each phase to its step. The file of a step has the phase's name.
func (r *Reconciler) steps() map[Phase]step {
	return map[Phase]step{
		Preparing:       r.preparing,
		Locking:         r.locking,
		Publishing:      r.publishing,
		Opening:         r.opening,
		WaitingForMerge: r.waitingForMerge,
		Syncing:         r.syncing,
		Verifying:       r.verifying,
		Reverting:       r.reverting,
		Releasing:       r.releasing,
	}
}
