// Package apply creates objects from installation manifests on a fresh API server.
package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// Object is one object of a manifest.
type Object = unstructured.Unstructured

// Files reads all objects of the YAML files that match the patterns. A pattern
// that matches nothing is an error: the manifests are not the expected ones.
func Files(dir string, patterns ...string) ([]*Object, error) {
	var all []*Object
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("no manifest matches %s", filepath.Join(dir, pattern))
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			objects, err := Parse(data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			all = append(all, objects...)
		}
	}
	return all, nil
}

// Parse reads the objects of a YAML stream.
func Parse(data []byte) ([]*Object, error) {
	var all []*Object
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		o := &Object{}
		if err := o.UnmarshalJSON(raw); err != nil {
			return nil, err
		}
		all = append(all, o)
	}
}

// Create creates the objects, several at a time and in no order. Namespaced
// objects without a namespace go to the given one. An object that exists is left alone.
func Create(ctx context.Context, client dynamic.Interface, namespace string, objects []*Object) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, o := range objects {
		g.Go(func() error {
			if err := create(ctx, client, namespace, o); err != nil && !apierrors.IsAlreadyExists(err) {
				return fmt.Errorf("create %s %s: %w", o.GetKind(), o.GetName(), err)
			}
			return nil
		})
	}
	return g.Wait()
}

func create(ctx context.Context, client dynamic.Interface, namespace string, o *Object) error {
	resource := Resource(o.GroupVersionKind())
	options := metav1.CreateOptions{FieldManager: "local-control-plane"}
	if clusterScoped(o.GetKind()) {
		_, err := client.Resource(resource).Create(ctx, o, options)
		return err
	}
	if o.GetNamespace() == "" {
		o.SetNamespace(namespace)
	}
	_, err := client.Resource(resource).Namespace(o.GetNamespace()).Create(ctx, o, options)
	return err
}

// Resource names a kind's resource by the rule that all kinds of the installed
// manifests follow, without asking the server.
func Resource(kind schema.GroupVersionKind) schema.GroupVersionResource {
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	return plural
}

func clusterScoped(kind string) bool {
	return slices.Contains([]string{
		"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding",
		"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "PriorityClass", "Node",
	}, kind)
}

// Served returns nil when the server serves every kind that is defined among
// the objects. It asks for the objects of the kinds, of which there are none:
// reading the definitions again and again would keep the server busy with
// megabytes of schema.
func Served(ctx context.Context, client dynamic.Interface, objects []*Object) error {
	for _, o := range objects {
		if o.GetKind() != "CustomResourceDefinition" {
			continue
		}
		resource, err := defined(o)
		if err != nil {
			return err
		}
		if _, err := client.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			return fmt.Errorf("list %s: %w", o.GetName(), err)
		}
	}
	return nil
}

// defined is the resource that a CustomResourceDefinition defines, in the
// newest of its served versions (which come last in all manifests used here).
func defined(crd *Object) (schema.GroupVersionResource, error) {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range slices.Backward(versions) {
		if m, ok := v.(map[string]any); ok && m["served"] == true {
			name, _ := m["name"].(string)
			return schema.GroupVersionResource{Group: group, Version: name, Resource: plural}, nil
		}
	}
	return schema.GroupVersionResource{}, fmt.Errorf("CustomResourceDefinition %s serves no version", crd.GetName())
}
