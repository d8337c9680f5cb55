package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/test/signing"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	serverImage = "quay.io/product-catalog/server"
	runTimeout  = 3 * time.Minute
)

// tenant is an enabled namespace with what a test does in it.
type tenant struct {
	*testbed.Tenant
	t      *testing.T
	tekton tekton.Interface
	// signer is the key of the examples.
	signer signing.Key
}

func newTenant(t *testing.T, o testbed.TenantOptions) *tenant {
	t.Helper()
	made, err := testbed.NewTenant(t.Context(), bed.Cluster, o)
	if err != nil {
		t.Fatal(err)
	}
	if made.Hosted != nil {
		bed.secrets.add(made.Hosted.Bot.Token, made.Hosted.Bot.Password, made.Hosted.Person.Token, made.Hosted.Person.Password)
		bed.hosted.add(made.Hosted.GiteaRepository)
	}
	client, err := tekton.NewForConfig(bed.Config)
	if err != nil {
		t.Fatal(err)
	}
	return &tenant{Tenant: made, t: t, tekton: client}
}

// deploy is a run by parameters alone of the tenant's dev environment.
func (n *tenant) deploy(name, tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace},
		Spec: v1beta1.CustomRunSpec{
			CustomRef: &v1beta1.TaskRef{APIVersion: "gitops.tekton.dev/v1alpha1", Kind: "GitOpsDeploy"},
			Params: merge(v1beta1.Params{
				param("image", serverImage), param("tag", tag), param("path", "overlays/dev"), param("argocd-application", n.App("dev")),
			}, extra),
		},
	}
}

func param(name, value string) v1beta1.Param {
	return v1beta1.Param{Name: name, Value: *v1beta1.NewStructuredValues(value)}
}

// merge lets later parameters replace earlier ones; one with an empty value removes.
func merge(base, extra v1beta1.Params) v1beta1.Params {
	out := v1beta1.Params{}
	for _, p := range base {
		replaced := false
		for _, e := range extra {
			replaced = replaced || e.Name == p.Name
		}
		if !replaced {
			out = append(out, p)
		}
	}
	for _, e := range extra {
		if e.Value.StringVal != "" || e.Value.Type != v1beta1.ParamTypeString {
			out = append(out, e)
		}
	}
	return out
}

func (n *tenant) create(cr *v1beta1.CustomRun) *v1beta1.CustomRun {
	n.t.Helper()
	made, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).Create(n.t.Context(), cr, metav1.CreateOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return made
}

func (n *tenant) get(name string) *v1beta1.CustomRun {
	n.t.Helper()
	cr, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).Get(n.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return cr
}

// waitFor watches a run until the condition holds, and fails the test with the run's last state otherwise. It sees every
// status from now on, however short-lived.
func (n *tenant) waitFor(name, what string, ok func(*v1beta1.CustomRun) bool) *v1beta1.CustomRun {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), runTimeout)
	defer cancel()
	cr := n.get(name)
	for ctx.Err() == nil {
		events, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		if err != nil {
			break
		}
		for e := range events.ResultChan() {
			if seen, isRun := e.Object.(*v1beta1.CustomRun); isRun {
				cr = seen
			}
			if ok(cr) {
				events.Stop()
				return cr
			}
		}
	}
	n.t.Fatalf("run %s: %s did not come true in %s; it is %s\nextraFields: %s", name, what, runTimeout, outcome(cr), cr.Status.ExtraFields.Raw)
	return nil
}

// finish waits for the end of a run.
func (n *tenant) finish(name string) *v1beta1.CustomRun {
	n.t.Helper()
	return n.waitFor(name, "the end", (*v1beta1.CustomRun).IsDone)
}

// inPhase waits until a run shows a phase.
func (n *tenant) inPhase(name, phase string) *v1beta1.CustomRun {
	n.t.Helper()
	return n.waitFor(name, "phase "+phase, func(cr *v1beta1.CustomRun) bool { return reason(cr) == phase || cr.IsDone() })
}

func (n *tenant) cancel(name string) {
	n.t.Helper()
	n.patch(name, `{"spec":{"status":"RunCancelled","statusMessage":"cancelled by the test"}}`)
}

// patch changes a run as a user would, by a merge patch.
func (n *tenant) patch(name, patch string) {
	n.t.Helper()
	if _, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).Patch(n.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		n.t.Fatal(err)
	}
}

// liveImage is the image of the server Deployment's container in an environment.
func (n *tenant) liveImage(environment string) string {
	n.t.Helper()
	d, err := n.Client.AppsV1().Deployments(n.Targets[environment]).Get(n.t.Context(), "server", metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return d.Spec.Template.Spec.Containers[0].Image
}

// noLease fails the test when a Lease is left in the namespace.
func (n *tenant) noLease() {
	n.t.Helper()
	leases, err := n.Client.CoordinationV1().Leases(n.Namespace).List(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, l := range leases.Items {
		n.t.Errorf("Lease %s is left, held by %s", l.Name, *l.Spec.HolderIdentity)
	}
}

// commits are the commits of main without the first one, newest first.
func (n *tenant) commits() int {
	n.t.Helper()
	log, err := n.Repository.Log(n.t.Context(), "main")
	if err != nil {
		n.t.Fatal(err)
	}
	return len(log) - 1
}

func reason(cr *v1beta1.CustomRun) string {
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); c != nil {
		return c.Reason
	}
	return ""
}

func message(cr *v1beta1.CustomRun) string {
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); c != nil {
		return c.Message
	}
	return ""
}

func outcome(cr *v1beta1.CustomRun) string {
	if cr == nil {
		return "absent"
	}
	return reason(cr) + ": " + message(cr)
}

func result(cr *v1beta1.CustomRun, name string) string {
	for _, r := range cr.Status.Results {
		if r.Name == name {
			return r.Value
		}
	}
	return "(no result " + name + ")"
}

// wantFailed checks the reason and that the message has all the words.
func (n *tenant) wantFailed(cr *v1beta1.CustomRun, want string, words ...string) {
	n.t.Helper()
	if !cr.IsFailure() || reason(cr) != want {
		n.t.Fatalf("got %s, want %s", outcome(cr), want)
	}
	for _, w := range words {
		if !strings.Contains(message(cr), w) {
			n.t.Errorf("message %q does not say %q", message(cr), w)
		}
	}
}

// gone tells whether a read found nothing.
func gone(err error) bool { return apierrors.IsNotFound(err) }
