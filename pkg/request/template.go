package request

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
)

// Variables that a message may use beside those of every template.
const (
	varImage         = "image"
	varImageName     = "image.name"
	varImageTag      = "image.tag"
	varImageDigest   = "image.digest"
	varPreviousImage = "previous-image"
)

func isImageVariable(name string) bool {
	switch name {
	case varImage, varImageName, varImageTag, varImageDigest, varPreviousImage:
		return true
	}
	return false
}

var errUnclosed = errors.New("$( without a closing parenthesis: write $$( for the plain characters")

// scan splits a template into text and variables. "$$(" stands for the characters "$(". Any other dollar sign is text.
func scan(template string) ([]MessagePart, error) {
	var parts []MessagePart
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, MessagePart{Text: text.String()})
			text.Reset()
		}
	}
	for rest := template; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "$$("):
			text.WriteString("$(")
			rest = rest[len("$$("):]
		case strings.HasPrefix(rest, "$("):
			name, after, closed := strings.Cut(rest[len("$("):], ")")
			if !closed {
				return nil, errUnclosed
			}
			flush()
			parts = append(parts, MessagePart{Variable: name})
			rest = after
		default:
			text.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	flush()
	return parts, nil
}

// scope is what variables stand for.
type scope struct {
	params  map[string]pipelinev1beta1.ParamValue
	context map[string]string
	// messages are the fields where the image's variables have a value.
	messages []string
}

func newScope(in Input, params map[string]pipelinev1beta1.ParamValue) scope {
	return scope{params: params, messages: messageFields(in.kind()), context: map[string]string{
		"context.customRun.name":      in.Name,
		"context.customRun.namespace": in.Namespace,
		"context.customRun.uid":       string(in.UID),
		"context.pipelineRun.name":    in.PipelineRun,
		"context.pipeline.name":       in.Pipeline,
	}}
}

// scalar is the value of a variable that stands for one string.
func (s scope) scalar(variable string) (string, error) {
	if value, ok := s.context[variable]; ok {
		return value, nil
	}
	ref, ok := strings.CutPrefix(variable, "params.")
	if !ok {
		if isImageVariable(variable) {
			return "", fmt.Errorf("$(%s) has a value in %s only", variable, strings.Join(s.messages, " and "))
		}
		return "", fmt.Errorf("unknown variable $(%s): known are $(params.NAME), $(%s)", clip(variable), strings.Join(slices.Sorted(maps.Keys(s.context)), "), $("))
	}
	name, selector := splitReference(ref)
	value, declared := s.params[name]
	if !declared {
		return "", fmt.Errorf("$(%s): parameter %q is not declared; declared are %s", clip(variable), clip(name), known(slices.Sorted(maps.Keys(s.params))))
	}
	if selector == "" {
		if value.Type == pipelinev1beta1.ParamTypeString {
			return value.StringVal, nil
		}
		return "", fmt.Errorf("$(%s): the parameter is an %s: choose one value with $(params.%s)", variable, value.Type, name+exampleSelector(value.Type))
	}
	return selected(variable, selector, value)
}

func selected(variable, selector string, value pipelinev1beta1.ParamValue) (string, error) {
	switch {
	case selector == "[*]":
		return "", fmt.Errorf("$(%s) stands for a list, and can only be an item of a list, by itself", variable)
	case value.Type == pipelinev1beta1.ParamTypeArray && selector[0] == '[':
		i, err := strconv.Atoi(strings.Trim(selector, "[]"))
		if err != nil || i < 0 || selector != "["+strconv.Itoa(i)+"]" {
			return "", fmt.Errorf("$(%s): write the position of an item as [0]", clip(variable))
		}
		if i >= len(value.ArrayVal) {
			return "", fmt.Errorf("$(%s): the parameter has %d items", variable, len(value.ArrayVal))
		}
		return value.ArrayVal[i], nil
	case value.Type == pipelinev1beta1.ParamTypeObject && selector[0] == '.':
		item, ok := value.ObjectVal[selector[1:]]
		if !ok {
			return "", fmt.Errorf("$(%s): the parameter has the keys %s", clip(variable), known(slices.Sorted(maps.Keys(value.ObjectVal))))
		}
		return item, nil
	}
	return "", fmt.Errorf("$(%s): the parameter is of type %s", clip(variable), value.Type)
}

func exampleSelector(t pipelinev1beta1.ParamType) string {
	if t == pipelinev1beta1.ParamTypeArray {
		return "[0]"
	}
	return ".KEY"
}

// splitReference takes "list[0]" and "object.key" apart. A parameter's name has neither dots nor brackets.
func splitReference(ref string) (name, selector string) {
	if i := strings.IndexAny(ref, ".["); i >= 0 {
		return ref[:i], ref[i:]
	}
	return ref, ""
}

// render substitutes once: what a variable stands for is not scanned again.
func (s scope) render(template string) (string, error) {
	parts, err := scan(template)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.Text)
		if part.Variable == "" && part.Text != "" {
			continue
		}
		value, err := s.scalar(part.Variable)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// list is the value of an item that is, by itself, $(params.NAME[*]).
func (s scope) list(template string) ([]string, bool) {
	parts, err := scan(template)
	if err != nil || len(parts) != 1 {
		return nil, false
	}
	ref, ok := strings.CutPrefix(parts[0].Variable, "params.")
	if !ok {
		return nil, false
	}
	name, selector := splitReference(ref)
	value, declared := s.params[name]
	if !declared || selector != "[*]" || value.Type != pipelinev1beta1.ParamTypeArray {
		return nil, false
	}
	return value.ArrayVal, true
}

// substitute replaces the variables in every string below node, which is JSON decoded into maps, slices and strings.
func (s scope) substitute(node any, path string, p *problems) any {
	switch node := node.(type) {
	case string:
		value, err := s.render(node)
		if err != nil {
			p.add(path, "%s", err)
		}
		return value
	case []any:
		items := []any{}
		for i, item := range node {
			if template, ok := item.(string); ok {
				if values, ok := s.list(template); ok {
					for _, value := range values {
						items = append(items, value)
					}
					continue
				}
			}
			items = append(items, s.substitute(item, fmt.Sprintf("%s[%d]", path, i), p))
		}
		return items
	case map[string]any:
		fields := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			fields[key] = s.substitute(node[key], join(path, key), p)
		}
		return fields
	}
	return node
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
