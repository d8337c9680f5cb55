// Package install tests what a person does who installs, upgrades and removes a version: `kubectl apply -f` of the one
// file that `make release` writes, on a control plane on which nothing of this project is. The API server admits pods by
// pod security, and the pretended node runs those that it admits; the controller itself does not run here.
package install

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

var cluster *localcluster.Cluster

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	// Not one that is shared: there has to be nothing installed at the beginning, and there is nothing at the end.
	if err := os.Unsetenv(localcluster.StateVariable); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	c, stop, err := localcluster.Start(ctx, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	cluster = c
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	return code
}

// kubectl runs the real one from the root of the repository and gives what it prints, in the order in which it does.
func kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := tryKubectl(t, arguments...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return out
}

func tryKubectl(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(cluster.BinDir, "kubectl"), arguments...)
	cmd.Dir = root(t)
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func environment() []string {
	return append(os.Environ(), "KUBECONFIG="+cluster.Kubernetes.Kubeconfig, "PATH="+cluster.BinDir+":"+os.Getenv("PATH"))
}

// follow runs the commands that config/README.md gives after some words, in a directory.
func follow(t *testing.T, dir, after string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root(t), "config", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), after)
	_, rest, begins := strings.Cut(rest, "```sh\n")
	commands, _, ends := strings.Cut(rest, "```")
	if !found || !begins || !ends {
		t.Fatalf("config/README.md has no commands after %q", after)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", strings.ReplaceAll(commands, "NAMESPACE", "default"))
	cmd.Dir, cmd.Env = dir, environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, commands, out)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := testbed.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// release writes the file of a version as `make release` does.
func release(t *testing.T, version, image string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "release.yaml")
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "release",
		"VERSION="+version, "IMAGE="+image, "RELEASE="+file)
	cmd.Dir = root(t)
	// What an outer make hands down is for its own targets.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") })
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make release: %v\n%s", err, out)
	}
	return file
}

// outcomes counts how often kubectl has said each word about an object.
func outcomes(printed string) map[string]int {
	words := map[string]int{}
	for line := range strings.Lines(printed) {
		fields := strings.Fields(line)
		words[strings.Join(fields[1:], " ")]++
	}
	return words
}
