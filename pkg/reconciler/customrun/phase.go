package customrun

// Phase is where a run is. While a run goes on, it is also the reason of the condition that people see.
type Phase string

// The phases, in order. Opening and WaitingForMerge are those of a GitOpsPR only, Reverting that of a GitOpsDeploy.
const (
	// Preparing resolves the request and checks everything that can be checked without changing anything.
	Preparing Phase = "Preparing"
	// Locking waits for the Lease.
	Locking Phase = "Locking"
	// Publishing edits the manifest, commits and pushes.
	Publishing Phase = "Publishing"
	// Opening finds or creates the pull request of a GitOpsPR.
	Opening Phase = "Opening"
	// WaitingForMerge waits until the pull request is merged.
	WaitingForMerge Phase = "WaitingForMerge"
	// Syncing waits until Argo CD has synced the commit, and asks it to when nobody else does.
	Syncing Phase = "Syncing"
	// Verifying proves that the wanted image is what runs.
	Verifying Phase = "Verifying"
	// Reverting takes back what a run that has failed had pushed, where it asks for that.
	Reverting Phase = "Reverting"
	// Releasing writes the record of a success and gives the Lease back.
	Releasing Phase = "Releasing"
)
