package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// mutations and types of the GraphQL API that the double has.
var (
	mutations = []string{"enablePullRequestAutoMerge", "disablePullRequestAutoMerge", "enqueuePullRequest"}
	types     = []string{
		"EnablePullRequestAutoMergeInput", "EnablePullRequestAutoMergePayload",
		"DisablePullRequestAutoMergeInput", "DisablePullRequestAutoMergePayload",
		"EnqueuePullRequestInput", "EnqueuePullRequestPayload",
		"PullRequest", "AutoMergeRequest", "MergeQueueEntry",
	}
)

type introspection struct {
	Schema struct {
		Types []schemaType `json:"types"`
	} `json:"__schema"`
}

type schemaType struct {
	Kind, Name  string
	Fields      []schemaField
	InputFields []schemaField
	EnumValues  []struct{ Name string }
}

type schemaField struct {
	Name string
	Type typeRef
	Args []schemaField
}

type typeRef struct {
	Kind, Name string
	OfType     *typeRef
}

// String is the type as GraphQL's schema language writes it.
func (t typeRef) String() string {
	switch t.Kind {
	case "NON_NULL":
		return t.OfType.String() + "!"
	case "LIST":
		return "[" + t.OfType.String() + "]"
	default:
		return t.Name
	}
}

// leaf tells whether a value of the type has no fields.
func (t typeRef) leaf() bool {
	if t.OfType != nil {
		return t.OfType.leaf()
	}
	return t.Kind == "SCALAR" || t.Kind == "ENUM"
}

func (t typeRef) named() string {
	if t.OfType != nil {
		return t.OfType.named()
	}
	return t.Name
}

// pruneGraphQL gives for each type its fields (with their types, as the schema language writes them), and for each
// enumeration its values. Fields that want arguments are left out, but for those of the mutation.
func pruneGraphQL(description []byte) (any, error) {
	var all introspection
	if err := json.Unmarshal(description, &all); err != nil {
		return nil, err
	}
	fields, enums := map[string]map[string]string{}, map[string][]string{}
	arguments := map[string]map[string]string{}
	for _, t := range all.Schema.Types {
		switch {
		case t.Name == "Mutation":
			fields[t.Name] = map[string]string{}
			for _, f := range t.Fields {
				if slices.Contains(mutations, f.Name) {
					fields[t.Name][f.Name] = f.Type.String()
					arguments[f.Name] = typesOf(f.Args)
				}
			}
		case slices.Contains(types, t.Name):
			kept := slices.DeleteFunc(append(t.Fields, t.InputFields...), func(f schemaField) bool {
				return len(f.Args) > 0 || !f.Type.leaf() && !slices.Contains(types, f.Type.named())
			})
			fields[t.Name] = typesOf(kept)
		}
	}
	for _, t := range all.Schema.Types {
		if t.Kind == "ENUM" && t.Name == "PullRequestMergeMethod" {
			for _, v := range t.EnumValues {
				enums[t.Name] = append(enums[t.Name], v.Name)
			}
		}
	}
	if len(fields) != len(types)+1 || len(arguments) != len(mutations) || len(enums) != 1 {
		return nil, fmt.Errorf("%d types, %d mutations and %d enumerations found", len(fields), len(arguments), len(enums))
	}
	return map[string]any{"fields": fields, "arguments": arguments, "enums": enums}, nil
}

func typesOf(fields []schemaField) map[string]string {
	out := map[string]string{}
	for _, f := range fields {
		out[f.Name] = f.Type.String()
	}
	return out
}
