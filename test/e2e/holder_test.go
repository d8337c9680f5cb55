package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// pipelineTimeout is long enough for a run to get its lock, and short enough to wait for.
const pipelineTimeout = 30 * time.Second

// However the holder of a lock ends, the next run gets the lock at once.
func TestNextRunProceedsWhenTheHolderEnds(t *testing.T) {
	t.Parallel()
	for behaviour, c := range map[string]struct {
		ofPipelineRun bool   // what happens, happens to its PipelineRun
		patch         string // what happens; without it, a deletion
		waits         bool   // or nothing: its time passes
		reason        string // with which it ends, unless it is gone
	}{
		"it is deleted":                {},
		"it is cancelled":              {patch: `{"spec":{"status":"RunCancelled"}}`, reason: "CustomRunCancelled"},
		"it times out":                 {patch: `{"spec":{"timeout":"1s"}}`, reason: "CustomRunTimedOut"},
		"its PipelineRun is deleted":   {ofPipelineRun: true},
		"its PipelineRun is cancelled": {ofPipelineRun: true, patch: `{"spec":{"status":"Cancelled"}}`, reason: "CustomRunCancelled"},
		"its PipelineRun times out":    {ofPipelineRun: true, waits: true, reason: "CustomRunCancelled"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			n := newTenant(t, testbed.TenantOptions{})
			holder := n.holdLock(c.ofPipelineRun, c.waits)
			n.create(n.locked("next", "1.0.2"))
			n.waitForMessage("next", "1st of 1", "held by CustomRun "+holder.Name+" since")
			ended := time.Now()
			switch {
			case c.waits:
				ended = n.finish(holder.Name).Status.CompletionTime.Time
			case c.ofPipelineRun:
				n.end("pipelineruns", "pr", c.patch)
			default:
				n.end("customruns", holder.Name, c.patch)
			}
			n.waitFor("next", "the lock", func(cr *v1beta1.CustomRun) bool { return reason(cr) != "Locking" })
			if took := time.Since(ended); took > 20*time.Second {
				t.Errorf("the next run got the lock after %s, hardly by the event of the holder's end", took)
			}
			if c.reason == "" {
				if _, err := n.tekton.TektonV1beta1().CustomRuns(n.Namespace).Get(t.Context(), holder.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
					t.Errorf("the holder is still there: %v", err)
				}
			} else {
				n.wantFailed(n.finish(holder.Name), c.reason)
			}
			wantSucceeded(t, n.finish("next"))
			n.noLease()
		})
	}
}

// holdLock starts a run that holds the lock until it is ended, by itself or in PipelineRun pr.
func (n *tenant) holdLock(inPipelineRun, timesOut bool) *v1beta1.CustomRun {
	n.t.Helper()
	const tag = "never-pulls-1"
	if !inPipelineRun {
		n.create(n.locked("holder", tag))
		return n.whileIn("holder", "Verifying")
	}
	timeouts := ""
	if timesOut {
		timeouts = "timeouts: {pipeline: " + pipelineTimeout.String() + "}\n"
	}
	n.startPipelineRun("pr", timeouts+`
pipelineSpec:
  tasks:
  - name: deploy
    taskRef: {`+deployTask+`}
    params: `+n.byParametersText("dev", tag, "{name: lock, value: "+lockName+"}")+`
`)
	holder := n.child("pr", "deploy")
	n.poll("the run holds the lock", func() bool { return strings.HasSuffix(n.holderOf(lockName), "/"+string(holder.UID)) })
	return holder
}

// end patches an object of Tekton, or deletes it.
func (n *tenant) end(resource, name, patch string) {
	n.t.Helper()
	client := n.tekton.TektonV1().RESTClient()
	if resource == "customruns" {
		client = n.tekton.TektonV1beta1().RESTClient()
	}
	request := client.Delete()
	if patch != "" {
		request = client.Patch(types.MergePatchType).Body([]byte(patch))
	}
	if err := request.Namespace(n.Namespace).Resource(resource).Name(name).Do(n.t.Context()).Error(); err != nil {
		n.t.Fatal(err)
	}
}

// Locks are of a namespace: runs of two namespaces that deploy to one application do not wait for each other. What each of
// them says is what has become of its own commit.
func TestTwoNamespacesOnOneApplication(t *testing.T) {
	t.Parallel()
	a, b := newTenant(t, testbed.TenantOptions{}), newTenant(t, testbed.TenantOptions{})
	a.create(a.embedded("run", with(a.spec("never-pulls-1"), "lock.name", lockName, "verify.failureGrace", "80s")))
	a.waitForMessage("run", "Back-off pulling image")
	ours := a.tip()
	b.create(b.locked("run", "2.0.0", param("repo-url", a.Repository.HTTPURL), param("argocd-application", a.App("dev"))))
	holders := map[bool]bool{}
	b.waitFor("run", "the phase after Locking", func(cr *v1beta1.CustomRun) bool { return cr.IsDone() || reason(cr) == "Syncing" })
	for _, n := range []*tenant{a, b} {
		holders[strings.HasPrefix(n.holderOf(lockName), n.Namespace+"/run/")] = true
	}
	if holders[false] {
		t.Errorf("the locks are held by %q and %q, want one run of each namespace", a.holderOf(lockName), b.holderOf(lockName))
	}
	wantSucceeded(t, b.finish("run"))
	cr := a.finish("run")
	a.wantFailed(cr, "Superseded", serverImage+":2.0.0", ours[:8], a.tip()[:8])
	wantResults(t, cr, map[string]string{"changed": "true", "commit": ours})
	if got := a.liveImage("dev"); got != serverImage+":2.0.0" {
		t.Errorf("the Deployment runs %s", got)
	}
	a.noLease()
	b.noLease()
}
