package tracing_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/attribute"

	"github.com/tekton-gitops/tekton-gitops/pkg/tracing"
	"github.com/tekton-gitops/tekton-gitops/test/otlp"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 123456000, time.UTC)

// traceparent is that of the W3C's specification.
const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID    = "00f067aa0ba902b7"
	traceparent = "00-" + traceID + "-" + parentID + "-01"
)

func failing(t *testing.T) func(error) {
	return func(err error) { t.Errorf("not sent: %v", err) }
}

func deployment() tracing.Span {
	return tracing.Span{
		Name: "GitOpsDeploy", Start: start, End: start.Add(time.Minute), Failed: "SyncFailed",
		Attributes: []attribute.KeyValue{attribute.String("lock", "catalog"), attribute.Bool("changed", true), attribute.Int("attempt", 1)},
		Children: []tracing.Span{
			{Name: "Locking", Start: start, End: start.Add(time.Second)},
			{Name: "Syncing", Start: start.Add(time.Second), End: start.Add(time.Minute), Failed: "SyncFailed"},
		},
	}
}

// sent configures a tracer for a collector, sends one span and shuts down.
func sent(t *testing.T, carrier map[string]string) *otlp.Receiver {
	t.Helper()
	collector := otlp.Listen()
	t.Cleanup(collector.Close)
	tracer := tracing.New("tekton-gitops", "v1", failing(t))
	if err := tracer.Configure(tracing.Config{Enabled: true, Endpoint: collector.Endpoint}); err != nil {
		t.Fatal(err)
	}
	tracer.Send(tracing.Parent(carrier), deployment())
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tracer.On() {
		t.Error("it is on after its end")
	}
	return collector
}

func TestSpansContinueTheTraceOfTheirParent(t *testing.T) {
	collector := sent(t, map[string]string{"traceparent": traceparent})
	got := collector.Spans(traceID)
	if len(got) != 3 {
		t.Fatalf("%d spans arrived: %+v", len(got), got)
	}
	slices.SortFunc(got, func(a, b otlp.Span) int { return strings.Compare(a.Name, b.Name) })
	root := got[0]
	want := []otlp.Span{
		{Trace: traceID, Parent: parentID, Name: "GitOpsDeploy", Start: start, End: start.Add(time.Minute), Failed: "SyncFailed", Attributes: map[string]string{"lock": "catalog", "changed": "true", "attempt": "1"}},
		{Trace: traceID, Parent: root.ID, Name: "Locking", Start: start, End: start.Add(time.Second)},
		{Trace: traceID, Parent: root.ID, Name: "Syncing", Start: start.Add(time.Second), End: start.Add(time.Minute), Failed: "SyncFailed"},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(otlp.Span{}, "ID"), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"tekton-gitops"}, collector.Services()); d != "" {
		t.Error(d)
	}
}

func TestSampling(t *testing.T) {
	for name, tc := range map[string]struct {
		carrier map[string]string
		spans   int
	}{
		"a parent that is sampled":  {map[string]string{"traceparent": traceparent, "tracestate": "vendor=1"}, 3},
		"a parent that is not":      {map[string]string{"traceparent": strings.TrimSuffix(traceparent, "01") + "00"}, 0},
		"no parent":                 {nil, 3},
		"something that is no span": {map[string]string{"traceparent": "nonsense"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sent(t, tc.carrier).Spans(""); len(got) != tc.spans {
				t.Errorf("%d spans arrived", len(got))
			}
		})
	}
}

func TestConfigurationIsInForceAtOnce(t *testing.T) {
	first, second := otlp.Listen(), otlp.Listen()
	defer first.Close()
	defer second.Close()
	tracer := tracing.New("tekton-gitops", "v1", failing(t))
	tracer.Send(tracing.Parent(nil), deployment()) // Off: goes nowhere.
	for _, c := range []tracing.Config{{Enabled: true, Endpoint: first.Endpoint}, {Enabled: true, Endpoint: second.Endpoint}, {}} {
		if err := tracer.Configure(c); err != nil || tracer.On() != c.Enabled {
			t.Fatalf("%+v: on %v, %v", c, tracer.On(), err)
		}
		tracer.Send(tracing.Parent(nil), deployment())
	}
	for name, collector := range map[string]*otlp.Receiver{"first": first, "second": second} {
		eventually(t, "the spans reach the "+name+" collector", func() bool { return len(collector.Spans("")) == 3 })
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A collector that does not answer costs a run nothing, and the end of the process no more than its deadline.
func TestCollectorThatHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	tracer := tracing.New("tekton-gitops", "v1", func(error) {})
	if err := tracer.Configure(tracing.Config{Enabled: true, Endpoint: server.URL}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 5000 { // More than the queue takes.
		tracer.Send(tracing.Parent(nil), deployment())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tracer.Shutdown(ctx); err == nil {
		t.Error("the end does not tell of the spans that are lost")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestFailuresAreTold(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	var told atomic.Int64
	tracer := tracing.New("tekton-gitops", "v1", func(error) { told.Add(1) })
	if err := tracer.Configure(tracing.Config{Enabled: true, Endpoint: server.URL}); err != nil {
		t.Fatal(err)
	}
	tracer.Send(tracing.Parent(nil), deployment())
	_ = tracer.Shutdown(t.Context())
	if told.Load() != 1 {
		t.Errorf("told %d times", told.Load())
	}
}

func TestOffCostsNothing(t *testing.T) {
	before := exporters(t)
	tracer := tracing.New("tekton-gitops", "v1", failing(t))
	if err := tracer.Configure(tracing.Config{Endpoint: tracing.DefaultEndpoint}); err != nil || tracer.On() {
		t.Fatalf("on %v, %v", tracer.On(), err)
	}
	tracer.Send(tracing.Parent(nil), deployment())
	if after := exporters(t); after > before { // Those of other tests may just have ended.
		t.Errorf("%d exporters run", after-before)
	}
	if err := tracer.Configure(tracing.Config{Enabled: true, Endpoint: tracing.DefaultEndpoint}); err != nil {
		t.Error(err)
	}
	eventually(t, "an exporter runs, which shows that this test can see one", func() bool { return exporters(t) > 0 })
	if err := tracer.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// exporters is how many of them have a goroutine.
func exporters(t *testing.T) int {
	t.Helper()
	var stacks strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&stacks, 2); err != nil {
		t.Fatal(err)
	}
	return strings.Count(stacks.String(), "processQueue(")
}

func TestParseConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		data map[string]string
		want tracing.Config
		says string
	}{
		"nothing":            {nil, tracing.Config{Endpoint: tracing.DefaultEndpoint}, ""},
		"on":                 {map[string]string{"enabled": "true"}, tracing.Config{Enabled: true, Endpoint: tracing.DefaultEndpoint}, ""},
		"on, elsewhere":      {map[string]string{"enabled": "true", "endpoint": "https://otel.example.com/v1/traces", "_example": "x"}, tracing.Config{Enabled: true, Endpoint: "https://otel.example.com/v1/traces"}, ""},
		"maybe":              {map[string]string{"enabled": "maybe"}, tracing.Config{}, "config-tracing: enabled is neither true nor false"},
		"no URL":             {map[string]string{"endpoint": "otel:4318"}, tracing.Config{}, "config-tracing: endpoint is no URL such as " + tracing.DefaultEndpoint},
		"a password in it":   {map[string]string{"endpoint": "http://u:s3cret@otel:4318/"}, tracing.Config{}, "config-tracing: endpoint has credentials in it, which it must not"},
		"a query":            {map[string]string{"endpoint": "http://otel:4318/?a=b"}, tracing.Config{}, "config-tracing: endpoint has more than a path"},
		"another protocol":   {map[string]string{"endpoint": "grpc://otel:4317"}, tracing.Config{}, "config-tracing: endpoint is no URL such as " + tracing.DefaultEndpoint},
		"control characters": {map[string]string{"endpoint": "http://otel\x00"}, tracing.Config{}, "config-tracing: endpoint is no URL such as " + tracing.DefaultEndpoint},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tracing.ParseConfig(tc.data)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if says := errorText(err); says != tc.says {
				t.Errorf("says %q, want %q", says, tc.says)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
