package manifest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSetValue(t *testing.T) {
	for _, tc := range []struct {
		name, in, at, value string
		out                 string
	}{
		{"text", "image:\n  tag: v1 # c\n", "image.tag", "v2", "image:\n  tag: v2 # c\n"},
		{"equal", "image: {tag: 'v1'}\n", "image.tag", "v1", "image: {tag: 'v1'}\n"},
		{"text that looks like a number", "tag: v1\n", "tag", "1.10", "tag: \"1.10\"\n"},
		{"text that looks like a boolean, single quotes", "tag: 'v1'\n", "tag", "true", "tag: 'true'\n"},
		{"text that looks like nothing", "tag: v1\n", "tag", "null", "tag: \"null\"\n"},
		{"tilde", "tag: v1\n", "tag", "~", "tag: \"~\"\n"},
		{"date", "tag: v1\n", "tag", "2026-11-22", "tag: \"2026-11-22\"\n"},
		{"number stays a number", "replicas: 2\n", "replicas", "3", "replicas: 3\n"},
		{"negative number", "offset: 2\n", "offset", "-3", "offset: -3\n"},
		{"fraction stays a number", "ratio: 1\n", "ratio", "0.25", "ratio: 0.25\n"},
		{"fraction that parsers shorten", "tag: 1.9\n", "tag", "1.10", "tag: \"1.10\"\n"},
		{"number that parsers shorten, equal", "tag: 1.10\n", "tag", "1.10", "tag: \"1.10\"\n"},
		{"octal", "mode: 5\n", "mode", "007", "mode: \"007\"\n"},
		{"exponent", "n: 5\n", "n", "1e3", "n: \"1e3\"\n"},
		{"underscores", "n: 5\n", "n", "1_000", "n: \"1_000\"\n"},
		{"infinite", "n: 5\n", "n", "Inf", "n: \"Inf\"\n"},
		{"no number", "n: 5\n", "n", "five", "n: five\n"},
		{"largest number that is exact everywhere", "n: 5\n", "n", "9007199254740992", "n: 9007199254740992\n"},
		{"number that is not", "n: 5\n", "n", "9007199254740993", "n: \"9007199254740993\"\n"},
		{"quoted number stays text", "n: '5'\n", "n", "6", "n: '6'\n"},
		{"tagged number", "n: !!int 5\n", "n", "6", "n: !!int 6\n"},
		{"tagged text", "n: !!str 5\n", "n", "6", "n: !!str \"6\"\n"},
		{"boolean stays one", "on: true\n", "on", "false", "on: false\n"},
		{"boolean becomes text", "on: true\n", "on", "yes", "on: \"yes\"\n"},
		{"old boolean", "on: yes\n", "on", "off", "on: off\n"},
		{"old boolean, equal", "on: yes\n", "on", "yes", "on: yes\n"},
		{"old boolean, new word", "on: No\n", "on", "true", "on: true\n"},
		{"old boolean becomes text", "on: yes\n", "on", "maybe", "on: maybe\n"},
		{"nothing", "tag:\n", "tag", "3", "tag: \"3\"\n"},
		{"nothing, comment behind", "tag: # c\nb: 1\n", "tag", "v1", "tag: v1 # c\nb: 1\n"},
		{"null", "tag: null\n", "tag", "null", "tag: \"null\"\n"},
		{"tilde becomes text", "{tag: ~}\n", "tag", "v1", "{tag: v1}\n"},
		{"empty text", "tag: ''\n", "tag", "", "tag: ''\n"},
		{"to empty", "tag: v1\n", "tag", "", "tag: \"\"\n"},
		{"blanks and quotes", "t: a\n", "t", `it's "so": #1`, "t: \"it's \\\"so\\\": #1\"\n"},
		{"blanks and quotes in single ones", "t: 'a'\n", "t", `it's "so"`, "t: 'it''s \"so\"'\n"},
		{"control character in single quotes", "t: 'a'\n", "t", "a\tb\nc\u0085\u2028\ufeff", "t: \"a\\tb\\nc\\u0085\\u2028\\ufeff\"\n"},
		{"other script", "t: a\n", "t", "ünd 🚢", "t: \"ünd 🚢\"\n"},
		{"plain text with blanks, equal", "t: hello, world -1\n", "t", "hello, world -1", "t: hello, world -1\n"},
		{"plain text with a sign, equal", "t: -x\n", "t", "-x", "t: -x\n"},
		{"time with a blank, equal", "t: 2026-11-22 10:00:00 x\n", "t", "2026-11-22 10:00:00 x", "t: \"2026-11-22 10:00:00 x\"\n"},
		{"base 60, equal", "t: 12:30\n", "t", "12:30", "t: \"12:30\"\n"},
		{"equals sign, equal", "t: =\n", "t", "=", "t: \"=\"\n"},
		{"literal", "t: | # c\n  a\n  b\nu: 1\n", "t", "v", "t: v # c\nu: 1\n"},
		{"folded with an indentation", "a:\n  t: >2-\n     a\n  u: 1\n", "a.t", "v", "a:\n  t: v\n  u: 1\n"},
		{"text over lines", "t: \"a\n  b\"\nu: 1\n", "t", "v", "t: \"v\"\nu: 1\n"},
		{"item of a list", "a:\n- b\n- c # d\n", "a[1]", "e", "a:\n- b\n- e # d\n"},
		{"empty item", "a:\n-\n- c\n", "a[0]", "e", "a:\n- e\n- c\n"},
		{"empty item at the end", "a:\n- c\n-", "a[1]", "e", "a:\n- c\n- e"},
		{"item of the root", "- a: 1\n- a: x\n", "[1].a", "z", "- a: 1\n- a: z\n"},
		{"flow", "{\"a\":[{\"b\":\"c\"}],\"d\":1}", "a[0].b", "e", "{\"a\":[{\"b\":\"e\"}],\"d\":1}"},
		{"quoted key", "\"a.b/c\": {'d e': f}\n", `"a.b/c"."d e"`, "g", "\"a.b/c\": {'d e': g}\n"},
		{"key that is a number", "1:\n  true: a\n", "1.true", "b", "1:\n  true: b\n"},
		{"key with an anchor", "&k a: b\nc: *k\n", "a", "d", "&k a: d\nc: *k\n"},
		{"key by alias", "x: &k a\n*k : b\n", "a", "d", "x: &k a\n*k : d\n"},
		{"alias gives way", "a: &x v1\nb: *x\n", "b", "v2", "a: &x v1\nb: v2\n"},
		{"alias of a number gives way", "a: &x 1\nb: *x\n", "b", "2", "a: &x 1\nb: 2\n"},
		{"alias that says it stays", "a: &x v1\nb: *x\n", "b", "v1", "a: &x v1\nb: *x\n"},
		{"anchor of nobody", "a: &x v1\n", "a", "v2", "a: &x v2\n"},
		{"own key over a merged one", "x: &x {t: 1}\na:\n  <<: *x\n  t: b\n", "a.t", "c", "x: &x {t: 1}\na:\n  <<: *x\n  t: c\n"},
		{"merged value that says it", "x: &x {t: b}\na:\n  <<: *x\n", "a.t", "b", "x: &x {t: b}\na:\n  <<: *x\n"},
		{"one of two documents", "a: 1\n---\nb: x\n---\n", "b", "z", "a: 1\n---\nb: z\n---\n"},
		{"carriage returns, byte order mark", "\ufeffa: x\r\nb: y\r\n", "b", "z", "\ufeffa: x\r\nb: z\r\n"},
		{"no final line break", "a: x", "a", "z", "a: z"},
		{"tab in a comment", "a: x\t# \tc\n", "a", "z", "a: z\t# \tc\n"},
		{"complex key elsewhere", "? [a]\n: b\nc: d\n", "c", "e", "? [a]\n: b\nc: e\n"},
		{"duplicate key elsewhere", "a: 1\na: 2\nb: x\n", "b", "z", "a: 1\na: 2\nb: z\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := SetValue("v.yaml", []byte(tc.in), tc.at, tc.value)
			if err != nil {
				t.Fatal(err)
			}
			want := Edit{Data: []byte(tc.out), Changed: tc.in != tc.out, Places: 1}
			if diff := cmp.Diff(want, edit); diff != "" {
				t.Errorf("%s\n%s", diff, edit.Data)
			}
			want.Changed = false
			twice, err := SetValue("v.yaml", edit.Data, tc.at, tc.value)
			if diff := cmp.Diff(want, twice); err != nil || diff != "" {
				t.Errorf("twice: %v %s", err, diff)
			}
		})
	}
}

func TestSetValueRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in, at, message string }{
		{"missing key", "image:\n  repository: a\n  <<: {x: y}\n  pullPolicy: Always\n", "image.tag",
			`v.yaml:2:3: image.tag is missing: image has no key "tag"; its keys are: "repository", "pullPolicy"`},
		{"missing key of the root", "a: 1\n", "b", `v.yaml:1:1: b is missing: the document has no key "b"; its keys are: "a"`},
		{"many keys", "{a0: , a1: , a2: , a3: , a4: , a5: , a6: , a7: , a8: , a9: , b0: , b1: , b2: , b3: }\n", "b",
			`v.yaml:1:1: b is missing: the document has no key "b"; its keys are: "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1", and 2 more`},
		{"no keys", "a: {}\n", "a.b", `v.yaml:1:4: a.b is missing: a has no key "b"; its keys are: none`},
		{"below a value", "a:\n  b: c\n", "a.b.d", "v.yaml:2:6: a.b.d is missing: a.b is a value and has nothing below it"},
		{"below nothing", "a:\n", "a.b", "v.yaml:1:3: a.b is missing: a is empty and has nothing below it"},
		{"key of a list", "a: [b, c]\n", "a.b", "v.yaml:1:4: a.b is missing: a is a list of 2 items: say which, the first is [0]"},
		{"item of a mapping", "a: {b: c}\n", "a[0]", `v.yaml:1:4: a[0] is missing: a is no list; its keys are: "b"`},
		{"item that is not there", "a: [b, c]\n", "a[2]", "v.yaml:1:4: a[2] is missing: a has 2 items, the first is [0]"},
		{"mapping", "a: {b: c}\n", "a", `v.yaml:1:4: a is no single value: it is a mapping with the keys "b"`},
		{"list", "a: [b]\n", "a", "v.yaml:1:4: a is no single value: it is a list of 1 item"},
		{"nearest document counts", "x: 1\n---\na: {b: {}}\n---\na: 1\n", "a.b.c",
			`v.yaml:3:8: a.b.c is missing: a.b has no key "c"; its keys are: none`},
		{"two documents", "a: 1\n---\na: 2\n", "a", "v.yaml:3:4: more than one document of the file has a, the first on line 1: which is meant?"},
		{"no document", "# c\n", "a", "v.yaml: a is missing: the file holds no YAML document"},
		{"empty document", "---\n", "a", "v.yaml:2:1: a is missing: the document is empty and has nothing below it"},
		{"duplicate key", "a: 1\nb: 2\na: 3\n", "a", `v.yaml:3:1: duplicate key "a", first on line 1: keep one`},
		{"duplicate key on the way", "a: {b: 1}\n'a': {b: 2}\n", "a.b", `v.yaml:2:1: duplicate key "a", first on line 1: keep one`},
		{"merged value", "x: &x {t: b}\na:\n  <<: *x\n", "a.t", "v.yaml:3:3: a.t comes from a merge key (<<): write the value out"},
		{"below a merged value", "x: &x {t: {u: b}}\na:\n  <<: *x\n", "a.t.u", "v.yaml:3:3: a.t comes from a merge key (<<): write the value out"},
		{"merge key behind the key", "a: {t: b, <<: {t: c}}\n", "a.t", `v.yaml:1:11: the merge key (<<) has "t" too, and parsers differ on which counts: put it first`},
		{"behind an alias", "x: &x {t: b}\na: *x\n", "a.t", "v.yaml:2:4: a is an alias (*x): write the value out"},
		{"shared value", "x: &x b\na: *x\n", "x", "v.yaml:1:4: x carries the anchor &x, which line 2 uses too: write the values out"},
		{"in a shared mapping", "x: &x {t: b}\na: *x\n", "x.t", "v.yaml:1:4: x carries the anchor &x, which line 2 uses too: write the values out"},
		{"in a mapping that another one merges", "x: &x {t: b}\na: {<<: *x}\n", "x.t", "v.yaml:1:4: x carries the anchor &x, which line 2 uses too: write the values out"},
		{"own tag", "a: !env b\n", "a", "v.yaml:1:9: cannot be set: the result would not be what was asked for; write it as a plain value on one line, without anchors and tags"},
		{"key without a value", "{a}\n", "a", "v.yaml:1:3: cannot be set: something else in the file would change with it; write it as a plain value on one line, without anchors and tags"},
		{"bad path", "a: 1\n", "a..b", `v.yaml: invalid value path "a..b": want a key instead of ".b"; a key with any of ][."$(){} or a blank goes into double quotes`},
		{"template", "a: 1\n{{- if .x }}\nb: 2\n{{- end }}\n", "a", "v.yaml:2:1: not valid YAML: could not find expected ':'"},
		{"template on the first line", "{% if x %}\na: 1\n", "a", "v.yaml:1:1: not valid YAML: found character that cannot start any token"},
		{"tabs", "a:\n\tb: 1\n", "a.b", "v.yaml:2:2: not valid YAML: found character that cannot start any token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := SetValue("v.yaml", []byte(tc.in), tc.at, "v2")
			checkError(t, tc.message, err, ErrInvalid)
			if diff := cmp.Diff(Edit{}, edit); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSetValueTakesTextOnly(t *testing.T) {
	_, err := SetValue("v.yaml", []byte("a: 1\n"), "a", "\xff")
	checkError(t, "v.yaml: a: the value is not text in UTF-8", err, ErrInvalid)
}

func checkError(t *testing.T, message string, err, sentinel error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error, want: ", message)
	}
	if diff := cmp.Diff(message, err.Error()); diff != "" {
		t.Error(diff)
	}
	var e *Error
	if !errors.Is(err, sentinel) || !errors.As(err, &e) {
		t.Errorf("%T is no %v", err, sentinel)
	}
}
