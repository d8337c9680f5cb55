package e2e

import (
	"maps"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const restartedAt = "kubectl.kubernetes.io/restartedAt"

// restarts are the times that the pod templates of dev were restarted at, by Kind/name; none for those that never were.
func (n *tenant) restarts() map[string]string {
	n.t.Helper()
	found := map[string]string{}
	add := func(name string, annotations map[string]string) {
		if at := annotations[restartedAt]; at != "" {
			found[name] = at
		}
	}
	apps, where := n.Client.AppsV1(), n.Targets["dev"]
	deployments, err := apps.Deployments(where).List(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, d := range deployments.Items {
		add("Deployment/"+d.Name, d.Spec.Template.Annotations)
	}
	sets, err := apps.StatefulSets(where).List(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, s := range sets.Items {
		add("StatefulSet/"+s.Name, s.Spec.Template.Annotations)
	}
	daemons, err := apps.DaemonSets(where).List(n.t.Context(), metav1.ListOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, d := range daemons.Items {
		add("DaemonSet/"+d.Name, d.Spec.Template.Annotations)
	}
	return found
}

// serverPods are the UIDs of the pods that run the server's image.
func (n *tenant) serverPods() []string {
	n.t.Helper()
	var uids []string
	for _, pod := range n.pods(n.t.Context(), "dev") {
		if pod.Spec.Containers[0].Image == serverImage+":1.0.0" && pod.DeletionTimestamp == nil {
			uids = append(uids, string(pod.UID))
		}
	}
	return uids
}

// restartSpec restarts what runs the server's image in dev, whatever its tag.
func (n *tenant) restartSpec() object {
	return object{"restart": "true", "images": []any{object{"name": serverImage}}, "argocd": object{"applications": []any{object{"name": n.App("dev")}}}}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.setDevResources(map[string]string{
		"set.yaml": podsOf("StatefulSet", "store", "replicas: 2"), "daemon.yaml": podsOf("DaemonSet", "agent", "minReadySeconds: 0"), "report.yaml": report,
	})
	n.syncByHand("dev")
	commits, app := n.commits(), n.readApplication("dev")
	times := map[string]string{}
	for _, name := range []string{"first", "second"} {
		before, pods := times, n.serverPods()
		n.create(n.embedded(name, n.restartSpec()))
		cr := n.finish(name)
		wantSucceeded(t, cr)
		wantResults(t, cr, map[string]string{"commit": "", "revision": n.tip(), "health": "Healthy", "changed": map[string]string{"first": "true", "second": "false"}[name]})
		times = n.restarts()
		if got := slices.Sorted(maps.Keys(times)); !slices.Equal(got, []string{"DaemonSet/agent", "Deployment/server", "StatefulSet/store"}) {
			t.Errorf("restarted are %v", got)
		}
		for workload, at := range times {
			if at == before[workload] {
				t.Errorf("%s: %s was not restarted again", name, workload)
			}
		}
		after := n.serverPods()
		if len(pods) != 5 || len(after) != 5 || slices.ContainsFunc(pods, func(uid string) bool { return slices.Contains(after, uid) }) {
			t.Errorf("%s: the pods were %v and are %v", name, pods, after)
		}
		if got := n.phases(cr); got != "Preparing Locking Publishing Syncing Verifying Releasing" {
			t.Errorf("the phases were %s", got)
		}
	}
	if got := n.readApplication("dev"); n.commits() != commits || len(got.Status.History) != len(app.Status.History) {
		t.Errorf("%d commits after %d, %d deployments after %d", n.commits(), commits, len(got.Status.History), len(app.Status.History))
	}
	n.noLease()
}

func TestRestartWithoutTheRight(t *testing.T) {
	t.Parallel()
	n := newTenant(t, testbed.TenantOptions{})
	n.syncByHand("dev")
	history := n.recordHistory()
	n.secret("synconly", nil, map[string]string{"ARGOCD_AUTH_TOKEN": n.ArgoCD.Tokens["synconly"], "ca.crt": n.authority()})
	spec := n.restartSpec()
	spec["argocd"].(object)["secretRef"] = object{"name": "synconly"}
	n.create(n.embedded("run", spec))
	cr := n.finish("run")
	n.wantFailed(cr, "PermissionDenied", "action/apps/Deployment/restart", "default/"+n.App("dev"), "grant it")
	if got := n.restarts(); len(got) != 0 || len(history.leases()) != 0 || n.progress(cr).Lock != "" {
		t.Errorf("restarted are %v, Leases were %v", got, history.leases())
	}
}
