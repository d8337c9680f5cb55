// Package metrics counts what the controller does, for Prometheus.
//
// The framework (knative.dev/pkg) serves its own metrics on port 9090 with OpenCensus' Prometheus exporter, and reads on
// every scrape whatever was handed to OpenCensus' producer manager. A [Metrics] is such a producer, so that one page has
// both. It keeps its numbers itself and not in OpenCensus' views, for three reasons: recording is a few atomic additions
// without an allocation or a lock; a counter is there with 0 before the first event, without which
// Prometheus' increase() misses that event; and nothing is global, so that a test has its own.
//
// What it promises: every label takes one of the values in the table of [Definitions], or "other", so that the number of
// series is bounded. Durations are observed and ends are counted by the process that stored them in the run's status, after
// that was stored: never twice.
//
// What it does not promise: a process that dies between storing and counting has not counted; and numbers begin at 0 with
// each process, which Prometheus' rate() and increase() know about. With the framework's backend "opencensus" only the
// framework's own metrics are sent.
package metrics
