package main

import (
	"fmt"
	"os"
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
