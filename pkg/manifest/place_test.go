package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestOffsetIsTheInverseOfPosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "ü", "🚢", "\n", "\r\n", strings.Repeat("x", 300), strings.Repeat("ü", 257)}), 1, 20)
		text := rapid.SampledFrom([]string{"", byteOrderMark}).Draw(t, "mark") + strings.Join(parts.Draw(t, "parts"), "")
		s := &source{data: []byte(text), lines: lineStarts([]byte(text)), stops: map[int][]int{}}
		for at := range text { // the offsets of characters
			line, column := s.position(at)
			if at < s.lines[0] || text[at] == '\n' && at > 0 && text[at-1] == '\r' {
				continue
			}
			if got := s.offset(&yaml.Node{Line: line, Column: column}); got != at {
				t.Fatalf("offset %d is %d:%d, which is offset %d of %q", at, line, column, got, text)
			}
		}
	})
}

// A file of one long line with other scripts in it must not take the time of
// its length squared: this one took minutes.
func TestOneLongLine(t *testing.T) {
	const items = 4000
	var all []string
	for i := range items {
		all = append(all, fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"ü%d"},"spec":{"containers":[{"image":"nginx:v1"}]}}`, i))
	}
	before := `{"apiVersion":"v1","kind":"List","items":[` + strings.Join(all, ",") + `]}`
	edit, err := SetContainerImages("f.yaml", []byte(before), "", parseWant(t, "nginx:v2"))
	if err != nil || edit.Places != items {
		t.Fatalf("%v, %d places", err, edit.Places)
	}
	if diff := cmp.Diff(strings.ReplaceAll(before, "v1\"}]", "v2\"}]"), string(edit.Data)); diff != "" {
		t.Error(diff)
	}
	back, err := Undo("f.yaml", []byte(before), edit.Data, append(edit.Data, '\n'))
	if diff := cmp.Diff(before+"\n", string(back.Data)); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
