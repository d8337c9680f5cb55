// Package argocd syncs and observes one Argo CD Application at a time, and
// decides, from plain values, what to do next so that a commit becomes live.
//
// It has two halves. [Conn] talks to an Argo CD API server over a gRPC
// connection that this package dials itself, and hands out plain, bounded
// values: no type of the argo-cd module appears in the exported API.
// [Preflight], [Decide] and [Proven] are pure functions over those values.
//
// It promises:
//
//   - Certificates are verified, unless the caller explicitly turned that off.
//     The token is sent to the dialled address only, and appears in no error.
//   - Every call has a deadline, the caller's or a default of [DefaultTimeout].
//   - A sync carries the run and attempt, so that the operation is recognised
//     after a crash. It pins no revision and inherits no retries, unless asked.
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
//   - that [Conn.Watch] delivers every change. Argo CD drops events when its
//     buffer is full, so a poll has to stand behind it.
//
// Servers from 2.12 to 3.x are supported. References to files in comments are
// to github.com/argoproj/argo-cd at v2.14.21.
package argocd
