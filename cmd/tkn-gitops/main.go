// Command tkn-gitops shows and sets up what the controller of this project does. tkn runs it for `tkn gitops`, with the
// arguments that follow that word; it works without tkn as well.
package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // the ways to log in that a kubeconfig may name
	"k8s.io/utils/clock"

	"github.com/tekton-gitops/tekton-gitops/pkg/cli"
)

// version is stamped by the release build (make build VERSION=v0.1.0).
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for an end. The second one makes it, as it would without this program's doing.
	context.AfterFunc(ctx, stop)
	code := cli.Run(ctx, cli.Streams{
		In:          os.Stdin,
		Out:         os.Stdout,
		Err:         os.Stderr,
		Width:       width,
		Env:         os.Getenv,
		Interactive: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
		NoColor:     os.Getenv("NO_COLOR") != "",
		Dumb:        os.Getenv("TERM") == "dumb",
		Clock:       clock.RealClock{},
		Version:     built(),
	}, os.Args[1:])
	stop()
	os.Exit(code)
}

// built is the version of this program: the stamped one, else what the go command has noted, which is the version of
// `go install` or the commit.
func built() string {
	info, ok := debug.ReadBuildInfo()
	if version != "" || !ok {
		return cmp.Or(version, "unknown")
	}
	return info.Main.Version
}

// width is that of the terminal behind the standard output, 0 when there is none.
func width() int {
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return columns
}
