package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

const module = "github.com/tekton-gitops/tekton-gitops/"

// outcome of a test. Of several runs of a test the greatest counts: a failure is not undone by another run.
type outcome int

const (
	absent outcome = iota
	skipped
	passed
	failed
)

var outcomes = map[string]outcome{"skip": skipped, "pass": passed, "fail": failed}

// results are the outcomes of all tests that came to an end.
type results map[test]outcome

// readResults reads all files *.json of a directory. No file is an error: then no test has run.
func readResults(dir fs.FS) (results, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no results of tests: run make test")
	}
	all := results{}
	for _, name := range names {
		if err := all.read(dir, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func (all results) read(dir fs.FS, name string) error {
	file, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	for decoder := json.NewDecoder(file); ; {
		var event struct{ Action, Package, Test string }
		err := decoder.Decode(&event)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// Other actions tell of something that is under way.
		if o, ended := outcomes[event.Action]; ended && event.Test != "" {
			t := test{pkg: strings.TrimPrefix(event.Package, module), name: event.Test}
			all[t] = max(all[t], o)
		}
	}
}

// of is the outcome of a test. One that passes although each of its subtests was skipped has shown nothing.
func (all results) of(t test) outcome {
	o := all[t]
	if o != passed {
		return o
	}
	below, some := outcome(absent), false
	for other, its := range all {
		if other.pkg == t.pkg && strings.HasPrefix(other.name, t.name+"/") {
			below, some = max(below, its), true
		}
	}
	if some {
		return below
	}
	return o
}
