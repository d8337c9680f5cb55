package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUndoRefusesWhatNoEditDoes(t *testing.T) {
	for _, tc := range []struct{ name, before, after, now, message string }{
		{"document added", "a: 1\n", "a: 1\n---\n", "a: 1\n---\n# c\n", "f.yaml: cannot be taken back: the edit has added or removed a document"},
		{"item removed", "a: [{name: x}, {name: z}]\n", "a: [{name: x}]\n", "a: [{name: x}] # c\n", "f.yaml:1:4: a cannot be taken back: more than single values has changed there"},
		{"mapping becomes text", "a: {b: c}\n", "a: b\n", "a: b # c\n", "f.yaml:1:4: a cannot be taken back: more than single values has changed there"},
		{"mapping removed", "a: {b: c}\nd: 1\n", "d: 1\n", "d: 1 # c\n", "f.yaml:1:1: the document cannot be taken back: more than single values has changed there"},
		{"tagged number removed", "{a: !!int 1, b: 2}\n", "{b: 3}\n", "{b: 3} # c\n", "f.yaml:1:1: the document cannot be taken back: more than single values has changed there"},
		{"tagged number gave way", "{a: !!int 1}\n", "{b: 2}\n", "{b: 2} # c\n", "f.yaml:1:5: b cannot be taken back: more than single values has changed there"},
		{"removed key there twice before", "a: 1\na: 1\nb: 2\n", "b: 2\n", "b: 2 # c\n", `f.yaml:2:1: duplicate key "a", first on line 1: keep one`},
		{"two documents of one name", twoPods + "---\n" + twoPods, strings.Replace(twoPods+"---\n"+twoPods, "v1", "v2", 1), "{", "f.yaml:1:1: not valid YAML: did not find expected node content"},
		{"tagged null became a list", "a: !!null ~\n", "a:\n- {name: b}\n", "a:\n- {name: b} # c\n", "f.yaml:2:1: a cannot be taken back: more than single values has changed there"},
		{"document that is empty now", "--- a\n...\n", "---\n...\n", "--- # c\n...\n",
			"f.yaml:2:1: cannot be taken back: the result would not be what was asked for; write it as a plain value on one line, without anchors and tags"},
		{"below an item", "- {a: {b: c}}\n", "- {a: d}\n", "- {a: d} # c\n", "f.yaml:1:7: a cannot be taken back: more than single values has changed there"},
		{"before is no YAML", "a: [", "a: 1\n", "a: 1 # c\n", "f.yaml:1:1: not valid YAML: did not find expected node content"},
		{"after is no YAML", "a: 1\n", "a: [", "a: 1 # c\n", "f.yaml:1:1: not valid YAML: did not find expected node content"},
		{"key there twice", "a: 1\n", "a: 2\na: 2\n", "a: 2 # c\n", `f.yaml:2:1: duplicate key "a", first on line 1: keep one`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Undo("f.yaml", []byte(tc.before), []byte(tc.after), []byte(tc.now))
			checkError(t, tc.message, err, ErrInvalid)
		})
	}
}

// Edits that this package does not make, but that it can take back.
func TestUndoOfOtherEdits(t *testing.T) {
	for _, tc := range []struct{ name, before, after, now, want string }{
		{"fields removed in front", "{a: 1, b: 2, c: 3}\n", "{c: 4}\n", "{c: 4} # c\n", "{a: 1, b: 2, c: 3} # c\n"},
		{"fields removed in front, in lines", "a: 1 # a\nb: 2\nc: 3\n", "c: 4\n", "c: 4 # c\n", "a: 1 # a\nb: 2\nc: 3 # c\n"},
		{"fields removed behind", "c: 3\na: 1 # a\nb: 2\n", "c: 4\n", "# c\nc: 4", "# c\nc: 3\na: 1 # a\nb: 2"},
		{"all fields removed", "{a: 1}\n", "{}\n", "{} # c\n", "{a: 1} # c\n"},
		{"all items removed and one is there again", "a: [1]\n", "a: [1]\n", "a: [1, 2]\n", "a: [1, 2]\n"},
		{"item that is in two documents of one name", twoPods + "---\n" + twoPods, strings.Replace(twoPods+"---\n"+twoPods, "v1", "v2", 1), twoPods, twoPods},
		{"text to empty and back", "{a: 1, b: x}\n", "{a: '', b: ~}\n", "{b: ~, a: ''}\n", "{b: x, a: 1}\n"},
		{"text to empty, another text since", "{a: 1, b: x}\n", "{a: '', b: ~}\n", "{b: w, a: ''}\n", "{b: w, a: ''}\n"},
		{"nested list", "- - a\n  - b\n", "- - c\n  - b\n", "- - c\n  - b # c\n", "- - a\n  - b # c\n"},
		{"item of a nested list added", "- - name: a\n", "- - name: b\n  - name: a\n", "- - name: b\n  - name: a # c\n", "- - name: a # c\n"},
		{"text that is all of the file", "a\n", "b\n", "b # c\n", "a # c\n"},
		{"empty document", "---\n...\n", "--- a\n...\n", "--- a # c\n...\n", "--- # c\n...\n"},
		{"list that is all of the file", "- a\n", "- b\n", "- b # c\n", "- a # c\n"},
		{"style only", "a: b\n", "a: 'b'\n", "a: 'b' # c\n", "a: 'b' # c\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			edit, err := Undo("f.yaml", []byte(tc.before), []byte(tc.after), []byte(tc.now))
			if diff := cmp.Diff(tc.want, undone(edit, err)); diff != "" || edit.Changed != (tc.want != tc.now) {
				t.Errorf("changed is %v %s", edit.Changed, diff)
			}
		})
	}
}
