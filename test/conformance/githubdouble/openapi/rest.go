package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// operations of the REST API that the double has.
var operations = []string{
	"apps/create-installation-access-token",
	"git/delete-ref",
	"issues/add-assignees",
	"issues/add-labels",
	"issues/create-comment",
	"issues/create-label",
	"issues/list-comments",
	"meta/get",
	"pulls/create",
	"pulls/get",
	"pulls/list",
	"pulls/merge",
	"pulls/request-reviewers",
	"pulls/update",
	"rate-limit/get",
	"repos/get",
	"repos/get-branch",
}

type object = map[string]any

// pruneREST keeps the operations and what they refer to.
func pruneREST(description []byte) (any, error) {
	var all object
	if err := json.Unmarshal(description, &all); err != nil {
		return nil, err
	}
	paths, found := object{}, 0
	for path, item := range all["paths"].(object) {
		kept := object{}
		for method, operation := range item.(object) {
			if o, ok := operation.(object); ok && slices.Contains(operations, fmt.Sprint(o["operationId"])) {
				path = manySegments(path, o)
				kept[method] = strip(o, false)
				found++
			}
		}
		if len(kept) > 0 {
			paths[path] = kept
		}
	}
	if found != len(operations) {
		return nil, fmt.Errorf("%d operations of %d are in the description", found, len(operations))
	}
	if err := amend(paths); err != nil {
		return nil, err
	}
	pruned := object{"openapi": all["openapi"], "info": all["info"], "paths": paths, "components": object{}}
	if err := follow(paths, all, pruned["components"].(object)); err != nil {
		return nil, err
	}
	return pruned, nil
}

// amend adds what the description says in its texts only: labels can also be added with the array of their names alone.
func amend(paths object) error {
	body := find(paths, "/repos/{owner}/{repo}/issues/{issue_number}/labels", "post", "requestBody", "content", "application/json",
		"schema")
	if forms, ok := body["oneOf"].([]any); ok {
		names := object{"type": "array", "minItems": 1, "items": object{"type": "string"}}
		body["oneOf"] = append(forms, names)
		return nil
	}
	return errors.New("the body of issues/add-labels has another shape than expected")
}

func find(node object, keys ...string) object {
	for _, key := range keys {
		node, _ = node[key].(object)
	}
	return node
}

// manySegments lets a path parameter contain slashes where the description says so in its own way.
func manySegments(path string, operation object) string {
	parameters, _ := operation["parameters"].([]any)
	for _, p := range parameters {
		if parameter := p.(object); parameter["x-multi-segment"] == true {
			name := fmt.Sprint(parameter["name"])
			path = strings.Replace(path, "{"+name+"}", "{"+name+":.+}", 1)
		}
	}
	return path
}

// follow copies what node refers to into components, and what that refers to.
func follow(node any, all, components object) error {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			if err := follow(child, all, components); err != nil {
				return err
			}
		}
	case object:
		if reference, ok := n["$ref"].(string); ok {
			return copyComponent(reference, all, components)
		}
		for _, child := range n {
			if err := follow(child, all, components); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyComponent(reference string, all, components object) error {
	parts := strings.Split(reference, "/")
	if len(parts) != 4 || parts[1] != "components" {
		return fmt.Errorf("reference %s", reference)
	}
	kind, name := parts[2], parts[3]
	if components[kind] == nil {
		components[kind] = object{}
	}
	kept := components[kind].(object)
	if kept[name] != nil {
		return nil
	}
	component, ok := all["components"].(object)[kind].(object)[name]
	if !ok {
		return fmt.Errorf("%s is not there", reference)
	}
	kept[name] = strip(component, false)
	return follow(kept[name], all, components)
}

// named are the keys whose value is a map from names to things.
var named = []string{"properties", "patternProperties", "headers", "content", "responses"}

// strip takes the texts, the examples and the extensions away. What is in names is not a key of the description.
func strip(node any, names bool) any {
	switch n := node.(type) {
	case []any:
		out := make([]any, len(n))
		for i, child := range n {
			out[i] = strip(child, false)
		}
		return out
	case object:
		out := object{}
		for key, child := range n {
			switch {
			case names:
				out[key] = strip(child, false)
			case key == "description":
				if n["content"] != nil || n["headers"] != nil || len(n) == 1 {
					out[key] = "" // a response must have one
				}
			case key == "enum":
				out[key] = child
			case slices.Contains([]string{"summary", "example", "examples", "externalDocs", "tags", "title"}, key),
				strings.HasPrefix(key, "x-"):
			default:
				out[key] = strip(child, slices.Contains(named, key))
			}
		}
		return out
	default:
		return node
	}
}
