// Package render tells what a run would do, from files: the resolved request, the change of the manifests, and the texts of
// the commit and the pull request. It uses the code that the controller uses for each of them.
//
// Promises:
//   - Nothing is written, neither to the cluster nor to a repository.
//   - What the files have counts; what they lack is asked of [Objects], which is the cluster or nothing.
//   - Parameters of a Pipeline are substituted with Tekton's own code.
//   - A Preview holds no credential.
//
// It does not promise what only a run can know: the results of other tasks (which can be given), when-expressions, the
// state of Argo CD, and the list of source commits in a pull request.
package render
