package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

const (
	environment = "dev"
	deployment  = "server"
	image       = "quay.io/product-catalog/" + deployment
	// runLimit bounds one deployment by either side. The first one on a large repository is a full clone for Argo CD.
	runLimit = 5 * time.Minute
)

// subject is one application that both sides deploy to.
type subject struct {
	*testbed.Tenant
	place *place
	name  string
	goal  float64
	// overlay is the directory of the application in the repository.
	overlay string
	tags    int
	// tip is the branch before the deployment that is measured.
	tip string
}

func (p *place) newSubject(ctx context.Context, name string, goal float64) (*subject, error) {
	tenant, err := testbed.NewTenant(ctx, p.Cluster, testbed.TenantOptions{Environments: []string{environment}})
	if err != nil {
		return nil, err
	}
	return &subject{Tenant: tenant, place: p, name: name, goal: goal, overlay: "overlays/" + environment}, nil
}

func (s *subject) nextTag() string {
	s.tags++
	return fmt.Sprintf("2.0.%d", s.tags)
}

// quiet waits until nothing of the last deployment goes on, and notes where the branch is. Before the first deployment
// there is nothing to wait for.
func (s *subject) quiet(ctx context.Context, deployed bool) (err error) {
	if s.tip, err = s.Repository.Tip(ctx, localcluster.Branch); err != nil || !deployed {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, runLimit, true, func(ctx context.Context) (bool, error) {
		app, err := s.Applications().Get(ctx, s.App(environment), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return atRest(app), nil
	})
	if err != nil {
		return fmt.Errorf("wait until application %s is at rest: %w", s.App(environment), err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
		return nil
	}
}

// atRest tells whether an Application is synced and healthy with no operation and no refresh under way.
func atRest(app *unstructured.Unstructured) bool {
	sync, _, _ := unstructured.NestedString(app.Object, "status", "sync", "status")
	health, _, _ := unstructured.NestedString(app.Object, "status", "health", "status")
	_, operation, _ := unstructured.NestedMap(app.Object, "operation")
	_, refresh := app.GetAnnotations()["argocd.argoproj.io/refresh"]
	return sync == "Synced" && health == "Healthy" && !operation && !refresh
}

// check makes sure that a deployment did the whole work: one commit, the tag live and rolled out, and no lock left.
func (s *subject) check(ctx context.Context, tag string) error {
	commits, err := s.Repository.Git(ctx, "rev-list", "--count", s.tip+".."+localcluster.Branch)
	if err != nil {
		return err
	}
	if commits != "1" {
		return fmt.Errorf("tag %s made %s commits, want 1", tag, commits)
	}
	d, err := s.Client.AppsV1().Deployments(s.Targets[environment]).Get(ctx, deployment, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if live := d.Spec.Template.Spec.Containers[0].Image; live != image+":"+tag {
		return fmt.Errorf("%s runs, want tag %s", live, tag)
	}
	if st := d.Status; st.ObservedGeneration != d.Generation || st.UpdatedReplicas != *d.Spec.Replicas || st.AvailableReplicas < st.UpdatedReplicas || st.Replicas != st.UpdatedReplicas {
		return fmt.Errorf("tag %s is not rolled out: %+v", tag, st)
	}
	leases, err := s.Client.CoordinationV1().Leases(s.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(leases.Items) > 0 {
		return fmt.Errorf("tag %s left the Lease %s", tag, leases.Items[0].Name)
	}
	return nil
}
