package argocd

import (
	"errors"
	"fmt"
)

// The failures that a caller can tell apart with errors.Is. Everything else,
// and ErrUnavailable, may pass by itself.
var (
	// ErrNotFound: no such Application, as far as this account can see.
	ErrNotFound = errors.New("application not found")
	// ErrPermission: the account lacks a right; errors.As *PermissionError says which.
	ErrPermission = errors.New("permission denied")
	// ErrUnauthenticated: token or password is wrong or expired.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrCertificate: the server's certificate is not trusted, or ca.crt is not PEM.
	ErrCertificate = errors.New("certificate not trusted")
	// ErrServer: the address is malformed, or TLS is spoken to a plaintext port.
	ErrServer = errors.New("invalid Argo CD server")
	// ErrUnavailable: no answer, or one that says to come again.
	ErrUnavailable = errors.New("no usable answer from Argo CD")
	// ErrTooLarge: the answer exceeds the size limit.
	ErrTooLarge = errors.New("answer too large")

	// ErrOperationInProgress: another operation runs; wait, look, and sync again.
	ErrOperationInProgress = errors.New("another operation is in progress")
	// ErrSyncWindow: a sync window of the project forbids the sync.
	ErrSyncWindow = errors.New("sync window is closed")
	// ErrAutoSyncRevision: auto-sync is on and refuses another revision than the tracked one.
	ErrAutoSyncRevision = errors.New("auto-sync refuses this revision")
	// ErrProject: the Application may not use its project, or the project is gone.
	ErrProject = errors.New("application is not allowed in its project")
	// ErrResourceNotFound: the object is not (or not yet, or no longer) part of the Application.
	ErrResourceNotFound = errors.New("resource not found in the application")

	// ErrSelector: the selector is malformed, or matches more Applications than allowed.
	ErrSelector = errors.New("selector does not choose applications")
	// ErrNoRestart: Argo CD has no action to restart this kind.
	ErrNoRestart = errors.New("no action to restart it")

	// ErrMismatch: the Application does not follow our repository and branch.
	ErrMismatch = errors.New("application does not track the branch")
	// ErrDeleting: the Application is being deleted.
	ErrDeleting = errors.New("application is being deleted")
	// ErrSkipReconcile: the Application is annotated so that Argo CD ignores it.
	ErrSkipReconcile = errors.New("application is not reconciled")
	// ErrSyncFailed: the sync failed, or left resources out of sync.
	ErrSyncFailed = errors.New("sync failed")
	// ErrBlocked: an operation of somebody else does not end.
	ErrBlocked = errors.New("another operation does not end")
	// ErrRolledBack: somebody deployed a revision without the commit after ours.
	ErrRolledBack = errors.New("rolled back")
	// ErrSuperseded: a newer commit replaced the image.
	ErrSuperseded = errors.New("superseded by a newer commit")
	// ErrImageMismatch: synced, but a workload runs another image.
	ErrImageMismatch = errors.New("another image runs")
)

// PermissionError says what the account may not do. It wraps ErrPermission.
type PermissionError struct {
	Resource string // applications
	Verb     string // get, sync, override, action/apps/Deployment/restart
	Object   string // project/[namespace/]name; empty when Argo CD does not say
	Subject  string // the account; empty when Argo CD does not say
}

func (e *PermissionError) Error() string {
	subject := "the account"
	if e.Subject != "" {
		subject = "account " + e.Subject
	}
	instead := ""
	if e.Verb == verbOverride {
		instead = ", or leave pinRevision out"
	}
	if e.Object == "" {
		return fmt.Sprintf("%v: %s may not %s %s: grant it in Argo CD's RBAC policy%s", ErrPermission, subject, e.Verb, e.Resource, instead)
	}
	return fmt.Sprintf("%v: %s may not %s %s %s: grant it in Argo CD's RBAC policy (p, ROLE, %s, %s, %s, allow)%s",
		ErrPermission, subject, e.Verb, e.Resource, e.Object, e.Resource, e.Verb, e.Object, instead)
}

// The verbs of RBAC rules that are named here. Servers from 3.2 on can be told to
// ask for override where a sync names a revision.
const (
	verbSync     = "sync"
	verbOverride = "override"
)

// Unwrap returns ErrPermission.
func (e *PermissionError) Unwrap() error { return ErrPermission }
