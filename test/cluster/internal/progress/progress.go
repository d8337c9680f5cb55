// Package progress tells a person what is going on and for how long: a line
// that is rewritten in place on a terminal, plain lines in a pipe.
package progress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Intervals between two lines about the same running task.
const (
	repaint   = 200 * time.Millisecond // terminal
	heartbeat = 20 * time.Second       // pipe
)

// Printer writes the progress of tasks, several of which may run at once.
type Printer struct {
	w        io.Writer
	terminal bool
	now      func() time.Time

	mu      sync.Mutex
	running []*Task
	painted bool // the terminal's last line is a status line
	stop    chan struct{}
	stopped sync.WaitGroup
}

// New starts a printer; Close ends it.
func New(w io.Writer, terminal bool, now func() time.Time) *Printer {
	p := &Printer{w: w, terminal: terminal, now: now, stop: make(chan struct{})}
	p.stopped.Go(p.loop)
	return p
}

func (p *Printer) loop() {
	tick := time.NewTicker(repaint)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.Tick()
		}
	}
}

// Close ends the printer and clears the status line.
func (p *Printer) Close() {
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// Task is one thing being done.
type Task struct {
	p       *Printer
	what    string
	note    string
	started time.Time
	told    time.Time
}

// Begin announces a task.
func (p *Printer) Begin(what string) *Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &Task{p: p, what: what, started: p.now(), told: p.now()}
	p.running = append(p.running, t)
	if p.terminal {
		p.paint()
	} else {
		p.line(what + " ...")
	}
	return t
}

// Note adds a detail that shows while the task runs, such as a count.
func (t *Task) Note(note string) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.note = note
}

// End reports the task's end and passes err on.
func (t *Task) End(err error) error {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = slices.DeleteFunc(p.running, func(r *Task) bool { return r == t })
	word := "done"
	switch {
	case errors.Is(err, context.Canceled):
		word = "given up"
	case err != nil:
		word = "FAILED"
	}
	p.line(fmt.Sprintf("%s: %s, %s", t.what, word, elapsed(p.now().Sub(t.started))))
	if p.terminal {
		p.paint()
	}
	return err
}

// Print writes one line.
func (p *Printer) Print(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line(text)
}

// Tick brings the running tasks up to date. The printer calls it by itself.
func (p *Printer) Tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		p.paint()
		return
	}
	for _, t := range p.running {
		if now := p.now(); now.Sub(t.told) >= heartbeat {
			t.told = now
			p.line("still " + t.status())
		}
	}
}

func (t *Task) status() string {
	s := t.what + " ... " + elapsed(t.p.now().Sub(t.started))
	if t.note != "" {
		s += ", " + t.note
	}
	return s
}

func (p *Printer) line(text string) {
	p.clear()
	_, _ = fmt.Fprintln(p.w, text)
}

func (p *Printer) clear() {
	if p.painted {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.painted = false
	}
}

// width keeps the status on one terminal row, which is all that can be rewritten.
const width = 100

func (p *Printer) paint() {
	p.clear()
	if len(p.running) == 0 {
		return
	}
	parts := make([]string, len(p.running))
	for i, t := range p.running {
		parts[i] = t.status()
	}
	text := strings.Join(parts, "; ")
	if len(text) > width {
		text = text[:width-3] + "..."
	}
	_, _ = io.WriteString(p.w, text)
	p.painted = true
}

func elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}
