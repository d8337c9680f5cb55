package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// field is one that a definition can have, with the path to it below spec.
type field struct{ path, kind, description string }

// deployFields are those of a GitOpsDeploy, most of which a GitOpsPR has too.
func deployFields() (string, error) {
	fields, err := fieldsOf("config/300-crd-gitopsdeploys.yaml")
	return fieldTable(fields), err
}

// pullRequestFields are those that only a GitOpsPR has.
func pullRequestFields() (string, error) {
	fields, err := fieldsOf("config/300-crd-gitopsprs.yaml")
	if err != nil {
		return "", err
	}
	of, err := fieldsOf("config/300-crd-gitopsdeploys.yaml")
	if err != nil {
		return "", err
	}
	return fieldTable(slices.DeleteFunc(fields, func(f field) bool {
		return slices.ContainsFunc(of, func(d field) bool { return d.path == f.path })
	})), nil
}

// fieldsOf reads them from a generated CRD, in the order of their paths.
func fieldsOf(crd string) ([]field, error) {
	data, err := os.ReadFile(crd) //nolint:gosec // one of the two above
	if err != nil {
		return nil, err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &definition); err != nil {
		return nil, fmt.Errorf("%s: %w", crd, err)
	}
	spec := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	fields := below("", spec)
	for _, f := range fields {
		if f.description == "" {
			return nil, fmt.Errorf("%s: the field %s has no description", crd, f.path)
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.path, b.path) })
	return fields, nil
}

// below are the fields of an object. What only holds further fields is left to them.
func below(path string, object apiextensionsv1.JSONSchemaProps) []field {
	var fields []field
	for name, p := range object.Properties {
		switch {
		case isReference(p):
			fields = append(fields, field{path + name + ".name", "string", p.Description})
		case len(p.Properties) > 0:
			fields = append(fields, below(path+name+".", p)...)
		case p.Items != nil && p.Items.Schema != nil && len(p.Items.Schema.Properties) > 0:
			fields = append(fields, field{path + name, "list", p.Description})
			fields = append(fields, below(path+name+"[].", *p.Items.Schema)...)
		default:
			fields = append(fields, field{path + name, kindOf(p), p.Description})
		}
	}
	return fields
}

// isReference tells whether an object only names another one: then its own description is the better one.
func isReference(p apiextensionsv1.JSONSchemaProps) bool {
	_, named := p.Properties["name"]
	return named && len(p.Properties) == 1
}

func kindOf(p apiextensionsv1.JSONSchemaProps) string {
	switch p.Type {
	case "array":
		return "list of strings"
	case "object":
		return "map of strings"
	case "":
		return "any"
	}
	return p.Type
}

func fieldTable(fields []field) string {
	t := newTable("Field of the spec", "Type", "Meaning")
	for _, f := range fields {
		t.row(code(f.path), f.kind, strings.Join(strings.Fields(f.description), " "))
	}
	return t.String()
}
