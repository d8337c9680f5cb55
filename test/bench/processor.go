package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc, on every architecture (USER_HZ).
const tick = 10 * time.Millisecond

// processorOf is the time that a process has computed so far. It reads /proc, which only Linux has.
func processorOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the controller's processor time: %w", err)
	}
	return parseProcessor(string(data))
}

// parseProcessor adds the fields utime and stime, which are the 14th and 15th. The second is the program's name in
// parentheses, with whatever is in it.
func parseProcessor(stat string) (time.Duration, error) {
	rest := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	var ticks int64
	for _, field := range []int{14, 15} {
		if len(rest) <= field-3 {
			return 0, fmt.Errorf("the controller's stat has no processor time: %q", stat)
		}
		n, err := strconv.ParseInt(rest[field-3], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the controller's processor time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
