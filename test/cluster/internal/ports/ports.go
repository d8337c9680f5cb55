// Package ports finds free TCP ports.
//
// The ports lie below the range that systems give to outgoing connections, so
// that none is taken between the choice and the use by a client. Another
// server may still take one: then the part that wanted it fails to start.
package ports

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The upper bound also suits knative's metrics, which parse a port as a signed
// 16-bit number.
const (
	first = 20000
	last  = 32000
)

// ErrNone means that no free port was found.
var ErrNone = errors.New("no free TCP port between 20000 and 32000")

// Free returns n different ports on which nothing listens, on no address.
func Free(n int) ([]int, error) {
	var found []int
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range 50 * n {
		port := first + rand.IntN(last-first)
		l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		held = append(held, l)
		found = append(found, port)
		if len(found) == n {
			return found, nil
		}
	}
	return nil, ErrNone
}
