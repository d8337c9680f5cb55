package tracing

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// maxQueue is how many spans wait to be sent. A run has about seven.
	maxQueue = 2048
	// sendTimeout bounds one request, with what it is repeated.
	sendTimeout = 10 * time.Second
	// stopTimeout bounds the flush of a configuration that is replaced.
	stopTimeout = 5 * time.Second
	// scope names the instrumentation.
	scope = "github.com/tekton-gitops/tekton-gitops"
)

// Span is one finished piece of work, with those inside of it.
type Span struct {
	Name       string
	Start, End time.Time
	Attributes []attribute.KeyValue
	// Failed is why it failed, in one word; empty where it did not.
	Failed   string
	Children []Span
}

// Tracer sends spans. It is safe for concurrent use.
type Tracer struct {
	service, version string
	// failed is told of spans that could not be sent.
	failed func(error)

	mu       sync.Mutex
	config   Config
	provider *sdktrace.TracerProvider // nil while off
}

// New gives a Tracer that is off. Failed is called with the cause when spans could not be sent; it must be quick.
func New(service, version string, failed func(error)) *Tracer {
	return &Tracer{service: service, version: version, failed: failed}
}

// On tells whether spans are sent.
func (t *Tracer) On() bool { return t.current() != nil }

func (t *Tracer) current() *sdktrace.TracerProvider {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.provider
}

// Configure puts a configuration into force. What waits under the one before is sent where that went.
func (t *Tracer) Configure(c Config) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c == t.config {
		return nil
	}
	var next *sdktrace.TracerProvider
	if c.Enabled {
		var err error
		if next, err = t.open(c); err != nil {
			return err
		}
	}
	before := t.provider
	t.config, t.provider = c, next
	if before != nil {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
			defer cancel()
			_ = before.Shutdown(ctx)
		}()
	}
	return nil
}

// open prepares an exporter. Nothing is contacted yet.
func (t *Tracer) open(c Config) (*sdktrace.TracerProvider, error) {
	exporter, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(c.Endpoint), otlptracehttp.WithTimeout(sendTimeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: sendTimeout / 2, MaxElapsedTime: sendTimeout,
		}),
		// The collector is the platform's, and so is the way to it: no proxy, and no other place by redirection.
		otlptracehttp.WithHTTPClient(&http.Client{
			Timeout:       sendTimeout,
			Transport:     &http.Transport{MaxIdleConns: 2, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
	if err != nil {
		return nil, fmt.Errorf("open exporter: %w", err)
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(reporting{exporter, t.failed}, sdktrace.WithMaxQueueSize(maxQueue), sdktrace.WithExportTimeout(2*sendTimeout)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", t.service), attribute.String("service.version", t.version))),
	), nil
}

// Send queues a span with all its children. An invalid parent makes it the root of a trace of its own.
func (t *Tracer) Send(parent trace.SpanContext, s Span) {
	provider := t.current()
	if provider == nil {
		return
	}
	ctx := context.Background()
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	send(ctx, provider.Tracer(scope), s)
}

func send(ctx context.Context, tracer trace.Tracer, s Span) {
	ctx, span := tracer.Start(ctx, s.Name, trace.WithTimestamp(s.Start), trace.WithAttributes(s.Attributes...))
	for _, child := range s.Children {
		send(ctx, tracer, child)
	}
	if s.Failed != "" {
		span.SetStatus(codes.Error, s.Failed)
	}
	span.End(trace.WithTimestamp(s.End))
}

// Shutdown sends what waits, until ctx ends, and turns tracing off.
func (t *Tracer) Shutdown(ctx context.Context) error {
	t.mu.Lock()
	provider := t.provider
	t.config, t.provider = Config{}, nil
	t.mu.Unlock()
	if provider == nil {
		return nil
	}
	if err := provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// Parent reads a span context in the form of the W3C's Trace Context: a map with traceparent and, maybe, tracestate. What
// is none gives an invalid one.
func Parent(carrier map[string]string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier(carrier))
	return trace.SpanContextFromContext(ctx)
}

// reporting is an exporter whose failures are told to whom they concern, and not to OpenTelemetry's global handler.
type reporting struct {
	sdktrace.SpanExporter
	failed func(error)
}

func (r reporting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := r.SpanExporter.ExportSpans(ctx, spans); err != nil {
		r.failed(fmt.Errorf("send %d spans: %w", len(spans), err))
	}
	return nil
}
