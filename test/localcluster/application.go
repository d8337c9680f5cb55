package localcluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Application describes an Argo CD Application.
type Application struct {
	Name      string
	RepoURL   string
	Path      string // "" is the root of the repository
	Revision  string // "" is Branch
	Namespace string // where its objects go
	AutoSync  bool   // automated, with prune and self-heal

	// Project is "default" when empty. Own is where the Application itself lives,
	// Argo CD's namespace when empty; for another one the project has to list it.
	Project string
	Own     string
	// Hydrated is a branch that Argo CD's hydrator pushes the rendered manifests
	// to, below the same path, and syncs from. See AllowHydration.
	Hydrated string
}

// Applications is the client for Application objects in Argo CD's namespace.
func (c *Cluster) Applications() dynamic.ResourceInterface {
	return c.ApplicationsIn(c.ArgoCD.Namespace)
}

// ApplicationsIn is the client for Application objects in a namespace.
func (c *Cluster) ApplicationsIn(namespace string) dynamic.ResourceInterface {
	return c.argoproj("applications", namespace)
}

func (c *Cluster) argoproj(resource, namespace string) dynamic.ResourceInterface {
	return c.Dynamic.Resource(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: resource}).Namespace(namespace)
}

// CreateApplication creates an Application. Deleting it leaves its objects.
func (c *Cluster) CreateApplication(ctx context.Context, a Application) error {
	own := a.Own
	if own == "" {
		own = c.ArgoCD.Namespace
	}
	_, err := c.ApplicationsIn(own).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": map[string]any{"name": a.Name},
		"spec":     a.spec(),
	}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create Application %s: %w", a.Name, err)
	}
	return nil
}

func (a Application) spec() map[string]any {
	path, revision, project := a.Path, a.Revision, a.Project
	if path == "" {
		path = "."
	}
	if revision == "" {
		revision = Branch
	}
	if project == "" {
		project = "default"
	}
	source := map[string]any{"repoURL": a.RepoURL, "path": path, "targetRevision": revision}
	spec := map[string]any{
		"project":     project,
		"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": a.Namespace},
	}
	if a.Hydrated == "" {
		spec["source"] = source
	} else {
		spec["sourceHydrator"] = map[string]any{
			"drySource":  source,
			"syncSource": map[string]any{"targetBranch": a.Hydrated, "path": path},
		}
	}
	if a.AutoSync {
		spec["syncPolicy"] = map[string]any{"automated": map[string]any{"prune": true, "selfHeal": true}}
	}
	return spec
}

// Project describes an Argo CD AppProject that allows all repositories,
// destinations and kinds.
type Project struct {
	Name string
	// Namespaces are those besides Argo CD's in which its Applications may live.
	Namespaces []string
	Windows    []SyncWindow
}

// SyncWindow is a time at which Applications of a project may, or may not, be synced.
type SyncWindow struct {
	Kind     string // allow or deny
	Schedule string // cron
	Duration string // such as 1h
	Manual   bool   // lets syncs by hand pass
}

// CreateProject creates an AppProject. Argo CD's parts see it a moment later.
func (c *Cluster) CreateProject(ctx context.Context, p Project) error {
	windows, namespaces := []any{}, []any{}
	for _, w := range p.Windows {
		windows = append(windows, map[string]any{
			"kind": w.Kind, "schedule": w.Schedule, "duration": w.Duration, "manualSync": w.Manual, "applications": []any{"*"},
		})
	}
	for _, n := range p.Namespaces {
		namespaces = append(namespaces, n)
	}
	_, err := c.argoproj("appprojects", c.ArgoCD.Namespace).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
		"metadata": map[string]any{"name": p.Name},
		"spec": map[string]any{
			"sourceRepos":              []any{"*"},
			"destinations":             []any{map[string]any{"server": "*", "namespace": "*"}},
			"clusterResourceWhitelist": []any{map[string]any{"group": "*", "kind": "*"}},
			"sourceNamespaces":         namespaces,
			"syncWindows":              windows,
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create AppProject %s: %w", p.Name, err)
	}
	return nil
}

// AllowHydration gives Argo CD's hydrator the right to push to a repository. name
// is of the Secret.
func (c *Cluster) AllowHydration(ctx context.Context, name, repoURL string) error {
	_, err := c.Client.CoreV1().Secrets(c.ArgoCD.Namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"argocd.argoproj.io/secret-type": "repository-write"}},
		StringData: map[string]string{
			"type": "git", "url": repoURL, "forceHttpBasicAuth": "true",
			"username": c.Git.Writer.Username, "password": c.Git.Writer.Password,
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("allow Argo CD to push to %s: %w", repoURL, err)
	}
	return nil
}
