package v1alpha1

// Names of the results of a run, of a GitOpsDeploy or a GitOpsPR. Every run has every one of them, a failed run too, and
// empty where it does not apply. They accumulate over the attempts of a run. All are strings; booleans are "true" or "false".
const (
	// ResultChanged is "true" when an attempt of this run pushed a commit. For a run that only verifies: when the live
	// set of workload, container and image differs from the lock's GitOpsRecord, or there is none.
	ResultChanged = "changed"
	// ResultCommit is the full id of the commit that carries the wanted state, whoever made it. For a merged pull request
	// it is the merge commit.
	ResultCommit = "commit"
	// ResultCommitURL is a link to that commit on its host, where the form of the link is known.
	ResultCommitURL = "commit-url"
	// ResultPreviousImage is what the manifest had for the first image before the run.
	ResultPreviousImage = "previous-image"
	// ResultImage is the full reference of the first image.
	ResultImage = "image"
	// ResultImages is a JSON array of objects, one per image, with name, previous and image.
	ResultImages = "images"
	// ResultImageDigest is the digest that the pods run, where it is known.
	ResultImageDigest = "image-digest"
	// ResultRevision is the revision that Argo CD synced: the commit, or a descendant of it.
	ResultRevision = "revision"
	// ResultApplicationURL is a link to the application in Argo CD's user interface.
	ResultApplicationURL = "application-url"
	// ResultHealth is the application's health at the end, in Argo CD's words.
	ResultHealth = "health"
	// ResultDiff is the change of the manifest as a unified diff, at most MaxDiffBytes.
	ResultDiff = "diff"
	// ResultReverted is "true" when the run put the previous value back.
	ResultReverted = "reverted"
	// ResultPRNumber is the number of the pull request.
	ResultPRNumber = "pr-number"
	// ResultPRURL is a link to the pull request.
	ResultPRURL = "pr-url"
	// ResultPRState is open, merged or closed: as the run saw it last.
	ResultPRState = "pr-state"
	// ResultPRBranch is the branch that the pull request proposes.
	ResultPRBranch = "pr-branch"
	// ResultMergeCommit is the full id of the commit that the merge ended with, whatever its method.
	ResultMergeCommit = "merge-commit"
)

// MaxDiffBytes bounds ResultDiff.
const MaxDiffBytes = 4 << 10

// Result documents one result.
type Result struct {
	Name        string
	Description string
}

// Results lists the results in the order in which a run carries them.
func Results() []Result {
	return []Result{
		{ResultChanged, "true if any attempt of this run pushed a commit; without an update: true if what runs differs from the lock's GitOpsRecord, or there is none"},
		{ResultCommit, "commit that carries the wanted state; of a merged pull request, the merge commit"},
		{ResultCommitURL, "link to the commit"},
		{ResultPreviousImage, "full reference of the first image before the run"},
		{ResultImage, "full reference of the first image"},
		{ResultImages, "all images as a JSON array of objects with name, previous and image"},
		{ResultImageDigest, "digest that the pods run, where it is known"},
		{ResultRevision, "revision that Argo CD synced: the commit, or a descendant of it"},
		{ResultApplicationURL, "link to the application in Argo CD"},
		{ResultHealth, "health of the application at the end"},
		{ResultDiff, "change of the manifest as a unified diff, at most 4 KiB"},
		{ResultReverted, "true if the previous value was put back"},
		{ResultPRNumber, "number of the pull request"},
		{ResultPRURL, "link to the pull request"},
		{ResultPRState, "open, merged or closed: the state of the pull request as the run saw it last"},
		{ResultPRBranch, "branch of the pull request"},
		{ResultMergeCommit, "commit that the merge of the pull request ended with, by whatever method"},
	}
}
