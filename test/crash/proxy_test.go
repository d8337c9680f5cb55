package crash

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/tekton-gitops/tekton-gitops/test/localcluster"
)

// proxy stands between a controller and the API server. It can hold back what the watches of CustomRuns tell, answer
// every request late, and be away.
type proxy struct {
	net.Listener
	// lag is how much later than the API server sends them the events of CustomRuns arrive.
	lag atomic.Int64
	// latency is added to every other request.
	latency atomic.Int64
	// votes is how often a Lease of leader election was read.
	votes atomic.Int64

	// pace is the pause before each event of CustomRuns.
	pace atomic.Int64

	mu    sync.Mutex
	away  bool
	conns map[net.Conn]bool
	// counted are the requests since count began, by verb and resource.
	counted map[string]int
	// held is open while the events of CustomRuns are held back, and nil otherwise.
	held chan struct{}
}

// startProxy starts a proxy and gives the cluster as seen through it.
func startProxy(t *testing.T) (*proxy, *localcluster.Cluster) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: listener, conns: map[net.Conn]bool{}}
	target, err := url.Parse(bed.Kubernetes.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bed.Config.CAData)
	handler := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64},
		FlushInterval:  -1,
		ModifyResponse: p.delay,
		ErrorLog:       log.New(io.Discard, "", 0), // cut connections are what it is for
	}
	// Clients send no token without TLS.
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener, server.Config.ConnState = p, p.track
	server.StartTLS()
	t.Cleanup(func() {
		p.leave()
		server.Close()
	})
	through := *bed.Cluster
	through.Config = rest.CopyConfig(bed.Config)
	through.Config.Host = server.URL
	through.Config.CAData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return p, &through
}

// Accept refuses while the proxy is away.
func (p *proxy) Accept() (net.Conn, error) {
	for {
		conn, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		away := p.away
		p.mu.Unlock()
		if !away {
			return conn, nil
		}
		_ = conn.Close()
	}
}

func (p *proxy) track(conn net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		p.conns[conn] = true
		if p.away {
			_ = conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		delete(p.conns, conn)
	}
}

// leave cuts every connection and takes no new ones.
func (p *proxy) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = true
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// comeBack takes connections again.
func (p *proxy) comeBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = false
}

// hold keeps the events of CustomRuns back.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = make(chan struct{})
}

// letGo lets the events of CustomRuns through that were held back, and all later ones, one at a time.
func (p *proxy) letGo(pace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace.Store(int64(pace))
	close(p.held)
	p.held = nil
}

func (p *proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		open := make(chan struct{})
		close(open)
		return open
	}
	return p.held
}

func (p *proxy) delay(response *http.Response) error {
	request := response.Request
	p.note(request)
	watch := request.URL.Query().Get("watch")
	switch {
	case (watch == "true" || watch == "1") && strings.HasSuffix(request.URL.Path, "/customruns"):
		response.Body = p.lagging(response.Body)
	case watch == "":
		time.Sleep(time.Duration(p.latency.Load()))
	}
	return nil
}

// chunk is what a stream sent and when it may be read.
type chunk struct {
	data []byte
	at   time.Time
	err  error
}

// laggingBody gives the bytes of a stream in their order, each some time after it came.
type laggingBody struct {
	io.Closer
	proxy  *proxy
	chunks chan chunk
	rest   []byte
	closed chan struct{}
	once   sync.Once
}

func (p *proxy) lagging(stream io.ReadCloser) io.ReadCloser {
	b := &laggingBody{Closer: stream, proxy: p, chunks: make(chan chunk, 4096), closed: make(chan struct{})}
	go func() {
		defer close(b.chunks)
		for {
			buffer := make([]byte, 64<<10)
			n, err := stream.Read(buffer)
			select {
			case b.chunks <- chunk{data: buffer[:n], at: time.Now().Add(time.Duration(p.lag.Load())), err: err}:
			case <-b.closed:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return b
}

func (b *laggingBody) Read(to []byte) (int, error) {
	for len(b.rest) == 0 {
		select {
		case <-b.closed:
			return 0, io.ErrClosedPipe
		case c, ok := <-b.chunks:
			if !ok {
				return 0, io.EOF
			}
			if !b.wait(c) {
				return 0, io.ErrClosedPipe
			}
			if c.err != nil && len(c.data) == 0 {
				return 0, c.err
			}
			b.rest = c.data
		}
	}
	n := copy(to, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// wait tells whether the chunk may be read; else the stream was closed.
func (b *laggingBody) wait(c chunk) bool {
	select {
	case <-b.proxy.gate():
	case <-b.closed:
		return false
	}
	select {
	case <-time.After(max(time.Until(c.at), time.Duration(b.proxy.pace.Load()))):
		return true
	case <-b.closed:
		return false
	}
}

func (b *laggingBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Closer.Close()
}
