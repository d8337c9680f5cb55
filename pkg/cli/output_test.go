package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// What tools read has every rune of a server's text, and none that a terminal obeys.
func TestOutputForToolsCannotControlTheTerminal(t *testing.T) {
	const text = "\u009b2J\u0090q\u0085\u007f\x1b[2J \u202eleft <ä 漢 ✓>\n"
	b := newBench(t)
	cmd := &cobra.Command{}
	addOutputFlag(cmd)
	if err := cmd.Flags().Set(outputFlag, outputJSON); err != nil {
		t.Fatal(err)
	}
	if done, err := b.print(cmd, map[string]string{"message": text}); !done || err != nil {
		t.Fatalf("printed: %v, %v", done, err)
	}
	const want = "{\n  \"message\": \"\\u009b2J\\u0090q\\u0085\\u007f\\u001b[2J \\u202eleft <ä 漢 ✓>\\n\"\n}\n"
	if d := cmp.Diff(want, b.out.String()); d != "" {
		t.Error(d)
	}
	var read map[string]string
	if err := json.Unmarshal([]byte(b.out.String()), &read); err != nil || read["message"] != text {
		t.Errorf("a tool reads %q, %v", read["message"], err)
	}
}

func TestYAMLCannotControlTheTerminal(t *testing.T) {
	b := newBench(t)
	cmd := &cobra.Command{}
	addOutputFlag(cmd)
	if err := cmd.Flags().Set(outputFlag, outputYAML); err != nil {
		t.Fatal(err)
	}
	if _, err := b.print(cmd, map[string]string{"message": "\u009b2J\u0085\u007f\x1b[2J"}); err != nil {
		t.Fatal(err)
	}
	controls := func(r rune) bool { return r != '\n' && unicode.IsControl(r) }
	if strings.ContainsFunc(b.out.String(), controls) {
		t.Errorf("it prints %q", b.out)
	}
}
