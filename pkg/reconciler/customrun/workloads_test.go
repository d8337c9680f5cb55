package customrun

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tekton-gitops/tekton-gitops/pkg/argocd"
	"github.com/tekton-gitops/tekton-gitops/pkg/image"
	"github.com/tekton-gitops/tekton-gitops/pkg/rollout"
)

// What an operator makes of a resource of its own is a workload like any other; what another workload makes is not.
func TestWorkloadsOfATree(t *testing.T) {
	node := func(group, kind, name string, parents ...string) argocd.Node {
		return argocd.Node{Resource: argocd.Resource{Group: group, Kind: kind, Namespace: "dev", Name: name}, UID: kind + "/" + name, Parents: parents}
	}
	tree := argocd.Tree{Nodes: []argocd.Node{
		node("apps", "Deployment", "plain"),
		node("apps", "ReplicaSet", "plain-1", "Deployment/plain"),
		node("", "Pod", "plain-1-a", "ReplicaSet/plain-1"),
		node("example.com", "Shop", "own"),
		node("apps", "Deployment", "made", "Shop/own"),
		node("apps", "StatefulSet", "db", "Shop/own"),
		node("batch", "CronJob", "report"),
		node("batch", "Job", "report-1", "CronJob/report"),
		node("batch", "Job", "migrate"),
		node("argoproj.io", "Rollout", "canary"),
		node("extensions", "Deployment", "of-another-group"),
	}}
	var got []string
	for _, n := range workloadNodes(tree) {
		got = append(got, n.Kind+"/"+n.Name)
	}
	want := []string{"Deployment/plain", "Deployment/made", "StatefulSet/db", "Rollout/canary", "CronJob/report", "Job/migrate"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestWhatAnEarlierDeploymentHasLeftIsPast(t *testing.T) {
	deploying := &run{data: &data{Targets: []image.Ref{{Name: "quay.io/team/server", Tag: "2"}}}}
	for name, tc := range map[string]struct {
		kind     string
		owned    bool
		replicas int32
		image    string
		want     bool
	}{
		"a Job of before":                       {"Job", false, 1, "quay.io/team/server:1", true},
		"the Job of now":                        {"Job", false, 1, "quay.io/team/server:2", false},
		"a revision that an operator has ended": {"Deployment", true, 0, "quay.io/team/server:1", true},
		"one that still runs":                   {"Deployment", true, 1, "quay.io/team/server:1", false},
		"the revision of now, scaled to zero":   {"Deployment", true, 0, "quay.io/team/server:2", false},
		"a Deployment of git, scaled to zero":   {"Deployment", false, 0, "quay.io/team/server:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := workload{
				Resource: argocd.Resource{Kind: tc.kind}, owned: tc.owned,
				verdict: rollout.Verdict{Replicas: tc.replicas, Images: []rollout.ContainerImage{{Container: "server", Image: tc.image}}},
			}
			if got := isPast(deploying, w); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
	verifying := &run{data: &data{}}
	if isPast(verifying, workload{Resource: argocd.Resource{Kind: "Job"}}) {
		t.Error("a run without images has past workloads")
	}
}
