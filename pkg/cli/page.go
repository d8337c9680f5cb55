package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// page is the text of describe.
type page struct {
	paint paint
	now   time.Time
	// width of the terminal, 0 for none.
	width int
}

// narrow is where text is wrapped without a terminal, and on wide ones.
const narrow = 100

func (p page) describe(d description) string {
	sections := []string{
		p.header(d), p.outcome(d), p.attempts(d.Attempts), p.timeline(d.Run), p.lock(d), p.change(d.Run), p.pullRequest(d.PullRequest),
		p.applications(d.Applications), p.workloads(d.Workloads), p.results(d.Results),
	}
	return strings.Join(slices.DeleteFunc(sections, func(s string) bool { return s == "" }), "\n")
}

// title begins a section.
func (p page) title(text string) string { return p.paint.text(text, bold) + "\n" }

func (p page) header(d description) string {
	kind := d.Kind
	if d.Definition != "" {
		kind += " " + d.Definition
	}
	rows := [][]cell{
		{{text: "Name:", colour: bold}, {text: d.Name}},
		{{text: "Namespace:", colour: bold}, {text: d.Namespace}},
		{{text: "Kind:", colour: bold}, {text: kind}},
	}
	add := func(name, value string, c colour) {
		if value != "" {
			rows = append(rows, []cell{{text: name, colour: bold}, {text: value, colour: c}})
		}
	}
	add("PipelineRun:", d.PipelineRun, plain)
	add("Task:", d.Task, plain)
	state, c := status(d.Run)
	if d.Cancelling {
		state += " (cancelled, ending)"
	}
	add("Status:", p.mark(d.Run)+" "+state, c)
	if d.DryRun {
		add("Dry run:", "nothing is pushed or synced", plain)
	}
	if d.Started != nil {
		add("Started:", ago(*d.Started, p.now), plain)
		add("Duration:", roughly(d.Duration(p.now)), plain)
	}
	if d.Attempt > 1 {
		add("Attempt:", strconv.Itoa(d.Attempt), plain)
	}
	if d.Reverted {
		add("Reverted:", "the previous images were put back", yellow)
	}
	if !d.Detailed && d.Phase != "" {
		add("Details:", "kept by another version of the controller, which this program cannot read", yellow)
	}
	return p.paint.table("", rows...)
}

func (p page) mark(run progress.Run) string {
	switch run.State {
	case progress.Succeeded:
		return markDone
	case progress.Failed:
		return markFailed
	}
	return markRunning
}

// outcome is what the run says, and what to do about a failure.
func (p page) outcome(d description) string {
	var out strings.Builder
	say := func(title, text string) {
		if text == "" {
			return
		}
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(p.title(title) + p.paragraph(text))
	}
	say("Message", d.Message)
	if d.Meaning != "" {
		say("Meaning", sentence(d.Meaning))
	}
	say("Next", orElse(d.NextAction, forgotten(d.Run, p.now)))
	return out.String()
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

func (p page) paragraph(text string) string {
	limit := narrow
	if p.width > 0 {
		limit = min(narrow, p.width)
	}
	const indent = "  "
	var out strings.Builder
	for _, l := range wrap(text, limit-len(indent)) {
		out.WriteString(strings.TrimRight(indent+l, " ") + "\n")
	}
	return out.String()
}

func (p page) attempts(earlier []progress.Attempt) string {
	if len(earlier) == 0 {
		return ""
	}
	rows := [][]cell{heading("ATTEMPT", "REASON", "MESSAGE")}
	for _, a := range earlier {
		rows = append(rows, []cell{{text: strconv.Itoa(a.Number)}, {text: a.Reason, colour: red}, {text: a.Message}})
	}
	return p.title("Earlier attempts") + p.paint.table("  ", rows...)
}

func (p page) timeline(run progress.Run) string {
	if len(run.Timeline) == 0 {
		return ""
	}
	rows := [][]cell{heading("", "PHASE", "BEGAN", "DURATION")}
	for _, step := range run.Timeline {
		mark := cell{text: markDone, colour: green}
		duration := took(step.Duration(p.now))
		switch {
		case step.Failed:
			mark = cell{text: markFailed, colour: red}
		case step.End == nil:
			mark = cell{text: markRunning, colour: cyan}
			duration = roughly(step.Duration(p.now)) + " so far"
		}
		rows = append(rows, []cell{mark, {text: step.Phase}, {text: p.clock(step.Begin)}, {text: duration}})
	}
	return p.title("Timeline") + p.paint.table("  ", rows...)
}

// clock is a time of today, or with its date.
func (p page) clock(t time.Time) string {
	t = t.In(p.now.Location())
	if t.Format(time.DateOnly) == p.now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

func (p page) lock(d description) string {
	if d.Lock == "" {
		return ""
	}
	rows := [][]cell{{{text: "Name:"}, {text: d.Lock}}}
	if view := d.LockState; view != nil {
		rows = append(rows, p.holder(view, d.Name)...)
		for i, name := range view.Waiting {
			label := ""
			if i == 0 {
				label = "Waiting:"
			}
			c := plain
			text := strconv.Itoa(i+1) + ". " + name
			if name == d.Name {
				text, c = text+" (this run)", bold
			}
			rows = append(rows, []cell{{text: label}, {text: text, colour: c}})
		}
	}
	return p.title("Lock") + p.paint.table("  ", rows...)
}

func (p page) holder(view *lockView, self string) [][]cell {
	text := view.Holder
	if text == "" {
		return [][]cell{cells("Held by:", orElse(view.Unknown, "nobody"))}
	}
	if text == self {
		text += " (this run)"
	}
	if view.Since != nil {
		text += ", since " + ago(*view.Since, p.now)
	}
	if view.Unknown != "" {
		text += " (" + view.Unknown + ")"
	}
	return [][]cell{cells("Held by:", text)}
}
