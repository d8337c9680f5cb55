package request

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"pgregory.net/rapid"
)

func stringValue(s string) pipelinev1beta1.ParamValue {
	return pipelinev1beta1.ParamValue{Type: pipelinev1beta1.ParamTypeString, StringVal: s}
}

func arrayValue(items ...string) pipelinev1beta1.ParamValue {
	return pipelinev1beta1.ParamValue{Type: pipelinev1beta1.ParamTypeArray, ArrayVal: items}
}

func objectValue(fields map[string]string) pipelinev1beta1.ParamValue {
	return pipelinev1beta1.ParamValue{Type: pipelinev1beta1.ParamTypeObject, ObjectVal: fields}
}

func testScope() scope {
	return newScope(
		Input{Namespace: "team-a", Name: "r41-deploy", UID: "u-1", PipelineRun: "r41", Pipeline: "release"},
		map[string]pipelinev1beta1.ParamValue{
			"tag":   stringValue("1.2.3"),
			"evil":  stringValue("$(params.tag) $$(x) $(image)"),
			"list":  arrayValue("zero", "one"),
			"empty": arrayValue(),
			"obj":   objectValue(map[string]string{"key": "v", "dotted.key": "d"}),
		})
}

func TestRender(t *testing.T) {
	for name, tc := range map[string]struct {
		template string
		want     string
		wantErr  string
	}{
		"no variable":                         {template: "plain $ text $x 100%", want: "plain $ text $x 100%"},
		"string":                              {template: "v$(params.tag)-x", want: "v1.2.3-x"},
		"item of an array":                    {template: "$(params.list[1])$(params.list[0])", want: "onezero"},
		"key of an object":                    {template: "$(params.obj.key)", want: "v"},
		"key with a dot":                      {template: "$(params.obj.dotted.key)", want: "d"},
		"context":                             {template: "$(context.customRun.namespace)/$(context.customRun.name)/$(context.customRun.uid) $(context.pipelineRun.name) $(context.pipeline.name)", want: "team-a/r41-deploy/u-1 r41 release"},
		"a value is not looked at again":      {template: "$(params.evil)", want: "$(params.tag) $$(x) $(image)"},
		"escape":                              {template: "$$(params.tag)", want: "$(params.tag)"},
		"dollar in front of an escape":        {template: "$$$(params.tag)", want: "$$(params.tag)"},
		"dollar at the end":                   {template: "a$", want: "a$"},
		"unclosed":                            {template: "a$(params.tag", wantErr: "$( without a closing parenthesis: write $$( for the plain characters"},
		"unknown variable":                    {template: "$(param.tag)", wantErr: "unknown variable $(param.tag): known are $(params.NAME), $(context.customRun.name), $(context.customRun.namespace), $(context.customRun.uid), $(context.pipeline.name), $(context.pipelineRun.name)"},
		"no variable between the parentheses": {template: "$()", wantErr: "unknown variable $(): known are $(params.NAME), $(context.customRun.name), $(context.customRun.namespace), $(context.customRun.uid), $(context.pipeline.name), $(context.pipelineRun.name)"},
		"undeclared parameter":                {template: "$(params.tga)", wantErr: `$(params.tga): parameter "tga" is not declared; declared are empty, evil, list, obj, tag`},
		"image outside of a message":          {template: "$(image.tag)", wantErr: "$(image.tag) has a value in git.message only"},
		"array as a string":                   {template: "$(params.list)", wantErr: "$(params.list): the parameter is an array: choose one value with $(params.list[0])"},
		"object as a string":                  {template: "$(params.obj)", wantErr: "$(params.obj): the parameter is an object: choose one value with $(params.obj.KEY)"},
		"position out of range":               {template: "$(params.list[2])", wantErr: "$(params.list[2]): the parameter has 2 items"},
		"position that is no number":          {template: "$(params.list[x])", wantErr: "$(params.list[x]): write the position of an item as [0]"},
		"position with a sign":                {template: "$(params.list[-1])", wantErr: "$(params.list[-1]): write the position of an item as [0]"},
		"position with a zero in front":       {template: "$(params.list[01])", wantErr: "$(params.list[01]): write the position of an item as [0]"},
		"unknown key":                         {template: "$(params.obj.kye)", wantErr: "$(params.obj.kye): the parameter has the keys dotted.key, key"},
		"key of a string":                     {template: "$(params.tag.x)", wantErr: "$(params.tag.x): the parameter is of type string"},
		"position in an object":               {template: "$(params.obj[0])", wantErr: "$(params.obj[0]): the parameter is of type object"},
		"list in the middle of a string":      {template: "a $(params.list[*])", wantErr: "$(params.list[*]) stands for a list, and can only be an item of a list, by itself"},
		"variable within a variable":          {template: "$(params.$(params.tag))", wantErr: `$(params.$(params.tag): parameter "$(params" is not declared; declared are empty, evil, list, obj, tag`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := testScope().render(tc.template)
			if diff := cmp.Diff(tc.wantErr, text(err)); diff != "" {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSubstituteTree(t *testing.T) {
	p := &problems{kind: ErrInvalidSpec}
	got := testScope().substitute(map[string]any{
		"options": []any{"A=b", "$(params.list[*])", "$(params.empty[*])", "$(params.tag)"},
		"nested":  map[string]any{"items": []any{map[string]any{"tag": "$(params.tag)"}}},
		"bad":     []any{"$(params.tag[*])", "$(params.nope[*])", "$(params.list[*]", "$(image)"},
		"free":    nil,
	}, "", p)
	want := map[string]any{
		"options": []any{"A=b", "zero", "one", "1.2.3"},
		"nested":  map[string]any{"items": []any{map[string]any{"tag": "1.2.3"}}},
		"bad":     []any{"", "", "", ""},
		"free":    nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	wantErr := "invalid spec: " +
		"bad[0]: $(params.tag[*]) stands for a list, and can only be an item of a list, by itself; " +
		`bad[1]: $(params.nope[*]): parameter "nope" is not declared; declared are empty, evil, list, obj, tag; ` +
		"bad[2]: $( without a closing parenthesis: write $$( for the plain characters; " +
		"bad[3]: $(image) has a value in git.message only"
	if diff := cmp.Diff(wantErr, text(p.err())); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// hostile draws strings that are rich in what the scanner looks at.
func hostile() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune("$()x[].*pams")), 0, 24, -1)
}

// escape writes any text as a template, as long as no variable follows a dollar sign at its end.
func escape(s string) string { return strings.ReplaceAll(s, "$(", "$$(") }

func TestEscapedTextRendersToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := hostile().Draw(t, "text")
		got, err := scope{}.render(escape(want))
		if err != nil || got != want {
			t.Fatalf("render(%q) = %q, %v; want %q", escape(want), got, err, want)
		}
	})
}

func TestValuesAreNeverSubstituted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := hostile().Draw(t, "a"), hostile().Draw(t, "b")
		middle := hostile().Filter(func(s string) bool { return !strings.HasSuffix(s, "$") }).Draw(t, "middle")
		s := scope{params: map[string]pipelinev1beta1.ParamValue{"a": stringValue(a), "b": stringValue(b)}}
		got, err := s.render("$(params.a)" + escape(middle) + "$(params.b)")
		if want := a + middle + b; err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	})
}

func TestMessageValuesAreNeverSubstituted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, img := hostile().Draw(t, "a"), hostile().Draw(t, "image")
		s := scope{params: map[string]pipelinev1beta1.ParamValue{"a": stringValue(a)}}
		m, err := s.templateMessage("$(params.a)(image) $(image)$(params.a)$(image)")
		got := RenderMessage(m, ImageVariables{Image: img})
		if want := a + "(image) " + img + a + img; err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	})
}

func TestPlainMessageWithoutImageVariablesIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := hostile().Draw(t, "text")
		if got := RenderMessage(plainMessage(want), ImageVariables{Image: "!"}); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestMessages(t *testing.T) {
	vars := ImageVariables{Image: "q/a:2", Name: "q/a", Tag: "2", Digest: "sha256:d", Previous: "q/a:1"}
	for name, tc := range map[string]struct {
		message Message
		want    string
	}{
		"every variable":              {plainMessage("$(image)|$(image.name)|$(image.tag)|$(image.digest)|$(previous-image)"), "q/a:2|q/a|2|sha256:d|q/a:1"},
		"escaped variable":            {plainMessage("a $$(image) b $(image)"), "a $(image) b q/a:2"},
		"other variables are text":    {plainMessage("$(rm -rf) $(imge) $$(params.x) $(image"), "$(rm -rf) $(imge) $$(params.x) $(image"},
		"variable in what looks like": {plainMessage("$($(image))"), "$(q/a:2)"},
		"default for one image":       {defaultMessage(1), "Update image in git to q/a:2"},
		"default for several":         {defaultMessage(2), "Update images in git"},
		"none":                        {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, RenderMessage(tc.message, vars)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
