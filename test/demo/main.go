// Command demo shows the project at work on a local control plane: it deploys a tag of the sample product catalog to dev
// and then to test through a Pipeline, and from there to prod by a pull request, which it merges itself in a person's
// place. It shows every phase as it happens.
//
//	demo -tag 1.0.1    starts a control plane, deploys, shows, stops everything; exits 0 only if the tag is live in all three
//	demo -stay         starts a control plane with the controller and keeps it until Ctrl-C
//
// While a "demo -stay" runs, "demo -tag" uses its control plane.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	tag := flag.String("tag", "1.0.1", "image tag to deploy")
	stayUp := flag.Bool("stay", false, "start the control plane and keep it until Ctrl-C")
	flag.Parse()
	if err := run(*tag, *stayUp); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(tag string, stayUp bool) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	place, err := openPlace(ctx, !stayUp)
	if err != nil {
		return err
	}
	defer place.close()
	if stayUp {
		return place.stay(ctx)
	}
	return deploy(ctx, place, tag)
}
