// Package monitoring reads the expressions of config/monitoring and lets Prometheus' own parser (test/promql) tell what they
// name.
package monitoring

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// Rule is one alert.
type Rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Rules are the alerts of the PrometheusRule in the repository at root.
func Rules(root string) ([]Rule, error) {
	data, err := os.ReadFile(filepath.Join(root, "config", "monitoring", "prometheusrule.yaml"))
	if err != nil {
		return nil, err
	}
	var object struct {
		Spec struct {
			Groups []struct {
				Rules []Rule `json:"rules"`
			} `json:"groups"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	var all []Rule
	for _, group := range object.Spec.Groups {
		all = append(all, group.Rules...)
	}
	return all, nil
}

// Panel is one of the dashboard.
type Panel struct {
	ID          int    `json:"id"`
	Title       string `json:"title"`
	Type        string `json:"type"`
	Description string `json:"description"`
	GridPos     struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Targets []struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	} `json:"targets"`
}

// Dashboard is what the tests look at of Grafana's.
type Dashboard struct {
	UID        string  `json:"uid"`
	Title      string  `json:"title"`
	Panels     []Panel `json:"panels"`
	Templating struct {
		List []struct {
			Name string `json:"name"`
			Type string `json:"type"`
		} `json:"list"`
	} `json:"templating"`
}

// ReadDashboard reads it from the repository at root.
func ReadDashboard(root string) (d Dashboard, err error) {
	data, err := os.ReadFile(filepath.Join(root, "config", "monitoring", "dashboards", "tekton-gitops.json"))
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(data, &d)
}

// Expressions are all of them, by where they stand. Grafana's variables have values, as in a dashboard that is shown.
func Expressions(root string) (map[string]string, error) {
	found := map[string]string{}
	rules, err := Rules(root)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		found["alert "+r.Alert] = r.Expr
	}
	d, err := ReadDashboard(root)
	if err != nil {
		return nil, err
	}
	values := strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			found["panel "+p.Title+" "+target.RefID] = values.Replace(target.Expr)
		}
	}
	return found, nil
}

// Parsed is what an expression names.
type Parsed struct {
	Error     string
	Type      string
	Selectors []struct {
		Metric string
		Labels map[string]string
	}
	Labels []string
}

// Parse lets Prometheus' parser read expressions.
func Parse(ctx context.Context, root string, expressions map[string]string) (map[string]Parsed, error) {
	var names, texts []string
	for name, text := range expressions {
		names, texts = append(names, name), append(texts, text)
	}
	input, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "run", "-C", filepath.Join(root, "test", "promql"), ".")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run test/promql: %w", err)
	}
	var results []Parsed
	if err := json.Unmarshal(output, &results); err != nil || len(results) != len(names) {
		return nil, fmt.Errorf("test/promql gave %d results for %d expressions: %w", len(results), len(names), err)
	}
	found := map[string]Parsed{}
	for i, name := range names {
		found[name] = results[i]
	}
	return found, nil
}
