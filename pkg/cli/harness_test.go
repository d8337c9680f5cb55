package cli

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	tektonfake "github.com/tektoncd/pipeline/pkg/client/clientset/versioned/fake"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// testNow is when the commands run.
var testNow = time.Date(2026, 3, 2, 10, 5, 0, 0, time.UTC)

// written is a stream that may be read while it is written.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// bench is a session on fake clients.
type bench struct {
	*session
	t        *testing.T
	clock    *clocktesting.FakeClock
	tekton   *tektonfake.Clientset
	kube     *kubefake.Clientset
	out, err *written
}

func newBench(t *testing.T, objects ...runtime.Object) *bench {
	t.Helper()
	b := &bench{t: t, clock: clocktesting.NewFakeClock(testNow), out: &written{}, err: &written{}, tekton: tektonfake.NewSimpleClientset()}
	var others []runtime.Object
	for _, o := range objects {
		var err error
		switch o := o.(type) {
		case *v1beta1.CustomRun:
			err = b.tekton.Tracker().Create(v1beta1.SchemeGroupVersion.WithResource("customruns"), o, o.Namespace)
		case *pipelinev1.PipelineRun:
			err = b.tekton.Tracker().Create(pipelinev1.SchemeGroupVersion.WithResource("pipelineruns"), o, o.Namespace)
		default:
			others = append(others, o)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.kube = kubefake.NewSimpleClientset(others...)
	b.session = newSession(Streams{In: strings.NewReader(""), Out: b.out, Err: b.err, Clock: b.clock, Version: "v1.2.3"})
	b.made = clients{kube: b.kube, tekton: b.tekton}
	return b
}

// run executes a command line in namespace team and gives its exit status.
func (b *bench) run(ctx context.Context, args ...string) int {
	args = append(args, "--kubeconfig", filepath.Join("testdata", "kubeconfig.yaml"))
	return run(ctx, newRoot(b.session), b.streams, args)
}

// terminal makes the output one of this width.
func (b *bench) onTerminal(width int) *bench {
	b.streams.Width = func() int { return width }
	return b
}

// fixture are the objects of testdata/cluster.yaml.
func fixture(t *testing.T) []runtime.Object {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "cluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var objects []runtime.Object
	for _, document := range strings.Split(string(text), "\n---\n") {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatal(err)
		}
		var object runtime.Object
		switch kind.Kind {
		case "CustomRun":
			object = &v1beta1.CustomRun{}
		case "PipelineRun":
			object = &pipelinev1.PipelineRun{}
		case "Lease":
			object = &coordinationv1.Lease{}
		default:
			t.Fatalf("kind %q", kind.Kind)
		}
		if err := yaml.Unmarshal([]byte(document), object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		objects = append(objects, object)
	}
	return append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
}

// golden compares with testdata/NAME.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; go test -update rewrites it):\n%s", path, d)
	}
}
