// Command promql parses expressions with Prometheus' own parser and tells which metrics and labels they name. It is a module
// of its own, so that Prometheus stays out of the project's.
//
// Input is a JSON array of strings, output one of the same length.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// result is what an expression names.
type result struct {
	// Error is the parser's; empty for an expression that is one.
	Error string `json:"error,omitempty"`
	// Type of its value: vector, scalar or matrix.
	Type      string     `json:"type,omitempty"`
	Selectors []selector `json:"selectors,omitempty"`
	// Labels are those that it groups or joins by.
	Labels []string `json:"labels,omitempty"`
}

// selector is one metric with the labels that it is chosen by.
type selector struct {
	Metric string `json:"metric"`
	// Labels gives what each is compared with: a value, or a regular expression.
	Labels map[string]string `json:"labels,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "promql:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var expressions []string
	if err := json.NewDecoder(in).Decode(&expressions); err != nil {
		return fmt.Errorf("read expressions: %w", err)
	}
	results := make([]result, len(expressions))
	for i, text := range expressions {
		results[i] = parse(text)
	}
	return json.NewEncoder(out).Encode(results)
}

func parse(text string) result {
	expression, err := parser.ParseExpr(text)
	if err == nil && expression.Type() == parser.ValueTypeMatrix {
		err = errors.New("a range vector cannot be shown")
	}
	if err != nil {
		return result{Error: err.Error()}
	}
	r := result{Type: string(expression.Type())}
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			r.Selectors = append(r.Selectors, selectorOf(n))
		case *parser.AggregateExpr:
			r.Labels = append(r.Labels, n.Grouping...)
		case *parser.BinaryExpr:
			if m := n.VectorMatching; m != nil {
				r.Labels = append(append(r.Labels, m.MatchingLabels...), m.Include...)
			}
		}
		return nil
	})
	slices.Sort(r.Labels)
	r.Labels = slices.Compact(r.Labels)
	return r
}

func selectorOf(v *parser.VectorSelector) selector {
	s := selector{Metric: v.Name, Labels: map[string]string{}}
	for _, m := range v.LabelMatchers {
		if m.Name == labels.MetricName {
			s.Metric = m.Value
		} else {
			s.Labels[m.Name] = m.Value
		}
	}
	return s
}
