package metrics

import (
	"slices"
	"sync/atomic"
	"time"

	"go.opencensus.io/metric/metricdata"
)

// family is a counter or a histogram with all its series. They are laid out in one slice, in the order of their labels'
// values, so that finding one takes a look at a map for each label and no lock.
type family struct {
	definition Definition
	labels     []labelIndex
	series     []series
	// bounds are those of a histogram, and seconds the same for the page.
	bounds  []time.Duration
	seconds []float64
}

// durationBounds are the upper ends of the buckets: from one request to a pull request that people sleep over.
func durationBounds() []time.Duration {
	return []time.Duration{
		100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
		10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 6 * time.Hour, 24 * time.Hour,
	}
}

// labelIndex says where each value of a label is. The last place is for other.
type labelIndex struct {
	values []string
	places map[string]int
}

// series is one line of a counter, or one histogram.
type series struct {
	total   atomic.Int64   // a counter's value, or a histogram's sum in nanoseconds
	buckets []atomic.Int64 // of a histogram, one more than bounds
}

func newFamily(d Definition) *family {
	f := &family{definition: d}
	size := 1
	for _, l := range d.Labels {
		index := labelIndex{values: append(slices.Clone(l.Values), Other), places: map[string]int{}}
		for i, v := range index.values {
			index.places[v] = i
		}
		f.labels = append(f.labels, index)
		size *= len(index.values)
	}
	f.series = make([]series, size)
	if d.Type == Histogram {
		f.bounds = durationBounds()
		for _, b := range f.bounds {
			f.seconds = append(f.seconds, b.Seconds())
		}
		for i := range f.series {
			f.series[i].buckets = make([]atomic.Int64, len(f.bounds)+1)
		}
	}
	return f
}

// at is the series of the labels' values, in the order of the table.
func (f *family) at(values ...string) *series {
	place := 0
	for i := range f.labels {
		l := &f.labels[i]
		at, known := l.places[values[i]]
		if !known {
			at = len(l.values) - 1
		}
		place = place*len(l.values) + at
	}
	return &f.series[place]
}

func (f *family) add(n int64, values ...string) { f.at(values...).total.Add(n) }

func (f *family) observe(d time.Duration, values ...string) {
	d = max(d, 0) // Another replica's clock may be ahead.
	s := f.at(values...)
	bucket, _ := slices.BinarySearch(f.bounds, d)
	s.buckets[bucket].Add(1)
	s.total.Add(int64(d))
}

// values are the labels of the series at a place.
func (f *family) values(place int) (all []metricdata.LabelValue, declared bool) {
	all = make([]metricdata.LabelValue, len(f.labels))
	declared = true
	for i := len(f.labels) - 1; i >= 0; i-- {
		l := f.labels[i]
		at := place % len(l.values)
		place /= len(l.values)
		all[i] = metricdata.NewLabelValue(l.values[at])
		declared = declared && at < len(l.values)-1
	}
	return all, declared
}

// read gives the series as they are now. Counters are there from the start, histograms and undeclared values once
// something was recorded.
func (f *family) read(now time.Time) *metricdata.Metric {
	m := described(f.definition)
	for place := range f.series {
		values, declared := f.values(place)
		s := &f.series[place]
		var point metricdata.Point
		if f.definition.Type == Histogram {
			d := s.distribution(f.seconds)
			if d.Count == 0 {
				continue
			}
			point = metricdata.NewDistributionPoint(now, d)
		} else {
			n := s.total.Load()
			if n == 0 && !declared {
				continue
			}
			point = metricdata.NewInt64Point(now, n)
		}
		m.TimeSeries = append(m.TimeSeries, &metricdata.TimeSeries{LabelValues: values, Points: []metricdata.Point{point}})
	}
	return m
}

func (s *series) distribution(bounds []float64) *metricdata.Distribution {
	d := &metricdata.Distribution{
		Sum:           time.Duration(s.total.Load()).Seconds(),
		BucketOptions: &metricdata.BucketOptions{Bounds: bounds},
		Buckets:       make([]metricdata.Bucket, len(s.buckets)),
	}
	for i := range s.buckets {
		n := s.buckets[i].Load()
		d.Buckets[i].Count = n
		d.Count += n
	}
	return d
}

// described is a metric without series.
func described(d Definition) *metricdata.Metric {
	m := &metricdata.Metric{Descriptor: metricdata.Descriptor{Name: d.Name, Description: d.Help, Unit: metricdata.UnitDimensionless}}
	switch d.Type {
	case Counter:
		m.Descriptor.Type = metricdata.TypeCumulativeInt64
	case Gauge:
		m.Descriptor.Type = metricdata.TypeGaugeFloat64
	case Histogram:
		m.Descriptor.Type = metricdata.TypeCumulativeDistribution
	}
	for _, l := range d.Labels {
		m.Descriptor.LabelKeys = append(m.Descriptor.LabelKeys, metricdata.LabelKey{Key: l.Name})
	}
	return m
}
