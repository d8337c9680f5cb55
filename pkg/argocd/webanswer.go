package argocd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

const (
	statusHeader  = "Grpc-Status"
	messageHeader = "Grpc-Message"

	// A frame is a byte of flags, four bytes of length, and the content.
	frameHead      = 5
	flagCompressed = 1 << 0
	flagTrailer    = 1 << 7

	maxTrailerBytes = 1 << 20
	// maxRest is read after the trailer, so that the connection can be used again.
	maxRest = 1 << 10
)

// errCut is an answer that ended before its status.
var errCut = errors.New("the answer ended early: the server or a proxy in front of it closed the connection")

// recognise tells an answer of Argo CD from one of something in front of it.
// Argo CD reports every failure of a call as a gRPC status, in an answer 200.
func (w *web) recognise(r *http.Response) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = "no media type"
	}
	if r.StatusCode == http.StatusOK && strings.HasPrefix(media, "application/grpc") {
		return nil
	}
	said := fmt.Sprintf("%s answers %d %s", w.address, r.StatusCode, http.StatusText(r.StatusCode))
	switch code := r.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusProxyAuthRequired:
		return fmt.Errorf("%w: %s: that is a proxy in front of Argo CD, which wants a login of its own: exempt Argo CD's API from it, or name an address without it",
			ErrUnauthenticated, said)
	case code == http.StatusForbidden:
		return fmt.Errorf("%w: %s: that is a proxy in front of Argo CD, which refuses gRPC-web requests: let it pass them, or name an address without it",
			ErrPermission, said)
	case code >= 300 && code < 400:
		return status.Error(codes.Unavailable, said+", a redirect, instead of gRPC-web: name the address that it leads to, and do not set plaintext where the server speaks TLS")
	case code == http.StatusTooManyRequests || code == http.StatusBadGateway || code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout:
		return status.Error(codes.Unavailable, said+": that is a proxy in front of Argo CD: the Argo CD server is down, or slower than the proxy allows")
	default:
		return status.Error(codes.Unavailable, said+" with "+clip(media, 100)+" instead of gRPC-web: check that the address leads to the Argo CD server")
	}
}

// webAnswer is the body of an answer, frame by frame.
type webAnswer struct {
	web    *web
	ctx    context.Context // the caller's
	cancel context.CancelFunc
	body   io.ReadCloser
	ended  error // what next returns from now on
}

// next returns the next message. After the last one it returns the status as an
// error, io.EOF for OK; errCut when the body ends without one.
func (a *webAnswer) next() ([]byte, error) {
	if a.ended != nil {
		return nil, a.ended
	}
	flags, data, err := readFrame(a.body, a.web.maxMessage)
	switch {
	case err != nil:
		a.ended = a.failure(err)
	case flags == flagTrailer:
		a.ended = trailerStatus(data)
		_, _ = io.CopyN(io.Discard, a.body, maxRest)
	case flags != 0:
		a.ended = status.Errorf(codes.Internal, "the answer has a frame with the unknown flags %#x", flags)
	default:
		return data, nil
	}
	return nil, a.ended
}

func (a *webAnswer) failure(err error) error {
	if _, isStatus := status.FromError(err); isStatus {
		return err
	}
	if a.ctx.Err() != nil || a.web.closed.Err() != nil {
		return a.web.failure(a.ctx, err)
	}
	return errCut
}

// end gives the connection back, or closes it when there is more to come.
func (a *webAnswer) end() {
	_ = a.body.Close()
	a.cancel()
}

// readFrame returns a status for what is too large or cannot be read, and the
// error of r otherwise. What a frame's head claims is not allocated in advance.
func readFrame(r io.Reader, maxMessage int) (flags byte, data []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	flags, limit := head[0], int64(maxMessage)
	if flags&flagCompressed != 0 {
		return 0, nil, status.Error(codes.Internal, "the answer is compressed, which was not asked for")
	}
	if flags&flagTrailer != 0 {
		limit = maxTrailerBytes
	}
	size := int64(binary.BigEndian.Uint32(head[1:]))
	if size > limit {
		return 0, nil, status.Errorf(codes.ResourceExhausted, "%s (%d vs. %d bytes)", textTooLarge, size, limit)
	}
	data, err = io.ReadAll(io.LimitReader(r, size))
	if err == nil && int64(len(data)) < size {
		err = io.ErrUnexpectedEOF
	}
	return flags, data, err
}

func trailerStatus(data []byte) error {
	// The header block comes without the empty line that ends one elsewhere.
	lines := io.MultiReader(bytes.NewReader(data), strings.NewReader("\r\n"))
	trailer, err := textproto.NewReader(bufio.NewReader(lines)).ReadMIMEHeader()
	if err != nil {
		return status.Error(codes.Internal, "the answer has a malformed trailer")
	}
	return statusOf(trailer.Get)
}

// statusOf returns the status as an error, io.EOF for OK.
func statusOf(header func(string) string) error {
	code, err := strconv.ParseUint(header(statusHeader), 10, 32)
	if err != nil {
		return status.Error(codes.Internal, "the answer has no valid grpc-status")
	}
	if codes.Code(code) == codes.OK {
		return io.EOF
	}
	return status.Error(codes.Code(code), unescape(header(messageHeader)))
}

// unescape decodes the percent-encoding of grpc-message. What is not valid stays
// as it is, as the protocol asks for.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if b, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out.WriteByte(byte(b))
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func unmarshal(data []byte, out any) error {
	if err := encoding.GetCodecV2(proto.Name).Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, out); err != nil {
		return status.Errorf(codes.Internal, "decode the answer: %v", err)
	}
	return nil
}
