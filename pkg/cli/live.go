package cli

import (
	"fmt"
	"time"

	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// spinner turns while something goes on, so that a long silence is not taken for a hang.
const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

// maxLive bounds the lines that are drawn again and again: they have to fit on the screen.
const maxLive = 10

// show adds lines to the log. On a terminal it draws what goes on below them.
func (f *follower) show(lines []line) error {
	if f.screen == nil {
		return f.s.writeLines(lines, f.output)
	}
	zone := f.s.streams.Clock.Now().Location()
	var log []string
	for _, l := range lines {
		log = append(log, l.format(f.s.paint(), zone))
	}
	return f.screen.draw(f.s.width(), log, f.live())
}

// live is one line for each run that goes on, else for what is waited for.
func (f *follower) live() []string {
	now := f.s.streams.Clock.Now()
	var out []string
	more := 0
	for _, name := range f.order {
		run, there := f.runs[name]
		switch {
		case !there || run.Done():
		case len(out) == maxLive:
			more++
		default:
			out = append(out, f.liveLine(f.liveLabel(run), f.phaseOf(run, now), orElse(run.Message, forgotten(run, now))))
		}
	}
	if more > 0 {
		out = append(out, cut(fmt.Sprintf("  and %d more", more), f.s.width()-1))
	}
	if len(out) == 0 && f.pipeline != nil && !f.pipeline.IsDone() {
		message := ""
		if c := f.pipeline.Status.GetCondition(apis.ConditionSucceeded); c != nil {
			message = c.Message
		}
		since := f.pipeline.CreationTimestamp.Time
		out = append(out, f.liveLine("", "PipelineRun "+f.target.pipelineRun+" "+roughly(now.Sub(since)), message))
	}
	if f.trouble != nil {
		out = append(out, f.liveLine("", "no connection", f.trouble.Error()))
	}
	return out
}

// takenWithin is how soon the controller writes the first status of a run, if there is one.
const takenWithin = 15 * time.Second

// forgotten is what to do about a run that nobody has begun; empty for others.
func forgotten(run progress.Run, now time.Time) string {
	if run.State != progress.Pending || now.Sub(run.Created) < takenWithin {
		return ""
	}
	return "No controller has taken the run yet: see whether it is there with kubectl get pods -n tekton-gitops."
}

func (f *follower) liveLabel(run progress.Run) string {
	if !f.teller.labelled {
		return ""
	}
	return "[" + f.teller.label(run) + "]"
}

// phaseOf is the phase and how long it has taken.
func (f *follower) phaseOf(run progress.Run, now time.Time) string {
	if step, on := run.Current(); on {
		return step.Phase + " " + roughly(step.Duration(now))
	}
	if run.State == progress.Pending {
		return "Pending " + roughly(now.Sub(run.Created))
	}
	return run.Phase + " " + roughly(run.Duration(now))
}

// liveLine fits into the terminal, less one column: a cursor behind the last one is where terminals differ.
func (f *follower) liveLine(label, what, message string) string {
	turns := []rune(spinner)
	p, room := f.s.paint(), f.s.width()-1
	head := string(turns[f.frame%len(turns)]) + " "
	label, what = oneLine(label), oneLine(what)
	if label != "" {
		label += " "
	}
	text := oneLine(message)
	used := columns(head + label + what)
	if used > room {
		return cut(head+label+what, room)
	}
	if text = cut(text, room-used-2); text != "" {
		text = "  " + text
	}
	return p.text(head, cyan) + p.text(label, cyan) + p.text(what, bold) + p.text(text, faint)
}
