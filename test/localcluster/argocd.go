package localcluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Application describes an Argo CD Application in the project "default".
type Application struct {
	Name      string
	RepoURL   string
	Path      string // "" is the root of the repository
	Revision  string // "" is Branch
	Namespace string // where its objects go
	AutoSync  bool   // automated, with prune and self-heal
}

// Applications is the client for Application objects.
func (c *Cluster) Applications() dynamic.ResourceInterface {
	return c.Dynamic.Resource(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}).Namespace(c.ArgoCD.Namespace)
}

// CreateApplication creates an Application. Deleting it leaves its objects.
func (c *Cluster) CreateApplication(ctx context.Context, a Application) error {
	path, revision := a.Path, a.Revision
	if path == "" {
		path = "."
	}
	if revision == "" {
		revision = Branch
	}
	spec := map[string]any{
		"project":     "default",
		"source":      map[string]any{"repoURL": a.RepoURL, "path": path, "targetRevision": revision},
		"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": a.Namespace},
	}
	if a.AutoSync {
		spec["syncPolicy"] = map[string]any{"automated": map[string]any{"prune": true, "selfHeal": true}}
	}
	_, err := c.Applications().Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": map[string]any{"name": a.Name},
		"spec":     spec,
	}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create Application %s: %w", a.Name, err)
	}
	return nil
}

// CallArgoCD sends a request to Argo CD's HTTP API, such as POST
// /api/v1/applications/NAME/sync, and decodes the answer. An answer other than
// 200 is an *ArgoCDError. body and into may be nil.
func (c *Cluster) CallArgoCD(ctx context.Context, token, method, path string, body, into any) error {
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.ArgoCD.URL+path, &payload)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	client, err := c.argocdClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("call Argo CD: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 32<<20))
	if err != nil {
		return fmt.Errorf("call Argo CD: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return &ArgoCDError{Status: response.StatusCode, Body: string(answer)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// ArgoCDError is a refusal by Argo CD.
type ArgoCDError struct {
	Status int
	Body   string
}

func (e *ArgoCDError) Error() string {
	return fmt.Sprintf("Argo CD answers %d: %s", e.Status, e.Body)
}

func (c *Cluster) argocdClient() (*http.Client, error) {
	ca, err := os.ReadFile(c.ArgoCD.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the control plane's CA file has no certificate")
	}
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	}, nil
}
