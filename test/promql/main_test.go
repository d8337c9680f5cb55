package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpressions(t *testing.T) {
	for text, want := range map[string]result{
		`sum by (reason) (rate(runs_total{kind="A",reason!~"B|C"}[5m])) / on (reason) group_left (team) up`: {
			Type:      "vector",
			Selectors: []selector{{Metric: "runs_total", Labels: map[string]string{"kind": "A", "reason": "B|C"}}, {Metric: "up", Labels: map[string]string{}}},
			Labels:    []string{"reason", "team"},
		},
		`{__name__="up"} offset 1h`: {Type: "vector", Selectors: []selector{{Metric: "up", Labels: map[string]string{}}}},
		`1 + 1`:                     {Type: "scalar"},
		`up[5m]`:                    {Error: "a range vector cannot be shown"},
	} {
		if d := cmp.Diff(want, parse(text)); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	for _, text := range []string{"", "sum by (rate(up[5m])", "rate(up)", `up{a="b"`} {
		if parse(text).Error == "" {
			t.Errorf("%s is no expression", text)
		}
	}
}

func TestInputAndOutput(t *testing.T) {
	var out bytes.Buffer
	if err := run(strings.NewReader(`["up","nonsense("]`), &out); err != nil {
		t.Fatal(err)
	}
	var got []result
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 2 || got[0].Error != "" || got[1].Error == "" {
		t.Errorf("%s, %v", out.String(), err)
	}
	if err := run(strings.NewReader("up"), &out); err == nil {
		t.Error("an input that is no JSON was taken")
	}
}
