package argocd

// nextSync is the sync after those that are known to have been sent. An intent
// that was stored but never reached the server keeps its number.
func (v view) nextSync(message string) Decision {
	next := v.g.Attempt + 1
	sent := v.g.Sent || (v.g.ours(v.o.Operation) && v.o.Operation.Attempt >= v.g.Attempt)
	if v.g.Attempt > 0 && !sent {
		next = v.g.Attempt
	}
	if next > maxSyncs {
		return fail(failedSync(v.o, "it is still OutOfSync after "+count(maxSyncs, "sync")))
	}
	d := Decision{Action: DoSync, Attempt: next, Message: message}
	if v.g.Pin {
		d.Revision = v.commit()
		if v.o.MultiSource {
			d.Position = v.index + 1
		}
	}
	return d
}

// pinnedAway: our sync to exactly the commit has succeeded, and the branch, which
// Argo CD goes on to compare with, has another one by now. Being OutOfSync with
// that is what pinning asks for.
func (v view) pinnedAway() bool {
	op := v.o.Operation
	return v.g.Pin && v.g.ours(op) && op.Phase == PhaseSucceeded &&
		at(op.Revisions, v.index) == v.commit() && v.revision != v.commit()
}
