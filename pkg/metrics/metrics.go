package metrics

import (
	"slices"
	"sync"
	"time"

	"go.opencensus.io/metric/metricdata"
	"go.opencensus.io/metric/metricproducer"
	"k8s.io/utils/clock"
)

// Metrics are the numbers of one process. It is safe for concurrent use. A nil *Metrics counts nothing, so that what
// counts can be tested alone.
type Metrics struct {
	clock    clock.PassiveClock
	families []*family // nil where a gauge is

	mu      sync.Mutex
	sources []Source
}

// Source gives the gauges of one part of the controller at the time of a scrape.
type Source func(now time.Time) []Reading

// Reading is the value of one gauge. Labels are in the order of the table.
type Reading struct {
	gauge  int
	labels []string
	value  float64
}

// Build is what a process was built from.
type Build struct{ Version, GoVersion, Revision string }

// New gives metrics of which nothing is shown before Publish.
func New(c clock.PassiveClock, b Build) *Metrics {
	m := &Metrics{clock: c, families: make([]*family, count)}
	for i, d := range Definitions() {
		if d.Type != Gauge {
			m.families[i] = newFamily(d)
		}
	}
	build := []Reading{{buildInfo, []string{b.Version, b.GoVersion, b.Revision}, 1}}
	m.ReadFrom(func(time.Time) []Reading { return build })
	return m
}

// ReadFrom adds the gauges of a source. It is asked on every scrape and has to be quick.
func (m *Metrics) ReadFrom(s Source) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources = append(m.sources, s)
}

// Publish puts the metrics onto the framework's page, until stop is called.
func (m *Metrics) Publish() (stop func()) {
	metricproducer.GlobalManager().AddProducer(m)
	return func() { metricproducer.GlobalManager().DeleteProducer(m) }
}

// Read gives all metrics as they are now. It implements metricproducer.Producer.
func (m *Metrics) Read() []*metricdata.Metric {
	m.mu.Lock()
	sources := slices.Clone(m.sources)
	m.mu.Unlock()
	now := m.clock.Now()
	var readings []Reading
	for _, source := range sources {
		readings = append(readings, source(now)...)
	}
	var all []*metricdata.Metric
	for i, d := range Definitions() {
		if f := m.families[i]; f != nil {
			all = append(all, f.read(now))
			continue
		}
		gauge := described(d)
		for _, r := range readings {
			if r.gauge == i {
				gauge.TimeSeries = append(gauge.TimeSeries, r.series(now))
			}
		}
		all = append(all, gauge)
	}
	return all
}

func (r Reading) series(now time.Time) *metricdata.TimeSeries {
	t := &metricdata.TimeSeries{Points: []metricdata.Point{metricdata.NewFloat64Point(now, r.value)}}
	for _, v := range r.labels {
		t.LabelValues = append(t.LabelValues, metricdata.NewLabelValue(v))
	}
	return t
}
