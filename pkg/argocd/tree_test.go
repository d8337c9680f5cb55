package argocd

import (
	"context"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTreeAndLive(t *testing.T) {
	created := metav1.NewTime(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	f := &fakeArgoCD{
		live: `{"kind":"Deployment"}`,
		tree: &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{
			{ResourceRef: v1alpha1.ResourceRef{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "dev", Name: "server", UID: "d"}, Health: &v1alpha1.HealthStatus{Status: "Healthy"}},
			{ResourceRef: v1alpha1.ResourceRef{Group: "apps", Version: "v1", Kind: "ReplicaSet", Namespace: "dev", Name: "server-1", UID: "r"},
				ParentRefs: []v1alpha1.ResourceRef{{UID: "d"}}, Info: []v1alpha1.InfoItem{{Name: "Revision", Value: "Rev:3"}}},
			{ResourceRef: v1alpha1.ResourceRef{Version: "v1", Kind: "Pod", Namespace: "dev", Name: "server-1-x", UID: "p"}, ParentRefs: []v1alpha1.ResourceRef{{UID: "r"}},
				Images: []string{"a:1"}, CreatedAt: &created, Health: &v1alpha1.HealthStatus{Status: "Degraded", Message: "no such image"},
				Info: []v1alpha1.InfoItem{{Name: "Status Reason", Value: "ImagePullBackOff"}}},
		}},
	}
	c := plain(t, f)
	tree, err := c.Tree(context.Background(), App{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	pod := Node{
		Resource: Resource{Version: "v1", Kind: "Pod", Namespace: "dev", Name: "server-1-x"}, UID: "p", Health: "Degraded", HealthMsg: "no such image",
		Reason: "ImagePullBackOff", Images: []string{"a:1"}, Parents: []string{"r"}, Created: created.Time,
	}
	ignoreLocation := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	if diff := cmp.Diff([]TreePod{{Node: pod, Revision: 3}}, tree.Pods("d"), ignoreLocation); diff != "" {
		t.Error(diff)
	}
	if got := tree.Kind("apps", "Deployment"); len(got) != 1 || got[0].UID != "d" {
		t.Errorf("got %v", got)
	}

	live, err := c.Live(context.Background(), App{Name: "shop", Namespace: "team", Project: "apps"}, tree.Nodes[0].Resource)
	if err != nil || string(live) != f.live {
		t.Errorf("got %s, %v", live, err)
	}
	r := f.liveReq
	got := []string{r.GetName(), r.GetAppNamespace(), r.GetProject(), r.GetGroup(), r.GetVersion(), r.GetKind(), r.GetNamespace(), r.GetResourceName()}
	if diff := cmp.Diff([]string{"shop", "team", "apps", "apps", "v1", "Deployment", "dev", "server"}, got); diff != "" {
		t.Error(diff)
	}
	for text, code := range map[string]codes.Code{
		"Deployment apps server not found as part of application shop": codes.InvalidArgument,
		`error getting resource: deployments.apps "server" not found`:  codes.NotFound,
	} {
		f.liveErr = status.Error(code, text)
		_, err = c.Live(context.Background(), App{Name: "shop"}, tree.Nodes[0].Resource)
		sameErr(t, err, ErrResourceNotFound, "read Deployment/dev/server of application shop")
	}

	f.tree = &v1alpha1.ApplicationTree{Nodes: make([]v1alpha1.ResourceNode, maxNodes+1)}
	_, err = c.Tree(context.Background(), App{Name: "shop"})
	sameErr(t, err, ErrTooLarge)
	f.tokens = nil
	_, err = c.Tree(context.Background(), App{Name: "shop"})
	sameErr(t, err, ErrUnauthenticated)
}
