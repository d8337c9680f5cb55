// Package pullrequest is what a pull request is to a deployment: found or created, looked at, and closed. A git host's own
// API is below it, one package each; what is common to them is here.
//
// Promises of a Client, whoever provides it:
//   - Nothing is kept between calls but connections and the token of an App, and every call has a deadline. Several
//     goroutines may call at a time.
//   - A call that changes something can be made again after its answer was lost: Label, RequestReview, Assign, Comment,
//     EnableAutoMerge, DisableAutoMerge and Close end where the first call ended; Create ends with ErrExists, and ByHead
//     finds what it made.
//   - EnableAutoMerge names the commit: a pull request that has another head by then is not merged.
//   - Errors wrap one of the sentinels of this package, or are transient: the network, a timeout, a server that answers 5xx.
//   - No error text contains a credential, and a credential goes to the host of the API's URL only, redirects included.
//
// It does not promise that a host shows a change at once: lists may be behind what was just written. And it does not decide
// who may merge, nor when.
package pullrequest
