package ports

import (
	"net"
	"slices"
	"strconv"
	"testing"
)

func TestPortsAreDifferentAndFree(t *testing.T) {
	found, err := Free(30)
	if err != nil {
		t.Fatal(err)
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(found))); len(unique) != 30 {
		t.Errorf("%d different ports, want 30: %v", len(unique), found)
	}
	for _, port := range found {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Error(err)
			continue
		}
		_ = l.Close()
	}
}
