package argocd

import (
	"fmt"
	"time"
)

// App names an Application. Namespace may be empty for Argo CD's own.
// Project may be empty, but without it Argo CD answers "not found" and "not
// allowed" alike, see [Conn.Get].
type App struct {
	Name      string
	Namespace string
	Project   string
}

// String is [namespace/]name, as Argo CD writes it.
func (a App) String() string {
	if a.Namespace == "" {
		return a.Name
	}
	return a.Namespace + "/" + a.Name
}

// Refresh says whether Argo CD has to look at git before it answers.
type Refresh string

const (
	// RefreshNone reads the state as it stands.
	RefreshNone Refresh = ""
	// RefreshNormal makes Argo CD resolve the revision and compare again.
	RefreshNormal Refresh = "normal"
	// RefreshHard drops the manifest cache too. Expensive: a last resort.
	RefreshHard Refresh = "hard"
)

// Observation is what Argo CD says about an Application at one moment.
//
// Sync, Revisions, Health and Resources come from one comparison and agree with
// each other. Operation is written separately and may be newer or older.
type Observation struct {
	App             App
	ResourceVersion string
	// RBACName is the object of RBAC rules: project/[namespace/]name.
	RBACName string
	// ControllerNamespace is Argo CD's own, "" before the first comparison.
	ControllerNamespace string
	// Refreshed is the refresh that produced this observation. It is RefreshNone
	// when Argo CD did not finish the asked-for refresh in time.
	Refreshed Refresh

	Sources []Source
	// MultiSource: the Application has a list of sources, be it of one.
	MultiSource bool
	// Hydration is set where a source hydrator writes what the one source has.
	Hydration *Hydration
	// Revisions are what the last comparison was made to, by index of Sources.
	Revisions []string
	Sync      string // Synced, OutOfSync, Unknown
	Health    string // Healthy, Progressing, Degraded, Suspended, Missing, Unknown
	HealthMsg string

	// Running is true while an operation is requested, running, terminating, or
	// waiting for a retry of its own.
	Running bool
	// Operation is the current operation, else the last; nil when there was none
	// or when Argo CD has forgotten it.
	Operation *Operation

	Conditions []Condition
	AutoSync   AutoSync
	// History holds the newest entries, oldest first, at most maxHistory.
	History []Deployment
	// Resources are those that are not Synced, need pruning, or are not Healthy,
	// at most maxResources of them; ResourceCount counts all resources.
	Resources     []ResourceState
	ResourceCount int

	Deleting      bool
	SkipReconcile bool
}

// Source is where an Application takes manifests from.
type Source struct {
	RepoURL        string
	TargetRevision string
	Path           string
	Chart          string // set for a Helm repository: it has no commits
	Ref            string
	// Images are the overrides that the Application itself sets (kustomize.images).
	// They win over what the repository says, and so do Parameters, the names in
	// helm.parameters.
	Images     []string
	Parameters []string
}

// Hydration is Argo CD's source hydrator: it renders the dry source, commits the
// result to another branch, and syncs from there. So Observation.Revisions are
// commits of that branch, and only this says which dry commit they are.
type Hydration struct {
	// Dry is where people commit.
	Dry Source
	// Branch is what is synced.
	Branch string
	// To is the branch that the hydrator writes, when somebody else has to bring it
	// from there to Branch.
	To string
	// Phase of the newest hydration is Hydrating, Failed, Hydrated, or empty before
	// the first. Current is its dry revision, empty until it has ended or when it
	// failed before that was known.
	Phase    string
	Message  string
	Current  string
	Finished time.Time
	// DryRevision and Revision are those of the last hydration that succeeded.
	DryRevision string
	Revision    string
}

// The phases of a hydration.
const (
	hydrating       = "Hydrating"
	hydrationFailed = "Failed"
)

// The phases of an operation. An accepted operation that the application
// controller has not begun yet has phase PhasePending.
const (
	PhasePending     = ""
	PhaseRunning     = "Running"
	PhaseTerminating = "Terminating"
	PhaseFailed      = "Failed"
	PhaseError       = "Error"
	PhaseSucceeded   = "Succeeded"
)

// Operation is a sync as Argo CD reports it.
type Operation struct {
	Phase    string
	Message  string
	Started  time.Time
	Finished time.Time // set with PhaseRunning: it waits for a retry
	Retries  int64
	// Run and Attempt are those of the SyncRequest; empty for a foreign operation.
	Run     string
	Attempt int
	// By is the account that started it, "automated sync policy" for auto-sync.
	By        string
	Automated bool
	// Revisions are those of the result, by index of the sources; those of the
	// request as long as there is no result.
	Revisions []string
	// Failed are the resources that were not applied, at most maxResources.
	Failed []ResourceState
	// Progress changes whenever Argo CD reports anything new about the operation.
	Progress string
}

// ID tells an operation that has begun from any other of the Application. Argo CD
// gives them none, and times in whole seconds.
func (o *Operation) ID() string {
	return fmt.Sprintf("%s/%s/%d/%s", o.By, o.Run, o.Attempt, o.Started.UTC().Format(time.RFC3339))
}

// Done reports whether the operation reached its end.
func (o *Operation) Done() bool {
	switch o.Phase {
	case PhaseFailed, PhaseError, PhaseSucceeded:
		return true
	}
	return false
}

// Condition is an entry of status.conditions.
type Condition struct {
	Type    string
	Message string
	Since   time.Time
}

// The condition types that matter here.
const (
	ConditionComparisonError  = "ComparisonError"
	ConditionInvalidSpecError = "InvalidSpecError"
	ConditionSyncError        = "SyncError"
)

// AutoSync is the automated sync policy.
type AutoSync struct {
	Enabled  bool
	Prune    bool
	SelfHeal bool
}

// Deployment is an entry of the Application's history.
type Deployment struct {
	ID        int64
	Revisions []string
	Started   time.Time // zero on servers that do not say
	Deployed  time.Time
	By        string
}

// Resource identifies a Kubernetes object.
type Resource struct {
	Group     string
	Version   string
	Kind      string
	Namespace string
	Name      string
}

// String is Kind/[namespace/]name.
func (r Resource) String() string {
	if r.Namespace == "" {
		return r.Kind + "/" + r.Name
	}
	return r.Kind + "/" + r.Namespace + "/" + r.Name
}

// ResourceState is a resource that is not as it should be.
type ResourceState struct {
	Resource
	Sync      string // Synced, OutOfSync, Unknown; the result code in Operation.Failed
	Health    string // empty: the kind has no health
	Message   string
	NeedPrune bool
	Hook      bool
}

// Tree is the Application's resources with everything they own.
type Tree struct {
	Nodes []Node
}

// Node is a live object of the tree.
type Node struct {
	Resource
	UID       string
	Health    string
	HealthMsg string
	// Reason is what kubectl prints as a Pod's status, such as ImagePullBackOff.
	Reason string
	// Revision of a ReplicaSet: deployment.kubernetes.io/revision. 0: none.
	Revision int
	Images   []string
	// Labels of a Pod.
	Labels  map[string]string
	Parents []string // UIDs
	Created time.Time
}
