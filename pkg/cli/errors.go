package cli

import (
	"context"
	"errors"
	"fmt"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// explain is the text of an error that ends a command: what failed, and the next step where there is a known one.
func explain(err error) string {
	if next := nextStep(err); next != "" {
		return err.Error() + "\n" + next
	}
	return err.Error()
}

// nextStep says what to do about an error of the way to the cluster. An error that says so itself has none.
func nextStep(err error) string {
	var network net.Error
	switch {
	case errors.As(err, new(*hintedError)):
		return ""
	case apierrors.IsUnauthorized(err):
		return "The cluster does not accept the credentials of the kubeconfig: log in again."
	case apierrors.IsForbidden(err):
		return "Ask for the right that the message names; the ClusterRoles view and edit have it for this project's kinds and Tekton's."
	case errors.Is(err, context.DeadlineExceeded), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return "The cluster did not answer in time: try again."
	case errors.As(err, &network):
		return "The cluster cannot be reached: check the network, and the context of the kubeconfig."
	}
	return ""
}

// hintedError is an error that says itself what to do.
type hintedError struct {
	what string
	next string
	err  error
}

func (e *hintedError) Error() string { return e.what + "\n" + e.next }

func (e *hintedError) Unwrap() error { return e.err }

// leftError is an error that tells what a command has left behind. It is shown after an interrupt too, of which nothing else
// is said.
type leftError struct {
	what string
	err  error
}

func (e *leftError) Error() string { return e.what + ": " + e.err.Error() }

func (e *leftError) Unwrap() error { return e.err }

// ofTekton explains the error of a call for Tekton's objects: a cluster without Tekton answers that there is no such
// resource.
func ofTekton(what string, err error) error {
	var status apierrors.APIStatus
	nameless := func(d *metav1.StatusDetails) bool { return d == nil || d.Name == "" }
	if errors.As(err, &status) && apierrors.IsNotFound(err) && nameless(status.Status().Details) {
		return &hintedError{
			what: what + ": the cluster has no CustomRuns of Tekton",
			next: "Install Tekton Pipelines, or choose another cluster with --context.",
			err:  err,
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}
