// Package tracing sends finished runs as OpenTelemetry traces to a collector, by OTLP over HTTP.
//
// A run may be continued by any replica, so no span is open while it goes on: the whole of it is sent at its end, with the
// times that were stored. What the package promises:
//
//   - While tracing is off there is no exporter, no goroutine and no work.
//   - Send never waits for the network. Spans wait in a queue of bounded length, and are dropped when that is full.
//   - A span whose parent is given is sampled as the parent is; one without is sampled.
//   - A configuration takes effect at once, and an unusable one leaves the last good one in force.
//
// What it does not promise: that a trace arrives. A collector that is away longer than the queue is long, or a process that
// is killed, loses spans.
package tracing
