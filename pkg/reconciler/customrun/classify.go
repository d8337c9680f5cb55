package customrun

import (
	"context"
	"errors"
	"fmt"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/credentials"
	"github.com/tekton-gitops/tekton-gitops/pkg/gitrepo"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/lock"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/manifest"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest"
	"github.com/tekton-gitops/tekton-gitops/pkg/pullrequest/hosts"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"knative.dev/pkg/logging"
)

// terminal maps the errors that end a run to the reason that people see. The first match counts. An error that is not
// here is transient: it is tried again until the phase's or the run's time is over.
var terminal = []struct {
	err    error
	reason v1alpha1.Reason
}{
	{request.ErrInvalidParameters, v1alpha1.ReasonInvalidParameters},
	{request.ErrInvalidSpec, v1alpha1.ReasonInvalidSpec},
	{request.ErrDefinitionNotFound, v1alpha1.ReasonDefinitionNotFound},
	{errNotEnabled, v1alpha1.ReasonNamespaceNotEnabled},
	{policy.ErrDenied, v1alpha1.ReasonPolicyDenied},
	{credentials.ErrForbidden, v1alpha1.ReasonNamespaceNotEnabled},
	{credentials.ErrNotFound, v1alpha1.ReasonCredentialsInvalid},
	{credentials.ErrInvalid, v1alpha1.ReasonCredentialsInvalid},
	{credentials.ErrHostBound, v1alpha1.ReasonCredentialsInvalid},
	{lock.ErrLeaderElection, v1alpha1.ReasonInvalidSpec},
	{lock.ErrInvalid, v1alpha1.ReasonInvalidSpec},
	{lock.ErrForbidden, v1alpha1.ReasonNamespaceNotEnabled},
	{manifest.ErrInvalid, v1alpha1.ReasonManifestInvalid},
	{manifest.ErrTooLarge, v1alpha1.ReasonManifestInvalid},
	{manifest.ErrPath, v1alpha1.ReasonInvalidSpec},
	{manifest.ErrImageNotFound, v1alpha1.ReasonImageNotInManifest},
	{gitrepo.ErrCertificate, v1alpha1.ReasonCertificateInvalid},
	{gitrepo.ErrHostKey, v1alpha1.ReasonCertificateInvalid},
	{gitrepo.ErrKey, v1alpha1.ReasonCredentialsInvalid},
	{gitrepo.ErrUnauthorized, v1alpha1.ReasonCredentialsInvalid},
	{gitrepo.ErrForbidden, v1alpha1.ReasonCredentialsInvalid},
	{gitrepo.ErrRejected, v1alpha1.ReasonPushRejected},
	{gitrepo.ErrURL, v1alpha1.ReasonInvalidSpec},
	{gitrepo.ErrNotFound, v1alpha1.ReasonInvalidSpec},
	{gitrepo.ErrRedirect, v1alpha1.ReasonInvalidSpec},
	{gitrepo.ErrNotGit, v1alpha1.ReasonInvalidSpec},
	{gitrepo.ErrEmpty, v1alpha1.ReasonInvalidSpec},
	{gitrepo.ErrBranchNotFound, v1alpha1.ReasonInvalidSpec},
	{gitrepo.ErrMessage, v1alpha1.ReasonInvalidSpec},
	{gitrepo.ErrPath, v1alpha1.ReasonManifestInvalid},
	{gitrepo.ErrFileNotFound, v1alpha1.ReasonManifestInvalid},
	{gitrepo.ErrTooLarge, v1alpha1.ReasonManifestInvalid},
	{errForeignBranch, v1alpha1.ReasonPushRejected},
	{hosts.ErrUnknown, v1alpha1.ReasonInvalidSpec},
	{pullrequest.ErrURL, v1alpha1.ReasonInvalidSpec},
	{pullrequest.ErrNotAPI, v1alpha1.ReasonInvalidSpec},
	{pullrequest.ErrNotFound, v1alpha1.ReasonInvalidSpec},
	{pullrequest.ErrBaseNotFound, v1alpha1.ReasonInvalidSpec},
	{pullrequest.ErrKey, v1alpha1.ReasonCredentialsInvalid},
	{pullrequest.ErrUnauthorized, v1alpha1.ReasonCredentialsInvalid},
	{pullrequest.ErrForbidden, v1alpha1.ReasonCredentialsInvalid},
	{pullrequest.ErrCertificate, v1alpha1.ReasonCertificateInvalid},
	{pullrequest.ErrRejected, v1alpha1.ReasonPullRequestRejected},
	{pullrequest.ErrUnsupported, v1alpha1.ReasonPullRequestRejected},
	{pullrequest.ErrHeadMoved, v1alpha1.ReasonPullRequestRejected},
	{errOldCommits, v1alpha1.ReasonInvalidSpec},
	{argocd.ErrCertificate, v1alpha1.ReasonCertificateInvalid},
	{argocd.ErrUnauthenticated, v1alpha1.ReasonCredentialsInvalid},
	{argocd.ErrNotFound, v1alpha1.ReasonApplicationNotFound},
	{argocd.ErrSelector, v1alpha1.ReasonInvalidSpec},
	{argocd.ErrNoRestart, v1alpha1.ReasonInvalidSpec},
	{argocd.ErrPermission, v1alpha1.ReasonPermissionDenied},
	{argocd.ErrMismatch, v1alpha1.ReasonApplicationMismatch},
	{argocd.ErrAutoSyncRevision, v1alpha1.ReasonApplicationMismatch},
	{argocd.ErrDeleting, v1alpha1.ReasonApplicationMismatch},
	{argocd.ErrSkipReconcile, v1alpha1.ReasonApplicationMismatch},
	{argocd.ErrProject, v1alpha1.ReasonPermissionDenied},
	{argocd.ErrServer, v1alpha1.ReasonInvalidSpec},
	{argocd.ErrBlocked, v1alpha1.ReasonOperationBlocked},
	{argocd.ErrSyncWindow, v1alpha1.ReasonSyncWindowClosed},
	{argocd.ErrSyncFailed, v1alpha1.ReasonSyncFailed},
	{argocd.ErrRolledBack, v1alpha1.ReasonRolledBack},
	{argocd.ErrSuperseded, v1alpha1.ReasonSuperseded},
	{argocd.ErrImageMismatch, v1alpha1.ReasonImageMismatch},
	{errNotInManifest, v1alpha1.ReasonImageNotInManifest},
	{errTooManyWorkloads, v1alpha1.ReasonInvalidSpec},
	{errNoSuchWorkload, v1alpha1.ReasonInvalidSpec},
	{errRestartUndone, v1alpha1.ReasonRolloutFailed},
	{image.ErrInvalid, v1alpha1.ReasonInvalidParameters},
}

// finalReason gives the reason of an error that is final.
func finalReason(err error) (reason v1alpha1.Reason, final bool) {
	for _, t := range terminal {
		if errors.Is(err, t.err) {
			return t.reason, true
		}
	}
	return "", false
}

// outcomeOf turns an error into a move: the end of the run where the error is known to be final, else a later try.
func (r *Reconciler) outcomeOf(ctx context.Context, run *run, err error) move {
	if reason, final := finalReason(err); final {
		return fail(reason, explain(reason, run, err))
	}
	count, wait := r.failures.next(run.UID)
	if limit := r.noteLimit(run, err); limit != nil {
		wait = max(wait, limit.Until.Sub(r.clock.Now()))
	}
	text := run.clean(err.Error())
	logging.FromContext(ctx).Infow("transient error, trying again", logkey.Phase, string(run.cp.Phase), logkey.Failures, count, logkey.Wait, wait.String(), logkey.Error, text)
	r.metrics.TransientError(string(run.cp.Phase))
	message := currentMessage(run)
	if message == "" {
		message = "starting"
	}
	if count > silentFailures {
		message = "trying again: " + text
	}
	return stay(message, wait)
}

// explain adds the next action where the error alone does not name it.
func explain(reason v1alpha1.Reason, run *run, err error) string {
	if reason == v1alpha1.ReasonNamespaceNotEnabled {
		return notEnabled(run.Namespace, err)
	}
	return err.Error()
}

// notEnabled says how a namespace is enabled, with the command to copy.
func notEnabled(namespace string, err error) string {
	message := fmt.Sprintf("namespace %s is not enabled for Tekton GitOps: let its administrator run "+
		"kubectl create rolebinding tekton-gitops --namespace %s --clusterrole tekton-gitops-tenant --serviceaccount tekton-gitops:tekton-gitops-controller", namespace, namespace)
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		message += " (" + status.Status().Message + ")"
	}
	return message
}

// errNotEnabled matches every refusal of the API server in a run's namespace.
var errNotEnabled = errors.New("namespace is not enabled")
