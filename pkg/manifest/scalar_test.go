package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

func TestScalar(t *testing.T) {
	for _, tc := range []struct {
		text  string
		style yaml.Style
		want  string
	}{
		{"1.2.3", 0, `1.2.3`},
		{"v1", 0, `v1`},
		{"v1", yaml.SingleQuotedStyle, `'v1'`},
		{"v1", yaml.DoubleQuotedStyle, `"v1"`},
		{"v1", yaml.TaggedStyle | yaml.DoubleQuotedStyle, `"v1"`},
		{"v1", yaml.FoldedStyle, `v1`},
		{"1.10", 0, `"1.10"`},
		{"1.10", yaml.SingleQuotedStyle, `'1.10'`},
		{"0123", 0, `"0123"`},
		{"1e3", 0, `"1e3"`},
		{"12e45678", 0, `"12e45678"`},
		{"1234567", 0, `"1234567"`},
		{"true", 0, `"true"`},
		{"TRUE", 0, `"TRUE"`},
		{"yes", 0, `"yes"`},
		{"No", 0, `"No"`},
		{"on", 0, `"on"`},
		{"y", 0, `"y"`},
		{"null", 0, `"null"`},
		{"~", 0, `"~"`},
		{"", 0, `""`},
		{"2026-11-22", 0, `"2026-11-22"`},
		{"2026-11-22T10", 0, `"2026-11-22T10"`},
		{"2026-11-22-1", 0, `2026-11-22-1`},
		{"20261122", 0, `"20261122"`},
		{"0x1f", 0, `"0x1f"`},
		{"0o17", 0, `"0o17"`},
		{"0b1", 0, `"0b1"`},
		{"0b-1", 0, `"0b-1"`},
		{".inf", 0, `".inf"`},
		{"inf", 0, `"inf"`},
		{"NaN", 0, `"NaN"`},
		{"1_000", 0, `"1_000"`},
		{"1.", 0, `"1."`},
		{"12:30:45", 0, `"12:30:45"`},
		{"1:30.5", 0, `"1:30.5"`},
		{"-1", 0, `"-1"`},
		{"_1", 0, `_1`},
		{"1.2.3-rc.1", 0, `1.2.3-rc.1`},
		{"7f3e2a1", 0, `7f3e2a1`},
		{"sha256:abc", 0, `sha256:abc`},
		{"reg:5000/a", 0, `reg:5000/a`},
		{"[::1]:5000/a", 0, `"[::1]:5000/a"`},
		{"a: b", 0, `"a: b"`},
		{"a #b", 0, `"a #b"`},
	} {
		t.Run(tc.text, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, scalar(tc.text, tc.style)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The YAML 1.1 parser of sigs.k8s.io/yaml is what kustomize and kubectl read
// with; kyaml is kustomize's other one.
func TestRandomTagStaysAStringInEveryParser(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.OneOf(
			drawTag(),
			rapid.StringMatching(`[0-9][0-9_.eExXobBOT+:-]{0,9}`),
			rapid.StringMatching(`[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}(T[0-9]{2})?`),
			rapid.StringMatching(`0[xob][-+]?[0-9a-f_]{0,5}`),
			rapid.StringMatching(`[yYnNtTfF~][a-zA-Z]{0,4}`),
		).Draw(t, "tag")
		for _, text := range []string{"newTag: " + scalar(tag, 0) + "\n", "{newTag: " + scalar(tag, 0) + "}\n"} {
			got := map[string]any{}
			for name, unmarshal := range map[string]func([]byte, any) error{
				"yaml v3":   yaml.Unmarshal,
				"sigs yaml": func(b []byte, v any) error { return sigsyaml.Unmarshal(b, v) },
				"kyaml":     kyaml.Unmarshal,
			} {
				value := map[string]any{}
				if err := unmarshal([]byte(text), &value); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got[name] = value["newTag"]
			}
			if diff := cmp.Diff(map[string]any{"yaml v3": tag, "sigs yaml": tag, "kyaml": tag}, got); diff != "" {
				t.Errorf("%s%s", text, diff)
			}
		}
	})
}
