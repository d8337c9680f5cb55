package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// memory is what a process has resident, in bytes.
type memory struct{ peak, now int64 }

// memoryOf reads /proc, which only Linux has.
func memoryOf(pid int) (memory, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("read the controller's memory: %w", err)
	}
	return parseMemory(string(data))
}

func parseMemory(status string) (m memory, err error) {
	for line := range strings.Lines(status) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		into := map[string]*int64{"VmHWM:": &m.peak, "VmRSS:": &m.now}[fields[0]]
		if into == nil {
			continue
		}
		kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("read the controller's memory: %w", err)
		}
		*into = kilobytes << 10
	}
	if m.peak == 0 || m.now == 0 {
		return memory{}, fmt.Errorf("the controller's status has no memory: %q", status)
	}
	return m, nil
}

// maxMetrics bounds the page of metrics.
const maxMetrics = 4 << 20

// heapOf reads the heap that a controller has in use, in bytes, from its metrics. They are up to half a minute old.
func heapOf(ctx context.Context, metrics string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, metrics, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(io.LimitReader(response.Body, maxMetrics))
	if err != nil {
		return 0, err
	}
	return parseHeap(string(page))
}

// heapMetric is its line in the page. The prefix is that of the component.
var heapMetric = regexp.MustCompile(`(?m)^\w+_go_heap_in_use(?:\{.*\})? (\S+)$`)

func parseHeap(page string) (int64, error) {
	found := heapMetric.FindStringSubmatch(page)
	if found == nil {
		return 0, errors.New("the controller's metrics have no heap in use")
	}
	bytes, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		return 0, fmt.Errorf("read the controller's heap: %w", err)
	}
	return int64(bytes), nil
}
