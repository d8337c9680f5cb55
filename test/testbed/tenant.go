package testbed

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// Names that every tenant has.
const (
	GitSecret    = "git-credentials"
	ArgoCDSecret = "argocd-env-secret"
)

// Tenant is an enabled namespace with a repository of the sample product catalog and an Argo CD application for each of
// its environments.
type Tenant struct {
	*localcluster.Cluster
	Namespace string
	// Repository is nil where Hosted is not.
	Repository *localcluster.Repository
	// Hosted is there for tenants whose repository is on a git host with pull requests.
	Hosted *Hosted
	// Targets are the namespaces that the applications deploy to, by environment.
	Targets map[string]string
}

// TenantOptions vary a tenant.
type TenantOptions struct {
	// Name of the namespace and of the repository; by default generated.
	Name string
	// Environments to make applications for; by default dev.
	Environments []string
	// AutoSync turns the applications' automated sync on.
	AutoSync bool
	// NotEnabled leaves the RoleBinding out.
	NotEnabled bool
	// Hosted puts the repository on Gitea.
	Hosted bool
	// Bare leaves everything out but the namespace and the repository.
	Bare bool
}

// RepoURL is the repository's address for git.
func (t *Tenant) RepoURL() string {
	if t.Hosted != nil {
		return t.Hosted.URL
	}
	return t.Repository.HTTPURL
}

// App is the name of the environment's Argo CD application.
func (t *Tenant) App(environment string) string { return t.Namespace + "-" + environment }

// NewTenant makes a tenant.
func NewTenant(ctx context.Context, c *localcluster.Cluster, o TenantOptions) (*Tenant, error) {
	if len(o.Environments) == 0 {
		o.Environments = []string{"dev"}
	}
	t := &Tenant{Cluster: c, Targets: map[string]string{}}
	if err := t.createNamespace(ctx, o); err != nil {
		return nil, err
	}
	files, err := SampleFiles()
	if err != nil {
		return nil, err
	}
	if o.Hosted {
		err = t.createHosted(ctx, files)
	} else {
		t.Repository, err = c.CreateRepository(ctx, t.Namespace, files)
	}
	if err != nil || o.Bare {
		return t, err
	}
	for _, environment := range o.Environments {
		target, err := c.CreateNamespace(ctx, t.Namespace+"-"+environment, nil)
		if err != nil {
			return nil, err
		}
		t.Targets[environment] = target
		if err := c.CreateApplication(ctx, localcluster.Application{
			Name: t.App(environment), RepoURL: t.RepoURL(), Path: "overlays/" + environment,
			Namespace: target, AutoSync: o.AutoSync,
		}); err != nil {
			return nil, err
		}
	}
	if err := t.createSecrets(ctx); err != nil {
		return nil, err
	}
	if o.NotEnabled {
		return t, nil
	}
	return t, t.Enable(ctx)
}

func (t *Tenant) createNamespace(ctx context.Context, o TenantOptions) (err error) {
	if o.Name == "" {
		t.Namespace, err = t.CreateNamespace(ctx, "cicd", nil)
		return err
	}
	t.Namespace = o.Name
	_, err = t.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.Name}}, metav1.CreateOptions{})
	return err
}

// Enable lets the controller work in the namespace.
func (t *Tenant) Enable(ctx context.Context) error {
	_, err := t.Client.RbacV1().RoleBindings(t.Namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tekton-gitops"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: TenantRole},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: ServiceAccount}},
	}, metav1.CreateOptions{})
	return err
}

// createSecrets makes the Secrets for git and Argo CD, and the namespace's defaults that name them.
func (t *Tenant) createSecrets(ctx context.Context) error {
	ca, err := os.ReadFile(t.ArgoCD.CAFile)
	if err != nil {
		return err
	}
	server, login := t.Git.HTTPURL, t.Git.Writer
	if t.Hosted != nil {
		server, login = t.Gitea.URL, localcluster.GitUser{Username: t.Hosted.Bot.Name, Password: t.Hosted.Bot.Token}
	}
	secrets := []corev1.Secret{
		{
			ObjectMeta: metav1.ObjectMeta{Name: GitSecret, Annotations: map[string]string{"tekton.dev/git-0": server}},
			Type:       corev1.SecretTypeBasicAuth,
			StringData: map[string]string{"username": login.Username, "password": login.Password},
		},
		{
			ObjectMeta: metav1.ObjectMeta{Name: ArgoCDSecret},
			StringData: map[string]string{"ARGOCD_AUTH_TOKEN": t.ArgoCD.Tokens["pipeline"], "ca.crt": string(ca)},
		},
	}
	for _, secret := range secrets {
		if _, err := t.Client.CoreV1().Secrets(t.Namespace).Create(ctx, &secret, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create Secret %s: %w", secret.Name, err)
		}
	}
	return t.Apply(ctx, t.Namespace, configMap("config-gitops-defaults", map[string]string{
		"repo-url": t.RepoURL(), "git-secret": GitSecret, "argocd-server": t.ArgoCD.Address, "argocd-secret": ArgoCDSecret,
	}))
}

// SampleFiles are the manifests of examples/product-catalog as a repository holds them: the folders there. The files
// beside them are for the namespace of the pipelines.
func SampleFiles() (map[string]string, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	sample := os.DirFS(filepath.Join(root, "examples", "product-catalog"))
	files := map[string]string{}
	err = fs.WalkDir(sample, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Dir(file) == "." {
			return err
		}
		data, err := fs.ReadFile(sample, file)
		files[file] = string(data)
		return err
	})
	return files, err
}

// OpenTenant gives the tenant that an earlier NewTenant made with the same name and environments.
func OpenTenant(ctx context.Context, c *localcluster.Cluster, o TenantOptions) (*Tenant, error) {
	t := &Tenant{Cluster: c, Namespace: o.Name, Targets: map[string]string{}}
	if o.Hosted {
		t.openHosted()
	} else {
		t.Repository = c.Repository(o.Name)
	}
	for _, environment := range o.Environments {
		app, err := c.Applications().Get(ctx, t.App(environment), metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		target, _, err := unstructured.NestedString(app.Object, "spec", "destination", "namespace")
		if err != nil {
			return nil, err
		}
		t.Targets[environment] = target
	}
	return t, nil
}
