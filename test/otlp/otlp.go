// Package otlp is a collector for tests: it takes traces by OTLP over HTTP and keeps them.
package otlp

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Receiver is a running collector.
type Receiver struct {
	// Endpoint is the URL that traces are sent to.
	Endpoint string
	server   *httptest.Server

	mu      sync.Mutex
	service map[string]bool
	spans   []Span
	raw     strings.Builder
}

// Span is one that has arrived.
type Span struct {
	Trace, ID, Parent string
	Name              string
	Start, End        time.Time
	Attributes        map[string]string
	// Failed is the description of an error, empty where there is none.
	Failed string
}

// maxBody bounds a request.
const maxBody = 16 << 20

// Listen starts a collector on loopback.
func Listen() *Receiver {
	r := &Receiver{service: map[string]bool{}}
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	r.Endpoint = r.server.URL + "/v1/traces"
	return r
}

// Close ends it.
func (r *Receiver) Close() { r.server.Close() }

func (r *Receiver) serve(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	var request collector.ExportTraceServiceRequest
	if err == nil && q.URL.Path == "/v1/traces" {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.take(&request)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (r *Receiver) take(request *collector.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw.WriteString(protojson.Format(request))
	for _, resource := range request.ResourceSpans {
		r.service[attributes(resource.GetResource().GetAttributes())["service.name"]] = true
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				r.spans = append(r.spans, spanOf(s))
			}
		}
	}
}

func spanOf(s *trace.Span) Span {
	span := Span{
		Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId), Name: s.Name,
		Start: time.Unix(0, int64(s.StartTimeUnixNano)).UTC(), End: time.Unix(0, int64(s.EndTimeUnixNano)).UTC(), //nolint:gosec // nanoseconds since 1970
		Attributes: attributes(s.Attributes),
	}
	if s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR {
		span.Failed = s.Status.Message
	}
	return span
}

func attributes(pairs []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, pair := range pairs {
		switch v := pair.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[pair.Key] = v.StringValue
		case *common.AnyValue_BoolValue:
			all[pair.Key] = fmt.Sprint(v.BoolValue)
		case *common.AnyValue_IntValue:
			all[pair.Key] = fmt.Sprint(v.IntValue)
		}
	}
	return all
}

// Spans are those of a trace, in the order of their begin; all for an empty id.
func (r *Receiver) Spans(traceID string) []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []Span
	for _, s := range r.spans {
		if traceID == "" || s.Trace == traceID {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b Span) int { return a.Start.Compare(b.Start) })
	return found
}

// Services are the names of those who have sent.
func (r *Receiver) Services() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for name := range r.service {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Text is all that was received, as JSON.
func (r *Receiver) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.raw.String()
}
