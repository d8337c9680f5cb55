package v1alpha1_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// TestReasons writes the contract down once more: a reason that moves to another column breaks somebody's pipeline.
func TestReasons(t *testing.T) {
	var phases, retried, final []string
	for _, info := range v1alpha1.Reasons() {
		name := string(info.Reason)
		switch {
		case !info.Terminal:
			phases = append(phases, name)
		case info.Retryable:
			retried = append(retried, name)
		default:
			final = append(final, name)
		}
		if !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(name) {
			t.Errorf("%s is not CamelCase", name)
		}
		failure := info.Terminal && info.Reason != v1alpha1.ReasonSucceeded
		if info.Meaning == "" || failure != (info.NextAction != "") || strings.Contains(info.NextAction, "\n") {
			t.Errorf("%s: a meaning for each, and one line of what to do for each failure: %+v", name, info)
		}
		if v1alpha1.Retryable(info.Reason) != info.Retryable {
			t.Errorf("Retryable(%s) = %v", name, !info.Retryable)
		}
	}
	slices.Sort(retried)
	slices.Sort(final)
	want := [][]string{
		{"Preparing", "Locking", "Publishing", "Opening", "WaitingForMerge", "Syncing", "Verifying", "Reverting", "Releasing"},
		{"ApplicationMismatch", "ApplicationNotFound", "CertificateInvalid", "CredentialsInvalid", "CustomRunTimedOut", "ImageMismatch", "ImageNotInManifest", "LockTimeout", "ManifestInvalid", "OperationBlocked", "PermissionDenied", "PullRequestRejected", "PushConflict", "PushRejected", "RolledBack", "RolloutFailed", "SyncFailed", "SyncTimeout", "SyncWindowClosed", "VerifyTimeout"},
		{"CustomRunCancelled", "CustomRunWorkspaceNotSupported", "DefinitionNotFound", "InvalidParameters", "InvalidSpec", "NamespaceNotEnabled", "PolicyDenied", "PullRequestClosed", "Succeeded", "Superseded"},
	}
	if diff := cmp.Diff(want, [][]string{phases, retried, final}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info, ok := v1alpha1.Reason("Nonsense").Info(); ok || info.Terminal || v1alpha1.Retryable("Nonsense") {
		t.Errorf("an unknown reason has %+v", info)
	}
}

func TestResults(t *testing.T) {
	var names []string
	for _, result := range v1alpha1.Results() {
		names = append(names, result.Name)
		if result.Description == "" || strings.Contains(result.Name, ".") {
			t.Errorf("%q: a description for each, and no dots in names", result.Name)
		}
	}
	want := []string{"changed", "commit", "commit-url", "previous-image", "image", "images", "image-digest", "revision", "application-url", "health", "diff", "reverted", "pr-number", "pr-url", "pr-state", "pr-branch", "merge-commit"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScheme(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"GitOpsDeploy", "GitOpsDeployList", "GitOpsPR", "GitOpsPRList", "GitOpsRecord", "GitOpsRecordList"} {
		if !scheme.Recognizes(schema.GroupVersionKind{Group: "gitops.tekton.dev", Version: "v1alpha1", Kind: kind}) {
			t.Errorf("the scheme does not know %s", kind)
		}
	}
	want := schema.GroupVersionResource{Group: "gitops.tekton.dev", Version: "v1alpha1", Resource: "gitopsrecords"}
	if diff := cmp.Diff(want, v1alpha1.Resource("gitopsrecords")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
