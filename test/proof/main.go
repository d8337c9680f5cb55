// Command proof holds test/scenarios.md against what the tests have done. It ends with status 1 unless every scenario
// names tests that ran and passed, at the level that it states.
//
// Some tests need a program besides Go, git and make (package signing). On a machine without it they are skipped, which is
// told and accepted: what decides about a change (.ci/run) installs them.
//
// It reads what gotestsum wrote (the end events of go test -json) and runs no test itself. It cannot tell whether a test
// proves what its row says; that is for the reviewer of the row.
//
//	go run ./test/proof -results .test-results
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/tekton-gitops/tekton-gitops/test/signing"
)

func main() {
	table := flag.String("table", "test/scenarios.md", "the scenarios")
	results := flag.String("results", ".test-results", "directory with the JSON files of the test runs")
	flag.Parse()
	proven, err := run(*table, *results, signing.Missing(), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
	}
	if !proven {
		os.Exit(1)
	}
}

// run tells whether everything is proven, and writes a line about it and one for each problem.
func run(table, results string, programs []string, out io.Writer) (proven bool, err error) {
	file, err := os.Open(table)
	if err != nil {
		return false, err
	}
	defer file.Close()
	rows, problems, err := readTable(file)
	if err != nil {
		return false, fmt.Errorf("%s: %w", table, err)
	}
	done, err := readResults(os.DirFS(results))
	if err != nil {
		return false, fmt.Errorf("%s: %w", results, err)
	}
	problems = append(problems, complete(rows, sections)...)
	unproven, leftOut := 0, []string(nil)
	for _, r := range rows {
		lacks, left := r.unproven(done, programs)
		if len(lacks)+len(left) > 0 {
			unproven++
		}
		problems, leftOut = append(problems, lacks...), append(leftOut, left...)
	}
	_, err = fmt.Fprintf(out, "scenarios: %d of %d proven by tests that ran\n", len(rows)-unproven, len(rows))
	lines := problems
	if len(leftOut) > 0 {
		lines = slices.Concat(problems, []string{"for want of " + strings.Join(programs, " and ") + " on this machine:"}, leftOut)
	}
	for _, line := range lines {
		if err == nil {
			_, err = fmt.Fprintln(out, "  "+line)
		}
	}
	return len(problems) == 0 && err == nil, err
}
