// Package scenario is what tests do in a tenant and look at from outside: create a run, follow it, cancel it, and then
// read git, Argo CD and the API server, which know nothing of the controller's own opinion.
package scenario

import (
	"slices"
	"testing"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// ServerImage is the image that the runs of this package set. The sample repository has it with the tag 1.0.0.
const ServerImage = "quay.io/product-catalog/server"

const (
	runTimeout = 90 * time.Second
	poll       = 25 * time.Millisecond
)

// Tenant is an enabled namespace and the test that works in it.
type Tenant struct {
	*testbed.Tenant
	Tekton tekton.Interface

	t testing.TB
}

// New makes a tenant.
func New(t testing.TB, c *localcluster.Cluster, o testbed.TenantOptions) *Tenant {
	t.Helper()
	made, err := testbed.NewTenant(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	client, err := tekton.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	return &Tenant{Tenant: made, Tekton: client, t: t}
}

// For is the same tenant, used by a subtest.
func (n *Tenant) For(t testing.TB) *Tenant {
	other := *n
	other.t = t
	return &other
}

// Deploy is a run by parameters alone that deploys a tag of ServerImage to an environment.
func (n *Tenant) Deploy(name, environment, tag string, extra ...v1beta1.Param) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace},
		Spec: v1beta1.CustomRunSpec{
			CustomRef: &v1beta1.TaskRef{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy},
			Params: append(v1beta1.Params{
				Param("image", ServerImage), Param("tag", tag), Param("path", "overlays/"+environment), Param("argocd-application", n.App(environment)),
			}, extra...),
		},
	}
}

// Embedded is a run that holds its spec itself, as JSON.
func (n *Tenant) Embedded(name, spec string) *v1beta1.CustomRun {
	return &v1beta1.CustomRun{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.Namespace},
		Spec: v1beta1.CustomRunSpec{CustomSpec: &v1beta1.EmbeddedCustomRunSpec{
			TypeMeta: runtime.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindGitOpsDeploy}, Spec: runtime.RawExtension{Raw: []byte(spec)},
		}},
	}
}

// Param is a string parameter.
func Param(name, value string) v1beta1.Param {
	return v1beta1.Param{Name: name, Value: *v1beta1.NewStructuredValues(value)}
}

// Create creates a run.
func (n *Tenant) Create(cr *v1beta1.CustomRun) *v1beta1.CustomRun {
	n.t.Helper()
	made, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).Create(n.t.Context(), cr, metav1.CreateOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return made
}

// Get reads a run.
func (n *Tenant) Get(name string) *v1beta1.CustomRun {
	n.t.Helper()
	cr, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).Get(n.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return cr
}

// WaitFor polls a run until ok holds, and fails the test with the run's last state otherwise.
func (n *Tenant) WaitFor(name, what string, ok func(*v1beta1.CustomRun) bool) *v1beta1.CustomRun {
	n.t.Helper()
	var cr *v1beta1.CustomRun
	for deadline := time.Now().Add(runTimeout); time.Now().Before(deadline); time.Sleep(poll) {
		if cr = n.Get(name); ok(cr) {
			return cr
		}
	}
	n.t.Fatalf("run %s: %s did not come true in %s; it is %s\nextraFields: %s", name, what, runTimeout, Outcome(cr), cr.Status.ExtraFields.Raw)
	return nil
}

// Finish waits for the end of a run.
func (n *Tenant) Finish(name string) *v1beta1.CustomRun {
	n.t.Helper()
	return n.WaitFor(name, "the end", (*v1beta1.CustomRun).IsDone)
}

// Succeed waits for the end of a run and wants it to be good.
func (n *Tenant) Succeed(name string) *v1beta1.CustomRun {
	n.t.Helper()
	cr := n.Finish(name)
	if !cr.IsSuccessful() {
		n.t.Fatalf("run %s ended with %s", name, Outcome(cr))
	}
	return cr
}

// Cancel cancels a run.
func (n *Tenant) Cancel(name string) {
	n.t.Helper()
	n.Patch(name, `{"spec":{"status":"RunCancelled","statusMessage":"cancelled by the test"}}`)
}

// Patch applies a merge patch to a run or, with a subresource, to a part of it.
func (n *Tenant) Patch(name, patch string, subresources ...string) {
	n.t.Helper()
	if _, err := n.Tekton.TektonV1beta1().CustomRuns(n.Namespace).Patch(n.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresources...); err != nil {
		n.t.Fatal(err)
	}
}

// LiveImage is the image of the server Deployment's container in an environment.
func (n *Tenant) LiveImage(environment string) string {
	n.t.Helper()
	d, err := n.Client.AppsV1().Deployments(n.Targets[environment]).Get(n.t.Context(), "server", metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	return d.Spec.Template.Spec.Containers[0].Image
}

// Holders are the holders of the namespace's Leases, by the Lease's name.
func (n *Tenant) Holders() map[string]string {
	n.t.Helper()
	leases, err := n.Client.CoordinationV1().Leases(n.Namespace).List(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	holders := map[string]string{}
	for _, l := range leases.Items {
		holders[l.Name] = *l.Spec.HolderIdentity
	}
	return holders
}

// NoLease fails the test when a Lease is left in the namespace.
func (n *Tenant) NoLease() {
	n.t.Helper()
	if left := n.Holders(); len(left) > 0 {
		n.t.Errorf("Leases are left: %v", left)
	}
}

// Commits are the commits of main, newest first, without the first one.
func (n *Tenant) Commits() []localcluster.Commit {
	n.t.Helper()
	log, err := n.Repository.Log(n.t.Context(), localcluster.Branch)
	if err != nil {
		n.t.Fatal(err)
	}
	return log[:len(log)-1]
}

// Recorded are the entries of the namespace's GitOpsRecords that name a run by its UID.
func (n *Tenant) Recorded(run types.UID) []v1alpha1.Deployed {
	n.t.Helper()
	list, err := n.Dynamic.Resource(v1alpha1.Resource("gitopsrecords")).Namespace(n.Namespace).List(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	var found []v1alpha1.Deployed
	for _, item := range list.Items {
		var record v1alpha1.GitOpsRecord
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &record); err != nil {
			n.t.Fatal(err)
		}
		found = append(found, append([]v1alpha1.Deployed{record.Deployed}, record.History...)...)
	}
	return slices.DeleteFunc(found, func(d v1alpha1.Deployed) bool { return d.RunUID != string(run) })
}

// Reason is the reason of a run's condition: while the run goes on, its phase.
func Reason(cr *v1beta1.CustomRun) string {
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); c != nil {
		return c.Reason
	}
	return ""
}

// Message is the message of a run's condition.
func Message(cr *v1beta1.CustomRun) string {
	if c := cr.Status.GetCondition(apis.ConditionSucceeded); c != nil {
		return c.Message
	}
	return ""
}

// Outcome is reason and message.
func Outcome(cr *v1beta1.CustomRun) string {
	if cr == nil {
		return "absent"
	}
	return Reason(cr) + ": " + Message(cr)
}

// Results are a run's results by name.
func Results(cr *v1beta1.CustomRun) map[string]string {
	values := map[string]string{}
	for _, r := range cr.Status.Results {
		values[r.Name] = r.Value
	}
	return values
}
