package cli

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestOutputs(t *testing.T) {
	for name, tc := range map[string]struct {
		args  []string
		width int
		color bool
	}{
		"list":                       {args: []string{"list"}},
		"list-all-namespaces":        {args: []string{"list", "-A"}},
		"list-of-a-pipelinerun":      {args: []string{"list", "--pipelinerun", "release-42"}},
		"list-limited-names":         {args: []string{"ls", "--limit", "2", "-o", "name"}},
		"list-json":                  {args: []string{"list", "--limit", "2", "-o", "json"}},
		"list-in-colour":             {args: []string{"list", "--limit", "4"}, width: 160, color: true},
		"describe-succeeded":         {args: []string{"describe", "release-42-deploy-dev"}},
		"describe-waiting-for-merge": {args: []string{"describe", "release-42-promote"}},
		"describe-holding":           {args: []string{"describe", "hotfix"}},
		"describe-waiting-for-lock":  {args: []string{"describe", "release-44-deploy-dev"}},
		"describe-failed":            {args: []string{"describe", "broken"}, width: 80},
		"describe-failed-in-colour":  {args: []string{"describe", "broken"}, width: 80, color: true},
		"describe-another-version":   {args: []string{"describe", "from-the-future"}},
		"describe-pending":           {args: []string{"describe", "--last"}},
		"describe-yaml":              {args: []string{"describe", "release-44-deploy-dev", "-o", "yaml"}},
		"logs-succeeded":             {args: []string{"logs", "release-42-deploy-dev"}},
		"logs-failed":                {args: []string{"logs", "broken"}},
		"logs-json":                  {args: []string{"logs", "broken", "-o", "json"}},
		"logs-yaml":                  {args: []string{"logs", "broken", "-o", "yaml"}},
		"logs-of-a-pipelinerun":      {args: []string{"logs", "release-42"}},
		"logs-running":               {args: []string{"logs", "hotfix"}},
		"logs-another-version":       {args: []string{"logs", "from-the-future"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, fixture(t)...)
			if tc.width > 0 {
				b.onTerminal(tc.width)
			}
			b.streams.NoColor = !tc.color
			if code := b.run(t.Context(), tc.args...); code != 0 {
				t.Fatalf("exit status %d: %s", code, b.err)
			}
			golden(t, name, b.out.String())
		})
	}
}

func TestJSONAndYAMLSayTheSame(t *testing.T) {
	for _, args := range [][]string{{"list"}, {"describe", "broken"}, {"version"}} {
		var values [2]any
		for i, output := range []string{"json", "yaml"} {
			b := newBench(t, fixture(t)...)
			if code := b.run(t.Context(), append(args, "-o", output)...); code != 0 {
				t.Fatalf("exit status %d: %s", code, b.err)
			}
			parse := json.Unmarshal
			if output == "yaml" {
				parse = func(text []byte, into any) error { return yaml.Unmarshal(text, into) }
			}
			if err := parse([]byte(b.out.String()), &values[i]); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(values[0], values[1]); d != "" {
			t.Errorf("%v: %s", args, d)
		}
	}
}
