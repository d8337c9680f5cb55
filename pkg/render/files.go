package render

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Kinds that are read.
const (
	kindCustomRun   = "CustomRun"
	kindPipelineRun = "PipelineRun"
	kindPipeline    = "Pipeline"
	kindConfigMap   = "ConfigMap"
)

// Objects reads the objects that a run names. Absence is an error for which apierrors.IsNotFound is true.
type Objects interface {
	// Get decodes a Pipeline (tekton.dev/v1), a ConfigMap, a GitOpsDeploy or a GitOpsPR.
	Get(ctx context.Context, kind, namespace, name string, into any) error
}

// maxFileBytes bounds one file.
const maxFileBytes = 16 << 20

// Files are the objects of some YAML files, in their order.
type Files struct{ documents []document }

type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name         string `json:"name"`
		GenerateName string `json:"generateName"`
		Namespace    string `json:"namespace"`
	} `json:"metadata"`

	raw  []byte
	file string
}

func (d document) name() string {
	if d.Metadata.Name == "" && d.Metadata.GenerateName != "" {
		return d.Metadata.GenerateName + "xxxxx"
	}
	return d.Metadata.Name
}

// decode refuses fields that the type does not have: a run with a typing error would do something else.
func (d document) decode(into any) error {
	if err := yaml.UnmarshalStrict(d.raw, into); err != nil {
		return fmt.Errorf("%s: %s %s: %w", d.file, d.Kind, d.name(), err)
	}
	return nil
}

// Read adds the objects of a file; name is for messages.
func (f *Files) Read(name string, from io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(from, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxFileBytes {
		return fmt.Errorf("%s has more than %d bytes", name, maxFileBytes)
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		one, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		raw, err := yaml.YAMLToJSON(one)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
			continue
		}
		d := document{raw: raw, file: name}
		if err := json.Unmarshal(raw, &d); err != nil {
			return fmt.Errorf("%s: a document is no Kubernetes object: %w", name, err)
		}
		f.documents = append(f.documents, d)
	}
}

// of are the documents of a kind of an API group.
func (f *Files) of(group, kind string) []document {
	var found []document
	for _, d := range f.documents {
		gv, err := schema.ParseGroupVersion(d.APIVersion)
		if err == nil && gv.Group == group && d.Kind == kind {
			found = append(found, d)
		}
	}
	return found
}

// find gives an object. One that names no namespace is for that of the run.
func (f *Files) find(group, kind, namespace, name string, exact bool) (document, error) {
	for _, d := range f.of(group, kind) {
		in := d.Metadata.Namespace
		if d.Metadata.Name == name && (in == namespace || in == "" && !exact) {
			return d, nil
		}
	}
	return document{}, apierrors.NewNotFound(schema.GroupResource{Group: group, Resource: kind}, name)
}
