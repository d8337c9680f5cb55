// Package request turns a CustomRun and its definition into one resolved value, the Request.
//
// There are three ways to say what a run shall do: by the name of a definition (a GitOpsDeploy or a GitOpsPR), by a spec
// embedded in the run, and by parameters alone. All three end in a Request, for both kinds, and nothing after this package
// sees anything else.
//
// Promises:
//   - A Request is complete: every default is filled in and every field has its real type and has passed its grammar.
//   - Resolving has no effect outside and depends on nothing but its arguments, except for the one read of a definition.
//   - Substitution is one pass over the template. A parameter's value is never looked at again, whatever it contains.
//   - Errors name the field or parameter and wrap ErrInvalidParameters, ErrInvalidSpec or ErrDefinitionNotFound. Any
//     other error comes from reading the definition and may be transient.
//   - Sizes are bounded: the JSON of a Request has at most MaxBytes bytes.
//
// It does not promise that the run is allowed (that is package policy), nor that the repository, the path, the
// application or a Secret exists.
package request

import (
	"errors"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// Version is the version of the Request type that this package writes. A change that an older controller would misread
// raises it.
const Version = 3

// MaxBytes bounds the JSON of a Request, which has to fit into a run's checkpoint next to the planned commit.
const MaxBytes = 16 << 10

var (
	// ErrInvalidParameters says that the run's parameters, or a defaults ConfigMap, cannot be used.
	ErrInvalidParameters = errors.New("invalid parameters")
	// ErrInvalidSpec says that the definition, or the spec embedded in the run, cannot be used.
	ErrInvalidSpec = errors.New("invalid spec")
	// ErrDefinitionNotFound says that the run names a definition that its namespace does not have.
	ErrDefinitionNotFound = errors.New("definition not found")
)

// Request is everything that a run was asked to do. It is taken once, when the run starts, and stored in the run's
// checkpoint: later edits of the run, of the definition or of the defaults do not reach it.
type Request struct {
	Version int `json:"version"`
	Run     Run `json:"run"`
	// Definition is the name of the GitOpsDeploy or GitOpsPR; empty for the other two forms.
	Definition string `json:"definition,omitempty"`
	Lock       Lock   `json:"lock"`
	// PullRequest is nil for a GitOpsDeploy. With one there are Updates, and neither Restart nor Revert.
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
	// Images has at most MaxImages entries, each name once. With Updates each has a tag or a digest, and there is at least
	// one unless all of Updates are YAML with a value. Without Updates an entry says what to verify, and may be a bare
	// name.
	Images []image.Want `json:"images,omitempty"`
	// Updates and Git are both set or both empty. Empty: nothing is written and nothing is synced, the run only verifies,
	// or restarts and verifies.
	Updates []Update `json:"updates,omitempty"`
	Git     *Git     `json:"git,omitempty"`
	// ArgoCD is nil when no application is named: the run ends once the commit is pushed. With a PullRequest it is nil,
	// and Verify has its defaults, unless the run waits for WaitDeployed.
	ArgoCD *ArgoCD `json:"argocd,omitempty"`
	Verify Verify  `json:"verify"`
	// Restart restarts the workloads. It excludes Updates.
	Restart bool `json:"restart,omitempty"`
	// Revert takes the commit back when the run fails after the push. It needs Updates.
	Revert bool `json:"revert,omitempty"`
	// DryRun ends the run once the change is computed.
	DryRun bool `json:"dryRun,omitempty"`
}

// Run identifies the CustomRun and what it belongs to.
type Run struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
	// PipelineRun and Pipeline are empty for a CustomRun that stands alone.
	PipelineRun string `json:"pipelineRun,omitempty"`
	Pipeline    string `json:"pipeline,omitempty"`
	// ServiceAccount is the one whose linked Secrets may be used; never empty.
	ServiceAccount string `json:"serviceAccount"`
}

// Lock is the Lease that the run holds while it writes and verifies.
type Lock struct {
	// Name is a valid name of a Lease. When the definition gives none it is derived by LockName, but for a PullRequest:
	// then it is empty, and there is no lock.
	Name string `json:"name"`
	// Latest makes a waiting run give way to a newer one.
	Latest bool `json:"latest,omitempty"`
	// Timeout bounds the waiting. Zero means: do not wait at all.
	Timeout metav1.Duration `json:"timeout"`
}

// Git is the branch that is written, or that a PullRequest is to be merged into.
type Git struct {
	// URL is http, https or file without user name, ssh with or without one, or USER@HOST:PATH; without password, query
	// and fragment. Which of them is allowed is policy's to say (file never is).
	URL    string `json:"url"`
	Branch string `json:"branch"`
	// Secret in the run's namespace; empty means the Secrets linked to the ServiceAccount.
	Secret string `json:"secret,omitempty"`
	// Author is also the committer.
	Author  Person  `json:"author"`
	Message Message `json:"message"`
	// Signing is a Secret in the run's namespace with the key that signs the commit; empty: it is not signed.
	Signing string `json:"signing,omitempty"`
}

// Person is one line of git identity: neither part has line breaks or angle brackets.
type Person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Update is one place that is written. Exactly one of Kustomize, Helm, Manifests and YAML is set.
type Update struct {
	// Images are names out of Request.Images that are set here; empty means all of them. With Helm it is exactly one
	// image, however it is said; with YAML none.
	Images    []string   `json:"images,omitempty"`
	Kustomize *Kustomize `json:"kustomize,omitempty"`
	Helm      *Helm      `json:"helm,omitempty"`
	Manifests *Manifests `json:"manifests,omitempty"`
	YAML      *YAML      `json:"yaml,omitempty"`
}

// Wants are the images that this update sets.
func (u Update) Wants(all []image.Want) []image.Want {
	if u.YAML != nil {
		return nil
	}
	if len(u.Images) == 0 {
		return all
	}
	var some []image.Want
	for _, want := range all {
		if slices.ContainsFunc(u.Images, func(name string) bool { return image.SameName(name, want.Name) }) {
			some = append(some, want)
		}
	}
	return some
}

// Path is the file or directory that the update is about.
func (u Update) Path() string {
	switch {
	case u.Kustomize != nil:
		return u.Kustomize.Path
	case u.Helm != nil:
		return u.Helm.File
	case u.Manifests != nil:
		return u.Manifests.Path
	case u.YAML != nil:
		return u.YAML.File
	}
	return ""
}

// Kustomize is a directory with a kustomization file.
type Kustomize struct {
	// Path is relative, clean, and stays inside the repository; "." is its root.
	Path string `json:"path"`
}

// Helm is a values file and the paths in it. Either Image is set, or at least one of Tag and Digest.
type Helm struct {
	// File is relative, clean, and stays inside the repository.
	File       string `json:"file"`
	Image      string `json:"image,omitempty"`
	Repository string `json:"repository,omitempty"`
	Tag        string `json:"tag,omitempty"`
	Digest     string `json:"digest,omitempty"`
}

// Manifests is a file or a directory of plain manifests.
type Manifests struct {
	// Path is relative, clean, and stays inside the repository; "." is its root.
	Path string `json:"path"`
	// Container is empty for every container that runs the image.
	Container string `json:"container,omitempty"`
}

// YAML is one scalar of a file.
type YAML struct {
	// File is relative, clean, and stays inside the repository.
	File string `json:"file"`
	Path string `json:"path"`
	// Value is never empty: where the spec has none, it is the tag, else the digest, of the one image.
	Value string `json:"value"`
}

// ArgoCD is what to sync and the server to ask.
type ArgoCD struct {
	// Server is host or host:port; empty means that the Secret's ARGOCD_SERVER says it.
	Server string `json:"server,omitempty"`
	// Web speaks gRPC-web.
	Web       bool `json:"web,omitempty"`
	Plaintext bool `json:"plaintext,omitempty"`
	Insecure  bool `json:"insecure,omitempty"`
	// Secret in the run's namespace; never empty.
	Secret string `json:"secret"`
	// Applications has at most MaxApplications entries, each once, and at least one unless there is a Selector.
	Applications []Application `json:"applications,omitempty"`
	Selector     *Selector     `json:"selector,omitempty"`
	Sync         Sync          `json:"sync"`
}

// MaxApplications bounds the applications of one run.
const MaxApplications = 16

// Selector chooses the applications by their labels.
type Selector struct {
	// MatchLabels has at least one entry.
	MatchLabels map[string]string `json:"matchLabels"`
	// Namespace and Project are empty for any.
	Namespace string `json:"namespace,omitempty"`
	Project   string `json:"project,omitempty"`
}

// Application names one Argo CD application.
type Application struct {
	Name string `json:"name"`
	// Namespace is empty for Argo CD's own.
	Namespace string `json:"namespace,omitempty"`
	// Project is empty when it is not said.
	Project string `json:"project,omitempty"`
}

// Sync is how an application is synced.
type Sync struct {
	Prune   bool     `json:"prune,omitempty"`
	Options []string `json:"options,omitempty"`
	// PinRevision asks for exactly the commit.
	PinRevision bool `json:"pinRevision,omitempty"`
	// WaitForWindow waits while a sync window is closed; else the run fails.
	WaitForWindow bool `json:"waitForWindow,omitempty"`
	// TerminateForeign ends an operation of somebody else that does not end; else the run waits for it.
	TerminateForeign bool            `json:"terminateForeign,omitempty"`
	Timeout          metav1.Duration `json:"timeout"`
}

// Health says what must be healthy.
type Health string

const (
	// HealthApplication asks for the whole application.
	HealthApplication Health = "Application"
	// HealthWorkloads asks for the verified workloads only.
	HealthWorkloads Health = "Workloads"
)

// Verify is what must be true in the end.
type Verify struct {
	// Workloads; empty means every workload of the application that runs one of the images.
	Workloads    []Workload      `json:"workloads,omitempty"`
	Health       Health          `json:"health"`
	Timeout      metav1.Duration `json:"timeout"`
	StableFor    metav1.Duration `json:"stableFor"`
	FailureGrace metav1.Duration `json:"failureGrace"`
}

// Workload names one object of the application.
type Workload struct {
	Kind string `json:"kind"`
	// Namespace is empty for any namespace of the application.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Container is empty for every container that runs one of the images.
	Container string `json:"container,omitempty"`
}

// VerifyOnly tells whether the run neither writes nor restarts anything.
func (r Request) VerifyOnly() bool { return len(r.Updates) == 0 && !r.Restart }
