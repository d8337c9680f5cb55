package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	v1alpha1 "github.com/tekton-gitops/tekton-gitops/pkg/apis/gitops/v1alpha1"
	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
)

// teller turns the states of runs into the lines of a log: each thing that happens is told once. It is given states in
// their order, of which some may be missing or come twice.
type teller struct {
	// labelled: each line begins with the task, because there may be several.
	labelled bool
	// live: what goes on is shown elsewhere, so that only what is over becomes a line.
	live bool
	told map[string]*told
}

// told is what was told of one run.
type told struct {
	label   string
	attempt int
	// until is the begin of the last phase whose end was told.
	until   time.Time
	message string
	commit  string
	// pull is the number of the pull request that was told, and merged or closed its state, once that was.
	pull  int
	state string
	ended bool
}

// line is one line of a log.
type line struct {
	at time.Time
	// run and task are those that it is about, if it is about one.
	run, task string
	label     string
	mark      string
	colour    colour
	what      string
	text      string
	// wide is how much room labels take.
	wide int
}

func newTeller(labelled, live bool) *teller {
	return &teller{labelled: labelled, live: live, told: map[string]*told{}}
}

// label names a run: by its task, or by itself where another run has the same task, as those of a matrix do.
func (t *teller) label(run progress.Run) string {
	if p := t.told[run.Name]; p != nil {
		return p.label
	}
	label := orElse(run.Task, run.Name)
	for _, other := range t.told {
		if other.label == label {
			return run.Name
		}
	}
	return label
}

// tell gives the lines that are new.
func (t *teller) tell(run progress.Run, now time.Time) []line {
	p := t.told[run.Name]
	if p == nil {
		p = &told{label: t.label(run), attempt: 1}
		t.told[run.Name] = p
	}
	if p.ended {
		return nil
	}
	lines := p.earlier(run, now)
	lines = append(lines, p.phases(run)...)
	lines = append(lines, p.facts(run, endOr(run, now))...)
	if run.Done() {
		p.ended = true
		lines = append(lines, ending(run, now)...)
	} else if !t.live && run.Message != "" && run.Message != p.message {
		p.message = run.Message
		lines = append(lines, line{at: now, mark: markRunning, colour: cyan, what: orElse(run.Phase, run.Reason), text: run.Message})
	}
	for i := range lines {
		lines[i].run, lines[i].task = run.Name, run.Task
		if t.labelled {
			lines[i].label = p.label
		}
		// Some times have whole seconds: the log of a run goes forward all the same.
		if i > 0 && lines[i].at.Before(lines[i-1].at) {
			lines[i].at = lines[i-1].at
		}
	}
	return lines
}

// tellAll tells several runs as one log, in the order of time.
func (t *teller) tellAll(runs []progress.Run, now time.Time) []line {
	slices.SortFunc(runs, func(a, b progress.Run) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	var lines []line
	for _, run := range runs {
		lines = append(lines, t.tell(run, now)...)
	}
	for i := range lines {
		lines[i].wide = t.wide()
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	return lines
}

func (t *teller) wide() int {
	wide := 0
	for _, p := range t.told {
		wide = max(wide, columns(p.label))
	}
	return wide
}

func endOr(run progress.Run, now time.Time) time.Time {
	if run.Completed != nil {
		return *run.Completed
	}
	return now
}

// earlier tells the attempts that have failed since, after which the phases begin anew.
func (p *told) earlier(run progress.Run, now time.Time) []line {
	var lines []line
	for ; p.attempt <= len(run.Attempts); p.attempt++ {
		a := run.Attempts[p.attempt-1]
		at := now
		if a.Completed != nil {
			at = *a.Completed
		}
		p.until, p.message = time.Time{}, ""
		lines = append(lines, line{
			at: at, mark: markFailed, colour: red, what: a.Reason,
			text: fmt.Sprintf("attempt %d has failed, the run tries again: %s", a.Number, a.Message),
		})
	}
	return lines
}

func (p *told) phases(run progress.Run) []line {
	var lines []line
	for _, step := range run.Timeline {
		if step.End == nil || !step.Begin.After(p.until) {
			continue
		}
		p.until = step.Begin
		l := line{at: *step.End, mark: markDone, colour: green, what: step.Phase, text: took(step.Duration(*step.End))}
		if step.Failed {
			l.mark, l.colour = markFailed, red
		}
		lines = append(lines, l)
		// What the phase has brought belongs below it.
		lines = append(lines, p.facts(run, l.at)...)
	}
	return lines
}

// facts are what people open in a browser. A run knows its commit when Publishing is over, and its pull request when
// Opening is.
func (p *told) facts(run progress.Run, at time.Time) []line {
	var lines []line
	if c := run.Commit; c != nil && c.Changed && c.ID != "" && c.ID != p.commit && p.passed(run, v1alpha1.ReasonPublishing) {
		p.commit = c.ID
		lines = append(lines, line{at: at, mark: markRunning, what: "commit", text: strings.TrimSpace(short(c.ID) + " " + c.URL)})
	}
	pr := run.PullRequest
	if pr == nil || !p.passed(run, v1alpha1.ReasonOpening) {
		return lines
	}
	if pr.Number != p.pull {
		p.pull = pr.Number
		lines = append(lines, line{at: at, mark: markRunning, what: "pull request", text: fmt.Sprintf("#%d %s", pr.Number, pr.URL)})
	}
	if pr.State != p.state && pr.State != "open" && p.passed(run, v1alpha1.ReasonWaitingForMerge) {
		p.state = pr.State
		lines = append(lines, line{at: at, mark: markRunning, what: "pull request", text: fmt.Sprintf("#%d is %s", pr.Number, pr.State)})
	}
	return lines
}

// passed tells whether the log is past a phase, or the phase is not in the run's timeline.
func (p *told) passed(run progress.Run, phase v1alpha1.Reason) bool {
	for _, step := range run.Timeline {
		if step.Phase == string(phase) && step.End != nil {
			return !step.Begin.After(p.until)
		}
	}
	return true
}

// ending is how a run has ended, and after a failure what to do.
func ending(run progress.Run, now time.Time) []line {
	at := endOr(run, now)
	state, c := status(run)
	mark := markDone
	if run.State == progress.Failed {
		mark = markFailed
	}
	lines := []line{{at: at, mark: mark, colour: c, what: state, text: "after " + roughly(run.Duration(now)) + ": " + run.Message}}
	if info, ok := v1alpha1.Reason(run.Reason).Info(); ok && info.NextAction != "" {
		lines = append(lines, line{at: at, mark: " ", what: "next", text: info.NextAction})
	}
	return lines
}

// short is the part of a commit's id by which people know it.
func short(id string) string {
	const enough = 10
	if len(id) > enough {
		return id[:enough]
	}
	return id
}

// nameWidth is that of the longest name of a phase.
const nameWidth = len("WaitingForMerge")

// format is the line as it is printed. The zone is that of the reader's clock.
func (l line) format(p paint, zone *time.Location) string {
	out := p.text(l.at.In(zone).Format("15:04:05"), faint) + " "
	if l.label != "" {
		out += p.text("["+l.label+"]", cyan) + strings.Repeat(" ", max(l.wide-columns(l.label), 0)+1)
	}
	what := oneLine(l.what)
	out += p.text(l.mark, l.colour) + " " + p.text(what, l.colour)
	if text := oneLine(l.text); text != "" {
		out += strings.Repeat(" ", max(nameWidth-columns(what), 0)+2) + text
	}
	return out
}
