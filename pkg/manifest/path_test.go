package manifest

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePath(t *testing.T) {
	key := func(s string) step { return step{key: s} }
	item := func(i int) step { return step{index: i, isItem: true} }
	for _, tc := range []struct {
		text string
		want []step
	}{
		{"tag", []step{key("tag")}},
		{"image.tag", []step{key("image"), key("tag")}},
		{"servers[0].image", []step{key("servers"), item(0), key("image")}},
		{"[1]", []step{item(1)}},
		{"[0][12].a", []step{item(0), item(12), key("a")}},
		{`"app.io/server".tag`, []step{key("app.io/server"), key("tag")}},
		{`a."b c"[0]."[$(x)]"`, []step{key("a"), key("b c"), item(0), key("[$(x)]")}},
		{"a-b_c/d:e.ü", []step{key("a-b_c/d:e"), key("ü")}},
		{"a[0001]", []step{key("a"), item(1)}},
		{"0.1", []step{key("0"), key("1")}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := ParsePath(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.steps, cmp.AllowUnexported(step{})); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(tc.text, "0001") && got.String() != tc.text {
				t.Errorf("as text: %s", got)
			}
		})
	}
}

func TestParsePathRefuses(t *testing.T) {
	const blank = `; a key with any of ][."$(){} or a blank goes into double quotes`
	for _, tc := range []struct{ text, message string }{
		{"", `invalid value path "": want a key instead of ""`},
		{".a", `invalid value path ".a": want a key instead of ".a"`},
		{"a.", `invalid value path "a.": want a key instead of ""`},
		{"a..b", `invalid value path "a..b": want a key instead of ".b"`},
		{"a.[0]", `invalid value path "a.[0]": want '.' and a key, or '[', instead of ".[0]"`},
		{"a b", `invalid value path "a b": want '.' and a key, or '[', instead of " b"`},
		{"a[0]b", `invalid value path "a[0]b": want '.' and a key, or '[', instead of "b"`},
		{`a"b"`, `invalid value path "a\"b\"": want '.' and a key, or '[', instead of "\"b\""`},
		{"a[x]", `invalid value path "a[x]": "[x]" is no index: want one such as [0], of at most 4 digits`},
		{"a[-1]", `invalid value path "a[-1]": "[-1]" is no index: want one such as [0], of at most 4 digits`},
		{"a[+1]", `invalid value path "a[+1]": "[+1]" is no index: want one such as [0], of at most 4 digits`},
		{"a[]", `invalid value path "a[]": "[]" is no index: want one such as [0], of at most 4 digits`},
		{"a[0", `invalid value path "a[0": "[0" is no index: want one such as [0], of at most 4 digits`},
		{"a[00001]", `invalid value path "a[00001]": "[00001]" is no index: want one such as [0], of at most 4 digits`},
		{`"a`, `invalid value path "\"a": "\"a" is no quoted key: want one such as "app.io/server"`},
		{`""`, `invalid value path "\"\"": "\"\"" is no quoted key: want one such as "app.io/server"`},
		{"\"a\nb\"", `invalid value path "\"a\nb\"": "\"a\nb\"" is no quoted key: want one such as "app.io/server"`},
		{"{{x}}", `invalid value path "{{x}}": want a key instead of "{{x}}"`},
		{"x" + strings.Repeat("ü", 100) + " ", `invalid value path "x` + strings.Repeat("ü", 39) + `"…: want '.' and a key, or '[', instead of " "`},
	} {
		t.Run(tc.text, func(t *testing.T) {
			_, err := ParsePath(tc.text)
			if !errors.Is(err, ErrPath) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.message, strings.TrimSuffix(err.Error(), blank)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The request is checked with this expression before a path gets here.
var pathGrammar = regexp.MustCompile(`^([^][."$(){}\s[:cntrl:]]+|"[^"[:cntrl:]]+"|\[[0-9]{1,4}\])(\[[0-9]{1,4}\]|\.([^][."$(){}\s[:cntrl:]]+|"[^"[:cntrl:]]+"))*$`)

func TestRandomPathIsThatOfTheRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "b-c", "[0]", "[12]", "[", "]", ".", ".", `"`, `"x.y"`, "$", "(", " ", "\t", "\x7f", "ü", "\u00a0", "\xff", "99999",
		}), 0, 8).Draw(t, "parts"), "")
		path, err := ParsePath(text)
		if got, want := err == nil, pathGrammar.MatchString(text); got != want {
			t.Fatalf("%q: accepted is %v, want %v (%v)", text, got, want, err)
		}
		if err != nil {
			return
		}
		again, err := ParsePath(path.String())
		if diff := cmp.Diff(path.steps, again.steps, cmp.AllowUnexported(step{})); err != nil || diff != "" {
			t.Errorf("%q as text: %v %s", text, err, diff)
		}
	})
}
