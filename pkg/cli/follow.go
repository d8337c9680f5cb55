package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"knative.dev/pkg/apis"

	"github.com/tekton-gitops/tekton-gitops/pkg/progress"
	"github.com/tekton-gitops/tekton-gitops/pkg/request"
)

// redraw is how often a terminal is drawn anew.
const redraw = 125 * time.Millisecond

// follower shows a run, or the runs of a PipelineRun, until they have ended.
type follower struct {
	s      *session
	target target
	teller *teller
	screen *screen // nil where the output is no terminal, or for tools
	output string

	order    []string
	runs     map[string]progress.Run
	pipeline *pipelinev1.PipelineRun
	trouble  error
	frame    int
}

func newFollower(s *session, t target, output string) *follower {
	drawn := s.terminal() && output == ""
	f := &follower{s: s, target: t, teller: newTeller(t.run == "", drawn), runs: map[string]progress.Run{}, output: output}
	if drawn {
		f.screen = &screen{out: s.streams.Out}
	}
	return f
}

// follow ends with nil when all has ended well, with errRunFailed when something has failed, with ctx's error when that
// ends first, and with another one when the runs cannot be followed any more.
func (f *follower) follow(ctx context.Context) error {
	feeds, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	runs, pipelines := make(chan batch), make(chan batch)
	sources, err := f.feeds()
	if err != nil {
		return err
	}
	running.Go(func() { sources[0].run(feeds, runs) })
	if len(sources) > 1 {
		running.Go(func() { sources[1].run(feeds, pipelines) })
	}
	err = f.loop(ctx, runs, pipelines)
	if f.screen != nil {
		if closing := f.screen.close(f.s.width()); err == nil {
			err = closing
		}
	}
	if ctx.Err() != nil && f.s.streams.Interactive {
		_ = writeTo(f.s.streams.Err, "No longer following; what was followed goes on.\n")
	}
	return err
}

func (f *follower) loop(ctx context.Context, runs, pipelines <-chan batch) error {
	var ticks <-chan time.Time
	if f.screen != nil {
		ticker := f.s.streams.Clock.NewTicker(redraw)
		defer ticker.Stop()
		ticks = ticker.C()
	}
	for {
		var err error
		var done bool
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks:
			f.frame++
			err = f.show(nil)
		case b := <-runs:
			done, err = f.newRuns(b)
		case b := <-pipelines:
			done, err = f.newPipelines(ctx, b)
		}
		if err != nil || done {
			return err
		}
	}
}

// newRuns shows what is new about runs; it ends the following of a single one that has ended.
func (f *follower) newRuns(b batch) (done bool, err error) {
	if b.err != nil {
		return false, b.err
	}
	f.notice(b.trouble)
	var changed []progress.Run
	for _, object := range b.objects {
		cr, ok := object.(*v1beta1.CustomRun)
		if !ok || !request.Ours(cr) {
			continue
		}
		run := progress.Of(cr)
		// A run that was deleted may come back under its name, which keeps its place.
		if !slices.Contains(f.order, run.Name) {
			f.order = append(f.order, run.Name)
		}
		f.runs[run.Name] = run
		changed = append(changed, run)
	}
	if err := f.show(f.teller.tellAll(changed, f.s.streams.Clock.Now())); err != nil {
		return false, err
	}
	for _, name := range b.gone {
		if err := f.deleted(name); err != nil {
			return false, err
		}
	}
	if run := f.runs[f.target.run]; run.Done() {
		return true, failedIf(run.State == progress.Failed)
	}
	return false, nil
}

// notice remembers that the cluster does not answer, for the lines below the log. Without a terminal it is said once.
func (f *follower) notice(trouble error) {
	if trouble != nil && f.trouble == nil && f.screen == nil {
		_ = writeTo(f.s.streams.Err, "The cluster does not answer, trying again: "+oneLine(trouble.Error())+"\n")
	}
	f.trouble = trouble
}

// deleted ends the following of a run; among others of a PipelineRun it is told, and the PipelineRun goes on.
func (f *follower) deleted(name string) error {
	run, seen := f.runs[name]
	text := "CustomRun " + name + " was deleted before it had ended"
	if f.target.run != "" {
		return errors.New(text)
	}
	if !seen || run.Done() {
		return nil
	}
	delete(f.runs, name)
	return f.show([]line{{
		at: f.s.streams.Clock.Now(), label: f.teller.label(run), wide: f.teller.wide(),
		run: name, task: run.Task, mark: markFailed, colour: red, what: "deleted", text: text,
	}})
}

// newPipelines notices the end of the PipelineRun. What its runs have done last is asked for then, because their feed may
// be late.
func (f *follower) newPipelines(ctx context.Context, b batch) (done bool, err error) {
	if b.err != nil {
		return false, b.err
	}
	f.notice(b.trouble)
	if len(b.gone) > 0 {
		return false, fmt.Errorf("PipelineRun %s was deleted before it had ended", f.target.pipelineRun)
	}
	for _, object := range b.objects {
		if pr, ok := object.(*pipelinev1.PipelineRun); ok {
			f.pipeline = pr
		}
	}
	if f.pipeline == nil || !f.pipeline.IsDone() {
		return false, f.show(nil)
	}
	var last batch
	err = f.s.customRuns(ctx, f.target.namespace, ofPipelineRun(f.target.pipelineRun), func(cr *v1beta1.CustomRun) {
		last.objects = append(last.objects, cr)
	})
	if err != nil {
		return false, err
	}
	if _, err := f.newRuns(last); err != nil {
		return false, err
	}
	c := f.pipeline.Status.GetCondition(apis.ConditionSucceeded)
	failed := c.IsFalse()
	text := "PipelineRun " + f.target.pipelineRun + ": " + c.Message
	l := line{at: f.s.streams.Clock.Now(), mark: markDone, colour: green, what: c.Reason, text: text}
	if failed {
		l.mark, l.colour = markFailed, red
	}
	if end := f.pipeline.Status.CompletionTime; end != nil {
		l.at = end.Time
	}
	return true, failedOr(f.show([]line{l}), failed)
}

func failedIf(failed bool) error {
	if failed {
		return errRunFailed
	}
	return nil
}

func failedOr(err error, failed bool) error {
	if err != nil {
		return err
	}
	return failedIf(failed)
}

// feeds are that of the runs and, for a PipelineRun, that of itself.
func (f *follower) feeds() ([]feed, error) {
	client, err := f.s.tekton()
	if err != nil {
		return nil, err
	}
	byName := func(name string) metav1.ListOptions {
		return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()}
	}
	customRuns := client.TektonV1beta1().CustomRuns(f.target.namespace)
	runs := feed{
		what: "CustomRuns", options: byName(f.target.run), clock: f.s.streams.Clock,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return customRuns.List(ctx, o)
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return customRuns.Watch(ctx, o)
		},
	}
	if f.target.run != "" {
		return []feed{runs}, nil
	}
	runs.options = ofPipelineRun(f.target.pipelineRun)
	pipelineRuns := client.TektonV1().PipelineRuns(f.target.namespace)
	return []feed{runs, {
		what: "PipelineRuns", options: byName(f.target.pipelineRun), clock: f.s.streams.Clock,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return pipelineRuns.List(ctx, o)
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return pipelineRuns.Watch(ctx, o)
		},
	}}, nil
}
