// Command bench measures a GitOpsDeploy against the chain of pipeline tasks that it replaces, written as a script
// without pods (chain.sh), on one local control plane: on the sample product catalog, and on the same sample inside a
// large repository. It needs Linux.
//
// Each round deploys a new tag to the same application once with a CustomRun and once with the script, in turns, so
// that both find the same state and do the same work. After that it measures what many GitOpsPRs cost that wait for the
// merge of their pull requests. The exit status is 1 when a goal is missed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Goals of the project.
const (
	sampleGoal = 1.0 // of the script's time
	largeGoal  = 0.5
	memoryGoal = 150 << 20 // bytes resident
	// startupGoal is from the start of the process to its readiness.
	startupGoal = 2 * time.Second
)

// settle is the rest before each measurement: Argo CD looks at an application once more after its pods have changed.
const settle = time.Second

// options of a measurement. The goals are set for the defaults.
type options struct {
	rounds, files, commits int
	// runs wait for the merge of their pull requests, and are looked at for the time look.
	runs    int
	look    time.Duration
	keepLog string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "deployments by each side in each case; the median counts; 0 leaves the cases out")
	flag.IntVar(&o.files, "files", 50_000, "files of the large repository; 0 leaves it out")
	flag.IntVar(&o.commits, "commits", 20_000, "commits of the large repository")
	flag.IntVar(&o.runs, "runs", 500, "runs that wait for the merge of their pull requests in 20 repositories; 0 leaves them out")
	flag.DurationVar(&o.look, "look", 5*time.Minute, "how long the waiting runs are looked at; each looks after its poll once in 5 minutes")
	flag.StringVar(&o.keepLog, "keep-log", "", "directory for the controller's log, which is removed otherwise")
	flag.Parse()
	good, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if err != nil || !good {
		os.Exit(1)
	}
}

func run(o options) (good bool, err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	p, err := openPlace(ctx, o.keepLog)
	if err != nil {
		return false, err
	}
	defer p.close()
	subjects, err := p.subjects(ctx, o)
	if err != nil {
		return false, err
	}
	report := report{facts: p.facts(), startup: p.startup}
	for _, s := range subjects {
		c, err := measure(ctx, s, o.rounds)
		if err != nil {
			return false, fmt.Errorf("%s: %w", s.name, err)
		}
		report.cases = append(report.cases, c)
	}
	if report.memory, err = memoryOf(p.controller.PID()); err != nil {
		return false, err
	}
	if o.runs > 0 {
		if report.waiting, err = measureWaiting(ctx, p, o.runs, o.look); err != nil {
			return false, fmt.Errorf("runs that wait for the merge: %w", err)
		}
	}
	fmt.Println(report.markdown())
	return report.good(), nil
}

// measure lets both sides deploy in turns; who begins alternates. A first deployment by each is not counted: it brings
// the application up, and fills Argo CD's caches and kubectl's.
func measure(ctx context.Context, s *subject, rounds int) (comparison, error) {
	c := comparison{name: s.name, goal: s.goal}
	sides := []struct {
		name   string
		deploy func(context.Context, string) (measurement, error)
		into   *[]measurement
	}{{"CustomRun", s.deploy, &c.ours}, {"script", s.chain, &c.script}}
	for round := range rounds + 1 {
		for turn := range sides {
			side := sides[(turn+round)%len(sides)]
			if err := s.quiet(ctx, round > 0 || turn > 0); err != nil {
				return c, err
			}
			tag := s.nextTag()
			m, err := side.deploy(ctx, tag)
			if err != nil {
				return c, fmt.Errorf("%s: %w", side.name, err)
			}
			if err := s.check(ctx, tag); err != nil {
				return c, fmt.Errorf("%s: %w", side.name, err)
			}
			note := ""
			if round == 0 {
				note = " (not counted)"
			} else {
				*side.into = append(*side.into, m)
			}
			fmt.Fprintf(os.Stderr, "%s, round %d of %d: %-9s %s%s\n", s.name, round, rounds, side.name, m.took.Round(time.Millisecond), note)
		}
	}
	return c, nil
}
