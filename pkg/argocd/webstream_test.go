package argocd

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// A watch that something cuts is over, and no failure: another one is started.
func TestWebWatchEnds(t *testing.T) {
	event := encoded(t, &v1alpha1.ApplicationWatchEvent{Type: "MODIFIED"})
	for _, tt := range []struct {
		name   string
		answer answer
		events int
		want   error
	}{
		{"by the server", answer{body: event + string(framed(0x80, "grpc-status: 0\r\n"))}, 1, nil},
		{"by the server, with an error", answer{body: event + string(framed(0x80, "grpc-status: 14\r\ngrpc-message: stopping\r\n"))}, 1, ErrUnavailable},
		{"between two events", answer{body: event + event, cut: true}, 2, nil},
		{"in an event", answer{body: event + event[:7], cut: true}, 1, nil},
		{"without an event", answer{}, 0, nil},
		{"before it begins", answer{status: 504, header: map[string]string{}}, 0, ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := 0
			err := answering(t, tt.answer).Watch(t.Context(), App{Name: "shop"}, func() { events++ })
			sameErr(t, err, tt.want)
			if events != tt.events {
				t.Errorf("got %d events, want %d", events, tt.events)
			}
		})
	}
}

// Whoever ends a watch, the caller's context or Close: nothing stays behind, at
// either end.
func TestWebLeavesNothingRunning(t *testing.T) {
	event := encoded(t, &v1alpha1.ApplicationWatchEvent{Type: "MODIFIED"})
	for _, tt := range []struct {
		name string
		end  func(c *Conn, cancel func())
		want error
	}{
		{"context", func(_ *Conn, cancel func()) { cancel() }, context.Canceled},
		{"close", func(c *Conn, _ func()) { _ = c.Close() }, ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := answer{body: event, hang: true, gone: make(chan struct{})}
			c := answering(t, a)
			before := runtime.NumGoroutine()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := c.Watch(ctx, App{Name: "shop"}, func() { tt.end(c, cancel) })
			sameErr(t, err, tt.want)
			<-a.gone
			for range 200 {
				if runtime.NumGoroutine() <= before {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		})
	}
}
