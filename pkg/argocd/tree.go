package argocd

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	applicationpkg "github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
)

// maxNodes bounds a tree; one that is larger ends with ErrTooLarge, because a
// part of it would be no proof of anything.
const maxNodes = 20000

// Tree reads the Application's resources and what they own from Argo CD's cache.
func (c *Conn) Tree(ctx context.Context, app App) (Tree, error) {
	what := "read the resources of application " + app.String()
	q := &applicationpkg.ResourcesQuery{ApplicationName: &app.Name, AppNamespace: optional(app.Namespace), Project: optional(app.Project)}
	var answer *v1alpha1.ApplicationTree
	err := c.call(ctx, what, func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = c.applications().ResourceTree(ctx, q, token)
		return err
	})
	if err != nil {
		return Tree{}, err
	}
	if len(answer.Nodes) > maxNodes {
		return Tree{}, fmt.Errorf("%s: %w: %d objects, at most %d are read", what, ErrTooLarge, len(answer.Nodes), maxNodes)
	}
	t := Tree{Nodes: make([]Node, 0, len(answer.Nodes))}
	for _, n := range answer.Nodes {
		t.Nodes = append(t.Nodes, node(n))
	}
	return t, nil
}

// node reads the info items that controller/cache/info.go writes.
func node(n v1alpha1.ResourceNode) Node {
	out := Node{
		Resource: Resource{Group: n.Group, Version: n.Version, Kind: n.Kind, Namespace: n.Namespace, Name: n.Name},
		UID:      n.UID,
		Images:   append([]string(nil), first(n.Images, maxImages)...),
		Created:  when(n.CreatedAt),
	}
	if n.Health != nil {
		out.Health, out.HealthMsg = string(n.Health.Status), clip(n.Health.Message, maxMessage)
	}
	if n.NetworkingInfo != nil {
		out.Labels = n.NetworkingInfo.Labels
	}
	for _, p := range n.ParentRefs {
		out.Parents = append(out.Parents, p.UID)
	}
	for _, info := range n.Info {
		switch info.Name {
		case "Status Reason":
			out.Reason = clip(info.Value, maxMessage)
		case "Revision":
			out.Revision, _ = strconv.Atoi(strings.TrimPrefix(info.Value, "Rev:"))
		}
	}
	return out
}

// Live reads an object of the Application from its cluster, as JSON. Needs the
// right to get only. ErrResourceNotFound may be temporary: an object that was
// created just now is not in Argo CD's cache yet.
func (c *Conn) Live(ctx context.Context, app App, r Resource) ([]byte, error) {
	request := &applicationpkg.ApplicationResourceRequest{
		Name: &app.Name, AppNamespace: optional(app.Namespace), Project: optional(app.Project),
		Group: &r.Group, Version: &r.Version, Kind: &r.Kind, Namespace: &r.Namespace, ResourceName: &r.Name,
	}
	var answer *applicationpkg.ApplicationResourceResponse
	err := c.call(ctx, "read "+r.String()+" of application "+app.String(), func(ctx context.Context, token grpc.CallOption) (err error) {
		answer, err = c.applications().GetResource(ctx, request, token)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []byte(answer.GetManifest()), nil
}

// Kind returns the nodes of a kind.
func (t Tree) Kind(group, kind string) []Node {
	var found []Node
	for _, n := range t.Nodes {
		if n.Group == group && n.Kind == kind {
			found = append(found, n)
		}
	}
	return found
}

// TreePod is a Pod with what is known of the object between it and the workload.
type TreePod struct {
	Node
	// Revision is that of the owning ReplicaSet, 0 when there is none.
	Revision int
}

// Pods returns the Pods below the object with this UID, directly or through
// other objects.
func (t Tree) Pods(uid string) []TreePod {
	children := map[string][]Node{}
	for _, n := range t.Nodes {
		for _, parent := range n.Parents {
			children[parent] = append(children[parent], n)
		}
	}
	var pods []TreePod
	seen := map[string]bool{uid: true}
	var walk func(uid string, revision int)
	walk = func(uid string, revision int) {
		for _, n := range children[uid] {
			if seen[n.UID] {
				continue
			}
			seen[n.UID] = true
			if n.Kind == "Pod" && n.Group == "" {
				pods = append(pods, TreePod{Node: n, Revision: revision})
				continue
			}
			walk(n.UID, n.Revision)
		}
	}
	walk(uid, 0)
	return pods
}
