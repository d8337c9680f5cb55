package argocd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/status"
)

const (
	webMediaType = "application/grpc-web+proto" // Argo CD's server knows this one only (server/server.go, contentTypeToHandler)
	// webIdleTimeout is below what proxies keep an unused connection for (60 s
	// and more): a call on one that is just being closed would fail.
	webIdleTimeout = 30 * time.Second
	// maxTimeoutMillis is the longest grpc-timeout: the protocol has eight digits.
	maxTimeoutMillis = 99_999_999
)

// web calls a server over gRPC-web, through proxies that do not carry gRPC:
// unary calls and server streams, one attempt each. Of the call options only the
// credentials count, and there is no header or trailer metadata.
//
// The protocol is https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md;
// the other side is github.com/improbable-eng/grpc-web v0.15.0 in Argo CD.
type web struct {
	scheme, address string
	userAgent       string
	tls             *transport // nil without TLS
	http            *http.Transport
	maxMessage      int
	// closed ends when the connection is closed, and every call with it.
	closed context.Context
	end    context.CancelFunc
}

func newWeb(address string, t *transport, o Options) *web {
	w := &web{scheme: "http", address: address, userAgent: o.UserAgent, tls: t, maxMessage: maxMessageBytes}
	w.closed, w.end = context.WithCancel(context.Background())
	w.http = &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectTimeout)
			defer cancel()
			return o.Dial(ctx, addr)
		},
		TLSHandshakeTimeout: connectTimeout,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: keepaliveTime, PingTimeout: keepaliveTimeout},
		// A compressed stream would be held back until a block is full.
		DisableCompression:     true,
		IdleConnTimeout:        webIdleTimeout,
		MaxResponseHeaderBytes: maxTrailerBytes,
	}
	if t != nil {
		w.scheme = "https"
		w.http.TLSClientConfig = t.config.Clone()
		w.http.TLSClientConfig.NextProtos = []string{"h2", "http/1.1"}
	}
	return w
}

// dialOptions make a gRPC client hand its calls to w. Argo CD's generated
// clients take nothing but a *grpc.ClientConn; such a one never connects.
func (w *web) dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, in, out any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, options ...grpc.CallOption) error {
			return w.invoke(ctx, method, in, out, options)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, _ grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			if desc.ClientStreams {
				return nil, status.Errorf(codes.Unimplemented, "gRPC-web cannot carry %s, whose client sends a stream", method)
			}
			return &webStream{ctx: ctx, web: w, method: method, options: options}, nil
		}),
	}
}

func (w *web) close() {
	w.end()
	w.http.CloseIdleConnections()
}

// invoke makes a unary call.
func (w *web) invoke(ctx context.Context, method string, in, out any, options []grpc.CallOption) error {
	answer, err := w.send(ctx, method, in, options)
	if err != nil {
		return err
	}
	defer answer.end()
	data, err := answer.next()
	if errors.Is(err, io.EOF) {
		return status.Error(codes.Internal, "the server answered without a message")
	}
	if err == nil {
		// The call has succeeded only when the status after the message says so.
		var more []byte
		if more, err = answer.next(); err == nil {
			return status.Errorf(codes.Internal, "the server answered with a second message, of %d bytes", len(more))
		}
	}
	switch {
	case errors.Is(err, errCut):
		return status.Error(codes.Unavailable, err.Error())
	case !errors.Is(err, io.EOF):
		return err
	}
	return unmarshal(data, out)
}

// send makes the request and returns the answer, once its head says that it is
// one of gRPC-web. ctx ends the answer too.
func (w *web) send(ctx context.Context, method string, in any, options []grpc.CallOption) (*webAnswer, error) {
	limited, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(w.closed, cancel)
	context.AfterFunc(limited, func() { unlink() })
	request, err := w.request(limited, method, in, options)
	if err != nil {
		cancel()
		return nil, err
	}
	response, err := w.http.RoundTrip(request) //nolint:bodyclose // the answer's end closes it
	if err != nil {
		cancel()
		return nil, w.failure(ctx, err)
	}
	answer := &webAnswer{web: w, ctx: ctx, cancel: cancel, body: response.Body}
	if err := w.recognise(response); err != nil {
		answer.end()
		return nil, err
	}
	if response.Header.Get(statusHeader) != "" {
		// No message and no trailer follow.
		answer.ended = statusOf(response.Header.Get)
	}
	return answer, nil
}

func (w *web) request(ctx context.Context, method string, in any, options []grpc.CallOption) (*http.Request, error) {
	body, err := frame(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.scheme+"://"+w.address+method, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	r.Header.Set("Content-Type", webMediaType)
	r.Header.Set("Accept", webMediaType)
	r.Header.Set("X-Grpc-Web", "1")
	r.Header.Set("User-Agent", w.userAgent)
	if deadline, ok := ctx.Deadline(); ok {
		left := min(time.Until(deadline).Milliseconds()+1, maxTimeoutMillis)
		r.Header.Set("Grpc-Timeout", strconv.FormatInt(max(left, 1), 10)+"m")
	}
	for _, option := range options {
		credentials, ok := option.(grpc.PerRPCCredsCallOption)
		if !ok {
			continue
		}
		if credentials.Creds.RequireTransportSecurity() && w.tls == nil {
			return nil, status.Error(codes.Unauthenticated, "a credential that needs TLS is not sent without it")
		}
		sent, err := credentials.Creds.GetRequestMetadata(ctx, r.URL.String())
		if err != nil {
			return nil, err
		}
		for name, value := range sent {
			r.Header.Set(name, value)
		}
	}
	return r, nil
}

// failure explains why there is no answer, or no more of it. ctx is the caller's.
func (w *web) failure(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return status.FromContextError(cause).Err()
	}
	if w.closed.Err() != nil {
		return status.Error(codes.Canceled, "the connection is closed")
	}
	if w.tls != nil {
		if explained := explainHandshake(w.tls.config.ServerName, err); explained != nil {
			return explained
		}
	}
	return status.Error(codes.Unavailable, err.Error())
}

// frame encodes a message and puts its length before it.
func frame(in any) ([]byte, error) {
	encoded, err := encoding.GetCodecV2(proto.Name).Marshal(in)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "encode the request: %v", err)
	}
	defer encoded.Free()
	head := make([]byte, frameHead, frameHead+encoded.Len())
	binary.BigEndian.PutUint32(head[1:], uint32(encoded.Len())) //nolint:gosec // requests are small
	return append(head, encoded.Materialize()...), nil
}
