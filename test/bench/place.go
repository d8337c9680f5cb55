package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	tekton "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tekton-gitops/tekton-gitops/pkg/policy"
	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// place is a control plane with the controller as it is released.
type place struct {
	*localcluster.Cluster
	controller *testbed.Controller
	tekton     tekton.Interface
	// dir has everything that this program writes; work has the script's HOME and work trees.
	dir, work  string
	binarySize int64
	startup    time.Duration
	// idle is what the controller has resident before its first run.
	idle    memory
	closers []func()
}

func openPlace(ctx context.Context, keepLog string) (p *place, err error) {
	p = &place{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	fmt.Fprintln(os.Stderr, "starting the control plane; the first time, its parts are compiled, which takes minutes")
	var stop func() error
	if p.Cluster, stop, err = localcluster.Start(ctx, os.Stderr); err != nil {
		return p, err
	}
	p.closers = append(p.closers, func() { _ = stop() })
	if p.dir, err = os.MkdirTemp("", "gitops-bench-"); err != nil {
		return p, err
	}
	p.closers = append(p.closers, func() { _ = os.RemoveAll(p.dir) })
	p.work = filepath.Join(p.dir, "chain")
	if err = os.Mkdir(p.work, 0o700); err != nil {
		return p, err
	}
	if p.tekton, err = tekton.NewForConfig(p.Config); err != nil {
		return p, err
	}
	return p, p.startController(ctx, cmp.Or(keepLog, p.dir))
}

func (p *place) startController(ctx context.Context, logDir string) error {
	// As it is released: without fail points and symbols.
	binary, err := testbed.Binary(ctx, p.dir, false)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	p.binarySize = info.Size()
	if err := testbed.Install(ctx, p.Cluster); err != nil {
		return err
	}
	if err := p.releasedSettings(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(logDir, 0o700); err != nil {
		return err
	}
	began := time.Now()
	p.controller, err = testbed.StartController(ctx, p.Cluster, testbed.Options{Binary: binary, Dir: logDir, Name: "replica-0"})
	if err != nil {
		return err
	}
	p.startup = time.Since(began)
	p.closers = append(p.closers, p.controller.Stop)
	return p.measureIdle(ctx)
}

// idleAfter is when the caches are filled and the buckets led.
const idleAfter = 10 * time.Second

func (p *place) measureIdle(ctx context.Context) (err error) {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idleAfter):
	}
	p.idle, err = memoryOf(p.controller.PID())
	return err
}

// releasedSettings takes back what the tests have for their haste: a leadership that changes hands in seconds, and polls
// every second. Both cost processor time all the while.
func (p *place) releasedSettings(ctx context.Context) error {
	root, err := testbed.Root()
	if err != nil {
		return err
	}
	leadership, err := os.ReadFile(filepath.Join(root, "config", "config-leader-election.yaml"))
	if err != nil {
		return err
	}
	if err := p.Apply(ctx, testbed.Namespace, leadership); err != nil {
		return err
	}
	defaultInterval := []byte(`{"data":{"pull-request-poll-interval":null}}`)
	_, err = p.Client.CoreV1().ConfigMaps(testbed.Namespace).Patch(ctx, policy.Name, types.MergePatchType, defaultInterval, metav1.PatchOptions{})
	return err
}

// subjects makes the cases, each with a tenant of its own.
func (p *place) subjects(ctx context.Context, o options) ([]*subject, error) {
	if o.rounds == 0 {
		return nil, nil
	}
	sample, err := p.newSubject(ctx, "sample product catalog", sampleGoal)
	if err != nil {
		return nil, err
	}
	subjects := []*subject{sample}
	if o.files == 0 {
		return subjects, nil
	}
	large, err := p.newSubject(ctx, fmt.Sprintf("sample among %d files, %d commits", o.files, o.commits), largeGoal)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "generating the large repository")
	if err := large.grow(ctx, o.files, o.commits); err != nil {
		return nil, err
	}
	return append(subjects, large), nil
}

// facts describe the controller and the surroundings.
func (p *place) facts() []fact {
	facts := []fact{
		{"controller binary, stripped", megabytes(p.binarySize)},
		{"controller memory, idle: resident 10 s after it was ready, before the first run", megabytes(p.idle.now)},
	}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return facts
	}
	return append(facts,
		fact{"the script's work trees are on", fileSystem(string(mounts), p.work)},
		fact{"the git server and the control plane are on", fileSystem(string(mounts), p.DataDir)})
}

// fileSystem names the file system of an absolute path, from the text of /proc/mounts.
func fileSystem(mounts, path string) string {
	var best, kind string
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		at := fields[1]
		if (path == at || strings.HasPrefix(path, strings.TrimSuffix(at, "/")+"/")) && len(at) >= len(best) {
			best, kind = at, fields[2]
		}
	}
	return kind + " at " + best
}

// close ends what was started, in the opposite order.
func (p *place) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		p.closers[i]()
	}
	p.closers = nil
}
