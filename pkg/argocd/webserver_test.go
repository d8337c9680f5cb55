package argocd

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc"
)

// grpcWeb answers gRPC-web requests with a gRPC server, as the wrapper in Argo
// CD does (github.com/improbable-eng/grpc-web, go/grpcweb/wrapper.go). The real
// one is tested against in test/localcluster.
func grpcWeb(server *grpc.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/grpc-web+proto" {
			_, _ = w.Write([]byte("<html>Argo CD</html>"))
			return
		}
		r.ProtoMajor, r.ProtoMinor = 2, 0
		r.Header.Set("Content-Type", "application/grpc+proto")
		r.Header.Del("Content-Length")
		answer := &webResponse{wrapped: w, header: http.Header{}}
		server.ServeHTTP(answer, r)
		answer.finish()
	})
}

// webResponse sends the trailer as a frame, or as headers where there is no message.
type webResponse struct {
	wrapped http.ResponseWriter
	header  http.Header
	began   bool
}

func (w *webResponse) Header() http.Header { return w.header }

func (w *webResponse) WriteHeader(code int) {
	for name, values := range w.header {
		if name = strings.TrimPrefix(name, http.TrailerPrefix); name != "Trailer" {
			w.wrapped.Header()[http.CanonicalHeaderKey(name)] = values
		}
	}
	w.wrapped.Header().Set("Content-Type", "application/grpc-web+proto")
	w.wrapped.WriteHeader(code)
	w.began = true
}

func (w *webResponse) Write(b []byte) (int, error) {
	if !w.began {
		w.WriteHeader(http.StatusOK)
	}
	return w.wrapped.Write(b)
}

func (w *webResponse) Flush() {
	if w.began {
		w.wrapped.(http.Flusher).Flush()
	}
}

func (w *webResponse) finish() {
	if !w.began {
		w.WriteHeader(http.StatusOK)
		return
	}
	trailer := http.Header{}
	for name, values := range w.header {
		name = strings.TrimPrefix(name, http.TrailerPrefix)
		if _, sent := w.wrapped.Header()[http.CanonicalHeaderKey(name)]; !sent && name != "Trailer" {
			trailer[strings.ToLower(name)] = values
		}
	}
	var block bytes.Buffer
	_ = trailer.Write(&block)
	_, _ = w.wrapped.Write(framed(0x80, block.String()))
}

func framed(flags byte, content string) []byte {
	head := []byte{flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[1:], uint32(len(content)))
	return append(head, content...)
}

// front is what stands before Argo CD in a test.
type front struct {
	certificate *tls.Certificate // nil: no TLS
	http2       bool
	// proxied puts a reverse proxy that speaks HTTP/1.1 before the server.
	proxied bool
}

// startWeb serves f over gRPC-web and returns the address.
func (f *fakeArgoCD) startWeb(t *testing.T, at front) string {
	t.Helper()
	handler := grpcWeb(f.server())
	if at.proxied {
		behind := httptest.NewServer(handler)
		t.Cleanup(behind.Close)
		to, err := url.Parse(behind.URL)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.FlushInterval = -1
		handler = proxy
	}
	return serve(t, at, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (r.ProtoMajor == 2) != at.http2 {
			http.Error(w, r.Proto+" is not what this test is about", http.StatusHTTPVersionNotSupported)
			return
		}
		handler.ServeHTTP(w, r)
	}))
}

func serve(t *testing.T, at front, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = at.http2
	if at.certificate == nil {
		server.Start()
	} else {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*at.certificate}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
	}
	// Not Close alone: it waits for the calls that a failed test left behind.
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.Listener.Addr().String()
}
