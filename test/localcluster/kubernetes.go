package localcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// CreateNamespace makes a namespace whose name begins with prefix.
func (c *Cluster) CreateNamespace(ctx context.Context, prefix string, labels map[string]string) (string, error) {
	made, err := c.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-", Labels: labels},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("create a namespace: %w", err)
	}
	return made.Name, nil
}

// DeleteNamespace asks for a namespace's deletion and does not wait for it,
// which takes ten seconds and more.
func (c *Cluster) DeleteNamespace(ctx context.Context, name string) error {
	return c.Client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
}

// Apply applies the objects of a YAML stream, in order, on the server side.
// Namespaced objects without a namespace go to the given one. A field that the
// kind does not have is an error.
func (c *Cluster) Apply(ctx context.Context, namespace string, manifests ...[]byte) error {
	for _, manifest := range manifests {
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
		for {
			var raw json.RawMessage
			err := decoder.Decode(&raw)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("read a manifest: %w", err)
			}
			if len(raw) == 0 || string(raw) == "null" {
				continue
			}
			o := &unstructured.Unstructured{}
			if err := o.UnmarshalJSON(raw); err != nil {
				return fmt.Errorf("read a manifest: %w", err)
			}
			if err := c.apply(ctx, namespace, o); err != nil {
				return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
			}
		}
	}
	return nil
}

func (c *Cluster) apply(ctx context.Context, namespace string, o *unstructured.Unstructured) error {
	client, err := c.resource(o, namespace)
	if err != nil {
		return err
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return err
	}
	force := true
	_, err = client.Patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
		FieldManager: "localcluster", Force: &force, FieldValidation: metav1.FieldValidationStrict,
	})
	return err
}

func (c *Cluster) resource(o *unstructured.Unstructured, namespace string) (dynamic.ResourceInterface, error) {
	kind := o.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) { // a kind that was just created
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.Dynamic.Resource(mapping.Resource), nil
	}
	if o.GetNamespace() != "" {
		namespace = o.GetNamespace()
	}
	o.SetNamespace(namespace)
	return c.Dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

// ServiceAccountConfig returns a client configuration that acts as a
// ServiceAccount, with a token for an hour.
func (c *Cluster) ServiceAccountConfig(ctx context.Context, namespace, name string) (*rest.Config, error) {
	hour := int64(3600)
	made, err := c.Client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("make a token for ServiceAccount %s/%s: %w", namespace, name, err)
	}
	config := rest.AnonymousClientConfig(c.Config)
	config.BearerToken = made.Status.Token
	return config, nil
}

// ServiceAccountKubeconfig writes a kubeconfig for a ServiceAccount, for
// programs that tests start.
func (c *Cluster) ServiceAccountKubeconfig(ctx context.Context, namespace, name, path string) error {
	config, err := c.ServiceAccountConfig(ctx, namespace, name)
	if err != nil {
		return err
	}
	const only = "local"
	return clientcmd.WriteToFile(clientcmdapi.Config{
		CurrentContext: only,
		Clusters:       map[string]*clientcmdapi.Cluster{only: {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{only: {Token: config.BearerToken}},
		Contexts:       map[string]*clientcmdapi.Context{only: {Cluster: only, AuthInfo: only, Namespace: namespace}},
	}, path)
}
