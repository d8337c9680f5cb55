package v1alpha1

// Names of the results of a GitOpsDeploy run. Every run has every one of them, a failed run too, and empty where it
// does not apply. They accumulate over the attempts of a run. All are strings; booleans are "true" or "false".
const (
	// ResultChanged is "true" when an attempt of this run pushed a commit. For a run that only verifies: when the live
	// set of workload, container and image differs from the lock's GitOpsRecord, or there is none.
	ResultChanged = "changed"
	// ResultCommit is the full id of the commit that carries the wanted state, whoever made it.
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
)

// MaxDiffBytes bounds ResultDiff.
const MaxDiffBytes = 4 << 10

// Result documents one result.
type Result struct {
	Name        string
	Description string
}

// Results lists the results of a GitOpsDeploy in the order in which a run carries them.
func Results() []Result {
	return []Result{
		{ResultChanged, "true if any attempt of this run pushed a commit; without an update: true if what runs differs from the lock's GitOpsRecord, or there is none"},
		{ResultCommit, "commit that carries the wanted state"},
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
	}
}
