package crash

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tekton-gitops/tekton-gitops/test/scenario"
	"github.com/tekton-gitops/tekton-gitops/test/testbed"
)

// TestArgoCDAway cuts every connection to Argo CD, and takes no new ones for a while, in each phase that needs it: that is
// what a restart of its server looks like.
func TestArgoCDAway(t *testing.T) {
	n := scenario.New(t, bed.Cluster, testbed.TenantOptions{})
	operations := scenario.WatchOperations(t, bed.Cluster)
	startReplica(t, "only")
	h := record(t, n)
	n.Create(n.Deploy("before", "dev", "1.0.1"))
	n.Succeed("before")
	for i, phase := range []string{"Preparing", "Syncing", "Verifying"} {
		t.Run(phase, func(t *testing.T) {
			n := n.For(t)
			door := openDoor(t, n.ArgoCD.Address)
			// The tag makes the pods slow, so that there is something to wait for.
			run, tag := "run-"+phaseName(i), "slow-ready-"+phaseName(i)
			before := look(n, operations)
			h.drain()
			created := n.Create(n.Deploy(run, "dev", tag, scenario.Param("argocd-server", door.Addr().String())))
			eventually(t, "the run is "+phase, 60*time.Second, func() bool { return h.sees(phase) })
			door.close()
			time.Sleep(5 * time.Second)
			if cr := n.Get(run); cr.IsDone() {
				t.Fatalf("the run ended without Argo CD: %s", scenario.Outcome(cr))
			}
			door.open()
			checkOneEffect(t, n, operations, before, created, n.Succeed(run), tag)
		})
	}
}

func phaseName(i int) string { return string(rune('a' + i)) }

// door passes connections on to a server.
type door struct {
	net.Listener
	server string

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

func openDoor(t *testing.T, server string) *door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: listener, server: server, conns: map[net.Conn]bool{}}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			passing.Go(func() { d.pass(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		d.close()
		passing.Wait()
	})
	return d
}

func (d *door) pass(conn net.Conn) {
	defer conn.Close()
	server, err := net.DialTimeout("tcp", d.server, 5*time.Second)
	if err != nil {
		return
	}
	defer server.Close()
	if !d.enter(conn, server) {
		return
	}
	defer d.leave(conn, server)
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{conn, server}, {server, conn}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = way[0].Close(), way[1].Close()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}

// enter tells whether the door is open for them.
func (d *door) enter(conns ...net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	for _, conn := range conns {
		d.conns[conn] = true
	}
	return true
}

func (d *door) leave(conns ...net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range conns {
		delete(d.conns, conn)
	}
}

// close cuts all connections; those that come are cut at once.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for conn := range d.conns {
		_ = conn.Close()
	}
}

func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = false
}
