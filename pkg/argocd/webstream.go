package argocd

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// webStream is a server stream over gRPC-web. It begins with the first RecvMsg,
// and ends with its context or with the first error, like any grpc.ClientStream.
//
// Proxies cut streams that are long or idle. A stream that is cut once it has
// begun therefore ends with io.EOF, as if the server had ended it. Proxies that
// buffer hold messages back until then, and nothing here can tell.
type webStream struct {
	ctx     context.Context
	web     *web
	method  string
	options []grpc.CallOption

	request any
	answer  *webAnswer
	ended   error
}

// SendMsg takes the only message of the client.
func (s *webStream) SendMsg(m any) error {
	if s.request != nil {
		return status.Error(codes.Internal, "a second request message")
	}
	s.request = m
	return nil
}

// RecvMsg reads the next message; io.EOF is the end.
func (s *webStream) RecvMsg(m any) error {
	if s.ended == nil {
		s.ended = s.receive(m)
		if s.ended == nil {
			return nil
		}
		if s.answer != nil {
			s.answer.end()
		}
	}
	return s.ended
}

func (s *webStream) receive(m any) error {
	if s.answer == nil {
		answer, err := s.web.send(s.ctx, s.method, s.request, s.options)
		if err != nil {
			return err
		}
		s.answer = answer
	}
	data, err := s.answer.next()
	switch {
	case err != nil && s.ctx.Err() != nil:
		// Also when the server ended the stream in order, having seen the client go.
		return s.web.failure(s.ctx, err)
	case errors.Is(err, errCut):
		return io.EOF
	case err != nil:
		return err
	}
	return unmarshal(data, m)
}

// CloseSend does nothing: the message is the whole request.
func (s *webStream) CloseSend() error { return nil }

// Context is that of the call.
func (s *webStream) Context() context.Context { return s.ctx }

// Header is empty.
func (s *webStream) Header() (metadata.MD, error) { return nil, nil }

// Trailer is empty.
func (s *webStream) Trailer() metadata.MD { return nil }
