// Package github gives pull requests on github.com, on GitHub Enterprise Cloud with its own host (*.ghe.com), and on GitHub
// Enterprise Server, with a token or as a GitHub App.
//
// Promises, besides those of [pullrequest.Client]:
//   - The token goes to the host of the API's URL only. A redirect is followed on that host (GitHub answers so for a repository
//     with a new name), and is an error where it leaves the host or would turn a change into a GET.
//   - An App's token is limited to the one repository, and is asked for again when it has expired.
//   - Answers are bounded in size, lists in length; no proxy of the environment is used.
//   - A limit of GitHub, the primary one or a secondary one, is a *pullrequest.LimitError, whatever status it comes with.
//
// What it does not promise:
//   - Auto-merge is pinned to a commit at the moment it is enabled. GitHub keeps it enabled when someone with write access
//     pushes afterwards; who must not merge such commits watches Head and calls DisableAutoMerge.
//   - DisableAutoMerge does not take a pull request out of a merge queue that it is in already. Closing it does.
//   - Check cannot tell whether a fine-grained token has the permission for pull requests: GitHub shows it nowhere.
package github
