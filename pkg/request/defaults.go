package request

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DefaultsName is the name of the ConfigMap, in the controller's namespace and in a run's, that holds defaults.
const DefaultsName = "config-gitops-defaults"

// exampleKey is where Tekton's and Knative's ConfigMaps keep their documentation.
const exampleKey = "_example"

// DefaultsSource is one ConfigMap with defaults.
type DefaultsSource struct {
	// Namespace and Name say which one it is; they appear in errors.
	Namespace, Name string
	// Data has well-known parameter names as keys. The value of an array parameter is a JSON array of strings. An empty
	// value takes back what an earlier ConfigMap said.
	Data map[string]string
}

// Defaults are the values that a run takes where it says nothing. The zero value has none.
type Defaults struct {
	values map[string]value
}

// value of a well-known parameter, and who said it.
type value struct {
	text string
	list []string
	// origin is for messages: parameter "tag", or a key of a ConfigMap.
	origin string
	// given by the run itself, not by a default.
	given bool
}

// empty: a list of empty strings is what a pipeline hands on for parameters that it was not given.
func (v value) empty() bool {
	return v.text == "" && !slices.ContainsFunc(v.list, func(item string) bool { return item != "" })
}

// node is the value as a spec has it.
func (v value) node() any {
	if v.list == nil {
		return v.text
	}
	items := make([]any, 0, len(v.list))
	for _, item := range v.list {
		items = append(items, item)
	}
	return items
}

// ParseDefaults merges ConfigMaps; later ones win, so the controller's comes first and the run's namespace last. An
// unknown key, or a list that is none, is an error that wraps ErrInvalidParameters and names the ConfigMap. Whether a
// value can be used is seen when a run uses it; one for the other kind of run is not used.
func ParseDefaults(sources ...DefaultsSource) (Defaults, error) {
	d := Defaults{values: map[string]value{}}
	p := problems{kind: ErrInvalidParameters}
	for _, source := range sources {
		where := fmt.Sprintf("ConfigMap %s/%s", source.Namespace, source.Name)
		for _, key := range slices.Sorted(maps.Keys(source.Data)) {
			if key == exampleKey {
				continue
			}
			parameter, ok := parameterNamed(key)
			if !ok {
				p.add(where, "unknown key %q; known are %s", clip(key), known(parameterNames("")))
				continue
			}
			v := value{origin: fmt.Sprintf("key %q of %s", key, where)}
			// ConfigMaps written with YAML's "|" end in a line break that nobody means.
			text := strings.TrimSpace(source.Data[key])
			if parameter.Type == TypeString {
				v.text = text
			} else if err := json.Unmarshal([]byte(text), &v.list); text != "" && err != nil {
				p.add(where, "key %q: write a JSON array of strings", key)
			}
			d.values[key] = v
		}
	}
	if err := p.err(); err != nil {
		return Defaults{}, err
	}
	return d, nil
}

// get is the default of one parameter.
func (d Defaults) get(name string) (value, bool) {
	v, ok := d.values[name]
	return v, ok && !v.empty()
}
