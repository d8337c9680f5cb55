// Package cli is the command line `tkn gitops`: it shows what runs do and have done, and sets up what they need.
//
// Promises:
//   - list, describe, logs and render read; only setup writes, and it says what before it does.
//   - What tools read is what -o json and -o yaml print: the values of package progress for runs, whose fields keep their
//     meaning. The text is for people and may change.
//   - The exit status is 0 when the command has done its work, 1 when it has not or when a followed run fails, and 130
//     after an interrupt, which ends a question and other reads of the input too.
//   - No output, error or completion holds a credential, and texts of servers cannot control the terminal.
//   - Requests to the cluster have a deadline, but for a watch, which ends by itself and is made anew.
//
// It does not promise that its Go functions stay as they are: they are there for cmd/tkn-gitops.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// Streams are what a command reads, writes and is told about its surroundings: it asks neither the environment nor the
// operating system itself.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Width is the number of columns of the terminal behind Out, 0 when Out is none. It is asked again for each line, as
	// a window may change.
	Width func() int
	// Env is the value of an environment variable, for a credential that a flag says is in one.
	Env func(name string) string
	// Interactive: somebody at a terminal can answer a question.
	Interactive bool
	// NoColor is the environment variable NO_COLOR.
	NoColor bool
	// Dumb: the terminal knows neither colours nor moves of the cursor.
	Dumb  bool
	Clock clock.WithTicker
	// Version is that of this build.
	Version string
}

// Run executes one command line, without the program's name, and gives the exit status. An error is written to s.Err,
// with what to do about it where that is known.
func Run(ctx context.Context, s Streams, args []string) int {
	s.In = untilDone(ctx, s.In)
	return run(ctx, New(s), s, args)
}

// New is the command with all its subcommands.
func New(s Streams) *cobra.Command { return newRoot(newSession(s)) }

const (
	exitFailure = 1
	// exitInterrupted is what shells expect of a program that SIGINT has ended: 128 and the signal's number.
	exitInterrupted = 130
)

// errRunFailed ends a command whose output has told already that a run failed.
var errRunFailed = errors.New("the run failed")

func run(ctx context.Context, root *cobra.Command, s Streams, args []string) int {
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var left *leftError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		if errors.As(err, &left) {
			_, _ = fmt.Fprintf(s.Err, "Error: %s\n", clean(left.Error()))
		}
		return exitInterrupted
	case errors.Is(err, errRunFailed):
		return exitFailure
	}
	_, _ = fmt.Fprintf(s.Err, "Error: %s\n", clean(explain(err)))
	return exitFailure
}

func newRoot(s *session) *cobra.Command {
	root := &cobra.Command{
		Use:   "tkn-gitops",
		Short: "See and set up deployments by Tekton GitOps",
		Long: `See and set up deployments by Tekton GitOps.

Works as "tkn gitops" when tkn finds it on the PATH, and alone as "tkn-gitops". All flags come after the word gitops.`,
		// Help and usage show it as tkn's users type it; shell completion goes by the program's name.
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "tkn gitops"},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(s.streams.In)
	root.SetOut(s.streams.Out)
	root.SetErr(s.streams.Err)
	s.addFlags(root)
	s.completeGlobal(root)
	root.AddCommand(
		listCommand(s),
		describeCommand(s),
		logsCommand(s),
		versionCommand(s),
		setupCommand(s),
		renderCommand(s),
	)
	return root
}

// noSuchCommand is the error for a word that is no command, with those that look like it.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := &hintedError{what: fmt.Sprintf("there is no command %q", args[0]), next: cmd.CommandPath() + " --help shows all."}
	var names []string
	for _, command := range cmd.Commands() {
		names = append(names, command.Name())
	}
	if near := near(args[0], names); len(near) > 0 {
		e.next = "Did you mean " + oneOf(near) + "? " + e.next
	}
	return e
}
