// Package request turns a CustomRun and its definition into one resolved value, the Request.
//
// There are three ways to say what a run shall do: by the name of a GitOpsDeploy, by a spec embedded in the run, and by
// parameters alone. All three end in a Request, and nothing after this package sees anything else.
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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/pkg/image"
)

// Version is the version of the Request type that this package writes. A change that an older controller would misread
// raises it.
const Version = 1

// MaxBytes bounds the JSON of a Request, which has to fit into a run's checkpoint next to the planned commit.
const MaxBytes = 16 << 10

var (
	// ErrInvalidParameters says that the run's parameters, or a defaults ConfigMap, cannot be used.
	ErrInvalidParameters = errors.New("invalid parameters")
	// ErrInvalidSpec says that the definition, or the spec embedded in the run, cannot be used.
	ErrInvalidSpec = errors.New("invalid spec")
	// ErrDefinitionNotFound says that the run names a GitOpsDeploy that its namespace does not have.
	ErrDefinitionNotFound = errors.New("definition not found")
)

// Request is everything that a run was asked to do. It is taken once, when the run starts, and stored in the run's
// checkpoint: later edits of the run, of the definition or of the defaults do not reach it.
type Request struct {
	Version int `json:"version"`
	Run     Run `json:"run"`
	// Definition is the name of the GitOpsDeploy; empty for the other two forms.
	Definition string `json:"definition,omitempty"`
	Lock       Lock   `json:"lock"`
	// Images has at most MaxImages entries, each name once. With Update set there is at least one, and each has a tag or
	// a digest. Without Update an entry says what to verify, and may be a bare name.
	Images []image.Want `json:"images,omitempty"`
	// Update and Git are both set or both nil. Nil: nothing is written and nothing is synced, the run only verifies.
	Update *Update `json:"update,omitempty"`
	Git    *Git    `json:"git,omitempty"`
	// ArgoCD is nil when no application is named: the run ends once the commit is pushed.
	ArgoCD *ArgoCD `json:"argocd,omitempty"`
	Verify Verify  `json:"verify"`
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
	// Name is a valid name of a Lease. When the definition gives none it is derived by LockName.
	Name string `json:"name"`
	// Timeout bounds the waiting. Zero means: do not wait at all.
	Timeout metav1.Duration `json:"timeout"`
}

// Git is the branch that is written.
type Git struct {
	// URL is http, https or file, without user name, query or fragment. Which of them is allowed is policy's to say
	// (file never is).
	URL    string `json:"url"`
	Branch string `json:"branch"`
	// Secret in the run's namespace; empty means the Secrets linked to the ServiceAccount.
	Secret string `json:"secret,omitempty"`
	// Author is also the committer.
	Author  Person  `json:"author"`
	Message Message `json:"message"`
}

// Person is one line of git identity: neither part has line breaks or angle brackets.
type Person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Update says where the images are written. Exactly one field is set.
type Update struct {
	Kustomize *Kustomize `json:"kustomize,omitempty"`
}

// Kustomize is a directory with a kustomization file.
type Kustomize struct {
	// Path is relative, clean, and stays inside the repository; "." is its root.
	Path string `json:"path"`
}

// ArgoCD is the application to sync and the server to ask.
type ArgoCD struct {
	// Server is host or host:port; empty means that the Secret's ARGOCD_SERVER says it.
	Server    string `json:"server,omitempty"`
	Plaintext bool   `json:"plaintext,omitempty"`
	Insecure  bool   `json:"insecure,omitempty"`
	// Secret in the run's namespace; never empty.
	Secret      string      `json:"secret"`
	Application Application `json:"application"`
	Sync        Sync        `json:"sync"`
}

// Application names one Argo CD application.
type Application struct {
	Name string `json:"name"`
	// Namespace is empty for Argo CD's own.
	Namespace string `json:"namespace,omitempty"`
	// Project is empty when it is not said.
	Project string `json:"project,omitempty"`
}

// Sync is how the application is synced.
type Sync struct {
	Prune   bool            `json:"prune,omitempty"`
	Options []string        `json:"options,omitempty"`
	Timeout metav1.Duration `json:"timeout"`
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

// VerifyOnly tells whether the run writes nothing.
func (r Request) VerifyOnly() bool { return r.Update == nil }
