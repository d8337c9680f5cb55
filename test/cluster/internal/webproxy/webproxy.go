// Package webproxy is a reverse proxy such as many Argo CD servers stand
// behind: it speaks TLS, and HTTP/1.1 only. It carries gRPC-web, without
// holding back any of it, and cannot carry gRPC.
package webproxy

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// Options of a proxy.
type Options struct {
	Target            string // URL of the server behind it
	TargetTLS         *tls.Config
	CertFile, KeyFile string
	Log               io.Writer // what fails between the proxy and the server
}

// Proxy is a running proxy.
type Proxy struct {
	Address string // host:port

	server    *http.Server
	transport *http.Transport
}

// Start serves on a free loopback port until Close.
func Start(o Options) (*Proxy, error) {
	target, err := url.Parse(o.Target)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Address: listener.Addr().String(), transport: &http.Transport{TLSClientConfig: o.TargetTLS, IdleConnTimeout: time.Minute}}
	var only1 http.Protocols
	only1.SetHTTP1(true)
	p.server = &http.Server{
		Protocols:         &only1,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(o.Log, "", log.LstdFlags),
		Handler: &httputil.ReverseProxy{
			Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport:     p.transport,
			FlushInterval: -1, // each message of a stream at once
			ErrorLog:      log.New(o.Log, "", log.LstdFlags),
		},
	}
	go func() { _ = p.server.ServeTLS(listener, o.CertFile, o.KeyFile) }()
	return p, nil
}

// Close ends the proxy and the requests that are under way.
func (p *Proxy) Close() error {
	p.transport.CloseIdleConnections()
	return p.server.Close()
}
