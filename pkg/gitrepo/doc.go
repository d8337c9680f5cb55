// Package gitrepo reads a few files of a remote branch and puts one commit on top of it, there or on a branch
// of its own. It also lists what came between two commits.
//
// It promises:
//
//   - No work tree and no checkout. Only the commit, the trees and the files that are asked for
//     are fetched when the server can do that (partial fetch, objects by id); otherwise the tip
//     is fetched at depth 1. Either way all objects stay in memory, below a limit that ends in
//     [ErrTooLarge] rather than in an out-of-memory kill.
//   - A planned commit is a value. [Snapshot.Plan] touches nothing; [Repository.Push] sends
//     exactly the planned bytes, so that a process that was killed can push the same commit
//     again and recognise it by its id.
//   - A push is a compare-and-swap on the branch: it never merges, and never overwrites what the caller
//     has not seen. [Repository.Push] only ever adds to the branch; [Repository.PushTo] replaces another
//     one, from a tip that the caller names. When the branch moved, the caller plans again on the new tip.
//   - Nothing but the planned files differs between the commit and its parent: tree entries, modes
//     and names are kept byte for byte.
//   - No error text contains a password, and credentials go to the host of the URL only.
//   - Over ssh no host key is accepted but those that the caller knows, the first time included.
//   - A commit is signed once, when it is planned; what is pushed are those bytes.
//
// It does not promise:
//
//   - What a failed push means beyond the server's answer. A connection may be cut after the
//     server accepted the commit: after any error from Push call [Repository.Tip] and compare.
//   - Transports other than smart HTTP and ssh, and repositories with SHA-256 object ids.
//   - Safety for concurrent use. A Repository and its Snapshots belong to one goroutine; a
//     [Memory] may be shared.
package gitrepo
