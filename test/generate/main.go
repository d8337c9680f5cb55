// Command generate writes the reference tables of the READMEs from the code that they describe. A table stands between
// "<!-- generated: NAME -->" and "<!-- end -->"; everything else is left alone.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/logkey"
	"github.com/tekton-gitops/tekton-gitops/pkg/metrics"
	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// tables are the generated parts by name.
var tables = map[string]func() (string, error){
	"parameters":              always(parameters),
	"pull-request-parameters": always(pullRequestParameters),
	"fields":                  deployFields,
	"pull-request-fields":     pullRequestFields,
	"results":                 always(results),
	"reasons":                 always(reasons),
	"policy":                  always(policyKeys),
	"metrics":                 always(metricsTable),
	"log-keys":                always(logKeys),
	"events":                  always(events),
}

func always(table func() string) func() (string, error) {
	return func() (string, error) { return table(), nil }
}

// files are the documents that have tables.
var files = []string{"README.md", "config/README.md", "config/monitoring/README.md"}

func main() {
	for _, file := range files {
		if err := update(file); err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}

func update(file string) error {
	before, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	after, err := fill(string(before))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if bytes.Equal(before, []byte(after)) {
		return nil
	}
	return os.WriteFile(file, []byte(after), 0o644) //nolint:gosec // documentation, readable by everybody
}

const (
	opening = "<!-- generated: "
	closing = "<!-- end -->"
)

// fill replaces what stands between the markers.
func fill(text string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, opening)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, rest, ok := strings.Cut(rest, " -->")
		table, known := tables[name]
		if !ok || !known {
			return "", fmt.Errorf("no table is called %q", name)
		}
		_, rest, ok = strings.Cut(rest, closing)
		if !ok {
			return "", fmt.Errorf("the table %s has no %s", name, closing)
		}
		rows, err := table()
		if err != nil {
			return "", err
		}
		out.WriteString(opening + name + " -->\n" + rows + closing)
		text = rest
	}
}

// parameters are those of a GitOpsDeploy, most of which a GitOpsPR has too.
func parameters() string {
	return parametersThat(func(p request.Parameter) bool { return p.For(v1alpha1.KindGitOpsDeploy) })
}

// pullRequestParameters are those that only a GitOpsPR has.
func pullRequestParameters() string {
	return parametersThat(func(p request.Parameter) bool { return p.Kind == v1alpha1.KindGitOpsPR })
}

func parametersThat(are func(request.Parameter) bool) string {
	t := newTable("Parameter", "Type", "Default", "Meaning", "Field of the spec")
	for _, p := range request.Parameters() {
		if !are(p) {
			continue
		}
		meaning := p.Description
		if p.Kind == v1alpha1.KindGitOpsDeploy {
			meaning += "; not of a pull request"
		}
		t.row(code(p.Name), string(p.Type), value(p.Default), meaning, code(p.Field))
	}
	return t.String()
}

func results() string {
	t := newTable("Result", "Meaning")
	for _, r := range v1alpha1.Results() {
		t.row(code(r.Name), r.Description)
	}
	return t.String()
}

func reasons() string {
	t := newTable("Reason", "Meaning", "What to do", "Retried")
	for _, r := range v1alpha1.Reasons() {
		if !r.Terminal || r.Reason == v1alpha1.ReasonSucceeded {
			continue
		}
		retried := ""
		if r.Retryable {
			retried = "yes"
		}
		t.row(code(string(r.Reason)), r.Meaning, r.NextAction, retried)
	}
	return t.String()
}

func policyKeys() string {
	t := newTable("Key", "Default", "Meaning")
	for _, k := range policy.Keys() {
		t.row(code(k.Name), code(k.Default), k.Description)
	}
	return t.String()
}

func metricsTable() string {
	t := newTable("Metric", "Type", "Labels", "Meaning")
	for _, d := range metrics.Definitions() {
		t.row(code(d.FullName()), string(d.Type), d.LabelNames(), d.Help)
	}
	return t.String()
}

func logKeys() string {
	t := newTable("Key", "Meaning")
	for _, k := range logkey.Keys() {
		t.row(code(k.Name), k.Meaning)
	}
	return t.String()
}

// events are the reasons of the events: those of the condition, and one more.
func events() string {
	t := newTable("Type", "Reasons", "When")
	var phases, failures []string
	for _, r := range v1alpha1.Reasons() {
		switch {
		case !r.Terminal:
			phases = append(phases, code(string(r.Reason)))
		case r.Reason != v1alpha1.ReasonSucceeded:
			failures = append(failures, code(string(r.Reason)))
		}
	}
	t.row("Normal", strings.Join(phases, ", "), "the run has entered the phase")
	t.row("Normal", code(string(v1alpha1.ReasonSucceeded)), "the run has ended well")
	t.row("Warning", strings.Join(failures, ", "), "the run has failed")
	t.row("Warning", code("PullRequestIncomplete"), "the git host refused a part of the pull request; the run goes on")
	return t.String()
}

// table is a Markdown table.
type table struct{ strings.Builder }

func newTable(columns ...string) *table {
	t := &table{}
	t.row(columns...)
	rule := make([]string, len(columns))
	for i := range rule {
		rule[i] = "---"
	}
	t.row(rule...)
	return t
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	t.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// value is code, but for a default that is told in words.
func value(s string) string {
	if strings.Contains(s, " ") && !strings.Contains(s, "$(") {
		return s
	}
	return code(s)
}
