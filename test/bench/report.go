package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// start is when a named part of a deployment began.
type start struct {
	name string
	at   time.Time
}

// part is how long a named part of a deployment took.
type part struct {
	name string
	took time.Duration
}

// measurement is one deployment.
type measurement struct {
	took  time.Duration
	parts []part
}

// newMeasurement splits the time between began and ended at the starts, which are in order. What is before the first
// one is the part "before".
func newMeasurement(began, ended time.Time, starts []start) measurement {
	m := measurement{took: ended.Sub(began)}
	starts = slices.Concat([]start{{"before", began}}, starts, []start{{"", ended}})
	for i := range len(starts) - 1 {
		m.parts = append(m.parts, part{starts[i].name, starts[i+1].at.Sub(starts[i].at)})
	}
	return m
}

// spread is the median with the extremes.
type spread struct {
	median   measurement
	min, max time.Duration
}

// spreadOf takes the middle one of the measurements, and of an even number the upper one of the two in the middle: the
// median is a deployment that happened, whose parts can be shown.
func spreadOf(all []measurement) spread {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b measurement) int { return int(a.took - b.took) })
	if len(sorted) == 0 {
		return spread{}
	}
	return spread{median: sorted[len(sorted)/2], min: sorted[0].took, max: sorted[len(sorted)-1].took}
}

// comparison is one case. The goal is the largest good ratio.
type comparison struct {
	name         string
	goal         float64
	ours, script []measurement
}

func (c comparison) ratio() float64 {
	script := spreadOf(c.script).median.took
	if script == 0 {
		return 0
	}
	return float64(spreadOf(c.ours).median.took) / float64(script)
}

type fact struct{ name, value string }

// report is the outcome of all cases.
type report struct {
	cases  []comparison
	memory memory
	// startup is how long the controller took from its start until it was ready.
	startup time.Duration
	facts   []fact
	// waiting is nil when it was left out.
	waiting *waiting
}

// goal is one line of the verdict.
type goal struct {
	text string
	met  bool
}

func (r report) goals() []goal {
	var goals []goal
	for _, c := range r.cases {
		goals = append(goals, goal{fmt.Sprintf("%s: %.2f of the script's time, goal at most %.2f", c.name, c.ratio(), c.goal), c.ratio() > 0 && c.ratio() <= c.goal})
	}
	goals = append(goals, goal{
		fmt.Sprintf("controller memory: at most %s resident, goal below %s", megabytes(r.memory.peak), megabytes(memoryGoal)),
		r.memory.peak > 0 && r.memory.peak < memoryGoal,
	}, goal{
		fmt.Sprintf("controller start to ready: %s, goal below %s", seconds(r.startup), seconds(startupGoal)),
		r.startup > 0 && r.startup < startupGoal,
	})
	if r.waiting == nil {
		return goals
	}
	return append(goals, r.waiting.goals()...)
}

func (r report) good() bool {
	return !slices.ContainsFunc(r.goals(), func(g goal) bool { return !g.met })
}

// markdown is the report as people read it.
func (r report) markdown() string {
	var b strings.Builder
	if len(r.cases) > 0 {
		b.WriteString("\n| case | CustomRun, median | script, median | ratio | CustomRun, min to max | script, min to max |\n|---|---|---|---|---|---|\n")
	}
	for _, c := range r.cases {
		ours, script := spreadOf(c.ours), spreadOf(c.script)
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %s to %s | %s to %s |\n", c.name, seconds(ours.median.took), seconds(script.median.took), c.ratio(),
			seconds(ours.min), seconds(ours.max), seconds(script.min), seconds(script.max))
	}
	for _, c := range r.cases {
		fmt.Fprintf(&b, "\nWhere the time of the median goes, %s:\n\n", c.name)
		fmt.Fprintf(&b, "- CustomRun: %s\n", partsOf(spreadOf(c.ours).median))
		fmt.Fprintf(&b, "- script: %s\n", partsOf(spreadOf(c.script).median))
	}
	b.WriteString("\n| | |\n|---|---|\n")
	fmt.Fprintf(&b, "| controller memory, most resident (VmHWM) | %s |\n", megabytes(r.memory.peak))
	fmt.Fprintf(&b, "| controller memory, resident at the end (VmRSS) | %s |\n", megabytes(r.memory.now))
	for _, f := range r.facts {
		fmt.Fprintf(&b, "| %s | %s |\n", f.name, f.value)
	}
	if r.waiting != nil {
		b.WriteString(r.waiting.markdown())
	}
	b.WriteString("\n")
	for _, g := range r.goals() {
		word := "FAIL"
		if g.met {
			word = "PASS"
		}
		fmt.Fprintf(&b, "%s  %s\n", word, g.text)
	}
	return strings.TrimRight(b.String(), "\n")
}

func partsOf(m measurement) string {
	var parts []string
	for _, p := range m.parts {
		parts = append(parts, p.name+" "+seconds(p.took))
	}
	return strings.Join(parts, ", ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/(1<<20)) }
