package request

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// maxSpecBytes bounds an embedded spec.
const maxSpecBytes = 64 << 10

// decodeTree reads the JSON of a spec into maps, slices and strings, and reports everything that the schema of
// the kind would not let in: unknown fields, and values of the wrong type. Fields that are null are dropped.
// Nothing at all, which is how the API server returns an empty spec, is an empty tree.
func decodeTree(kind string, data []byte, p *problems) map[string]any {
	if len(data) > maxSpecBytes {
		p.add("", "has %d bytes, at most %d are read", len(data), maxSpecBytes)
		return nil
	}
	if len(data) == 0 {
		data = []byte("null")
	}
	var root any
	if err := json.Unmarshal(data, &root); err != nil {
		p.add("", "is not JSON: %s", err)
		return nil
	}
	if root == nil {
		return map[string]any{}
	}
	tree, _ := checkShape(root, specType(kind), "", p).(map[string]any)
	return tree
}

// checkShape compares node with the Go type that it shall be decoded into. The API types are made of structs, slices,
// maps, strings and free JSON only.
func checkShape(node any, t reflect.Type, path string, p *problems) any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[apiextensionsv1.JSON]() {
		return node
	}
	switch t.Kind() {
	case reflect.Struct:
		if fields, ok := node.(map[string]any); ok {
			return checkFields(fields, t, path, p)
		}
		p.add(path, "wants an object, got %s", describe(node))
	case reflect.Slice:
		list, ok := node.([]any)
		if !ok {
			p.add(path, "wants a list, got %s", describe(node))
			break
		}
		items := make([]any, 0, len(list))
		for i, item := range list {
			items = append(items, checkShape(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i), p))
		}
		return items
	case reflect.Map:
		values, ok := node.(map[string]any)
		if !ok {
			p.add(path, "wants an object, got %s", describe(node))
			break
		}
		checked := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			checked[name] = checkShape(values[name], t.Elem(), join(path, clip(name)), p)
		}
		return checked
	default:
		if _, ok := node.(string); ok {
			return node
		}
		hint := ""
		switch node.(type) {
		case bool, float64:
			hint = ": put it in quotes"
		}
		p.add(path, "wants a string, got %s%s", describe(node), hint)
	}
	return nil
}

func checkFields(fields map[string]any, t reflect.Type, path string, p *problems) map[string]any {
	types := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		types[name] = t.Field(i).Type
	}
	checked := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, ok := types[name]
		switch {
		case !ok:
			p.add(join(path, clip(name)), "unknown field; known here are %s", known(slices.Sorted(maps.Keys(types))))
		case fields[name] != nil:
			checked[name] = checkShape(fields[name], field, join(path, name), p)
		}
	}
	return checked
}

func describe(node any) string {
	switch node.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

// decodeSpec turns a tree that has passed checkShape into the API's types.
func decodeSpec(tree map[string]any) (spec, error) {
	var s spec
	data, err := json.Marshal(tree)
	if err != nil {
		return s, fmt.Errorf("encode the resolved spec: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("decode the resolved spec: %w", err)
	}
	return s, nil
}
