package scenario

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// Operation is one sync operation of an Argo CD application.
type Operation struct {
	Application string
	// By is the user that asked for it.
	By string
	// Run is the UID of the CustomRun that it was asked for, as its infos say.
	Run string
}

// Operations hears of every operation of every application from its beginning on: each version of an Application is an
// event, and an operation is set by one write and cleared by another, so that none can hide between two.
type Operations struct {
	t testing.TB

	mu   sync.Mutex
	seen []Operation
	err  string
}

// WatchOperations begins to listen. It ends with the test.
func WatchOperations(t testing.TB, c *localcluster.Cluster) *Operations {
	t.Helper()
	list, err := c.Applications().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	events, err := c.Applications().Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	o := &Operations{t: t}
	running := map[string]bool{}
	for _, a := range list.Items {
		_, running[a.GetName()], _ = unstructured.NestedMap(a.Object, "operation")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range events.ResultChan() {
			o.note(e, running)
		}
		if ctx.Err() == nil {
			o.broke("the watch of the Applications ended early")
		}
	}()
	t.Cleanup(func() {
		cancel()
		events.Stop()
		<-done
	})
	return o
}

func (o *Operations) note(e watch.Event, running map[string]bool) {
	a, ok := e.Object.(*unstructured.Unstructured)
	if !ok || e.Type == watch.Error {
		o.broke("the watch of the Applications broke")
		return
	}
	operation, runs, _ := unstructured.NestedMap(a.Object, "operation")
	began := runs && !running[a.GetName()]
	running[a.GetName()] = runs
	if !began {
		return
	}
	op := Operation{Application: a.GetName()}
	op.By, _, _ = unstructured.NestedString(operation, "initiatedBy", "username")
	infos, _, _ := unstructured.NestedSlice(operation, "info")
	for _, info := range infos {
		if i, ok := info.(map[string]any); ok && i["name"] == "Tekton-CustomRun-UID" {
			op.Run, _ = i["value"].(string)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, op)
}

func (o *Operations) broke(why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = why
}

// Of gives the operations of an application so far.
func (o *Operations) Of(application string) []Operation {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != "" {
		o.t.Fatal(o.err)
	}
	return slices.DeleteFunc(slices.Clone(o.seen), func(op Operation) bool { return op.Application != application })
}

// LastDeployment is the number of the newest entry in an application's history of syncs; Argo CD counts them up.
// It is -1 when there is none.
func (n *Tenant) LastDeployment(environment string) int64 {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 10*time.Second)
	defer cancel()
	a, err := n.Applications().Get(ctx, n.App(environment), metav1.GetOptions{})
	if err != nil {
		n.t.Fatal(err)
	}
	history, _, _ := unstructured.NestedSlice(a.Object, "status", "history")
	if len(history) == 0 {
		return -1
	}
	newest, ok := history[len(history)-1].(map[string]any)
	if !ok {
		n.t.Fatalf("unreadable history: %v", history)
	}
	id, _ := newest["id"].(int64)
	return id
}
