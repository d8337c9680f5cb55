package request

import (
	"encoding/json"
	"maps"
	"regexp"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"

	"github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
)

// maxParamBytes bounds the parameters of a run, names and values together.
const maxParamBytes = 32 << 10

// paramName has no dots and brackets, so that $(params.a.b) has one meaning.
var paramName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]*$`)

// bind gives every declared parameter its value: what the run gives, else the default. Problems with the declaration go
// to spec, those with what is given to params.
func bind(declared []v1alpha1.ParamSpec, given []pipelinev1beta1.Param, spec, params *problems) map[string]pipelinev1beta1.ParamValue {
	values := givenValues(given, params)
	bound := map[string]pipelinev1beta1.ParamValue{}
	names := make([]string, 0, len(declared))
	for _, d := range declared {
		names = append(names, d.Name)
		if _, twice := bound[d.Name]; twice {
			spec.add("params", "parameter %q is declared twice", d.Name)
			continue
		}
		if !paramName.MatchString(d.Name) {
			spec.add("params", "parameter %q: a name has letters, digits, '_' and '-', and begins with a letter or '_'", clip(d.Name))
			continue
		}
		bound[d.Name] = bindOne(d, values, spec, params)
	}
	for _, g := range given {
		if _, ok := bound[g.Name]; !ok {
			params.add("parameter "+clip(g.Name), "not declared; declared are %s", known(names))
		}
	}
	return bound
}

func bindOne(d v1alpha1.ParamSpec, values map[string]pipelinev1beta1.ParamValue, spec, params *problems) pipelinev1beta1.ParamValue {
	var fallback *pipelinev1beta1.ParamValue
	if d.Default != nil {
		fallback = &pipelinev1beta1.ParamValue{}
		if err := json.Unmarshal(d.Default.Raw, fallback); err != nil {
			spec.add("params", "parameter %q: default: %s", d.Name, err)
		}
	}
	want := pipelinev1beta1.ParamType(d.Type)
	switch {
	case want == "" && fallback != nil:
		want = fallback.Type
	case want == "":
		want = pipelinev1beta1.ParamTypeString
	case want != pipelinev1beta1.ParamTypeString && want != pipelinev1beta1.ParamTypeArray && want != pipelinev1beta1.ParamTypeObject:
		spec.add("params", "parameter %q: unknown type %q: write string, array or object", d.Name, clip(string(want)))
		return pipelinev1beta1.ParamValue{Type: pipelinev1beta1.ParamTypeString}
	}
	if fallback != nil && fallback.Type != want {
		spec.add("params", "parameter %q is of type %s, its default of type %s", d.Name, want, fallback.Type)
	}
	value, ok := values[d.Name]
	switch {
	case ok && value.Type != want:
		params.add("parameter "+d.Name, "wants type %s, got %s", want, value.Type)
	case ok && want == pipelinev1beta1.ParamTypeObject && fallback != nil:
		merged := map[string]string{}
		maps.Copy(merged, fallback.ObjectVal)
		maps.Copy(merged, value.ObjectVal)
		value.ObjectVal = merged
	case !ok && fallback != nil:
		return *fallback
	case !ok:
		params.add("parameter "+d.Name, "missing, and it has no default")
	}
	return value
}

// givenValues reports parameters that are given twice, and too much of them.
func givenValues(given []pipelinev1beta1.Param, p *problems) map[string]pipelinev1beta1.ParamValue {
	values := map[string]pipelinev1beta1.ParamValue{}
	total := 0
	for _, g := range given {
		if _, twice := values[g.Name]; twice {
			p.add("parameter "+clip(g.Name), "given twice")
		}
		values[g.Name] = g.Value
		total += len(g.Name) + valueBytes(g.Value)
	}
	if total > maxParamBytes {
		p.add("parameters", "have %d bytes together, at most %d are taken", total, maxParamBytes)
	}
	return values
}

func valueBytes(v pipelinev1beta1.ParamValue) int {
	n := len(v.StringVal)
	for _, item := range v.ArrayVal {
		n += len(item)
	}
	for key, item := range v.ObjectVal {
		n += len(key) + len(item)
	}
	return n
}
