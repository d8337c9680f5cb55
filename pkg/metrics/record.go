package metrics

import "time"

func (m *Metrics) add(metric, n int, labels ...string) {
	if m != nil && n > 0 {
		m.families[metric].add(int64(n), labels...)
	}
}

func (m *Metrics) observe(metric int, d time.Duration, labels ...string) {
	if m != nil {
		m.families[metric].observe(d, labels...)
	}
}

// RunEnded counts the end of a run. Outcome is Succeeded, Failed or Interrupted.
func (m *Metrics) RunEnded(kind, reason, outcome string, took time.Duration) {
	m.add(runs, 1, kind, reason)
	m.observe(runDuration, took, kind, outcome)
}

// Retried counts an attempt that has failed with a reason and is followed by another.
func (m *Metrics) Retried(kind, reason string) { m.add(retries, 1, kind, reason) }

// PhaseEnded observes how long a run was in a phase. Ended is Done, Failed or Interrupted.
func (m *Metrics) PhaseEnded(kind, phase, ended string, took time.Duration) {
	m.observe(phaseDuration, took, kind, phase, ended)
}

// LockWaited observes how long a run has waited for its lock.
func (m *Metrics) LockWaited(ended string, took time.Duration) { m.observe(lockWait, took, ended) }

// SyncEnded counts the end of a phase Syncing, with the reason Succeeded where it went well.
func (m *Metrics) SyncEnded(reason string) { m.add(syncs, 1, reason) }

// TransientError counts an error after which a run tries again.
func (m *Metrics) TransientError(phase string) { m.add(transientErrors, 1, phase) }

// LocksTakenOver counts locks that were taken from a holder that is gone.
func (m *Metrics) LocksTakenOver(holder string, n int) { m.add(lockTakeovers, n, holder) }

// Pushed counts commits that have arrived on their branch.
func (m *Metrics) Pushed(kind, purpose string, n int) { m.add(pushes, n, kind, purpose) }

// PushConflicts counts planned commits that were dropped because the branch had moved.
func (m *Metrics) PushConflicts(kind string, n int) { m.add(pushConflicts, n, kind) }

// GitReceived counts bytes that a git server has sent.
func (m *Metrics) GitReceived(bytes int) { m.add(gitReceived, bytes) }

// Operations counts operations that Argo CD has accepted.
func (m *Metrics) Operations(action string, n int) { m.add(operations, n, action) }

// WatchReconnected counts a watch stream that is opened again.
func (m *Metrics) WatchReconnected() { m.add(watchReconnects, 1) }

// Polled counts the answer of a git host to a poll.
func (m *Metrics) Polled(answer string) { m.add(polls, 1, answer) }

// ActiveRuns are the runs of a kind that are in a phase.
func ActiveRuns(kind, phase string, n int) Reading {
	return Reading{activeRuns, []string{kind, phase}, float64(n)}
}

// UnstartedAge is the age of the oldest run that nobody has begun, 0 where there is none.
func UnstartedAge(d time.Duration) Reading {
	return Reading{gauge: unstartedAge, value: max(d, 0).Seconds()}
}

// Queues are how many runs wait for locks, how many for the lock with the most of them, and for how long the oldest has.
func Queues(waiting, longest int, oldest time.Duration) []Reading {
	return []Reading{
		{gauge: lockWaiting, value: float64(waiting)}, {gauge: lockLongestQueue, value: float64(longest)},
		{gauge: lockLongestWait, value: max(oldest, 0).Seconds()},
	}
}

// Watches is how many applications are watched.
func Watches(n int) Reading { return Reading{gauge: watches, value: float64(n)} }
