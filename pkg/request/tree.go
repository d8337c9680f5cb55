package request

import (
	"fmt"
	"slices"
	"strings"
)

// tree is a spec before it is decoded: what the three forms lead to.
type tree struct {
	root map[string]any
	// origins tells for the path of a field who set it, where that was not the definition.
	origins map[string]string
}

func newTree(root map[string]any) *tree {
	return &tree{root: root, origins: map[string]string{}}
}

// set puts v at field. "[]" is the first item of a list, which is made when it is missing.
func (t *tree) set(field string, v any, origin string) {
	node, path := t.root, ""
	steps := strings.Split(field, ".")
	for i, step := range steps {
		name, isList := strings.CutSuffix(step, "[]")
		path = join(path, name)
		switch {
		case i == len(steps)-1:
			node[name] = v
			t.origins[path] = origin
		case isList:
			path += "[0]"
			list, _ := node[name].([]any)
			if len(list) == 0 {
				list = []any{map[string]any{}}
				node[name] = list
			}
			node = list[0].(map[string]any)
		default:
			node = child(node, name)
		}
	}
}

// complete puts v at field wherever it is unset or empty. "[]" is every item of a list; none is made.
func (t *tree) complete(field string, v any, origin string) {
	t.completeIn(t.root, "", strings.Split(field, "."), v, origin)
}

func (t *tree) completeIn(node map[string]any, path string, steps []string, v any, origin string) {
	name, isList := strings.CutSuffix(steps[0], "[]")
	path = join(path, name)
	switch {
	case len(steps) == 1:
		if isUnset(node[name]) {
			node[name] = v
			t.origins[path] = origin
		}
	case isList:
		list, _ := node[name].([]any)
		for i, item := range list {
			t.completeIn(item.(map[string]any), fmt.Sprintf("%s[%d]", path, i), steps[1:], v, origin)
		}
	default:
		t.completeIn(child(node, name), path, steps[1:], v, origin)
	}
}

// isUnset: a list of empty strings is what parameters without a value make of a list.
func isUnset(node any) bool {
	switch node := node.(type) {
	case string:
		return node == ""
	case []any:
		return !slices.ContainsFunc(node, func(item any) bool { return item != "" })
	}
	return node == nil
}

// child is the object below name, made when it is missing. Only fields that are objects in the spec are asked for, and
// the tree has passed checkShape, so what is there is an object.
func child(node map[string]any, name string) map[string]any {
	c, ok := node[name].(map[string]any)
	if !ok {
		c = map[string]any{}
		node[name] = c
	}
	return c
}

// take removes a string field of an object at the root and returns it, empty when it is not there.
func (t *tree) take(object, name string) string {
	fields, _ := t.root[object].(map[string]any)
	text, _ := fields[name].(string)
	delete(fields, name)
	return text
}

// origin finds who set path, or the object or list that it is part of.
func (t *tree) origin(path string) (string, bool) {
	for path != "" {
		if origin, ok := t.origins[path]; ok {
			return origin, true
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			break
		}
		path = path[:cut]
	}
	return "", false
}
