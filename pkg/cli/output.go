package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

const (
	outputFlag = "output"
	outputJSON = "json"
	outputYAML = "yaml"
	// outputName prints names only, one in a line.
	outputName = "name"
)

// format is the value of the flag -o. It refuses what a command does not print before anything is asked of the cluster.
type format struct {
	value   string
	allowed []string
}

func (f *format) String() string { return f.value }

func (f *format) Type() string { return strings.Join(f.allowed, "|") }

func (f *format) Set(value string) error {
	if !slices.Contains(f.allowed, value) {
		return fmt.Errorf("use %s", oneOf(f.allowed))
	}
	f.value = value
	return nil
}

// addOutputFlag gives a command that prints objects the flag -o, with more formats than json and yaml where it has them.
func addOutputFlag(cmd *cobra.Command, more ...string) {
	f := &format{allowed: append([]string{outputJSON, outputYAML}, more...)}
	cmd.Flags().VarP(f, outputFlag, "o", "print for tools instead of people")
	_ = cmd.RegisterFlagCompletionFunc(outputFlag, cobra.FixedCompletions(f.allowed, cobra.ShellCompDirectiveNoFileComp))
}

// outputOf is what -o asks for, empty for text.
func outputOf(cmd *cobra.Command) string {
	flag := cmd.Flags().Lookup(outputFlag)
	if flag == nil {
		return ""
	}
	return flag.Value.String()
}

// print prints the object when -o asks for json or yaml, and tells whether it did: if not, the command prints text.
func (s *session) print(cmd *cobra.Command, obj any) (bool, error) {
	format := outputOf(cmd)
	if format != outputJSON && format != outputYAML {
		return false, nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(obj); err != nil {
		return true, err
	}
	out := escaped(text.String())
	if format == outputYAML {
		var err error
		if out, err = toYAML(out); err != nil {
			return true, err
		}
	}
	return true, writeTo(s.streams.Out, out)
}

// toYAML makes YAML of JSON that is escaped: yaml.Marshal fails on a text with a control character.
func toYAML(escaped string) (string, error) {
	text, err := yaml.JSONToYAML([]byte(escaped))
	return string(text), err
}

// escaped is JSON of which nothing controls a terminal: what the encoder leaves as it is, U+007F to U+009F above all, which
// some take for the beginning of a sequence. Only strings have such runes, so the value stays the same.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if controls(r) && r != '\n' {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// oneOf joins words for an error: "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// writeTo writes text in one piece.
func writeTo(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}
