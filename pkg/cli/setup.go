package cli

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tekton-gitops/tekton-gitops/pkg/setup"
)

func setupCommand(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Make what deployments need: in a namespace, in Argo CD",
		Long: `Make what deployments need: in a namespace, in Argo CD.

Each command shows first what it will change, and asks. What is there already, and what is not its own, stays as it is, so
that a second run changes nothing. No value of a Secret is shown.`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(setupNamespaceCommand(s), setupArgoCDCommand(s))
	return cmd
}

// consent are the flags of a command that writes.
type consent struct{ dryRun, yes bool }

func (c *consent) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "show the plan and change nothing")
	cmd.Flags().BoolVarP(&c.yes, "yes", "y", false, "do not ask")
	addOutputFlag(cmd)
}

// ofSetup explains that somebody may not set up.
func ofSetup(err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	return &hintedError{
		what: err.Error(),
		next: "A cluster administrator has to run this command, or somebody with the rights that it needs. --dry-run reads only.",
		err:  err,
	}
}

// report is what setup prints with -o.
type report struct {
	// DryRun: nothing was written.
	DryRun bool `json:"dryRun"`
	setup.Plan
	// Verified is what was seen to work afterwards.
	Verified []string `json:"verified,omitempty"`
}

// errDeclined ends a command whose plan was not agreed to.
var errDeclined = errors.New("nothing was changed")

// agreed shows a plan and asks whether to make it. It is false when there is nothing to do or nobody wants it done.
func (s *session) agreed(cmd *cobra.Command, c consent, p setup.Plan) (bool, error) {
	// With -o the standard output is for tools; people read the plan all the same.
	out := s.streams.Out
	if outputOf(cmd) != "" {
		out = s.streams.Err
	}
	if err := writeTo(out, planText(p)); err != nil {
		return false, err
	}
	switch {
	case c.dryRun:
		return false, nil
	case !p.Changed():
		return false, writeTo(out, "Nothing to change.\n")
	case c.yes:
		return true, nil
	case !s.streams.Interactive:
		return false, fmt.Errorf("%w: there is nobody to ask: run it again with --yes", errDeclined)
	}
	if err := writeTo(s.streams.Err, "Make these changes? [y/N] "); err != nil {
		return false, err
	}
	answer, _ := bufio.NewReader(s.streams.In).ReadString('\n')
	if err := cmd.Context().Err(); err != nil {
		_ = writeTo(s.streams.Err, "\n")
		return false, err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return false, errDeclined
	}
	return true, nil
}

// planText is a plan for people.
func planText(p setup.Plan) string {
	var rows, b strings.Builder
	w := tabwriter.NewWriter(&rows, 0, 0, 2, ' ', 0)
	for _, c := range p.Changes {
		_, _ = fmt.Fprintf(w, "%s\t%s %s/%s\t%s\n", c.Action, c.Kind, c.Namespace, c.Name, oneLine(c.What))
	}
	_ = w.Flush()
	lines := strings.SplitAfter(rows.String(), "\n")
	for i, c := range p.Changes {
		b.WriteString(lines[i])
		for _, line := range c.Details {
			b.WriteString("    + " + oneLine(line) + "\n")
		}
	}
	for _, note := range p.Notes {
		b.WriteString("\n" + clean(note) + "\n")
	}
	return b.String()
}

// reportSetup ends a command: with -o the plan as objects, else one line for what was done.
func (s *session) reportSetup(cmd *cobra.Command, r report) error {
	if done, err := s.print(cmd, r); done {
		return err
	}
	var b strings.Builder
	for _, v := range r.Verified {
		b.WriteString(clean(v) + "\n")
	}
	if r.DryRun {
		b.WriteString("Dry run: nothing was changed.\n")
	}
	return writeTo(s.streams.Out, b.String())
}
