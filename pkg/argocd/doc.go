// Package argocd syncs and observes one Argo CD Application at a time, and
// decides, from plain values, what to do next so that a commit becomes live.
//
// It has two halves. [Conn] talks to an Argo CD API server over a gRPC
// connection that this package dials itself, or over gRPC-web where a proxy
// carries no gRPC ([Server].Web), and hands out plain, bounded values: no type of
// the argo-cd module appears in the exported API.
// [Preflight], [Decide], [Proven], [Settled] and [WindowClosed] are pure functions
// over those values; what they have to remember is in the [Goal], and what they ask
// for is a [Decision].
//
// It promises:
//
//   - Certificates are verified, unless the caller explicitly turned that off.
//     The token is sent to the dialled address only, and appears in no error.
//   - Every call has a deadline, the caller's or a default of [DefaultTimeout].
//   - A sync carries the run and attempt, so that the operation is recognised
//     after a crash. It pins no revision, unless asked, and inherits no retries.
//   - An operation of somebody else is ended only where the goal allows it, when it
//     has got nowhere for a minute, and read again right before. One that a sync
//     window holds, and this run's own, are never ended.
//   - Errors of the server are mapped to the sentinels in errors.go. An error
//     that is none of them may pass by itself: retry it within a bound.
//   - Decide never proceeds on a state from before the commit: the compared
//     revision must be the commit or a descendant of it.
//
// It does not promise:
//
//   - that an observation is fresh. Only a refresh that began after an event
//     says something about it; Decide asks for those refreshes.
//   - that the wanted image runs. Proven covers what Argo CD says about the
//     Application; the live workloads have to be read and checked as well.
//   - that a restart happens once. Argo CD's action carries no name: who was killed
//     in between has to compare the object with what it was before.
//   - that the time at which a sync window opens is known. Argo CD tells the zone of
//     a window only to who may read its project.
//   - that [Conn.Watch] delivers every change. Argo CD drops events when its
//     buffer is full, so a poll has to stand behind it.
//
// Servers from 2.12 to 3.x are supported. References to files in comments are
// to github.com/argoproj/argo-cd at v2.14.21.
package argocd
