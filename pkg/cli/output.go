package cli

import (
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
	switch outputOf(cmd) {
	case outputJSON:
		encoder := json.NewEncoder(s.streams.Out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return true, encoder.Encode(obj)
	case outputYAML:
		text, err := yaml.Marshal(obj)
		if err != nil {
			return true, err
		}
		_, err = s.streams.Out.Write(text)
		return true, err
	}
	return false, nil
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
