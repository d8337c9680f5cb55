// Package lock makes a coordination.k8s.io/v1 Lease a mutex between runs of one
// namespace: whoever creates the Lease of the lock's name holds the lock, and
// deleting the Lease releases it.
//
// That convention is shared with pipelines that lock by hand, with a task that
// runs `kubectl create` of a Lease (it exists: somebody holds it) and one that
// runs `kubectl delete` at the end. Both kinds of holders may use the same name.
//
// # What it promises
//
//   - At most one holder at a time, because the API server lets one create win.
//   - A Lease is deleted with its UID and resourceVersion as preconditions: what
//     was judged is what is deleted, or nothing is.
//   - Acquire makes at most one change per call, and is safe to repeat: a create
//     whose answer was lost is recognised by the holder's identity.
//   - A holder is displaced only by proof: the run that holds the lock is gone or
//     done, as a live read shows, or, for a holder that nothing is known about, the
//     duration that its Lease states has passed without any change to it.
//   - That duration is measured as time elapsed on this process's clock. Times
//     written by others decide nothing, so clocks may differ by any amount.
//   - A Lease of somebody's leader election (it has a renewTime) is never touched.
//
// # What it does not promise
//
//   - It is no fence. A person, or the release task of another pipeline, can delete
//     a Lease that we hold. Ask Holds before an effect that needs the lock, and let
//     that effect be protected by its own means too (a push is compare-and-swap).
//   - It renews nothing and watches nothing. The run itself is the proof of life,
//     and waking a waiter is the caller's task.
//   - It keeps no order by itself. Place computes whose turn it is; only the run
//     whose turn it is should call Acquire.
package lock
